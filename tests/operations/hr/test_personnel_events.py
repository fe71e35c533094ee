"""Appointment notices applied: rows follow the career, rights only become drafts, and what waits is told."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import start_of
from idm.employment_kind import EmploymentKind
from idm.feed.event_row import EventRow
from idm.feed.profile import PostKind
from idm.models.audit import AuditRecord
from idm.models.feeds import HeldRow, MatchQuestion
from idm.models.officers import Officer
from idm.models.people import Employment, OrganisationUnit, Person
from idm.models.requests import Request
from idm.names.personal_names import match_key
from idm.operations.hr import personnel
from idm.operations.hr.personnel import Applied, FeedIdentity
from idm.personnel.plan import Identities, plan
from idm.personnel.told import Told
from idm.personnel_event import AbsenceKind, EventKind, LeavingKind
from idm.queries.hr.roll import known_employments, people_by_match_key
from idm.vocabulary import HeldKind, Role
from tests.cast import PEOPLE, TODAY, Cast

JOB = Actor.job("tests.personnel_events")
SECRET = b"0123456789abcdef0123456789abcdef"
MAY = date(2026, 5, 1)
BORN = date(1990, 1, 1)


def event(who: str, kind: EventKind, effective: date, **fields: Any) -> EventRow:
    """An event about one of the cast, or about the new number 200001."""
    number, name, kana = PEOPLE[who][:3] if who in PEOPLE else ("200001", "新人　花", "シンジン　ハナ")
    told = {"row_number": 2, "staff_number": number, "name": name, "kana": kana, **fields}
    return EventRow(kind=kind, effective=effective, **told)


def hire(**fields: Any) -> EventRow:
    given = {"unit_code": "0100", "unit_name": "総務課", "post": "主事", "employment_kind": EmploymentKind.REGULAR}
    return event("new", fields.pop("kind", EventKind.HIRE), fields.pop("effective", MAY), **given | fields)


def apply(cast: Cast, *events: EventRow, as_of: date = TODAY, answers: dict[str, int | None] | None = None) -> Applied:
    """What a file of these events does."""
    with cast.database.writing() as session:
        keys = {e.staff_number: match_key(e.kana, e.birth_date, SECRET) for e in events if e.birth_date}
        people = people_by_match_key(session, keys.values())
        same = {number: people[key] for number, key in keys.items() if key in people}
        made = plan(
            Told(events=events, covers_all=False), known_employments(session),
            identities=Identities(keys, same, answers or {}), as_of=as_of,
        )  # fmt: skip
        identity = FeedIdentity("orders", "e" * 64, len(events), covers_all=False, keys=keys)
        return personnel.apply(
            session, made, identity, match_secret=SECRET, actor=JOB, policy=cast.policy, now=start_of(as_of)
        )


def employment(session: Session, number: str) -> Employment | None:
    return session.scalars(select(Employment).where(Employment.staff_number == number)).one_or_none()


def lines(session: Session, applied: Applied) -> set[tuple[str, str, date]]:
    requests = [session.get_one(Request, made.id) for made in applied.drafts]
    return {(line.entitlement.code, line.effect.value, line.valid_from) for r in requests for line in r.lines}


def reasons(cast: Cast) -> list[tuple[HeldKind, str]]:
    with cast.database.reading() as session:
        return [(row.kind, row.reason) for row in session.scalars(select(HeldRow).order_by(HeldRow.id))]


def test_a_list_of_events_holds_nobody_for_being_absent_from_it(cast: Cast) -> None:
    apply(cast, hire())
    assert apply(cast, event("staff", EventKind.PROMOTE, MAY, post="係長")).run.held == 0


def test_a_hiring_ahead_is_an_employment_ahead_with_drafts_for_its_day(cast: Cast) -> None:
    applied = apply(cast, hire())
    with cast.database.reading() as session:
        new = employment(session, "200001")
        assert new is not None
        assert [(a.unit.code, a.post, a.valid_from) for a in new.assignments] == [("0100", "主事", MAY)]
        assert lines(session, applied) == {("account", "grant", MAY), ("enter", "grant", MAY)}


def test_a_hiring_that_is_called_off_takes_employment_and_drafts_with_it_and_is_audited(cast: Cast) -> None:
    apply(cast, hire())
    assert apply(cast, hire(cancelled=True)).drafts == ()
    with cast.database.reading() as session:
        assert employment(session, "200001") is None
        assert session.scalars(select(Request)).all() == []
        assert "feed.called_off" in session.scalars(select(AuditRecord.action)).all()


def test_several_rows_of_one_person_and_day_are_one_set(cast: Cast) -> None:
    move = event("staff", EventKind.TRANSFER, MAY, unit_code="0200", unit_name="会計課", post="主事")
    beside = event("staff", EventKind.CONCURRENT_BEGIN, MAY, unit_code="0100", post="主事", row_number=3,
                   post_kind=PostKind.CONCURRENT)  # fmt: skip
    apply(cast, move, beside)
    with cast.database.reading() as session:
        known = employment(session, PEOPLE["staff"][0])
        assert known is not None
        held = {(a.unit.code, a.primary) for a in known.assignments if a.valid_until is None}
        assert held == {("0200", True), ("0100", False)}


def test_an_event_that_does_not_fit_holds_everything_of_that_person_and_nothing_else(cast: Cast) -> None:
    odd = event("staff", EventKind.LEAVE_END, MAY)
    moved = event("staff", EventKind.PROMOTE, MAY, post="係長", row_number=3)
    applied = apply(cast, odd, moved, event("other", EventKind.PROMOTE, MAY, post="係長", row_number=4))
    assert (applied.run.movers, applied.run.held) == (1, 1)
    assert reasons(cast) == [
        (HeldKind.DOUBT, "休職等の記録がないか二つ以上あるため、復職させるものが定まりません。")
    ]  # fmt: skip


def test_a_leave_is_a_row_that_a_return_ends(cast: Cast) -> None:
    away = event("staff", EventKind.LEAVE_BEGIN, TODAY, absence=AbsenceKind.CHILDCARE)
    assert apply(cast, away).run.absences == 1
    apply(cast, event("staff", EventKind.LEAVE_END, MAY), as_of=MAY)
    with cast.database.reading() as session:
        known = employment(session, PEOPLE["staff"][0])
        assert known is not None
        assert [(a.kind, a.valid_from, a.valid_until) for a in known.absences] == [
            (AbsenceKind.CHILDCARE, TODAY, MAY)
        ]  # fmt: skip


@pytest.mark.parametrize("leaving", [LeavingKind.RETIREMENT, LeavingKind.DEATH])
def test_a_leaving_says_why_and_when(cast: Cast, leaving: LeavingKind) -> None:
    apply(cast, event("staff", EventKind.RETIRE, date(2026, 4, 30), leaving=leaving))
    with cast.database.reading() as session:
        known = employment(session, PEOPLE["staff"][0])
        assert known is not None
        assert (known.valid_until, known.leaving) == (MAY, leaving)


def test_a_reappointment_names_the_old_number_and_is_the_same_person(cast: Cast) -> None:
    left = event("staff", EventKind.RETIRE, date(2026, 4, 30), leaving=LeavingKind.RETIREMENT)
    again = hire(kind=EventKind.RENEW, staff_number="300009", row_number=3, name="青木　一郎", kana="アオキ　イチロウ",
                 employment_kind=EmploymentKind.REAPPOINTED, former_staff_number=PEOPLE["staff"][0])  # fmt: skip
    apply(cast, left, again)
    with cast.database.reading() as session:
        new = employment(session, "300009")
        assert new is not None
        assert (new.person_id, new.kind) == (cast.people["staff"], EmploymentKind.REAPPOINTED)


def test_a_reappointment_that_names_somebody_elses_number_waits(cast: Cast) -> None:
    again = hire(kind=EventKind.RENEW, former_staff_number=PEOPLE["staff"][0])
    assert apply(cast, again).run.joiners == 0
    assert "名が違います" in reasons(cast)[0][1]


def test_a_name_change_is_shown_and_keeps_the_work_name(cast: Cast) -> None:
    married = event("staff", EventKind.NAME_CHANGE, TODAY, name="赤木　一子", kana="アカギ　カズコ", work_name="青木")
    apply(cast, married)
    with cast.database.reading() as session:
        person = session.get_one(Person, cast.people["staff"])
        assert (person.name, person.work_name) == ("赤木　一子", "青木")
        assert "青木" in person.search_key


def test_somebody_who_may_be_known_is_a_question_to_hr_asked_once_and_answered_once(cast: Cast) -> None:
    with cast.database.writing() as session:
        session.get_one(Person, cast.people["other"]).match_key = match_key("シンジン　ハナ", BORN, SECRET)
    for _ in range(2):
        assert apply(cast, hire(birth_date=BORN)).run.joiners == 0
    with cast.database.reading() as session:
        (question,) = session.scalars(select(MatchQuestion)).all()
        assert [c.person_id for c in question.candidates] == [cast.people["other"]]
        assert question.match_key == match_key("シンジン　ハナ", BORN, SECRET)
    apply(cast, hire(birth_date=BORN), answers={"200001": cast.people["other"]})
    with cast.database.reading() as session:
        joined = employment(session, "200001")
        assert joined is not None
        assert joined.person_id == cast.people["other"]


def test_two_new_numbers_of_one_human_in_one_file_do_not_become_two_people(cast: Cast) -> None:
    applied = apply(cast, hire(birth_date=BORN), hire(birth_date=BORN, staff_number="200002", row_number=3))
    assert (applied.run.joiners, applied.run.held) == (1, 1)
    apply(cast, hire(birth_date=BORN, staff_number="200002"))
    with cast.database.reading() as session:
        assert session.scalars(select(MatchQuestion.staff_number)).all() == ["200002"]


def test_an_unpublished_appointment_makes_no_officer_and_its_draft_is_unpublished_too(cast: Cast) -> None:
    secret = date(2026, 4, 20)
    head = event("staff", EventKind.TRANSFER, MAY, unit_code="0200", unit_name="会計課", post="課長",
                 published_on=secret)  # fmt: skip
    applied = apply(cast, head, hire(staff_number="200003", published_on=secret, row_number=3))
    with cast.database.reading() as session:
        officers = select(Officer).where(Officer.person_id == cast.people["staff"], Officer.role == Role.SECTION)
        assert session.scalars(officers).all() == []
        assert {session.get_one(Request, made.id).published_on for made in applied.drafts} == {secret}


def test_a_retroactive_move_takes_effect_now_and_is_dated_then(cast: Cast) -> None:
    march = date(2026, 3, 1)
    apply(cast, event("staff", EventKind.TRANSFER, march, unit_code="0200", unit_name="会計課", post="主事"))
    with cast.database.reading() as session:
        known = employment(session, PEOPLE["staff"][0])
        assert known is not None
        assert [(a.unit.code, a.valid_from, a.valid_until) for a in known.assignments] == [
            ("0100", date(2020, 4, 1), march), ("0200", march, None)
        ]  # fmt: skip


def test_a_unit_that_only_has_a_code_is_known_by_its_code_until_its_name_is_told(cast: Cast) -> None:
    apply(cast, event("staff", EventKind.TRANSFER, MAY, unit_code="0700", post="主事"))
    apply(cast, event("other", EventKind.TRANSFER, MAY, unit_code="0600", post="主査"))
    with cast.database.reading() as session:
        names = select(OrganisationUnit.name).where(OrganisationUnit.code.in_(["0600", "0700"]))
        assert sorted(session.scalars(names)) == ["0700", "情報システム課"]


def test_the_row_of_a_post_that_goes_on_stays_the_same_row(cast: Cast) -> None:
    """A tenure hangs on it: an officer who gets a concurrent post stays confirmed."""
    with cast.database.reading() as session:
        known = employment(session, PEOPLE["security"][0])
        assert known is not None
        before = [a.id for a in known.assignments]
    beside = event("security", EventKind.CONCURRENT_BEGIN, MAY, unit_code="0900", unit_name="監査室", post="参事",
                   post_kind=PostKind.CONCURRENT)  # fmt: skip
    apply(cast, beside)
    with cast.database.reading() as session:
        known = employment(session, PEOPLE["security"][0])
        assert known is not None
        assert [a.id for a in known.assignments][:1] == before
        assert len(known.assignments) == 2


def test_events_and_their_repetition_change_the_records_once(cast: Cast) -> None:
    told = (hire(), event("staff", EventKind.PROMOTE, MAY, post="係長", row_number=3))
    apply(cast, *told)
    again = apply(cast, *(replace(one, row_number=9) for one in told))
    assert (again.run.joiners, again.run.movers, again.run.held) == (0, 0, 0)
