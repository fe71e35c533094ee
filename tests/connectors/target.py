"""A target as tests see it: the directory, and the people and programs at it; and how they make accounts."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Protocol
from uuid import UUID, uuid4

from idm.ports import (
    Attributes,
    CreateAccount,
    Directory,
    ExternalId,
    Outcome,
    ReadsPasswordState,
    ReportsLastUse,
    SetEnabled,
    SetTemporaryPassword,
    Step,
    TargetAccount,
    Writes,
)

PASSWORD = "Temporary-1234"


class Connector(Directory, Writes, ReadsPasswordState, ReportsLastUse, Protocol):
    """Every ability."""


class Target(Protocol):
    """One directory and what is done at it from outside."""

    def connector(self, *, clock: Callable[[], datetime] | None = None) -> Connector:
        """A new connector; by default its clock is the directory's."""
        ...

    def forgetful_connector(self, *, done: Callable[[], bool]) -> Connector:
        """A connector that loses the first answer given after `done` is true, with its connection."""
        ...

    def exists(self, login_name: str) -> bool:
        """Whether the directory holds the account."""
        ...

    def add_group(self, name: str) -> None:
        """Somebody makes a group."""
        ...

    def add_foreign_account(self, login_name: str) -> None:
        """Somebody makes an account that is none of ours."""
        ...

    def sign_in(self, login_name: str, password: str) -> bool:
        """Somebody tries to get in."""
        ...

    def reset_password(self, login_name: str, password: str) -> None:
        """Somebody at the help desk sets a password."""
        ...

    def set_last_use(self, login_name: str, moment: datetime) -> None:
        """The account was last used then."""
        ...

    def stop(self) -> None:
        """The directory goes down."""
        ...

    def start(self) -> None:
        """The directory comes back with what it held."""
        ...


def attributes(login_name: str, **changes: str | None) -> Attributes:
    """Attributes of a made-up person."""
    made_up = Attributes(
        login_name=login_name,
        display_name="髙橋　邊",
        family_name="髙橋",
        given_name="邊",
        employee_number="0012345",
        mail=f"{login_name}@town.example.jp",
        unit_name="総務課",
    )
    return replace(made_up, **changes)  # type: ignore[arg-type]  # a test only clears what may be empty


def created(connector: Connector, login_name: str, **changes: str | None) -> tuple[UUID, ExternalId]:
    """A new account of ours, as it is after its creation."""
    uuid = uuid4()
    assert connector.perform([CreateAccount(uuid, attributes(login_name, **changes))]) == [Outcome.CHANGED]
    return uuid, seen(connector, uuid).external_id


def usable(connector: Connector, login_name: str) -> tuple[UUID, ExternalId]:
    """A new account of ours, enabled, with PASSWORD."""
    uuid, external_id = created(connector, login_name)
    steps: list[Step] = [SetTemporaryPassword(external_id, PASSWORD), SetEnabled(external_id, enabled=True)]
    assert connector.perform(steps) == [Outcome.CHANGED, Outcome.CHANGED]
    return uuid, external_id


def seen(connector: Connector, uuid: UUID) -> TargetAccount:
    """The account as the target has it."""
    return connector.find([uuid])[uuid]
