"""The cast with its ledger system on a directory in memory, enforced."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.memory.connector import MemoryConnector
from connectors.memory.directory import Account, MemoryDirectory
from idm.models.work import Finding
from idm.operations.sweep.findings import SweepResult
from idm.ports import Attributes, Directory
from idm.settings import Settings
from idm.vocabulary import FindingKind
from jobs import installation, provision
from jobs.installation import Installation
from jobs.sweep import reconcile
from tests.cast import Cast
from tests.jobs.conftest import Clock

GROUPS = ("ledger-enter", "ledger-approve", "ledger-admin")


@dataclass
class Place:
    """The cast with its ledger system on a directory in memory, enforced."""

    cast: Cast
    installation: Installation
    directory: MemoryDirectory
    clock: Clock

    def grant(self, who: str, *rights: str) -> None:
        """`who` has applied and both officers have approved; a worker has done it."""
        request = self.cast.file(who, *((who, right) for right in rights), now=self.clock())
        for line in range(len(rights)):
            self.cast.approve(request, now=self.clock(), line=line)
        provision.run_due(self.installation, worker="w1")

    def account(self, login_name: str) -> Account:
        """The account as the directory has it."""
        found = self.directory.with_login(login_name)
        assert found is not None
        return found

    def by_hand(self, login_name: str) -> Account:
        """An account that somebody made by hand."""
        said = Attributes(login_name, login_name, login_name, "", None, None, None)
        return self.directory.add_account(said, now=self.clock())

    def join(self, group: str, member: str) -> None:
        """Afterwards the account or group of that id is in the group."""
        found = next(one for one in self.directory.groups.values() if one.name == group)
        found.members.add(member)

    def found(self) -> set[tuple[FindingKind, str]]:
        """The open findings of the system."""
        with self.cast.database.reading() as session:
            open_ones = select(Finding).where(Finding.resolved_at.is_(None), Finding.system_id == 1)
            return {(one.kind, one.label) for one in session.scalars(open_ones)}

    def reconcile(self, **how: bool) -> SweepResult:
        """One comparison of the system."""
        (result,) = reconcile.reconcile(self.installation, system_code="ledger", **how)
        return result


def open_place(
    cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, directory: MemoryDirectory | None = None
) -> Place:
    """The office, in which 青木 may enter vouchers."""
    directory = directory or MemoryDirectory()
    for name in GROUPS:
        directory.add_group(name)

    def open_memory(*_args: object, clock: Callable[[], datetime]) -> Directory:
        return MemoryConnector(directory, clock=clock)

    monkeypatch.setattr(installation, "open_directory", open_memory)
    (tmp_path / "ledger.password").write_text("x", encoding="utf-8")
    settings = Settings(database_url=cast.database.url, secrets_dir=tmp_path, base_url="https://idm.example.jp")
    clock = Clock()
    found = Place(cast, Installation(settings, cast.database, clock), directory, clock)
    found.grant("staff", "ledger/account", "ledger/enter")
    return found
