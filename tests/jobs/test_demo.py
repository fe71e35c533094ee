"""What the demonstration shows on its first day of rights behind the gate: one is in effect, others wait (B1, I1)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from idm.grant_state import GrantState, SuspensionReason
from idm.models.exceptions import RegisteredException
from idm.models.privileged import PrivilegedUse, RegisteredId, VaultSecret
from idm.models.requests import Grant, GrantSuspension
from idm.models.reviews import ReviewLine
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.models.work import OutboxTask, TaskState
from idm.vocabulary import ExceptionState, UseState
from jobs.demo import prepare as demonstration
from jobs.demo import privileged_cases
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
    assert reasons == {SuspensionReason.MISSING_FACTOR}
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
