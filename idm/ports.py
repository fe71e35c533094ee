"""The connector port: what a directory can be asked, in value types that no library leaks into.

A connector has only the abilities its target has; callers find them with `isinstance` on these protocols. Writing is
one verb, `perform`: it takes a *wave* of independent steps and answers each, so that a target that can take many
requests at once may do so, and the order between dependent steps stays with the caller (a wave ends before the next
begins). Nothing here retries, sleeps or opens a database. No secret appears in any repr, exception or log.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable
from uuid import UUID

from idm.errors import TargetError

ExternalId = str
"""The target's own immutable id (entryUUID, objectGUID, Entra object id, SCIM id), never a DN."""


class Outcome(StrEnum):
    """What a step did. Said only after the target's answer proves it."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"


class LastUseSource(StrEnum):
    """Where a date of last use was read (control C3)."""

    PWD_LAST_SUCCESS = "pwdLastSuccess"
    AUTH_TIMESTAMP = "authTimestamp"
    MEMORY = "memory"


@dataclass(frozen=True)
class Attributes:
    """What a directory entry says of its person. Names are stored as received, never normalised."""

    login_name: str
    display_name: str
    family_name: str
    given_name: str
    employee_number: str | None
    mail: str | None
    unit_name: str | None


@dataclass(frozen=True)
class TargetAccount:
    """One account as the target has it at the moment of reading.

    `account_uuid` is our own id, carried on the target in an attribute the profile chooses; None = not one of ours.
    `expires_at` is the directory's own expiry (the account refuses sign-in from then on), None = none.
    `enabled` is whether sign-in is possible at the moment of reading. `groups` are external ids, None = not read.
    """

    external_id: ExternalId
    account_uuid: UUID | None
    attributes: Attributes
    enabled: bool
    expires_at: datetime | None
    groups: frozenset[ExternalId] | None = None


@dataclass(frozen=True)
class AccountId:
    """The cheapest reading of an account: who it is on the target, and whose it is in our books."""

    external_id: ExternalId
    account_uuid: UUID | None
    login_name: str


@dataclass(frozen=True)
class LastUse:
    """When an account was last used, and where that was read. `last_used_at` None with `known` = never used."""

    external_id: ExternalId
    account_uuid: UUID | None
    login_name: str
    last_used_at: datetime | None
    source: LastUseSource
    known: bool = True


@dataclass(frozen=True)
class TargetGroup:
    """A group that can be granted."""

    external_id: ExternalId
    name: str


# --- steps: what may be written, one idempotent thing each -----------------------------------------------------------


@dataclass(frozen=True)
class CreateAccount:
    """Afterwards the account exists, disabled, with no password anyone knows, carrying `account_uuid`."""

    account_uuid: UUID
    attributes: Attributes


@dataclass(frozen=True)
class UpdateAttributes:
    """Afterwards the account's attributes are exactly these (its login name is never changed here)."""

    external_id: ExternalId
    attributes: Attributes


@dataclass(frozen=True)
class SetEnabled:
    """Afterwards the account can be signed in to until `expires_at` (None = no end), or not at all.

    Disabling holds against a later password reset by anyone.
    """

    external_id: ExternalId
    enabled: bool
    expires_at: datetime | None = None


@dataclass(frozen=True)
class AddMember:
    """Afterwards the account is a member of the group."""

    external_id: ExternalId
    group_id: ExternalId


@dataclass(frozen=True)
class RemoveMember:
    """Afterwards the account is not a member of the group."""

    external_id: ExternalId
    group_id: ExternalId


@dataclass(frozen=True)
class SetTemporaryPassword:
    """Afterwards this is the password and the target demands another at first sign-in (FK 6-2(9)②)."""

    external_id: ExternalId
    password: str = field(repr=False)


@dataclass(frozen=True)
class DeleteAccount:
    """Afterwards the account is not on the target and in no group of it."""

    external_id: ExternalId


Step = CreateAccount | UpdateAttributes | SetEnabled | AddMember | RemoveMember | SetTemporaryPassword | DeleteAccount


@dataclass(frozen=True)
class PasswordState:
    """What the target itself says of a password: must it be changed, and when was it last changed."""

    must_change: bool
    changed_at: datetime | None


# --- abilities -------------------------------------------------------------------------------------------------------


@runtime_checkable
class Directory(Protocol):
    """Every connector: can be read, and closed."""

    def accounts(self) -> Iterator[TargetAccount]:
        """Stream every account without groups; memory does not grow with the directory."""
        ...

    def account_ids(self) -> Iterator[AccountId]:
        """Stream every account's identity only."""
        ...

    def find(self, account_uuids: Iterable[UUID]) -> dict[UUID, TargetAccount]:
        """The accounts of ours with these uuids, with their groups; those not on the target are left out."""
        ...

    def group(self, name: str) -> TargetGroup:
        """The group of that name. Raises NotOnTarget."""
        ...

    def members(self, group_id: ExternalId) -> Iterator[ExternalId]:
        """Stream the accounts in a group. Raises NotOnTarget."""
        ...

    def close(self) -> None:
        """Afterwards no connection to the target is open."""
        ...


@runtime_checkable
class Writes(Protocol):
    """Can be changed, by the kinds of step in `can`."""

    can: frozenset[type[Step]]

    def perform(self, steps: Sequence[Step]) -> list[Outcome | TargetError]:
        """Carry out independent steps; answer each in order.

        A step that fails does not stop the others. An answer of `TargetUnavailable` means that the outcome of that
        step is unknown: read back before trying again. Raises nothing for a step; raises `TargetUnavailable` only
        when no step was sent.
        """
        ...


@runtime_checkable
class ReadsPasswordState(Protocol):
    """Can prove that a temporary password was changed."""

    def password_state(self, external_id: ExternalId) -> PasswordState:
        """Raises NotOnTarget."""
        ...


@runtime_checkable
class ReportsLastUse(Protocol):
    """Can say which accounts are unused; the server filters, not we."""

    def unused_since(self, cutoff: datetime) -> Iterator[LastUse]:
        """Stream the accounts whose last recorded use is at or before the cutoff."""
        ...

    def never_used(self, created_before: datetime) -> Iterator[LastUse]:
        """Stream the accounts with no recorded use, created before the given moment.

        Where the target may lose the record (a password reset), those are reported with `known` False.
        """
        ...
