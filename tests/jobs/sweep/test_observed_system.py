"""A system that is only observed: nothing is ever written there, and what was approved is not shown as done (A18)."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.memory.connector import MemoryConnector
from connectors.memory.directory import MemoryDirectory
from idm.directory.directory_status import DirectoryStatus
from idm.errors import TargetError
from idm.models.systems import InformationSystem
from idm.models.work import OutboxTask, TaskState
from idm.ports import Directory, Outcome, ReadsPasswordState, ReportsLastUse, Step, Writes
from idm.queries.rights.account_status import Agreement, accounts_of_person
from idm.queries.rights.held_rights import live_rights
from idm.settings import Settings
from idm.vocabulary import Stage
from jobs import installation, provision
from jobs.information_systems.read_only import read_only
from jobs.installation import Installation
from jobs.sweep import sweep
from tests.cast import NOW, Cast


class Untouchable(MemoryConnector):
    """A directory that fails the test when anything is written to it."""

    def perform(self, steps: Sequence[Step]) -> list[Outcome | TargetError]:
        raise AssertionError(f"written to: {steps}")


@pytest.fixture
def directory() -> MemoryDirectory:
    found = MemoryDirectory()
    for name in ("ledger-enter", "ledger-approve", "ledger-admin"):
        found.add_group(name)
    return found


@pytest.fixture
def observed(cast: Cast, directory: MemoryDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """The cast's ledger system, only observed, on a directory that must not be written to."""

    def open_untouchable(*_args: object, clock: Callable[[], datetime]) -> Directory:
        return Untouchable(directory, clock=clock)

    monkeypatch.setattr(installation, "open_directory", open_untouchable)
    stage(cast, Stage.OBSERVE)
    (tmp_path / "ledger.password").write_text("x", encoding="utf-8")
    settings = Settings(database_url=cast.database.url, secrets_dir=tmp_path, base_url="https://idm.example.jp")
    return Installation(settings, cast.database, lambda: datetime.now(UTC))


def stage(cast: Cast, stage: Stage) -> None:
    with cast.database.writing() as session:
        session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one().stage = stage


def approve(cast: Cast) -> None:
    request = cast.file("staff", ("staff", "ledger/account"), ("staff", "ledger/enter"))
    cast.approve(request)
    cast.approve(request, line=1)


def test_the_provisioning_job_writes_nothing_and_the_task_goes_on_waiting(observed: Installation, cast: Cast) -> None:
    approve(cast)
    assert provision.run_due(observed, worker="w1") == 0
    with cast.database.reading() as session:
        system_id = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "ledger")).one()
    assert provision.run_system(observed, system_id, worker="w1") == 0, "not even when it is named"
    with cast.database.reading() as session:
        newest = session.scalars(select(OutboxTask).order_by(OutboxTask.id.desc())).first()
        assert newest is not None
        assert (newest.state, newest.attempts) == (TaskState.WAITING, 0)


def test_what_waits_there_says_that_the_system_is_observed(observed: Installation, cast: Cast) -> None:
    approve(cast)
    with cast.database.reading() as session:
        rights = live_rights(session, [cast.people["staff"]])
        (account,) = accounts_of_person(session, cast.people["staff"], now=NOW, delete_after_days=90)
    assert {right.directory.status for right in rights} == {DirectoryStatus.OBSERVED}
    assert account.agreement is Agreement.OBSERVED


def test_what_waited_is_done_once_the_system_is_no_longer_only_observed(
    observed: Installation, cast: Cast, directory: MemoryDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(cast)
    provision.run_due(observed, worker="w1")
    monkeypatch.setattr(installation, "open_directory", lambda *_args, clock: MemoryConnector(directory, clock=clock))
    stage(cast, Stage.ADOPT)
    assert provision.run_due(observed, worker="w1") > 0
    assert directory.with_login("u100009") is not None


def test_the_sweep_of_an_observed_system_only_reads(observed: Installation, cast: Cast) -> None:
    (result,) = sweep.sweep(observed, system_code="ledger")
    assert result.failure is None


def test_the_connection_itself_cannot_write(observed: Installation, cast: Cast, directory: MemoryDirectory) -> None:
    with cast.database.reading() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
    opened = observed.open_target(system)
    assert isinstance(opened, Directory)
    assert not isinstance(opened, Writes)
    assert not hasattr(opened, "perform")


def test_a_connection_for_reading_keeps_the_abilities_that_read(directory: MemoryDirectory) -> None:
    whole = MemoryConnector(directory, clock=lambda: NOW)
    opened = read_only(whole)
    for ability in (Directory, ReportsLastUse, ReadsPasswordState):
        assert isinstance(opened, ability)
    assert list(opened.accounts()) == []
