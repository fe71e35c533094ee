"""The journal of a rotation, whatever happens in whatever order: what the directory has is always in our books (D4)."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import select

from connectors.memory.directory import Account, Fault, MemoryDirectory
from idm.models.systems import InformationSystem
from idm.operations.privileged import rotations as steps
from idm.settings import Settings
from idm.vocabulary import RotationReason
from jobs.installation import Installation
from jobs.privileged import rotations as rotating
from tests.jobs.conftest import Clock
from tests.templates import with_cast
from tests.vault_office import BORN_WITH, VaultOffice

OUTSIDE = "Set-by-somebody-else-1234+"


class Death(BaseException):
    """The process is gone: nothing in it runs any more."""


def die(*_: object, **__: object) -> NoReturn:
    raise Death


def then_die(act: Callable[..., Any]) -> Callable[..., NoReturn]:
    """Dies when it has done that."""

    def act_and_die(*values: object, **named: object) -> NoReturn:
        act(*values, **named)
        raise Death

    return act_and_die


POINTS: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "claimed": (rotating, "_change", die),
    "sealing": (steps, "put_on_its_way", then_die(steps.put_on_its_way)),
    "sealed": (rotating, "_set", die),
    "told": (steps, "mark_set", die),
    "set": (rotating, "_prove", die),
    "proven": (rotating, "_finish", die),
    "confirming": (steps, "confirm", then_die(steps.confirm)),
}


class Journal(RuleBasedStateMachine):
    """One kept password, a worker that dies, a directory that is away, forgets to answer, or is meddled with."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="journal-")
        path = Path(self.folder.name)
        cast = with_cast(path / "idm.db")
        secrets = path / "secrets"
        secrets.mkdir(mode=0o700)
        (secrets / "ledger.password").write_text("unused", encoding="utf-8")
        with cast.database.writing() as session:
            system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
            system.connector_settings = {"name": str(path)}
        self.clock = Clock()
        found = Settings(
            database_url=cast.database.url, secrets_dir=secrets, checkpoint_file=path / "checkpoints.jsonl"
        )
        self.office = VaultOffice(cast, Installation(found, cast.database, self.clock))
        self.directory = MemoryDirectory.named(str(path))
        self.meddled = False

    @initialize()
    def kept(self) -> None:
        [self.account_id] = self.office.keep("backup-admin")

    @property
    def there(self) -> Account:
        found = self.directory.with_login("backup-admin")
        assert found is not None
        return found

    @rule(reason=st.sampled_from(list(RotationReason)))
    def ask(self, reason: RotationReason) -> None:
        self.office.ask(self.account_id, reason=reason)

    @rule()
    def one_round(self) -> None:
        self.office.rotate()

    @rule(point=st.sampled_from(sorted(POINTS)))
    def die_at(self, point: str) -> None:
        with pytest.MonkeyPatch.context() as patch, dying():
            patch.setattr(*POINTS[point])
            self.office.rotate(worker="dying")

    @rule(fault=st.sampled_from([None, *Fault]))
    def break_down(self, fault: Fault | None) -> None:
        self.directory.fault = fault

    @rule(off=st.booleans())
    def switch(self, off: bool) -> None:
        self.there.switched_off = off

    @rule()
    def meddle(self) -> None:
        self.there.password, self.there.password_changed_at, self.meddled = OUTSIDE, self.clock(), True

    @rule(minutes=st.sampled_from([1, 11, 60, 24 * 60]))
    def wait(self, minutes: int) -> None:
        self.clock.ahead += timedelta(minutes=minutes)

    @invariant()
    def what_the_directory_has_is_in_our_books(self) -> None:
        known = self.office.in_our_books(self.account_id)
        assert self.there.password in {*known, BORN_WITH, OUTSIDE}
        assert self.there.password != BORN_WITH or not self.office.secret(self.account_id)

    def teardown(self) -> None:
        self.directory.fault, self.there.switched_off = None, False
        self.office.ask(self.account_id, reason=RotationReason.SUSPECTED)
        for _ in range(3):
            self.clock.ahead += timedelta(hours=1)
            self.office.rotate()
        assert self.office.all_confirmed()
        assert self.there.password == self.office.password(self.account_id)
        assert self.office.in_our_books(self.account_id) == [self.there.password]
        self.office.cast.database.dispose()
        self.folder.cleanup()


@contextmanager
def dying() -> Iterator[None]:
    """Lets a death end the block."""
    try:
        yield
    except Death:
        return


TestJournal = Journal.TestCase
TestJournal.settings = settings(
    max_examples=20, stateful_step_count=12, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
