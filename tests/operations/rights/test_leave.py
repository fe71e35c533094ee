"""Leave, return and renewal: who rests while absent, and who is not interrupted."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from idm.actor import Actor
from idm.calendar_days import start_of
from idm.grant_state import GrantState, SuspensionReason
from idm.models.people import Absence, Assignment, Employment, OrganisationUnit, Person
from idm.models.requests import Grant
from idm.models.safety import SafetyCount
from idm.models.systems import Account
from idm.operations.rights import suspensions
from idm.operations.rights.lifecycle import LifecycleResult, carry_out_due
from idm.personnel.due_changes import Due
from idm.personnel_event import AbsenceKind
from idm.queries.rights.rehearsal import rehearsal
from idm.vocabulary import SafetyAction
from tests.cast import NOW, TODAY, Cast, add_person

JOB = Actor.job("tests.leave")
MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)
NOTHING = LifecycleResult(begun=0, expired=0, left=0, deletions=0, lapsed=0)


def give(cast: Cast, who: str, *rights: str, valid_from: date = TODAY) -> None:
    request_id = cast.file("hr", *((who, right) for right in rights), valid_from=valid_from)
    for line in range(len(rights)):
        cast.approve(request_id, line=line)


def away(cast: Cast, number: str, begins: date, ends: date | None, kind: AbsenceKind = AbsenceKind.CHILDCARE) -> None:
    with cast.database.writing() as session:
        employment = session.scalars(select(Employment).where(Employment.staff_number == number)).one()
        employment.absences.append(Absence(kind=kind, valid_from=begins, valid_until=ends))


def second_employment(cast: Cast, who: str, number: str, begins: date) -> None:
    with cast.database.writing() as session:
        unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == "0100")).one()
        person = session.get_one(Person, cast.people[who])
        add_person(session, number, person.name, person.kana, unit, "主事", person=person)
        employment = session.scalars(select(Employment).where(Employment.staff_number == number)).one()
        employment.valid_from = begins
        session.scalars(select(Assignment).where(Assignment.employment_id == employment.id)).one().valid_from = begins


def run(cast: Cast, day: date) -> LifecycleResult:
    with cast.database.writing() as session:
        return carry_out_due(session, actor=JOB, policy=cast.policy, now=max(start_of(day), NOW))


def states(cast: Cast, who: str) -> list[GrantState]:
    with cast.database.reading() as session:
        query = select(Grant.state).join(Account, Grant.account_id == Account.id).order_by(Grant.id)
        return list(session.scalars(query.where(Account.person_id == cast.people[who])))


def test_leave_suspends_every_right_and_the_return_gives_them_back(office: Cast) -> None:
    give(office, "staff", "ledger/account", "ledger/enter")
    away(office, "100009", MAY, JUNE)
    assert run(office, MAY - timedelta(days=1)) == NOTHING
    assert run(office, MAY).suspended == 2
    assert states(office, "staff") == [GrantState.SUSPENDED] * 2
    assert run(office, MAY) == NOTHING
    assert run(office, JUNE - timedelta(days=1)) == NOTHING
    assert run(office, JUNE).resumed == 2
    assert states(office, "staff") == [GrantState.IN_FORCE] * 2
    assert run(office, JUNE) == NOTHING


def test_leave_counts_one_person_for_the_limit(cast: Cast) -> None:
    give(cast, "staff", "ledger/account", "ledger/enter")
    away(cast, "100009", MAY, None)
    run(cast, MAY)
    with cast.database.reading() as session:
        counted = session.scalars(select(SafetyCount)).one()
        assert (counted.action, counted.unit_code, counted.people) == (SafetyAction.SUSPEND, "0100", 1)


def test_a_missed_return_is_made_up_by_the_next_run(cast: Cast) -> None:
    give(cast, "staff", "ledger/account")
    away(cast, "100009", TODAY, MAY)
    run(cast, TODAY)
    assert run(cast, JUNE).resumed == 1


def test_leave_from_one_of_two_employments_does_not_suspend(cast: Cast) -> None:
    give(cast, "staff", "ledger/account")
    second_employment(cast, "staff", "300009", date(2024, 4, 1))
    away(cast, "100009", MAY, None)
    assert run(cast, MAY) == NOTHING
    away(cast, "300009", JUNE, None)
    assert run(cast, JUNE).suspended == 1


def test_a_kind_of_absence_that_the_profile_does_not_name_does_not_suspend(cast: Cast) -> None:
    give(cast, "staff", "ledger/account")
    away(cast, "100009", TODAY, None, AbsenceKind.UNION)
    rules = replace(cast.policy.personnel, suspending_absences=frozenset({AbsenceKind.LEAVE}))
    with cast.database.writing() as session:
        assert carry_out_due(session, actor=JOB, policy=replace(cast.policy, personnel=rules), now=NOW) == NOTHING
    assert run(cast, TODAY).suspended == 1


def test_with_two_reasons_the_return_from_leave_leaves_the_right_suspended(cast: Cast) -> None:
    give(cast, "staff", "ledger/account")
    away(cast, "100009", TODAY, MAY)
    run(cast, TODAY)
    with cast.database.writing() as session:
        grant = session.scalars(select(Grant)).one()
        suspensions.suspend(session, grant, SuspensionReason.LOST_CARD, actor=JOB, policy=cast.policy, now=NOW)
    assert run(cast, MAY).resumed == 1
    assert states(cast, "staff") == [GrantState.SUSPENDED]


def test_a_right_that_begins_during_leave_begins_suspended_and_returns_with_the_person(cast: Cast) -> None:
    give(cast, "staff", "ledger/account", valid_from=MAY)
    away(cast, "100009", TODAY, JUNE)
    assert run(cast, TODAY) == NOTHING
    done = run(cast, MAY)
    assert (done.begun, done.suspended) == (1, 1)
    assert states(cast, "staff") == [GrantState.SUSPENDED]
    run(cast, JUNE)
    assert states(cast, "staff") == [GrantState.IN_FORCE]


def test_a_right_approved_for_somebody_who_is_away_waits_for_the_return(cast: Cast) -> None:
    away(cast, "100009", TODAY, MAY)
    give(cast, "staff", "ledger/account")
    assert states(cast, "staff") == [GrantState.SUSPENDED]
    assert run(cast, MAY).resumed == 1
    assert states(cast, "staff") == [GrantState.IN_FORCE]


def test_whoever_leaves_while_absent_is_stopped(cast: Cast) -> None:
    give(cast, "staff", "ledger/account")
    away(cast, "100009", TODAY, None)
    run(cast, TODAY)
    with cast.database.writing() as session:
        cast.employment(session, "staff").valid_until = MAY
    assert run(cast, MAY).left == 1
    assert states(cast, "staff") == [GrantState.ENDED]


@pytest.mark.parametrize(("begins", "left"), [(TODAY, 0), (TODAY + timedelta(days=1), 1)])
def test_the_end_of_march_and_a_new_number_on_the_first_of_april_stop_nothing(
    office: Cast, begins: date, left: int
) -> None:
    give(office, "staff", "ledger/account")
    with office.database.writing() as session:
        office.employment(session, "staff").valid_until = TODAY
    second_employment(office, "staff", "300009", begins)
    assert run(office, TODAY).left == left


def test_the_rehearsal_of_a_day_to_come_lists_leave_return_and_departure(office: Cast) -> None:
    give(office, "staff", "ledger/account", "ledger/enter")
    give(office, "other", "ledger/account")
    give(office, "desk", "ledger/account", valid_from=MAY)
    away(office, "100009", MAY, JUNE)
    with office.database.writing() as session:
        office.employment(session, "other").valid_until = MAY
    with office.database.reading() as session:
        found = rehearsal(session, MAY, policy=office.policy, now=NOW)
    assert [(one.due, one.staff_number, one.right_name) for one in found.changes] == [
        (Due.STOP, "100010", "利用者ID"), (Due.SUSPEND, "100009", "利用者ID"), (Due.SUSPEND, "100009", "伝票入力"),
        (Due.BEGIN, "100007", "利用者ID"),
    ]  # fmt: skip
    assert {(one.action, one.staff_number) for one in found.touched} == {
        (SafetyAction.STOP, "100010"), (SafetyAction.SUSPEND, "100009"),
    }  # fmt: skip
    run(office, MAY)
    with office.database.reading() as session:
        assert rehearsal(session, MAY, policy=office.policy, now=start_of(MAY)).changes == ()
        back = rehearsal(session, JUNE, policy=office.policy, now=start_of(MAY)).changes
        assert [(one.due, one.because) for one in back] == [(Due.RESUME, "休職等の終わり")] * 2
