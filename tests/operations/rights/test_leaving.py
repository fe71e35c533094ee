"""What a leaver gives back: the checklist from the known end to the last thing settled, and who is reminded."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from idm.actor import Actor
from idm.calendar_days import start_of
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted
from idm.models.audit import AuditRecord
from idm.models.leaving import LeavingChecklist, ReturnItem, ReturnState
from idm.models.officers import Officer
from idm.models.people import Employment, OrganisationUnit, Person
from idm.models.work import MailMessage
from idm.operations.rights import leaving
from idm.operations.rights.leaving import Followed
from idm.personnel_event import LeavingKind
from idm.queries.rights.leaving import checklist_sheet, checklists, settled_units
from idm.vocabulary import Role
from tests.cast import NOW, TODAY, Cast, add_person

JOB = Actor.job("tests.leaving")
MAY, LAST_DAY = date(2026, 5, 1), date(2026, 4, 30)
SOON = LAST_DAY - timedelta(days=7)
NOTHING = Followed(made=0, withdrawn=0, reminded=0)
LOST, RETURNED, NOT_HELD = ReturnState.LOST, ReturnState.RETURNED, ReturnState.NOT_HELD


def leave(cast: Cast, who: str = "staff", end: date | None = MAY, how: LeavingKind | None = None) -> None:
    with cast.database.writing() as session:
        employment = cast.employment(session, who)
        employment.valid_until, employment.leaving = end, how


def follow(cast: Cast, day: date) -> Followed:
    with cast.database.writing() as session:
        return leaving.follow(session, policy=cast.policy, actor=JOB, now=max(start_of(day), NOW))


def employ(cast: Cast, who: str, number: str, begins: date, ends: date | None = None) -> None:
    """The person has one more employment."""
    with cast.database.writing() as session:
        unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == "0100")).one()
        person = session.get_one(Person, cast.people[who])
        add_person(session, number, person.name, person.kana, unit, "主事", person=person)
        employment = session.scalars(select(Employment).where(Employment.staff_number == number)).one()
        employment.valid_from, employment.valid_until = begins, ends


def mailed(cast: Cast, words: str = "【返却") -> dict[str, int]:
    """Staff number → how many such notices they have had."""
    found: dict[str, int] = {}
    with cast.database.reading() as session:
        for message in session.scalars(select(MailMessage).where(MailMessage.subject.startswith(words))):
            number = message.recipient.removeprefix("u").removesuffix("@example.jp")
            found[number] = found.get(number, 0) + 1
    return found


def items(cast: Cast) -> list[int]:
    with cast.database.reading() as session:
        return list(session.scalars(select(ReturnItem.id).order_by(ReturnItem.id)))


def settle(
    cast: Cast, item_id: int, state: ReturnState = RETURNED, note: str = "", *, who: str = "security",
    now: datetime = NOW,
) -> None:  # fmt: skip
    with cast.acting(who, "leaving.settle", now) as session:
        leaving.settle(session, item_id, state, note, actor=cast.actor(who), policy=cast.policy, now=now)


def correct(cast: Cast, item_id: int, note: str, *, who: str = "security") -> None:
    with cast.acting(who, "leaving.correct") as session:
        leaving.correct(session, item_id, note, actor=cast.actor(who), policy=cast.policy, now=NOW)


def the_checklist(cast: Cast) -> LeavingChecklist:
    with cast.database.reading() as session:
        return session.scalars(select(LeavingChecklist)).one()


# --- who has one -----------------------------------------------------------------------------------------------------


def test_whoever_leaves_soon_has_one_checklist_with_the_profiles_things(office: Cast) -> None:
    leave(office)
    assert follow(office, SOON - timedelta(days=1)) == NOTHING
    assert follow(office, SOON) == Followed(made=1, withdrawn=0, reminded=1)
    assert follow(office, SOON) == NOTHING
    with office.database.reading() as session:
        checklist = session.scalars(select(LeavingChecklist)).one()
        assert (checklist.due_on, [item.title for item in checklist.items]) == (
            LAST_DAY, list(office.policy.leaving.return_items),
        )  # fmt: skip
        assert session.scalars(
            select(AuditRecord.action).where(AuditRecord.object_kind == "leaving").order_by(AuditRecord.id)
        ).all() == ["leaving.began"]


def test_whoever_left_before_anybody_knew_has_one_too(cast: Cast) -> None:
    leave(cast, end=TODAY - timedelta(days=20))
    assert follow(cast, TODAY).made == 1


@pytest.mark.parametrize(("begins", "made"), [(MAY, 0), (date(2024, 4, 1), 0), (MAY + timedelta(days=1), 1)])
def test_who_goes_on_without_a_gap_gives_nothing_back(cast: Cast, begins: date, made: int) -> None:
    leave(cast)
    employ(cast, "staff", "300009", begins)
    assert follow(cast, SOON).made == made


def test_two_employments_that_end_together_are_one_checklist(cast: Cast) -> None:
    leave(cast)
    employ(cast, "staff", "300009", date(2024, 4, 1), MAY)
    assert follow(cast, SOON).made == 1


def test_what_is_not_published_yet_is_not_told(cast: Cast) -> None:
    leave(cast)
    with cast.database.writing() as session:
        cast.employment(session, "staff").published_on = LAST_DAY
    assert follow(cast, SOON) == NOTHING
    assert follow(cast, LAST_DAY).made == 1


def test_a_leaving_that_is_called_off_withdraws_the_checklist_and_a_new_one_begins_anew(office: Cast) -> None:
    leave(office)
    follow(office, SOON)
    settle(office, items(office)[0], LOST, "盗難")
    leave(office, end=None)
    assert follow(office, SOON) == Followed(made=0, withdrawn=1, reminded=0)
    with pytest.raises(IllegalTransition, match="取りやめ"):
        settle(office, items(office)[1])
    assert follow(office, MAY + timedelta(days=30)) == NOTHING
    leave(office, end=date(2026, 8, 1))
    assert follow(office, date(2026, 7, 30)).made == 1
    checklist = the_checklist(office)
    assert (checklist.withdrawn_at, checklist.due_on) == (None, date(2026, 7, 31))
    with office.database.reading() as session:
        assert {item.state for item in session.scalars(select(ReturnItem))} == {ReturnState.OPEN}


def test_a_leaving_that_is_put_off_keeps_its_checklist_with_the_new_day(cast: Cast) -> None:
    leave(cast)
    follow(cast, SOON)
    leave(cast, end=date(2026, 8, 1))
    assert follow(cast, LAST_DAY) == NOTHING
    assert the_checklist(cast).due_on == date(2026, 7, 31)


# --- who is reminded -------------------------------------------------------------------------------------------------


def test_the_leaver_the_section_manager_and_hr_are_told_before_and_the_latter_again_every_week_after(
    cast: Cast,
) -> None:
    leave(cast)
    follow(cast, SOON)
    assert mailed(cast) == {"100009": 1, "100005": 1, "100006": 1}
    for day in range(1, 8):
        follow(cast, SOON + timedelta(days=day))
    assert mailed(cast)["100005"] == 1
    assert follow(cast, MAY).reminded == 1
    for day in range(1, 8):
        follow(cast, MAY + timedelta(days=day))
    assert mailed(cast) == {"100009": 1, "100005": 3, "100006": 3}


def test_for_the_dead_the_section_manager_is_asked_and_nobody_writes_to_them(cast: Cast) -> None:
    leave(cast, how=LeavingKind.DEATH)
    follow(cast, SOON)
    assert mailed(cast) == {"100005": 1, "100006": 1}


def test_the_manager_of_the_unit_above_is_reminded_where_the_unit_has_none(cast: Cast) -> None:
    leave(cast, "hr")
    follow(cast, SOON)
    assert mailed(cast) == {"100006": 1, "100005": 1}  # the leaver is HR: told as leaver, not reminded of themselves


def test_a_manager_who_leaves_is_not_reminded_of_themselves(cast: Cast) -> None:
    leave(cast, "security")
    follow(cast, SOON)
    assert mailed(cast, "【返却物の確認】") == {"100006": 1}


def test_once_everything_is_settled_nobody_is_reminded(cast: Cast) -> None:
    leave(cast)
    follow(cast, SOON)
    for item in items(cast):
        settle(cast, item)
    assert follow(cast, MAY + timedelta(days=60)) == NOTHING


def test_one_notice_names_everybody_who_leaves(cast: Cast) -> None:
    leave(cast)
    leave(cast, "other")
    follow(cast, SOON)
    with cast.database.reading() as session:
        query = select(MailMessage.body).where(MailMessage.subject == "【返却物の確認】2名分")
        bodies = session.scalars(query).all()
    assert len(bodies) == 2
    assert all("青木　一郎" in body and "今泉　二葉" in body for body in bodies)


# --- settling --------------------------------------------------------------------------------------------------------


def test_with_the_last_thing_settled_the_checklist_is_closed(office: Cast) -> None:
    leave(office)
    follow(office, SOON)
    first, *others = items(office)
    settle(office, first, NOT_HELD)
    for item in others:
        assert the_checklist(office).closed_at is None
        settle(office, item)
    assert the_checklist(office).closed_at == NOW
    with office.database.reading() as session:
        actions = session.scalars(
            select(AuditRecord.action).where(AuditRecord.object_kind == "leaving").order_by(AuditRecord.id)
        ).all()
    assert actions == ["leaving.began", *["leaving.settled"] * len([first, *others]), "leaving.closed"]


@pytest.mark.parametrize("who", ["security", "hr", "desk"])
def test_the_section_manager_hr_and_the_desk_settle(cast: Cast, who: str) -> None:
    leave(cast)
    follow(cast, SOON)
    settle(cast, items(cast)[0], who=who)
    with cast.database.reading() as session:
        assert session.get_one(ReturnItem, items(cast)[0]).settled_by_id == cast.people[who]


@pytest.mark.parametrize(("who", "words"), [("staff", "権限"), ("chief", "権限"), ("system", "ほかの課")])
def test_others_and_managers_of_other_units_do_not_settle(cast: Cast, who: str, words: str) -> None:
    leave(cast)
    follow(cast, SOON)
    with pytest.raises(NotPermitted, match=words):
        settle(cast, items(cast)[0], who=who)


def test_nobody_settles_their_own_under_any_row(cast: Cast) -> None:
    leave(cast, "hr")
    follow(cast, SOON)
    with pytest.raises(NotPermitted, match="自分の返却物"):
        settle(cast, items(cast)[0], who="hr")
    with cast.database.writing() as session:
        for who in ("hr", "desk"):
            session.get_one(Person, cast.people[who]).match_key = "same human"
    with pytest.raises(NotPermitted, match="自分の返却物"):
        settle(cast, items(cast)[0], who="desk")


def test_a_contractor_does_not_settle_whatever_role_they_got(cast: Cast) -> None:
    with cast.database.writing() as session:
        session.add(
            Officer(role=Role.HANDOVER, person_id=cast.people["contractor"], valid_from=TODAY, confirmed_at=NOW,
                    confirmed_by_id=cast.people["ciso"])
        )  # fmt: skip
    leave(cast)
    follow(cast, SOON)
    with pytest.raises(NotPermitted):
        settle(cast, items(cast)[0], who="contractor")


def test_a_loss_needs_a_note_and_the_security_officer_is_told(cast: Cast) -> None:
    leave(cast)
    follow(cast, SOON)
    with pytest.raises(InvalidInput, match="紛失"):
        settle(cast, items(cast)[0], LOST, who="hr")
    settle(cast, items(cast)[0], LOST, "4月20日に電車で紛失", who="hr")
    assert mailed(cast, "【紛失の記録】") == {"100005": 1}


def test_what_is_settled_stays_and_a_correction_is_one_more_note(cast: Cast) -> None:
    leave(cast)
    follow(cast, SOON)
    item = items(cast)[0]
    with pytest.raises(IllegalTransition):
        correct(cast, item, "早すぎる注記")
    settle(cast, item, LOST, "見当たらない")
    with pytest.raises(IllegalTransition, match="注記"):
        settle(cast, item, RETURNED)
    correct(cast, item, "机の中にあった")
    with cast.database.reading() as session:
        found = session.get_one(ReturnItem, item)
        assert (found.state, found.note) == (LOST, "見当たらない\n〔令和8年4月1日 香椎　宮子〕机の中にあった")
        record = session.scalars(select(AuditRecord).where(AuditRecord.action == "leaving.corrected")).one()
        assert "机の中にあった" in (record.payload or "")


def test_to_settle_is_to_say_what_became_of_it(cast: Cast) -> None:
    leave(cast)
    follow(cast, SOON)
    with pytest.raises(InvalidInput):
        settle(cast, items(cast)[0], ReturnState.OPEN)
    with pytest.raises(NotFound):
        settle(cast, 4711)


# --- lists -----------------------------------------------------------------------------------------------------------


def test_a_section_manager_sees_their_own_people_and_hr_sees_everybody(cast: Cast) -> None:
    leave(cast)
    leave(cast, "desk")
    leave(cast, "hr")
    follow(cast, SOON)
    with cast.database.reading() as session:
        seen = {
            who: [row.name for row in checklists(session, units=settled_units(session, cast.people[who], TODAY))]
            for who in ("security", "system", "hr", "staff")
        }
        assert seen == {
            "security": ["青木　一郎", "薬院　大通"], "system": ["西新　町子"],
            "hr": ["青木　一郎", "西新　町子", "薬院　大通"], "staff": [],
        }  # fmt: skip
        row = checklists(session, units=None)[0]
        assert (row.total, row.open, row.overdue(LAST_DAY), row.overdue(MAY)) == (6, 6, False, True)
        with pytest.raises(NotFound):
            checklist_sheet(session, row.checklist_id, units=frozenset({"0600"}))


def test_what_is_closed_or_withdrawn_stands_in_the_other_list(cast: Cast) -> None:
    leave(cast)
    follow(cast, SOON)
    for item in items(cast):
        settle(cast, item)
    with cast.database.reading() as session:
        assert checklists(session, units=None) == []
        (row,) = checklists(session, units=None, done=True)
        sheet = checklist_sheet(session, row.checklist_id, units=None)
        assert (row.closed, {item.settled_by for item in sheet.items}) == (True, {"香椎　宮子"})


def test_a_profile_without_things_to_return_makes_no_checklist(cast: Cast) -> None:
    leave(cast)
    nothing = replace(cast.policy, leaving=replace(cast.policy.leaving, return_items=()))
    with cast.database.writing() as session:
        assert leaving.follow(session, policy=nothing, actor=JOB, now=start_of(MAY)) == NOTHING


@pytest.mark.parametrize(
    "change", ["state = 'returned'", "settled_by_id = 1, settled_at = '2026-04-01 00:00:00'",
               "state = 'lost', settled_by_id = person_id, settled_at = '2026-04-01 00:00:00'"],
)  # fmt: skip
def test_the_database_refuses_what_nobody_else_settled(office: Cast, change: str) -> None:
    leave(office)
    follow(office, SOON)
    with pytest.raises(IntegrityError), office.database.writing() as session:
        session.execute(text(f"UPDATE return_items SET {change}"))
