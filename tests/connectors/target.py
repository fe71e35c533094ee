"""A target as tests see it: the directory, and the people and programs at it; and how they make accounts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID, uuid4

from idm.ports import (
    Attributes,
    ChecksPasswords,
    CreateAccount,
    Directory,
    ExternalId,
    Outcome,
    PasswordPolicy,
    ReadsLockout,
    ReadsPasswordPolicy,
    ReadsPasswordState,
    ReportsChanges,
    ReportsLastUse,
    ReportsPasswordAge,
    SetEnabled,
    SetTemporaryPassword,
    Step,
    TargetAccount,
    TimeBoxesMembership,
    Writes,
)

PASSWORD = "Temporary-1234"
OTHER_PASSWORD = "Helpdesk-5678"
CHOSEN_PASSWORD = "Chosen-by-me-9012"
HOUR = timedelta(hours=1)
AWKWARD_NAMES = ("o'hara, k+1", 'a"b<c>d;e\\f#g=h', "#1", "葛󠄀城", "髙﨑", "a*b(c)d")


class Connector(Directory, Writes, ReadsPasswordState, ReportsLastUse, Protocol):
    """What every connector has."""


class RichConnector(
    Connector, ReadsLockout, ReadsPasswordPolicy, TimeBoxesMembership, ReportsChanges, ChecksPasswords,
    ReportsPasswordAge, Protocol,
):  # fmt: skip
    """What every connector to a directory has."""


@dataclass(frozen=True)
class Facts:
    """In what directories differ and may.

    `ends_accounts`: it keeps the end of an account by
    itself. `dates_temporary_passwords`: it says when a password was set that must be changed. `awkward_names`: the
    worst login names it takes; `awkward_group`: a bad name of a group; `other_spelling`: the login name `taro` in
    other letters that it takes for the same.
    """

    last_use_lag: timedelta = timedelta()
    ends_accounts: bool = True
    dates_temporary_passwords: bool = True
    awkward_names: tuple[str, ...] = AWKWARD_NAMES
    awkward_group: str = "税務,照会"
    other_spelling: str = "ＴＡＲＯ"


class Target(Protocol):
    """One directory and what is done at it from outside."""

    @property
    def facts(self) -> Facts:
        """What is particular to it."""
        ...

    def connector(self, *, clock: Callable[[], datetime] | None = None) -> RichConnector:
        """A new connector; by default its clock is the directory's."""
        ...

    def forgetful_connector(self, *, done: Callable[[], bool]) -> RichConnector:
        """A connector that loses the first answer given after `done` is true, with its connection."""
        ...

    def exists(self, login_name: str) -> bool:
        """Whether the directory holds the account."""
        ...

    def add_group(self, name: str) -> None:
        """Somebody makes a group."""
        ...

    def everybodys_groups(self) -> frozenset[ExternalId]:
        """What every account is in from its creation."""
        ...

    def put_into_group(self, outer: str, inner: str) -> None:
        """Somebody puts one group into another."""
        ...

    def other_container(self) -> str:
        """Another place where accounts may be kept."""
        ...

    def outside_container(self) -> str:
        """A place where they may not."""
        ...

    def choose_password(self, login_name: str, old: str, new: str) -> None:
        """The person has replaced a password by one of their own."""
        ...

    def rules(self) -> PasswordPolicy:
        """What the password policy for everybody is set up to be; its name is the directory's."""
        ...

    def give_own_rules(self, login_name: str) -> None:
        """Somebody gives one account a policy of its own, with a minimum length of 20."""
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

    def stop(self) -> None:
        """The directory goes down."""
        ...

    def start(self) -> None:
        """The directory comes back with what it held."""
        ...


class UsedTarget(Target, Protocol):
    """A directory whose record of last use can be arranged."""

    def set_last_use(self, login_name: str, moment: datetime) -> None:
        """The account was last used then."""
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
    """A new account of ours, enabled, with PASSWORD where the target has passwords."""
    uuid, external_id = created(connector, login_name)
    steps: list[Step] = [SetTemporaryPassword(external_id, PASSWORD), SetEnabled(external_id, enabled=True)]
    possible = [step for step in steps if type(step) in connector.can]
    assert connector.perform(possible) == [Outcome.CHANGED] * len(possible)
    return uuid, external_id


def seen(connector: Connector, uuid: UUID) -> TargetAccount:
    """The account as the target has it."""
    return connector.find([uuid])[uuid]


def own_groups(target: Target, connector: Connector, uuid: UUID) -> frozenset[ExternalId]:
    """The groups the account was put into."""
    groups = seen(connector, uuid).groups
    assert groups is not None
    assert groups >= target.everybodys_groups()
    return groups - target.everybodys_groups()


def stopped_at(moment: datetime) -> Callable[[], datetime]:
    """A clock that says always the same."""
    return lambda: moment
