"""Sponsors: accepted, handed over, followed when they move or leave; nobody outside HR is left without one."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from idm.actor import Actor
from idm.calendar_days import start_of
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted
from idm.models.audit import AuditRecord
from idm.models.officers import Officer
from idm.models.outside import Sponsorship
from idm.models.people import Assignment, Employment, OrganisationUnit
from idm.models.work import MailMessage
from idm.operations.outsiders import sponsorship
from idm.operations.outsiders.sponsorship import SponsorshipChanges
from idm.queries.outsiders.outside import Reach, unsponsored
from tests.cast import NOW, TODAY, Cast
from tests.outsiders import COMMITTEE, accept, enter, entry, sponsorships

NOTHING = SponsorshipChanges(0, 0, 0)
MAY = date(2026, 5, 1)


def follow(cast: Cast, day: date) -> SponsorshipChanges:
    """What the nightly job does on that day; a second run must do nothing more."""
    job, now = Actor.job("tests.lifecycle"), start_of(day)
    with cast.database.writing() as session:
        done = sponsorship.follow(session, actor=job, policy=cast.policy, now=now)
    with cast.database.writing() as session:
        before = len(session.scalars(select(AuditRecord)).all())
        assert sponsorship.follow(session, actor=job, policy=cast.policy, now=now) == NOTHING
        assert len(session.scalars(select(AuditRecord)).all()) == before
    return done


def hand_to(cast: Cast, employment_id: int, to: str, *, who: str, now: datetime = NOW) -> None:
    with cast.acting(who, "sponsorship.hand", now) as session:
        sponsorship.hand_to(
            session, employment_id, sponsor_id=cast.people[to], actor=cast.actor(who), policy=cast.policy, now=now
        )


def leaves(cast: Cast, who: str, day: date) -> None:
    with cast.database.writing() as session:
        cast.employment(session, who).valid_until = day


def moves(cast: Cast, who: str, unit_code: str, day: date) -> None:
    """The person's post ends on the day and another begins."""
    with cast.database.writing() as session:
        employment = cast.employment(session, who)
        employment.assignments[-1].valid_until = day
        unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == unit_code)).one()
        employment.assignments.append(Assignment(unit=unit, post="主事", primary=True, valid_from=day))


def answers(cast: Cast, employment_id: int) -> tuple[str, bool, date | None]:
    """Who answers or is asked to, whether they accepted, and by when they must."""
    present = next(one for one in sponsorships(cast, employment_id) if one.ended_at is None)
    name = next(name for name, person in cast.people.items() if person == present.sponsor_id)
    return name, present.accepted_at is not None, present.accept_by


def mail_to(cast: Cast, who: str) -> list[str]:
    number = {"security": "100005", "hr": "100006", "staff": "100009", "system": "100004"}[who]
    with cast.database.reading() as session:
        messages = session.scalars(select(MailMessage).order_by(MailMessage.id))
        return [message.subject for message in messages if message.recipient == f"u{number}@example.jp"]


# --- accepting -------------------------------------------------------------------------------------------------------


def test_whoever_names_themselves_has_accepted(cast: Cast) -> None:
    assert answers(cast, enter(cast)) == ("security", True, None)


def test_a_sponsor_named_by_another_accepts(cast: Cast) -> None:
    found = enter(cast, sponsor="staff")
    assert answers(cast, found) == ("staff", False, date(2026, 4, 15))
    accept(cast, found, "staff")
    assert answers(cast, found)[:2] == ("staff", True)
    with pytest.raises(IllegalTransition):
        accept(cast, found, "staff")


@pytest.mark.parametrize("who", ["security", "hr", "other", "contractor"])
def test_nobody_accepts_for_another(cast: Cast, who: str) -> None:
    with pytest.raises(NotPermitted):
        accept(cast, enter(cast, sponsor="staff"), who)


def test_the_person_does_not_accept_for_themselves(cast: Cast) -> None:
    found = enter(cast, sponsor="staff")
    cast.people["committee"] = entry(cast, found).person_id
    with pytest.raises(NotPermitted):
        accept(cast, found, "committee")


def test_after_the_last_day_it_is_too_late(cast: Cast) -> None:
    found = enter(cast, sponsor="staff")
    with pytest.raises(IllegalTransition, match="期限"):
        accept(cast, found, "staff", now=start_of(date(2026, 4, 16)))
    accept(cast, found, "staff", now=start_of(date(2026, 4, 15)))


def test_whoever_has_moved_meanwhile_cannot_accept(cast: Cast) -> None:
    found = enter(cast, sponsor="staff")
    moves(cast, "staff", "0600", date(2026, 4, 10))
    with pytest.raises(NotPermitted, match="所属していない"):
        accept(cast, found, "staff", now=start_of(date(2026, 4, 10)))


def test_what_is_not_there_is_not_accepted(cast: Cast) -> None:
    with pytest.raises(NotFound), cast.acting("staff") as session:
        sponsorship.accept(session, 99, actor=cast.actor("staff"), policy=cast.policy, now=NOW)


# --- handing over ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["security", "hr"])
def test_sponsor_and_hr_hand_over_and_the_new_one_accepts(cast: Cast, who: str) -> None:
    found = enter(cast)
    hand_to(cast, found, "staff", who=who)
    assert answers(cast, found) == ("staff", False, date(2026, 4, 15))
    accept(cast, found, "staff")
    assert [one.ended_at is None for one in sponsorships(cast, found)] == [False, True]


@pytest.mark.parametrize("who", ["staff", "system", "other", "contractor"])
def test_nobody_else_hands_over(cast: Cast, who: str) -> None:
    with pytest.raises(NotPermitted):
        hand_to(cast, enter(cast), "staff", who=who)


@pytest.mark.parametrize("to", ["system", "contractor", "security"])
def test_it_is_handed_to_another_of_the_unit(cast: Cast, to: str) -> None:
    found = enter(cast)
    with pytest.raises(InvalidInput) as refused:
        hand_to(cast, found, to, who="security")
    assert list(refused.value.fields) == ["sponsor_id"]
    assert answers(cast, found) == ("security", True, None)


def test_it_is_not_handed_to_the_person_and_not_by_them(cast: Cast) -> None:
    found = enter(cast)
    cast.people["committee"] = entry(cast, found).person_id
    with pytest.raises(NotPermitted):
        hand_to(cast, found, "committee", who="security")
    with pytest.raises(NotPermitted):
        hand_to(cast, found, "staff", who="committee")


def test_an_entry_that_is_over_is_not_handed_over(cast: Cast) -> None:
    found = enter(cast)
    with pytest.raises(IllegalTransition):
        hand_to(cast, found, "staff", who="security", now=start_of(COMMITTEE.valid_until))


# --- somebody who came otherwise -------------------------------------------------------------------------------------


def name_first(cast: Cast, who: str, sponsor: str, *, by: str) -> int:
    with cast.database.reading() as session:
        employment_id = cast.employment(session, who).id
    with cast.acting(by, "sponsorship.name") as session:
        sponsorship.name_first(
            session, employment_id, sponsor_id=cast.people[sponsor], actor=cast.actor(by), policy=cast.policy, now=NOW
        )
    return employment_id


def test_somebody_outside_hr_who_came_otherwise_gets_a_sponsor_once(cast: Cast) -> None:
    with cast.database.reading() as session:
        reach = Reach(cast.people["system"], everyone=False, units=frozenset({"0600"}), sponsors=False)
        assert [card.name for _, card in unsponsored(session, reach, TODAY)] == ["委託　三郎"]
        assert unsponsored(session, replace(reach, units=frozenset({"0100"})), TODAY) == []
    found = name_first(cast, "contractor", "system", by="hr")
    assert answers(cast, found) == ("system", False, date(2026, 4, 15))
    with cast.database.reading() as session:
        assert unsponsored(session, reach, TODAY) == []
    with pytest.raises(IllegalTransition):
        name_first(cast, "contractor", "system", by="hr")


@pytest.mark.parametrize("by", ["security", "staff", "contractor"])
def test_only_their_own_manager_and_hr_decide_who_is_asked(cast: Cast, by: str) -> None:
    with pytest.raises(NotPermitted):
        name_first(cast, "contractor", "system", by=by)


def test_staff_need_no_sponsor_and_a_sponsor_is_of_the_unit(cast: Cast) -> None:
    with pytest.raises(InvalidInput):
        name_first(cast, "staff", "security", by="hr")
    with pytest.raises(InvalidInput):
        name_first(cast, "contractor", "staff", by="hr")


# --- following -------------------------------------------------------------------------------------------------------


def test_nothing_changes_while_everybody_stays(cast: Cast) -> None:
    enter(cast)
    assert follow(cast, MAY) == NOTHING


def test_a_sponsor_who_leaves_is_followed_by_the_section_manager(cast: Cast) -> None:
    found = enter(cast, sponsor="staff")
    accept(cast, found, "staff")
    leaves(cast, "staff", MAY)
    assert follow(cast, MAY - timedelta(days=1)) == NOTHING
    assert follow(cast, MAY) == SponsorshipChanges(1, 0, 0)
    assert answers(cast, found) == ("security", False, MAY + timedelta(days=14))
    assert mail_to(cast, "security") == ["【引受けの依頼】外部者の受入担当"]
    assert mail_to(cast, "hr") == ["【受入担当者の交代】異動又は退職による引継ぎ"]
    assert entry(cast, found).valid_until == COMMITTEE.valid_until


def test_a_sponsor_who_moves_is_followed_and_one_with_a_concurrent_post_is_not(cast: Cast) -> None:
    found = enter(cast, sponsor="staff")
    accept(cast, found, "staff")
    moves(cast, "staff", "0600", MAY)
    with cast.database.writing() as session:
        unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == "0100")).one()
        concurrent = Assignment(unit=unit, post="主事", primary=False, valid_from=MAY, valid_until=date(2026, 6, 1))
        employment = cast.employment(session, "staff")
        employment.assignments.append(concurrent)
    assert follow(cast, MAY) == NOTHING
    assert follow(cast, date(2026, 6, 1)) == SponsorshipChanges(1, 0, 0)
    assert answers(cast, found)[0] == "security"


def test_where_a_unit_has_no_manager_the_one_above_is_asked(cast: Cast) -> None:
    found = enter(cast, replace(COMMITTEE, unit_code="0110"), sponsor="hr")
    accept(cast, found, "hr")
    moves(cast, "hr", "0600", MAY)
    assert follow(cast, MAY) == SponsorshipChanges(1, 0, 0)
    assert answers(cast, found)[0] == "security"
    assert sponsorships(cast, found)[-1].unit_code == "0100"


def test_where_there_is_no_manager_hr_is_asked_and_hands_on(cast: Cast) -> None:
    found = enter(cast)
    leaves(cast, "security", MAY)
    assert follow(cast, MAY) == SponsorshipChanges(1, 0, 0)
    assert answers(cast, found)[0] == "hr"
    accept(cast, found, "hr", now=start_of(MAY))
    hand_to(cast, found, "staff", who="hr", now=start_of(MAY))
    assert answers(cast, found)[0] == "staff"


def test_where_nobody_is_left_the_deadline_runs_all_the_same(cast: Cast) -> None:
    found = enter(cast)
    leaves(cast, "security", MAY)
    leaves(cast, "hr", MAY)
    assert follow(cast, MAY) == SponsorshipChanges(1, 0, 0)
    assert answers(cast, found) == ("security", False, MAY + timedelta(days=14))
    assert follow(cast, MAY + timedelta(days=14)) == NOTHING
    assert follow(cast, MAY + timedelta(days=15)) == SponsorshipChanges(0, 1, 0)
    assert entry(cast, found).valid_until == MAY + timedelta(days=15)


def test_a_manager_who_is_the_person_is_passed_over(cast: Cast) -> None:
    found = enter(cast, sponsor="staff")
    accept(cast, found, "staff")
    leaves(cast, "staff", MAY)
    with cast.database.writing() as session:
        session.get_one(Employment, found).person.match_key = "1" * 64
        cast.employment(session, "security").person.match_key = "1" * 64
    follow(cast, MAY)
    assert answers(cast, found)[0] == "hr"


def test_an_unconfirmed_manager_is_not_asked(cast: Cast) -> None:
    found = enter(cast, sponsor="staff")
    accept(cast, found, "staff")
    leaves(cast, "staff", MAY)
    with cast.database.writing() as session:
        for officer in session.scalars(select(Officer).where(Officer.person_id == cast.people["security"])):
            officer.first_record_id = officer.confirmed_at = officer.confirmed_by_id = None
    follow(cast, MAY)
    assert answers(cast, found)[0] == "hr"


def test_whoever_does_not_accept_in_time_ends_the_entry_on_that_day(cast: Cast) -> None:
    found = enter(cast, sponsor="staff")
    assert follow(cast, date(2026, 4, 15)) == NOTHING
    assert follow(cast, date(2026, 4, 16)) == SponsorshipChanges(0, 1, 0)
    assert entry(cast, found).valid_until == date(2026, 4, 16)
    assert "【利用の終了】受入担当者が引き受けなかった外部者" in mail_to(cast, "hr")
    assert "【利用の終了】受入担当者が引き受けなかった外部者" in mail_to(cast, "security")


def test_a_night_missed_changes_nothing_of_the_end(cast: Cast) -> None:
    found = enter(cast, sponsor="staff")
    assert follow(cast, date(2026, 4, 20)) == SponsorshipChanges(0, 1, 0)
    assert entry(cast, found).valid_until == date(2026, 4, 16)


def test_an_entry_to_come_that_nobody_answers_for_is_called_off(cast: Cast) -> None:
    found = enter(cast, replace(COMMITTEE, valid_from=MAY), sponsor="staff")
    assert follow(cast, date(2026, 4, 16)) == SponsorshipChanges(0, 1, 0)
    with cast.database.reading() as session:
        assert session.get(Employment, found) is None


def test_an_entry_that_is_over_has_no_open_sponsorship(cast: Cast) -> None:
    found = enter(cast)
    assert follow(cast, COMMITTEE.valid_until) == SponsorshipChanges(0, 0, 1)
    with cast.database.reading() as session:
        assert session.scalars(select(Sponsorship).where(Sponsorship.ended_at.is_(None))).all() == []
    assert sponsorships(cast, found)[0].end_reason == "登録の終了"


def test_what_happens_to_sponsors_is_audited(cast: Cast) -> None:
    found = enter(cast, sponsor="staff")
    accept(cast, found, "staff")
    leaves(cast, "staff", MAY)
    follow(cast, MAY)
    with cast.database.reading() as session:
        said = session.scalars(
            select(AuditRecord.action).where(AuditRecord.action.startswith("sponsorship.")).order_by(AuditRecord.id)
        ).all()
    assert sorted(said) == ["sponsorship.accepted", "sponsorship.named", "sponsorship.named"]
    assert TODAY < MAY
