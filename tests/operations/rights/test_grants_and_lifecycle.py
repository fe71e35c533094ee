"""What approved lines do, and what falls due by the calendar: begins, ends, leavers, deletions, lapses."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import start_of
from idm.directory.wanted_account import WantedAccount, wanted_account
from idm.errors import IllegalTransition, InvalidInput
from idm.grant_state import EndReason, GrantState
from idm.models.audit import AuditRecord
from idm.models.people import Employment, OrganisationUnit, Person
from idm.models.requests import Grant, Request
from idm.models.systems import Account, Entitlement
from idm.models.work import OutboxTask, TaskState
from idm.operations.rights import grants
from idm.operations.rights.lifecycle import LifecycleResult, carry_out_due, employed_people
from idm.queries.rights.account_facts import account_facts
from idm.vocabulary import LineEffect, RequestAction
from tests.carried_out import carry_out
from tests.cast import NOW, TODAY, Cast, add_person

JOB = Actor.job("tests.lifecycle")
MAY, JUNE, JULY = date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1)
TOMORROW = TODAY + timedelta(days=1)
NOTHING = LifecycleResult(begun=0, expired=0, left=0, deletions=0, lapsed=0)


def give(cast: Cast, who: str, *rights: str, now: datetime = NOW, **period: date) -> int:
    """The person has the rights, by an application that both officers approved."""
    request_id = cast.file("hr", *((who, right) for right in rights), now=now, **period)  # type: ignore[arg-type]
    for line in range(len(rights)):
        cast.approve(request_id, now=now, line=line)
    return request_id


def take(cast: Cast, who: str, right: str, *, valid_from: date = TODAY, now: datetime = NOW) -> int:
    """The right is taken away, by an application that both officers approved."""
    request_id = cast.file("hr", (who, right), action=RequestAction.REMOVE, effect=LineEffect.REVOKE, now=now,
                           valid_from=valid_from)  # fmt: skip
    cast.approve(request_id, now=now)
    return request_id


def run(cast: Cast, moment: datetime) -> LifecycleResult:
    """One run of the lifecycle job."""
    with cast.database.writing() as session:
        return carry_out_due(session, actor=JOB, policy=cast.policy, now=moment)


def held(cast: Cast, who: str) -> list[tuple[str, str, date, date | None, EndReason | None]]:
    """(right, state, from, until, end reason) of every grant the person has or had."""
    with cast.database.reading() as session:
        rows = session.execute(
            select(Entitlement.code, Grant.state, Grant.valid_from, Grant.valid_until, Grant.end_reason)
            .join(Grant, Grant.entitlement_id == Entitlement.id)
            .join(Account, Grant.account_id == Account.id)
            .where(Account.person_id == cast.people[who])
            .order_by(Grant.id)
        )
        return [(code, state.value, begins, ends, reason) for code, state, begins, ends, reason in rows]


def account_of(cast: Cast, session: Session, who: str) -> Account:
    return session.scalars(select(Account).where(Account.person_id == cast.people[who])).one()


def generation(cast: Cast, who: str) -> int:
    with cast.database.reading() as session:
        return account_of(cast, session, who).generation


def wanted(cast: Cast, who: str, moment: datetime) -> WantedAccount:
    with cast.database.reading() as session:
        account = account_of(cast, session, who)
        facts = account_facts(session, [account.id], now=moment)[account.id]
        return wanted_account(facts, now=moment, delete_after_days=cast.policy.personnel.delete_after_days)


def employ_from(cast: Cast, who: str, begins: date, ends: date | None = None) -> None:
    """The person's one employment has this period."""
    with cast.database.writing() as session:
        employment = cast.employment(session, who)
        employment.valid_from, employment.valid_until = begins, ends


# --- what an approved line does --------------------------------------------------------------------------------------


def test_an_approved_right_is_in_force_points_to_its_application_and_leaves_one_task(office: Cast) -> None:
    request_id = give(office, "staff", "ledger/account")
    assert held(office, "staff") == [("account", "in_force", TODAY, None, None)]
    with office.database.reading() as session:
        account = account_of(office, session, "staff")
        assert account.login_name == "u100009"
        assert session.scalars(select(Grant)).one().line.request_id == request_id
        task = session.scalars(select(OutboxTask)).one()
        assert (task.account_id, task.generation, task.state) == (account.id, 1, TaskState.WAITING)
        record = session.scalars(select(AuditRecord).where(AuditRecord.action == "grant.decided")).one()
        assert '"right":"account"' in (record.payload or "")


def test_an_approved_right_is_not_done_before_the_directory_shows_it(cast: Cast) -> None:
    give(cast, "staff", "ledger/account")
    with cast.database.reading() as session:
        account = account_of(cast, session, "staff")
        assert (account.seen_at, account.seen_present, account.handed_over_at) == (None, None, None)
    assert not wanted(cast, "staff", NOW).enabled


def test_a_second_right_uses_the_same_account_and_makes_it_a_generation_older(cast: Cast) -> None:
    give(cast, "staff", "ledger/account")
    give(cast, "staff", "ledger/enter")
    assert generation(cast, "staff") == 2


def test_a_right_of_next_month_is_planned_and_begins_on_its_day(cast: Cast) -> None:
    give(cast, "staff", "ledger/account", valid_from=MAY)
    assert held(cast, "staff")[0][1] == "planned"
    assert run(cast, start_of(MAY) - timedelta(seconds=1)) == NOTHING
    assert run(cast, start_of(MAY)).begun == 1
    assert held(cast, "staff")[0][1] == "in_force"
    assert run(cast, start_of(MAY)) == NOTHING


def test_a_right_ends_on_the_first_day_on_which_it_no_longer_holds(cast: Cast) -> None:
    give(cast, "staff", "ledger/account", valid_until=MAY)
    assert run(cast, start_of(MAY) - timedelta(seconds=1)) == NOTHING
    assert run(cast, start_of(MAY)).expired == 1
    assert held(cast, "staff") == [("account", "ended", TODAY, MAY, EndReason.EXPIRED)]
    assert run(cast, start_of(MAY)) == NOTHING


def test_a_missed_day_is_made_up_by_the_next_run(cast: Cast) -> None:
    give(cast, "staff", "ledger/account", valid_from=MAY, valid_until=JUNE)
    give(cast, "other", "ledger/account", valid_from=MAY)
    assert run(cast, start_of(JULY)) == LifecycleResult(begun=1, expired=1, left=0, deletions=0, lapsed=0)


def test_a_right_taken_away_today_ends_at_once(office: Cast) -> None:
    give(office, "staff", "ledger/account", "ledger/enter")
    request_id = take(office, "staff", "ledger/enter")
    assert [one[:2] for one in held(office, "staff")] == [("account", "in_force"), ("enter", "ended")]
    with office.database.reading() as session:
        ended = session.scalars(select(Grant).where(Grant.state == GrantState.ENDED)).one()
        assert ended.end_reason is EndReason.REQUESTED
        assert ended.ended_by_line_id == session.get_one(Request, request_id).lines[0].id


def test_taking_the_account_away_takes_every_right_of_that_system(cast: Cast) -> None:
    give(cast, "staff", "ledger/account", "ledger/enter")
    take(cast, "staff", "ledger/account")
    assert {one[1] for one in held(cast, "staff")} == {"ended"}


def test_a_right_taken_away_from_a_later_day_holds_until_then(cast: Cast) -> None:
    give(cast, "staff", "ledger/account")
    take(cast, "staff", "ledger/account", valid_from=MAY)
    assert held(cast, "staff") == [("account", "in_force", TODAY, MAY, None)]
    assert wanted(cast, "staff", NOW).expires_at == start_of(MAY)
    run(cast, start_of(MAY))
    assert held(cast, "staff")[0][4] is EndReason.REQUESTED


def test_a_removal_does_not_prolong_what_ends_earlier(cast: Cast) -> None:
    give(cast, "staff", "ledger/account", valid_until=MAY)
    take(cast, "staff", "ledger/account", valid_from=JULY)
    assert held(cast, "staff")[0][3] == MAY


def test_a_planned_right_taken_away_before_it_begins_never_begins(cast: Cast) -> None:
    give(cast, "staff", "ledger/account", valid_from=JUNE)
    take(cast, "staff", "ledger/account", valid_from=MAY)
    assert run(cast, start_of(JUNE)) == LifecycleResult(begun=0, expired=1, left=0, deletions=0, lapsed=0)


def test_a_name_that_was_used_once_is_never_anothers(cast: Cast) -> None:
    with cast.database.writing() as session:
        right = cast.entitlement(session, "ledger/account")
        system = right.system_id
    give(cast, "staff", "ledger/account")
    with cast.database.writing() as session:
        account_of(cast, session, "staff").person_id = None  # the person's row may be gone one day, the name is not
    assert system
    request_id = cast.file("hr", ("staff", "ledger/account"))
    with pytest.raises(InvalidInput, match="すでに使われた"):
        cast.approve(request_id)


def test_what_has_ended_does_not_end_again(cast: Cast) -> None:
    give(cast, "staff", "ledger/account")
    take(cast, "staff", "ledger/account")
    with pytest.raises(IllegalTransition), cast.database.writing() as session:
        grants.end(
            session, session.scalars(select(Grant)).one(), EndReason.LEFT, actor=JOB, policy=cast.policy, now=NOW
        )


# --- leavers ---------------------------------------------------------------------------------------------------------


def test_a_leaver_is_stopped_at_24_00_of_the_last_day_without_any_application(office: Cast) -> None:
    give(office, "staff", "ledger/account", "ledger/enter")
    employ_from(office, "staff", date(2020, 4, 1), MAY)
    assert run(office, start_of(MAY) - timedelta(seconds=1)) == NOTHING
    assert run(office, start_of(MAY)).left == 1
    assert {(one[1], one[4]) for one in held(office, "staff")} == {("ended", EndReason.LEFT)}
    assert not wanted(office, "staff", start_of(MAY)).enabled
    assert run(office, start_of(MAY)) == NOTHING
    with office.database.reading() as session:
        records = session.scalars(select(AuditRecord).where(AuditRecord.action == "grant.ended")).all()
        assert len(records) == 2
        assert all('"end_reason":"left"' in (record.payload or "") for record in records)


def test_a_suspended_right_of_a_leaver_ends_too(cast: Cast) -> None:
    give(cast, "staff", "ledger/account")
    with cast.database.writing() as session:
        session.scalars(select(Grant)).one().state = GrantState.SUSPENDED
    employ_from(cast, "staff", date(2020, 4, 1), MAY)
    assert run(cast, start_of(MAY)).left == 1


def test_a_leavers_planned_rights_never_begin(cast: Cast) -> None:
    give(cast, "staff", "ledger/account", valid_from=JUNE)
    employ_from(cast, "staff", date(2020, 4, 1), MAY)
    assert run(cast, start_of(MAY)).left == 1
    assert run(cast, start_of(JUNE)) == NOTHING


def test_a_successor_employment_at_that_instant_interrupts_nothing(cast: Cast) -> None:
    give(cast, "staff", "ledger/account")
    employ_from(cast, "staff", date(2020, 4, 1), MAY)
    with cast.database.writing() as session:
        unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == "0100")).one()
        person = session.get_one(Person, cast.people["staff"])
        add_person(session, "300009", person.name, person.kana, unit, "主事", person=person)
        successor = session.scalars(select(Employment).where(Employment.staff_number == "300009")).one()
        successor.valid_from = MAY
    assert run(cast, start_of(MAY)) == NOTHING
    assert held(cast, "staff")[0][1] == "in_force"


def test_a_successor_a_day_later_is_a_leaver_in_between(cast: Cast) -> None:
    give(cast, "staff", "ledger/account")
    employ_from(cast, "staff", date(2020, 4, 1), MAY)
    with cast.database.writing() as session:
        unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == "0100")).one()
        person = session.get_one(Person, cast.people["staff"])
        add_person(session, "300009", person.name, person.kana, unit, "主事", person=person)
        session.scalars(select(Employment).where(Employment.staff_number == "300009")).one().valid_from = (
            MAY + timedelta(days=1)
        )
    assert run(cast, start_of(MAY)).left == 1


def test_whoever_has_yet_to_begin_has_not_left_and_waits(cast: Cast) -> None:
    give(cast, "staff", "ledger/account")
    give(cast, "other", "ledger/account", valid_from=MAY)
    employ_from(cast, "staff", JUNE)
    employ_from(cast, "other", JUNE)
    assert run(cast, start_of(MAY)) == NOTHING
    assert not wanted(cast, "staff", start_of(MAY)).enabled
    assert run(cast, start_of(JUNE)).begun == 1


def test_who_is_employed_on_a_day(cast: Cast) -> None:
    everyone = {cast.people["staff"], cast.people["other"], cast.people["contractor"], 4711}
    employ_from(cast, "staff", date(2020, 4, 1), TODAY)
    employ_from(cast, "other", TOMORROW)
    with cast.database.reading() as session:
        assert employed_people(session, everyone, TODAY) == {cast.people["contractor"]}
        assert employed_people(session, everyone, TOMORROW) == {cast.people["other"], cast.people["contractor"]}


# --- deletion --------------------------------------------------------------------------------------------------------


def test_a_stopped_account_goes_after_the_profiles_days_and_is_looked_at_once(cast: Cast) -> None:
    give(cast, "staff", "ledger/account")
    carry_out(cast)
    employ_from(cast, "staff", date(2020, 4, 1), MAY)
    run(cast, start_of(MAY))
    carry_out(cast, now=start_of(MAY))
    days = timedelta(days=cast.policy.personnel.delete_after_days)
    assert run(cast, start_of(MAY) + days - timedelta(seconds=1)).deletions == 0
    assert run(cast, start_of(MAY) + days).deletions == 1
    assert run(cast, start_of(MAY) + days) == NOTHING
    carry_out(cast, now=start_of(MAY) + days)
    with cast.database.reading() as session:
        assert account_of(cast, session, "staff").seen_present is False
    assert run(cast, start_of(MAY) + days + timedelta(days=1)) == NOTHING


def test_an_account_that_came_back_from_deletion_waits_for_a_new_hand_over(cast: Cast) -> None:
    give(cast, "staff", "ledger/account")
    with cast.database.writing() as session:
        account_of(cast, session, "staff").handed_over_at = NOW
    take(cast, "staff", "ledger/account")
    later = NOW + timedelta(days=cast.policy.personnel.delete_after_days + 1)
    carry_out(cast, now=later)
    give(cast, "staff", "ledger/account", now=later)
    found = wanted(cast, "staff", later)
    assert found.required
    assert not found.enabled


# --- many at once ----------------------------------------------------------------------------------------------------


def test_one_run_carries_out_everything_and_running_it_again_does_nothing(cast: Cast) -> None:
    give(cast, "staff", "ledger/account", valid_from=MAY)
    give(cast, "other", "ledger/account", valid_until=MAY)
    give(cast, "desk", "ledger/account")
    employ_from(cast, "desk", date(2020, 4, 1), MAY)
    waiting = cast.file("hr", ("hr", "ledger/account"))
    assert run(cast, start_of(JUNE)) == LifecycleResult(begun=1, expired=1, left=1, deletions=0, lapsed=1)
    assert run(cast, start_of(JUNE)) == NOTHING
    with cast.database.reading() as session:
        assert session.get_one(Request, waiting).state.value == "lapsed"


# --- what a database can hold ----------------------------------------------------------------------------------------


def by_hand(cast: Cast, statement: str) -> None:
    """What somebody with the database's own tools does."""
    with cast.database.writing() as session:
        session.execute(text(statement))


@pytest.mark.parametrize(
    "change",
    ["state = 'ended'", "state = 'ended', ended_at = '2026-04-01 00:00:00'", "state = 'ended', end_reason = 'left'",
     "end_reason = 'left', ended_at = '2026-04-01 00:00:00'", "state = 'done'", "end_reason = 'bored'",
     "valid_until = '2026-03-31'", "line_id = 4711", "account_id = 4711"],
)  # fmt: skip
def test_the_database_refuses_a_grant_whose_end_is_unexplained_or_that_came_from_nowhere(
    office: Cast, change: str
) -> None:
    give(office, "staff", "ledger/account")
    with pytest.raises(IntegrityError):
        by_hand(office, f"UPDATE grants SET {change}")


def test_the_database_has_one_live_grant_of_a_right(office: Cast) -> None:
    give(office, "staff", "ledger/account")
    columns = "account_id, entitlement_id, line_id, valid_from, state"
    with pytest.raises(IntegrityError):
        by_hand(office, f"INSERT INTO grants ({columns}) SELECT {columns} FROM grants")


def test_the_database_has_each_generation_of_an_account_once(office: Cast) -> None:
    give(office, "staff", "ledger/account")
    columns = "system_id, account_id, generation, state, due_at, attempts, created_at"
    with pytest.raises(IntegrityError):
        by_hand(office, f"INSERT INTO outbox_tasks ({columns}) SELECT {columns} FROM outbox_tasks")


@pytest.mark.parametrize("what", ["login_name = 'u100009'", "uuid = (SELECT min(uuid) FROM accounts)"])
def test_the_database_has_each_name_of_a_system_and_each_uuid_once(office: Cast, what: str) -> None:
    give(office, "staff", "ledger/account")
    give(office, "other", "ledger/account")
    what = what.replace("min(uuid)", "uuid").replace("accounts)", "accounts LIMIT 1)")
    with pytest.raises(IntegrityError):
        by_hand(office, f"UPDATE accounts SET {what}")


def test_the_database_has_one_personal_account_per_person_and_system(office: Cast) -> None:
    give(office, "staff", "ledger/account")
    give(office, "other", "ledger/account")
    with pytest.raises(IntegrityError):
        by_hand(office, f"UPDATE accounts SET person_id = {office.people['staff']}")
