"""The gate in operations: nothing reaches effect behind it, by whatever way, and what is missing stops it at once."""

import ast
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of, start_of
from idm.directory.wanted_account import WantedAccount, wanted_account
from idm.employment_kind import EmploymentKind
from idm.errors import InvalidInput
from idm.factors.authenticator_state import AuthenticatorState
from idm.factors.factor_gate import KEEPS, Verdict
from idm.grant_state import GrantState, SuspensionReason
from idm.keys.sealing import new_handover_key
from idm.models.audit import AuditRecord
from idm.models.authenticators import Authenticator, AuthenticatorUse, FactorReading
from idm.models.people import Absence, Employment
from idm.models.requests import Grant, GrantSuspension
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.models.work import OutboxTask, TaskState
from idm.operations.factors import factor_gate, factor_readings, factor_watch
from idm.operations.governance import configuration
from idm.operations.governance.configuration import ConfigurationText
from idm.operations.passwords import handovers
from idm.operations.rights import lifecycle, suspensions
from idm.operations.sweep.findings import SweepResult
from idm.organisation_file import effective_text as organisation_text
from idm.personnel_event import AbsenceKind
from idm.ports import Attributes, TargetAccount
from idm.publication import Reader
from idm.queries.factors.factor_gate import accounts_at_the_gate, verdicts
from idm.queries.factors.factor_holders import Holder, holders_behind_gate, without_factors
from idm.queries.factors.gate_outlook import gate_outlook
from idm.queries.passwords.handovers import waiting_accounts
from idm.queries.rights.account_facts import account_facts
from idm.queries.rights.external_access import external_rights
from idm.vocabulary import (
    BY_HAND,
    AuthenticatorKind,
    ConfigurationKind,
    LineEffect,
    RequestAction,
    Role,
    Stage,
    Zone,
)
from tests import authenticator_office as desk
from tests.cast import NOW, TODAY, Cast, organisation_source
from tests.going_live import STAFF, Ledger
from tests.templates import with_cast

JOB = Actor.job("tests.gate")
HELD, IN_FORCE, PLANNED = GrantState.SUSPENDED, GrantState.IN_FORCE, GrantState.PLANNED
TOKEN = AuthenticatorKind.HARDWARE_TOKEN
DAY, MAY, JUNE = timedelta(days=1), date(2026, 5, 1), date(2026, 6, 1)
GROUP_ID = "g-two"
OLD = timedelta(days=36)
"""Longer than the profile lets a read-back show anything."""
BY_GROUP = {"by": "group", "name": "端末", "group": "two", "password": True, "terminals": [], "listing": None}


def gated(cast: Cast, code: str = "pension", **changes: object) -> Cast:
    """The system's factors are demanded by a group that was found in its directory."""
    with cast.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == code)).one()
        system.zone, system.verification, system.factor_group_id = Zone.MYNUMBER, dict(BY_GROUP, **changes), GROUP_ID
    return cast


@pytest.fixture
def office(office: Cast) -> Cast:
    """The office on each of the two databases."""
    return gated(office)


@pytest.fixture
def one(cast: Cast) -> Cast:
    """The same on SQLite only."""
    return gated(cast)


def approve(cast: Cast, *rights: str, who: str = "staff", now: datetime = NOW, valid_from: date | None = None) -> None:
    wanted = [(who, right) for right in rights or ("pension/account",)]
    request = cast.file("hr", *wanted, now=now, valid_from=valid_from)
    for line in range(len(wanted)):
        cast.approve(request, now=now, line=line)


def token(cast: Cast, label: str = "T-1", now: datetime = NOW, system: str = "pension") -> int:
    authenticator_id = desk.issue(cast, label, kind=TOKEN, now=now)
    desk.activate(cast, authenticator_id, system, now=now)
    return authenticator_id


def read_back(cast: Cast, *, demanded: bool = True, now: datetime = NOW, enabled: bool = False) -> None:
    """What a worker does after it has written: what is seen is kept, and the gate applied."""
    with cast.database.writing() as session:
        for account in session.scalars(select(Account)).all():
            seen = TargetAccount(
                f"e-{account.id}", account.uuid, Attributes(account.login_name, "", "", "", None, None, None), enabled,
                None, frozenset({GROUP_ID} if demanded else ()),
            )  # fmt: skip
            factor_readings.record(session, account.system_id, {account.id: seen}, now=now)
            factor_gate.apply(session, [account.id], actor=JOB, policy=cast.policy, now=now)


def states(cast: Cast, who: str = "staff") -> list[GrantState]:
    with cast.database.reading() as session:
        query = select(Grant.state).join(Account, Grant.account_id == Account.id)
        return list(session.scalars(query.where(Account.person_id == cast.people[who]).order_by(Grant.id)))


def open_reasons(cast: Cast) -> list[SuspensionReason]:
    with cast.database.reading() as session:
        query = select(GrantSuspension.reason).where(GrantSuspension.until.is_(None))
        return sorted(session.scalars(query))


def wanted_of(cast: Cast, now: datetime = NOW) -> WantedAccount:
    with cast.database.reading() as session:
        account_id = session.scalars(select(Account.id)).one()
        facts = account_facts(session, [account_id], now=now)[account_id]
        return wanted_account(replace(facts, handed_over=True), now=now, delete_after_days=90)


def holders(cast: Cast, now: datetime = NOW) -> list[Holder]:
    with cast.database.reading() as session:
        return holders_behind_gate(session, policy=cast.policy, now=now)


def away(cast: Cast, begins: date, ends: date | None) -> None:
    with cast.database.writing() as session:
        employment = session.scalars(select(Employment).where(Employment.staff_number == "100009")).one()
        employment.absences.append(Absence(kind=AbsenceKind.CHILDCARE, valid_from=begins, valid_until=ends))


def run_day(cast: Cast, day: date) -> None:
    with cast.database.writing() as session:
        lifecycle.carry_out_due(session, actor=JOB, policy=cast.policy, now=max(start_of(day), NOW))


# --- every way into force -------------------------------------------------------------------------------------------


def by_approval(cast: Cast) -> None:
    approve(gated(cast), "pension/account")


def on_its_day(cast: Cast) -> None:
    approve(gated(cast), valid_from=MAY)
    run_day(cast, MAY)


def on_its_day_the_system_having_come_into_the_zone(cast: Cast) -> None:
    approve(cast, "ledger/account", valid_from=MAY)
    gated(cast, "ledger")
    run_day(cast, MAY)


def on_return(cast: Cast) -> None:
    approve(cast, "ledger/account")
    away(cast, MAY, JUNE)
    run_day(cast, MAY)
    gated(cast, "ledger")
    run_day(cast, JUNE)


def by_taking_over(cast: Cast) -> None:
    ledger = Ledger(cast).at(Stage.ADOPT)
    gated(cast, "ledger")
    ledger.take(STAFF)
    done = ledger.apply()
    ledger.decide("chief", done.request.id, Role.CHIEF)
    ledger.decide("vice", done.request.id, Role.SYSTEM)


def by_a_lost_thing_being_found(cast: Cast) -> None:
    approve(gated(cast))
    lost = token(cast)
    desk.lose(cast, lost)
    desk.recover(cast, lost)


def by_whatever_reason_being_closed(cast: Cast) -> None:
    approve(gated(cast))
    with cast.database.writing() as session:
        for grant in session.scalars(select(Grant)).all():
            for reason in SuspensionReason:
                suspensions.suspend(session, grant, reason, actor=JOB, policy=cast.policy, now=NOW)
            for reason in reversed(SuspensionReason):
                suspensions.resume(session, grant, reason, actor=JOB, policy=cast.policy, now=NOW)


@pytest.mark.parametrize(
    "way",
    [
        by_approval, on_its_day, on_its_day_the_system_having_come_into_the_zone, on_return, by_taking_over,
        by_a_lost_thing_being_found, by_whatever_reason_being_closed,
    ],
)  # fmt: skip
def test_by_no_way_does_a_right_reach_effect_behind_a_closed_gate(cast: Cast, way: Callable[[Cast], None]) -> None:
    way(cast)
    assert set(states(cast)) == {HELD}
    assert SuspensionReason.MISSING_FACTOR in open_reasons(cast)
    with cast.database.reading() as session:
        assert not without_factors(holders_behind_gate(session, policy=cast.policy, now=start_of(JUNE)))


def sources() -> Iterator[tuple[str, ast.Module]]:
    root = Path(__file__).parents[3]
    for room in ("idm", "jobs", "web", "connectors"):
        for path in sorted((root / room).rglob("*.py")):
            yield path.relative_to(root).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def test_there_is_no_other_way_into_force_than_through_where_the_gate_stands() -> None:
    """Whoever adds one has to lead it through `idm.operations.rights.suspensions`, or this says so."""
    moves, begins = set[str](), set[str]()
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ("GrantEvent.BEGIN", "GrantEvent.RESUME"):
                moves.add(path)
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("grants.begin", "grants.take_effect"):
                begins.add(f"{path}: {ast.unparse(node.func)}")
            if isinstance(node, ast.Assign) and ast.unparse(node.value) == "GrantState.IN_FORCE":
                raise AssertionError(f"{path} puts a right in force by hand")
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Grant":
                assert path == "idm/operations/rights/grants.py"
    assert moves == {"idm/grant_state.py", "idm/operations/rights/grants.py", "idm/operations/rights/suspensions.py"}
    assert begins == {
        "idm/operations/rights/suspensions.py: grants.begin",
        "idm/operations/rights/taking_effect.py: grants.take_effect",
    }


# --- what opens it --------------------------------------------------------------------------------------------------


def test_an_approved_right_is_held_back_and_its_demand_is_wanted_before_anybody_has_a_factor(office: Cast) -> None:
    approve(office)
    assert (states(office), open_reasons(office)) == ([HELD], [SuspensionReason.MISSING_FACTOR])
    wanted = wanted_of(office)
    assert (wanted.present, wanted.enabled, sorted(wanted.member_of)) == (True, False, [GROUP_ID])
    with office.database.reading() as session:
        records = session.scalars(select(AuditRecord).where(AuditRecord.action == "grant.suspended")).all()
        assert [json.loads(one.payload or "{}")["reason"] for one in records] == ["missing_factor"]
        assert waiting_accounts(session).total == 0, "nobody is called to the desk for what could not be used"


@pytest.mark.parametrize("first", ["factor", "reading"])
def test_factor_and_reading_open_it_in_either_order_and_neither_alone(office: Cast, first: str) -> None:
    approve(office)
    steps = ["factor", "reading"] if first == "factor" else ["reading", "factor"]
    for step in steps:
        assert states(office) == [HELD]
        if step == "factor":
            token(office)
        else:
            read_back(office)
    assert (states(office), wanted_of(office).enabled) == ([IN_FORCE], True)


def test_a_reading_that_demands_nothing_opens_nothing_and_closes_what_was_open(office: Cast) -> None:
    approve(office)
    token(office)
    read_back(office, demanded=False)
    assert states(office) == [HELD]
    read_back(office, now=NOW + DAY)
    assert states(office) == [IN_FORCE]
    read_back(office, demanded=False, now=NOW + 2 * DAY)
    assert states(office) == [HELD]


def test_an_older_reading_replaces_no_newer_one(one: Cast) -> None:
    approve(one)
    token(one)
    read_back(one, now=NOW + DAY)
    read_back(one, demanded=False, now=NOW)
    assert states(one) == [IN_FORCE]


def test_the_account_is_looked_at_as_soon_as_nothing_is_missing_but_what_the_directory_shows(one: Cast) -> None:
    approve(one)
    with one.database.writing() as session:
        for task in session.scalars(select(OutboxTask)):
            task.state = TaskState.DONE
    token(one)
    with one.database.reading() as session:
        newest = session.scalars(select(OutboxTask).order_by(OutboxTask.id.desc())).first()
        assert newest is not None
        assert (newest.state, newest.generation) == (TaskState.WAITING, newest.account.generation)


@pytest.mark.parametrize("kind", [AuthenticatorKind.TOTP, AuthenticatorKind.PASSKEY])
@pytest.mark.parametrize("in_system", [True, False])
def test_a_factor_of_the_products_own_sign_in_never_counts(one: Cast, kind: AuthenticatorKind, in_system: bool) -> None:
    """Not even one with a row that says it is enrolled in the system, which nothing ever writes."""
    approve(one)
    with one.database.writing() as session:
        own = Authenticator(
            person_id=one.people["staff"], kind=kind, own_sign_in=True, state=AuthenticatorState.ACTIVE, issued_at=NOW,
            activated_at=NOW,
        )  # fmt: skip
        session.add(own)
        session.flush()
        if in_system:
            system_id = desk.system_id(session, "pension")
            session.add(AuthenticatorUse(authenticator_id=own.id, system_id=system_id, since=NOW))
    read_back(one)
    assert states(one) == [HELD]
    assert [holder.verdict for holder in holders(one)] == [Verdict.FACTOR_MISSING]


def test_a_factor_of_another_system_another_person_or_not_yet_in_use_does_not_count(one: Cast) -> None:
    approve(one)
    gated(one, "ledger")
    token(one, "ELSEWHERE", system="ledger")
    others = desk.issue(one, "OTHERS", kind=TOKEN, to="other")
    desk.activate(one, others, "pension")
    desk.issue(one, "ISSUED", kind=TOKEN)
    read_back(one)
    assert set(states(one)) == {HELD}


def test_the_loss_of_one_of_two_stops_nothing_that_the_other_carries_once_the_loss_is_dealt_with(one: Cast) -> None:
    approve(one)
    lost, _ = token(one, "T-1"), token(one, "T-2")
    read_back(one)
    assert states(one) == [IN_FORCE]
    desk.lose(one, lost)
    assert open_reasons(one) == [SuspensionReason.LOST_CARD], "what rests on it is stopped, whatever else there is"
    desk.end(one, "collect", lost)
    assert states(one) == [IN_FORCE]


def test_a_loss_stops_the_right_in_the_transaction_that_reports_it(office: Cast) -> None:
    approve(office)
    lost = token(office)
    read_back(office)
    desk.lose(office, lost)
    assert (states(office), wanted_of(office).enabled) == ([HELD], False)
    assert open_reasons(office) == [SuspensionReason.LOST_CARD, SuspensionReason.MISSING_FACTOR]
    assert wanted_of(office).member_of == {GROUP_ID}, "the demand stays where it is"


# --- readings grow old ----------------------------------------------------------------------------------------------


def test_an_old_reading_keeps_whom_it_let_in_and_lets_nobody_in(one: Cast) -> None:
    with one.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "pension")).one()
        session.add(
            Entitlement(system_id=system.id, code="tax", name="税", kind="group", target_name="tax", privileged=False)
        )
    approve(one)
    token(one)
    read_back(one)
    later = NOW + OLD
    with one.database.writing() as session:
        assert factor_gate.apply_to_all(session, actor=JOB, policy=one.policy, now=later) == 0
    assert [holder.verdict for holder in holders(one, later)] == [Verdict.GROWN_OLD]
    approve(one, "pension/tax", now=later)
    assert states(one) == [IN_FORCE, HELD]
    read_back(one, now=later)
    assert states(one) == [IN_FORCE, IN_FORCE]


def test_whoever_comes_back_from_leave_waits_for_a_fresh_reading(one: Cast) -> None:
    approve(one)
    token(one)
    read_back(one)
    away(one, TODAY + DAY, JUNE)
    run_day(one, TODAY + DAY)
    assert (states(one), open_reasons(one)) == ([HELD], [SuspensionReason.LEAVE])
    run_day(one, JUNE)
    assert (states(one), open_reasons(one)) == ([HELD], [SuspensionReason.MISSING_FACTOR])
    with one.database.reading() as session:
        assert session.scalars(select(OutboxTask).order_by(OutboxTask.id.desc())).first().state is TaskState.WAITING  # type: ignore[union-attr]
    read_back(one, now=start_of(JUNE))
    assert states(one) == [IN_FORCE]


def test_an_account_that_the_directory_vouched_for_counts_as_read_and_a_list_stays_as_old_as_it_is(one: Cast) -> None:
    approve(one)
    token(one)
    read_back(one)
    with one.database.writing() as session:
        reading = session.scalars(select(FactorReading)).one()
        factor_readings.still_so(session, [reading.account_id], now=NOW + OLD)
        session.refresh(reading)
        assert reading.read_at == NOW + OLD
    assert [holder.verdict for holder in holders(one, NOW + OLD)] == [Verdict.OPEN]


def test_what_was_read_ends_with_the_last_right_and_a_new_one_is_shown_anew(office: Cast) -> None:
    approve(office)
    token(office)
    read_back(office)
    take = office.file("hr", ("staff", "pension/account"), action=RequestAction.REMOVE, effect=LineEffect.REVOKE)
    office.approve(take)
    with office.database.reading() as session:
        assert session.scalars(select(FactorReading)).all() == []
    approve(office, now=NOW + DAY)
    assert states(office)[-1] is HELD
    read_back(office, now=NOW + DAY)
    assert states(office)[-1] is IN_FORCE


# --- rules that change ----------------------------------------------------------------------------------------------


def accept_organisation(cast: Cast, text: str) -> None:
    content = organisation_text(text, "small")
    with cast.acting("security") as session:
        proposed = configuration.propose(
            session, ConfigurationText(ConfigurationKind.ORGANISATION, "small", content), reason="見直し",
            actor=cast.actor("security"), now=NOW,
        ).id  # fmt: skip
    with cast.acting("ciso") as session:
        configuration.accept(session, proposed, actor=cast.actor("ciso"), now=NOW)


def test_when_something_else_demands_factors_what_was_read_says_nothing_any_more(one: Cast) -> None:
    with one.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "pension")).one()
        system.verification = {**BY_GROUP, "group": "pension-two-factor"}
    approve(one)
    token(one)
    read_back(one)
    accept_organisation(one, organisation_source())
    assert states(one) == [IN_FORCE], "the same group: nothing has changed"
    accept_organisation(one, organisation_source().replace("pension-two-factor", "another-group"))
    assert states(one) == [HELD]
    with one.database.reading() as session:
        assert session.scalars(select(FactorReading)).all() == []
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "pension")).one()
        assert system.factor_group_id is None


def test_a_right_that_needs_factors_no_more_is_given_back(one: Cast) -> None:
    approve(one)
    read_back(one)
    accept_organisation(one, organisation_source().replace('zone = "mynumber"', 'zone = "lgwan"'))
    assert (states(one), open_reasons(one)) == ([IN_FORCE], [])
    with one.database.reading() as session:
        assert session.scalars(select(FactorReading)).all() == [], "nobody keeps account of it any more"


def from_outside(cast: Cast) -> None:
    """One right of the ledger gives access from outside, and a group demands factors for it."""
    with cast.database.writing() as session:
        ledger = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        ledger.verification, ledger.factor_group_id = BY_GROUP, GROUP_ID
        for right in ledger.entitlements:
            right.external_access, right.external_id = right.code == "approve", right.target_name


def test_access_from_outside_waits_and_the_ordinary_account_goes_on(one: Cast) -> None:
    from_outside(one)
    approve(one, "ledger/account")
    request = one.file("hr", ("staff", "ledger/approve"), valid_until=MAY)
    one.approve(request)
    assert states(one) == [IN_FORCE, HELD]
    assert (wanted_of(one).enabled, wanted_of(one).member_of) == (True, frozenset())
    token(one, system="ledger")
    assert wanted_of(one).member_of == {GROUP_ID}
    read_back(one)
    assert states(one) == [IN_FORCE, IN_FORCE]


def test_a_contractors_privileges_in_the_cloud_need_factors_and_those_of_staff_do_not(one: Cast) -> None:
    with one.database.writing() as session:
        ledger = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        ledger.zone = Zone.INTERNET
    for who in ("staff", "contractor"):
        request = one.file("hr", (who, "ledger/admin-account"), (who, "ledger/admin"), valid_until=MAY)
        for line in range(2):
            one.approve(request, line=line)
    assert (states(one, "staff"), states(one, "contractor")) == ([IN_FORCE] * 2, [HELD, HELD])
    with one.database.writing() as session:
        employment = session.scalars(select(Employment).where(Employment.staff_number == "900001")).one()
        employment.kind = EmploymentKind.DISPATCHED
        factor_gate.apply_to_people(session, [employment.person_id], actor=JOB, policy=one.policy, now=NOW)
    assert states(one, "contractor") == [IN_FORCE] * 2


def test_who_works_here_is_no_contractor_for_one_they_will_work_for_later(one: Cast) -> None:
    """The same before anybody applies, at the gate, and in the register of who administrates the cloud."""
    with one.database.writing() as session:
        session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one().zone = Zone.INTERNET
        contract = session.scalars(select(Employment.contract_id).where(Employment.staff_number == "900001")).one()
        session.add(
            Employment(
                person_id=one.people["staff"], staff_number="900009", kind=EmploymentKind.CONTRACTOR,
                valid_from=MAY, valid_until=JUNE, contract_id=contract,
            )
        )  # fmt: skip
        right = one.entitlement(session, "ledger/admin").id
    wanted = (one.people["staff"], right)
    with one.database.reading() as session:
        assert gate_outlook(session, [wanted], policy=one.policy, now=NOW) == {}
        assert wanted in gate_outlook(session, [wanted], policy=one.policy, now=start_of(MAY))
    request = one.file("hr", ("staff", "ledger/admin-account"), ("staff", "ledger/admin"), valid_until=MAY)
    for line in range(2):
        one.approve(request, line=line)
    assert states(one) == [IN_FORCE, IN_FORCE]
    with one.database.reading() as session:
        assert external_rights(session, policy=one.policy, now=NOW, reader=Reader(TODAY)) == []


# --- the hand-over --------------------------------------------------------------------------------------------------


def ask(cast: Cast, now: datetime = NOW) -> int:
    with cast.acting("desk", now=now) as session:
        account_id = session.scalars(select(Account.id)).one()
        return handovers.ask(
            session, account_id=account_id, public_key=new_handover_key()[1], actor=cast.actor("desk"),
            policy=cast.policy, now=now,
        ).id  # fmt: skip


def test_a_held_back_account_is_not_handed_over_and_the_sentence_says_what_is_missing(one: Cast) -> None:
    approve(one)
    with one.database.writing() as session:
        session.scalars(select(Account)).one().seen_present = True
    with pytest.raises(InvalidInput, match="認証要素が足りません"):
        ask(one)
    token(one)
    with pytest.raises(InvalidInput, match="必須であることをまだ確認できていません"):
        ask(one)
    read_back(one)
    assert ask(one) > 0


def test_nobody_is_handed_an_account_for_the_first_time_on_a_reading_that_has_grown_old(one: Cast) -> None:
    approve(one)
    token(one)
    read_back(one)
    with one.database.writing() as session:
        session.scalars(select(Account)).one().seen_present = True
    with pytest.raises(InvalidInput, match="確認が古くなっています"):
        ask(one, NOW + OLD)
    with one.database.writing() as session:
        session.scalars(select(Account)).one().handed_over_at = NOW
    assert ask(one, NOW + OLD) > 0, "whoever was in may have another password"


# --- the evidence ---------------------------------------------------------------------------------------------------


def test_every_holder_stands_there_with_factors_who_verifies_them_dates_and_the_verdict(one: Cast) -> None:
    approve(one)
    approve(one, who="other")
    token(one)
    read_back(one, now=NOW + DAY, enabled=True)
    found = {holder.name: holder for holder in holders(one, NOW + 2 * DAY)}
    assert set(found) == {"青木　一郎", "今泉　二葉"}
    staff, other = found["青木　一郎"], found["今泉　二葉"]
    assert [factor.title for factor in staff.held_factors] == ["ハードウェアトークン T-1"]
    assert (staff.verdict, staff.required, staff.read_at) == (Verdict.OPEN, True, NOW + DAY)
    assert (staff.in_effect, staff.held, other.in_effect, other.held) == (True, False, False, True)
    assert (other.verdict, other.held_factors) == (Verdict.FACTOR_MISSING, ())
    assert without_factors(found.values()) == []


def test_whoever_had_a_right_in_effect_without_factors_would_be_named(one: Cast) -> None:
    approve(one)
    with one.database.writing() as session:
        session.scalars(select(Grant)).one().state = IN_FORCE
    assert [holder.name for holder in without_factors(holders(one))] == ["青木　一郎"]


def repairs(cast: Cast) -> list[str]:
    """What is to be done about everybody who is found to be in without factors, as the directory was seen last."""
    with cast.database.reading() as session:
        ids = session.scalars(select(InformationSystem.id)).all()
        results = [
            factor_watch.found_in(session, SweepResult(one, "", 0, ()), policy=cast.policy, now=NOW) for one in ids
        ]
        return [str(one.details["repair"]) for result in results for one in result.found]


@pytest.mark.parametrize(
    ("connector", "stage", "who"),
    [
        ("openldap", Stage.ENFORCE, "自動で行います"),
        ("openldap", Stage.OBSERVE, "自動では止まりません"),
        (BY_HAND, Stage.ENFORCE, "手作業の指示書"),
    ],
)
def test_a_finding_says_who_stops_an_account_that_is_in_without_factors(
    one: Cast, connector: str, stage: Stage, who: str
) -> None:
    approve(one)
    with one.database.writing() as session:
        session.scalars(select(Account)).one().seen_enabled = True
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "pension")).one()
        system.connector, system.stage = connector, stage
    (repair,) = repairs(one)
    assert who in repair


def test_an_ordinary_account_in_use_is_no_finding_while_access_from_outside_waits(one: Cast) -> None:
    from_outside(one)
    approve(one, "ledger/account")
    one.approve(one.file("hr", ("staff", "ledger/approve"), valid_until=MAY))
    with one.database.writing() as session:
        session.scalars(select(Account)).one().seen_enabled = True
    assert (states(one), repairs(one)) == ([IN_FORCE, HELD], [])
    with one.database.writing() as session:
        for grant in session.scalars(select(Grant)):
            grant.state = IN_FORCE
    assert len(repairs(one)) == 1, "in effect without factors, it is one"


def test_a_look_at_a_few_accounts_reads_only_those(one: Cast) -> None:
    approve(one)
    approve(one, who="other")
    with one.database.reading() as session:
        first, second = session.scalars(select(Account.id).order_by(Account.id))
        assert accounts_at_the_gate(session) == [first, second]
        assert accounts_at_the_gate(session, among=[second]) == [second]
        assert accounts_at_the_gate(session, among=[]) == []
        looked = holders_behind_gate(session, account_ids=[second], policy=one.policy, now=NOW)
        assert [holder.account_id for holder in looked] == [second]


# --- any order of events --------------------------------------------------------------------------------------------

EVENTS = (
    "approve", "approve_for_later", "revoke", "activate", "lose", "recover", "yes", "no", "night", "days", "weeks",
    "leave", "return",
)  # fmt: skip


class World:
    """One person, and whatever may happen to their right in whatever order."""

    def __init__(self, cast: Cast) -> None:
        self.cast, self.now, self.tokens = cast, NOW, list[int]()

    def happen(self, event: str) -> None:
        """It happens, unless it makes no sense now."""
        if event in ("days", "weeks"):
            self.now += DAY * (3 if event == "days" else 40)
            run_day(self.cast, day_of(self.now))
        elif event in ("yes", "no"):
            read_back(self.cast, demanded=event == "yes", now=self.now)
        elif event == "night":
            with self.cast.database.writing() as session:
                factor_gate.apply_to_all(session, actor=JOB, policy=self.cast.policy, now=self.now)
        else:
            getattr(self, f"_{event}")()

    def _approve(self) -> None:
        if not self.held():
            approve(self.cast, now=self.now)

    def _approve_for_later(self) -> None:
        if not self.held():
            approve(self.cast, now=self.now, valid_from=day_of(self.now) + 2 * DAY)

    def held(self) -> bool:
        """Whether the person holds the right, in whatever state."""
        return any(state is not GrantState.ENDED for state in states(self.cast))

    def _revoke(self) -> None:
        if self.held():
            request = self.cast.file(
                "hr", ("staff", "pension/account"), now=self.now, action=RequestAction.REMOVE, effect=LineEffect.REVOKE
            )
            self.cast.approve(request, now=self.now)

    def _activate(self) -> None:
        self.tokens.append(token(self.cast, f"T-{len(self.tokens)}", now=self.now))

    def _lose(self) -> None:
        for one in self.tokens:
            if desk.state(self.cast, one) is AuthenticatorState.ACTIVE:
                desk.lose(self.cast, one, now=self.now)
                return

    def _recover(self) -> None:
        for one in self.tokens:
            if desk.state(self.cast, one) is AuthenticatorState.LOST:
                desk.recover(self.cast, one)
                return

    def _leave(self) -> None:
        self._each(suspensions.suspend)

    def _return(self) -> None:
        self._each(suspensions.resume)

    def _each(self, act: Callable[..., bool]) -> None:
        with self.cast.database.writing() as session:
            for grant in session.scalars(select(Grant).where(Grant.state != GrantState.ENDED)).all():
                act(session, grant, SuspensionReason.LEAVE, actor=JOB, policy=self.cast.policy, now=self.now)

    def judged(self, session: Session) -> list[tuple[bool, Verdict]]:
        """Of every account, whether it is wanted enabled were it in hand, and what the gate says."""
        ids = list(session.scalars(select(Account.id)))
        facts = account_facts(session, ids, now=self.now)
        said = verdicts(session, ids, policy=self.cast.policy, now=self.now)
        return [
            (
                wanted_account(replace(facts[one], handed_over=True), now=self.now, delete_after_days=90).enabled,
                said[one],
            )
            for one in ids
        ]


@given(open_at_first=st.booleans(), events=st.lists(st.sampled_from(EVENTS), max_size=10))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
def test_in_any_order_of_events_no_account_is_wanted_enabled_while_the_gate_is_closed(
    tmp_path_factory: pytest.TempPathFactory, open_at_first: bool, events: list[str]
) -> None:
    cast = gated(with_cast(tmp_path_factory.mktemp("gate") / "idm.db"))
    world = World(cast)
    was_enabled = False
    try:
        for event in [*(("approve", "activate", "yes") if open_at_first else ()), *events]:
            world.happen(event)
            with cast.database.reading() as session:
                judged = world.judged(session)
                assert not without_factors(holders_behind_gate(session, policy=cast.policy, now=world.now))
            for enabled, verdict in judged:
                assert not enabled or verdict in KEEPS, (event, verdict)
                if enabled and not was_enabled:
                    assert verdict is Verdict.OPEN, "an old reading keeps; it lets nobody in"
            was_enabled = any(enabled for enabled, _ in judged)
    finally:
        cast.database.dispose()


# --- two at one moment ----------------------------------------------------------------------------------------------


def waits_or_is_done(cast: Cast, act: Future[None]) -> None:
    """Until the act has ended, or waits for somebody else's transaction."""
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    while not act.done():
        with cast.database.reading() as session:
            if session.scalar(waiting):
                return


def test_a_card_given_back_and_a_reading_at_the_same_moment_do_not_miss_each_other(postgres_office: Cast) -> None:
    cast = gated(postgres_office)
    approve(cast)
    card = token(cast)
    with ThreadPoolExecutor(1) as threads:
        with cast.database.writing() as session:
            authenticator = session.get_one(Authenticator, card)
            authenticator.state, authenticator.ended_at = AuthenticatorState.COLLECTED, NOW
            people = [authenticator.person_id]
            factor_gate.apply_to_people(session, people, actor=JOB, policy=cast.policy, now=NOW)
            reading = threads.submit(read_back, cast)
            waits_or_is_done(cast, reading)
        reading.result()
    assert states(cast) == [HELD]
