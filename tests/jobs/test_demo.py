"""What the demonstration shows on its first day of rights behind the gate: one is in effect, others wait (B1, I1)."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from idm.calendar_days import day_of
from idm.grant_state import GrantState, SuspensionReason
from idm.models.dormancy import DormancyCase
from idm.models.exceptions import RegisteredException
from idm.models.privileged import PrivilegedUse, RegisteredId, VaultSecret
from idm.models.requests import Grant, GrantSuspension
from idm.models.reviews import ReviewLine
from idm.models.stops import StopOrder
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.models.work import Finding, MailMessage, MailState, OutboxTask, TaskState
from idm.oversight.dormancy import disable_day
from idm.policy_file import load_profile
from idm.queries.governance.configuration import policy_in_force
from idm.queries.sweep.sign_offs import sign_off_sheets
from idm.vocabulary import (
    DormancyStage,
    EntitlementKind,
    ExceptionState,
    FindingKind,
    StopCause,
    UseState,
)
from idm.working_days import working_days
from jobs.demo import earlier_days, incident_cases, privileged_cases
from jobs.demo import prepare as demonstration
from jobs.demo.prepare import Demo

HELD, OPEN = GrantState.SUSPENDED, GrantState.IN_FORCE


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demonstration on its first day, with its directory."""
    folder: Path = tmp_path_factory.mktemp("demo") / "first-day"
    prepared = demonstration.prepare(folder)
    yield prepared
    prepared.directory.stop()


def rights(demo: Demo, system: str) -> dict[tuple[str, str], tuple[GrantState, bool | None]]:
    """Login name and right → the state of the right, and whether the directory shows the account as enabled."""
    query = (
        select(Account.login_name, Entitlement.code, Grant.state, Account.seen_enabled)
        .join(Grant, Grant.account_id == Account.id)
        .join(Entitlement, Grant.entitlement_id == Entitlement.id)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .where(InformationSystem.code == system)
    )
    with demo.installation.database.reading() as session:
        return {(name, right): (state, enabled) for name, right, state, enabled in session.execute(query)}


def test_one_my_number_right_is_in_effect_by_the_products_list_and_another_waits(demo: Demo) -> None:
    assert rights(demo, "pension") == {
        ("a002145", "account"): (OPEN, False),  # enabled when its first password is handed over
        ("a002145", "records"): (OPEN, False),
        ("a002148", "account"): (HELD, False),
        ("a002148", "records"): (HELD, False),
    }


def test_access_from_outside_waits_for_a_second_factor_and_the_account_does_not(demo: Demo) -> None:
    office = rights(demo, "office")
    assert office["a002025", "account"][0] is OPEN
    assert office["a002025", "remote-access"][0] is HELD


def test_everything_that_waits_says_so_and_the_directories_have_taken_the_rest(demo: Demo) -> None:
    with demo.installation.database.reading() as session:
        reasons = set(session.scalars(select(GrantSuspension.reason).where(GrantSuspension.until.is_(None))))
        tasks = set(session.scalars(select(OutboxTask.state)))
    assert reasons == {SuspensionReason.MISSING_FACTOR}, "whoever is stopped keeps their rights and is let in nowhere"
    assert tasks <= {TaskState.DONE, TaskState.SUPERSEDED}


def test_one_use_of_a_privileged_id_is_over_with_its_report_and_another_waits(demo: Demo) -> None:
    with demo.installation.database.reading() as session:
        done, waiting = session.scalars(select(PrivilegedUse).order_by(PrivilegedUse.id)).all()
        asleep = (done.account.seen_present, done.account.seen_enabled, done.account.seen_groups)
        assert (done.state, waiting.state) == (UseState.ENDED, UseState.ASKED)
        assert None not in (done.opened_at, done.closed_at, done.reported_at, done.checked_at)
        assert asleep == (True, False, [])


def test_the_passwords_of_the_privileged_and_the_shared_id_are_kept_and_seen_by_nobody(demo: Demo) -> None:
    with demo.installation.database.reading() as session:
        kept = {one.account.login_name: one.known_since for one in session.scalars(select(VaultSecret))}
        shared = session.scalars(select(RegisteredId)).one()
        users = session.scalars(
            select(Grant).join(Grant.entitlement).where(Entitlement.kind == EntitlementKind.SHARED_ID)
        )
        assert {(one.account.login_name, one.state) for one in users} == {("a002448", OPEN), ("a002013", OPEN)}
        assert kept == {"adm-a002448": None, privileged_cases.SHARED: None}
        assert shared.kept
        assert shared.accepted_by_id != shared.proposed_by_id


def test_a_review_over_the_whole_organisation_asks_somebody_about_every_right_but_nobody_about_an_own_one(
    demo: Demo,
) -> None:
    with demo.installation.database.reading() as session:
        lines = session.scalars(select(ReviewLine)).all()
        assert len({line.reviewer_id for line in lines}) > 1
        assert [line for line in lines if line.reviewer_id in (None, line.holder_id)] == []


def test_one_exception_is_permitted_and_another_waits_for_the_ciso(demo: Demo) -> None:
    with demo.installation.database.reading() as session:
        states = list(session.scalars(select(RegisteredException.state).order_by(RegisteredException.id)))
    assert states == [ExceptionState.PERMITTED, ExceptionState.ASKED]


def findings(demo: Demo) -> dict[FindingKind, list[Finding]]:
    """Kind → what was found of it, the oldest first."""
    found: dict[FindingKind, list[Finding]] = {}
    with demo.installation.database.reading() as session:
        for one in session.scalars(select(Finding).order_by(Finding.id)):
            found.setdefault(one.kind, []).append(one)
    return found


def test_the_nights_have_found_several_kinds_and_wait_for_names(demo: Demo) -> None:
    found = findings(demo)
    assert {
        FindingKind.DORMANT, FindingKind.ORPHAN, FindingKind.UNADOPTED, FindingKind.DRIFT, FindingKind.EXTRA_MEMBER,
        FindingKind.OUT_OF_BAND, FindingKind.PASSWORD_RULES,
    } <= found.keys()  # fmt: skip
    assert [one.label for one in found[FindingKind.OUT_OF_BAND]] == ["kyuutantou"]
    assert all(one.resolved_at is not None for one in found[FindingKind.OUT_OF_BAND]), "taken out in the same night"
    with demo.installation.database.reading() as session:
        policy = policy_in_force(session, now=demo.installation.clock())
        sheets = sign_off_sheets(session, policy.sweep, day=day_of(demo.installation.clock()), person_id=0)
        assert any(sheet.night and not sheet.complete for sheet in sheets)


def test_one_unused_id_is_stopped_and_another_one_warned_of(demo: Demo) -> None:
    with demo.installation.database.reading() as session:
        cases = session.execute(
            select(Account.login_name, DormancyCase.stage, Account.seen_enabled).join(
                Account, DormancyCase.account_id == Account.id
            )
        ).all()
    assert [tuple(case) for case in cases] == [
        (f"a{earlier_days.STOPPED}", DormancyStage.DISABLED, False),
        (f"a{earlier_days.WARNED}", DormancyStage.WARNED, True),
    ]


def test_the_ciso_has_accepted_a_risk_and_the_log_check_has_found_something(demo: Demo) -> None:
    found = findings(demo)
    accepted = [one for some in found.values() for one in some if one.accepted_until is not None]
    assert [one.kind for one in accepted] == [incident_cases.RISK]
    assert found[FindingKind.QUICK_DECISIONS]


def test_one_stop_for_a_violation_holds_and_another_stop_was_lifted_by_two(demo: Demo) -> None:
    with demo.installation.database.reading() as session:
        held, lifted = session.scalars(select(StopOrder).order_by(StopOrder.id)).all()
        assert (held.cause, held.lifted_at, held.violation_id is None) == (StopCause.VIOLATION, None, False)
        assert lifted.lifted_at is not None
        assert lifted.lift_asked_by_id not in (None, lifted.lifted_by_id)
        query = select(Account.seen_enabled).where(Account.login_name == f"a{earlier_days.VIOLATOR}")
        assert session.scalars(query).all() == [False]


def test_the_notices_have_left_but_for_one_address_of_which_the_officers_are_told(demo: Demo) -> None:
    with demo.installation.database.reading() as session:
        refused = session.scalars(select(MailMessage).where(MailMessage.state == MailState.REFUSED)).all()
        waiting = session.scalars(select(MailMessage.subject).where(MailMessage.state == MailState.WAITING)).all()
        assert {one.recipient for one in refused} == {f"s{incident_cases.WITHOUT_MAIL}@example.jp"}
        assert all(one.refusal_told_at is not None for one in refused)
        assert waiting


def test_the_days_before_are_working_days_with_all_the_time_that_an_unused_id_has() -> None:
    policy = load_profile("fukuoka").policy
    for today in (date(2026, 11, 23), date(2027, 1, 4), date(2026, 5, 6)):
        days = earlier_days.days_before(today, policy)
        calendar, times = working_days(policy.calendar), policy.dormancy.times
        assert all(calendar.is_working(day) for day in (days.handed_over, days.warned, days.stopped))
        assert disable_day(times, calendar, days.warned) <= days.stopped < today
        assert (days.warned - days.handed_over).days > times.unused_days
