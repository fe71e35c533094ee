"""The connector port: what a directory can be asked, in value types that no library leaks into.

A connector has only the abilities its target has; callers find them with `isinstance` on these protocols. Writing is
one verb, `perform`: it takes a *wave* of independent steps and answers each, so that a target that can take many
requests at once may do so, and the order between dependent steps stays with the caller (a wave ends before the next
begins). Nothing here retries, sleeps or opens a database. No secret appears in any repr, exception or log.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable
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
    LAST_LOGIN_TIME = "lastLoginTime"
    LAST_LOGON_TIMESTAMP = "lastLogonTimestamp"
    LAST_LOGON = "lastLogon"
    SIGN_IN_ACTIVITY = "signInActivity"
    LISTING = "listing"
    MEMORY = "memory"


SOURCE_LAG: Mapping[LastUseSource, timedelta] = {
    LastUseSource.LAST_LOGON_TIMESTAMP: timedelta(days=14),
    LastUseSource.SIGN_IN_ACTIVITY: timedelta(days=1),
}
"""How much later than the date read an account may really have been used: Active Directory replicates
lastLogonTimestamp only when it is older than 14 days less a random part (MS-ADTS, msDS-LogonTimeSyncInterval); Entra ID
fills signInActivity within 24 hours.
A connector says "unused since" only of what is unused even so."""


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
    `container` is where the target keeps it (the DN of its parent), None = the target has no such thing. `protected`:
    the target guards it as one of its own administrators (tier 0); we never write to it (control D10).
    `card_required`: nobody signs in to it without a card, and requiring one made its password unusable; None = the
    target knows no such thing (control B2).
    """

    external_id: ExternalId
    account_uuid: UUID | None
    attributes: Attributes
    enabled: bool
    expires_at: datetime | None
    groups: frozenset[ExternalId] | None = None
    container: str | None = None
    protected: bool = False
    card_required: bool | None = None
    seal: bytes | None = field(default=None, compare=False, repr=False)
    """A digest of all that was read of the account but its groups, where the target gives one (`SealsAccounts`)."""


@dataclass(frozen=True)
class Kept:
    """What of an account a target can keep; what it cannot keep is told to it and not looked for there.

    `ends`: it ends an account by itself; where it does not, an end is ours to carry out on its day. `attributes`: the
    fields of `Attributes` that it gives back as it was given them.
    """

    ends: bool = True
    attributes: frozenset[str] = frozenset(field.name for field in fields(Attributes))


EVERYTHING = Kept()
"""What a directory keeps."""


class BuiltIn(StrEnum):
    """An account that every target of a kind is born with, known by its immutable id whatever it is called (D5)."""

    ADMINISTRATOR = "administrator"
    GUEST = "guest"
    OTHER = "other"


@dataclass(frozen=True)
class AccountId:
    """The cheapest reading of an account: who it is on the target, and whose it is in our books."""

    external_id: ExternalId
    account_uuid: UUID | None
    login_name: str
    enabled: bool | None = None
    """None = this reading does not say."""
    built_in: BuiltIn | None = None
    protected: bool = False
    """The target guards it as one of its own administrators (tier 0)."""


class Standing(NamedTuple):
    """How an account stands at the moment of reading; each word as in `TargetAccount`."""

    enabled: bool
    expires_at: datetime | None
    card_required: bool | None


Said = tuple[str, str, str, str, str | None, str | None, str | None]
"""The fields of `Attributes`, in their order."""


class Sighting(NamedTuple):
    """One account in the reading of a whole directory; a plain row, because there are a hundred thousand of them.

    `uuid`: our own id, its 32 digits in lower case; None = not one of ours. What the account's groups are is not read.
    """

    seal: bytes
    external_id: ExternalId
    uuid: str | None
    said: Said
    standing: Standing
    container: str | None = None
    protected: bool = False
    built_in: BuiltIn | None = None

    @property
    def login_name(self) -> str:
        """What it is signed in to by."""
        return self.said[0]

    @property
    def enabled(self) -> bool:
        """Whether it can be signed in to now."""
        return self.standing.enabled

    def account_id(self) -> AccountId:
        """Who it is."""
        uuid = UUID(self.uuid) if self.uuid is not None else None
        return AccountId(self.external_id, uuid, self.login_name, self.enabled, self.built_in, self.protected)

    def account(self, groups: frozenset[ExternalId]) -> TargetAccount:
        """The same as an account that is in these groups."""
        uuid = UUID(self.uuid) if self.uuid is not None else None
        enabled, expires_at, card_required = self.standing
        return TargetAccount(
            self.external_id, uuid, Attributes(*self.said), enabled, expires_at, groups, self.container,
            self.protected, card_required, self.seal,
        )  # fmt: skip


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
    """A group. `protected`: it is one of the target's own administrators' (tier 0): watched, changed only by hand.

    `machines`: machines of the target's own belong into it; only people's accounts in it are out of place.
    """

    external_id: ExternalId
    name: str
    protected: bool = False
    machines: bool = False


# --- steps: what may be written, one idempotent thing each -----------------------------------------------------------


@dataclass(frozen=True)
class CreateAccount:
    """Afterwards the account exists, disabled, with no password anyone knows, carrying `account_uuid`.

    `container` is where it is made; None = the target's usual place.
    """

    account_uuid: UUID
    attributes: Attributes
    container: str | None = None


@dataclass(frozen=True)
class AdoptAccount:
    """Afterwards the account that was there before carries `account_uuid`; nothing else of it has changed.

    One that carries another's uuid is refused (control A18).
    """

    external_id: ExternalId
    account_uuid: UUID


@dataclass(frozen=True)
class UpdateAttributes:
    """Afterwards the account's attributes are exactly these (its login name is never changed here)."""

    external_id: ExternalId
    attributes: Attributes


@dataclass(frozen=True)
class RenameAccount:
    """Afterwards the account is signed in to by this name; its identity, groups and password are the same."""

    external_id: ExternalId
    login_name: str


@dataclass(frozen=True)
class MoveAccount:
    """Afterwards the account is kept in this container; its identity and groups are the same."""

    external_id: ExternalId
    container: str


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
    """Afterwards the account is a member of the group; with `until`, the target itself ends that (control D6).

    A target that cannot end a membership by itself refuses `until` (see `TimeBoxesMembership`).
    """

    external_id: ExternalId
    group_id: ExternalId
    until: datetime | None = None


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
class SetPassword:
    """Afterwards this is the password and the target asks for no other; a locked or disabled account stays so.

    For passwords that no person chooses or keeps (control D4).
    """

    external_id: ExternalId
    password: str = field(repr=False)


@dataclass(frozen=True)
class Unlock:
    """Afterwards wrong passwords no longer keep the account locked; whether it is enabled is as before."""

    external_id: ExternalId


@dataclass(frozen=True)
class RequireSmartCard:
    """Afterwards the target lets nobody into the account without a card, or asks for none (control B2).

    Requiring one makes the password unusable; lifting it does not bring the password back.
    """

    external_id: ExternalId
    required: bool


@dataclass(frozen=True)
class DeleteAccount:
    """Afterwards the account is not on the target and in no group of it."""

    external_id: ExternalId


Step = (
    CreateAccount
    | AdoptAccount
    | UpdateAttributes
    | RenameAccount
    | MoveAccount
    | SetEnabled
    | AddMember
    | RemoveMember
    | SetTemporaryPassword
    | SetPassword
    | Unlock
    | RequireSmartCard
    | DeleteAccount
)


@dataclass(frozen=True)
class PasswordState:
    """What the target itself says of a password: must it be changed, and when was it last changed."""

    must_change: bool
    changed_at: datetime | None


@dataclass(frozen=True)
class Lockout:
    """Whether wrong passwords keep an account locked; `until` None while locked = until somebody unlocks it."""

    locked: bool
    until: datetime | None = None


@dataclass(frozen=True)
class PasswordPolicy:
    """The rules in force for a password, as the target itself states them; None = no such rule (control D4).

    `name` is the target's name of the policy, and `is_default` whether it is the one for everybody.
    """

    name: str
    is_default: bool
    minimum_length: int | None
    complex: bool | None
    history: int | None
    maximum_age: timedelta | None
    lockout_after: int | None
    lockout_for: timedelta | None
    """None with `lockout_after` = until somebody unlocks it."""


class PasswordVerdict(StrEnum):
    """What a directory answers somebody who tries a password."""

    RIGHT = "right"
    WRONG = "wrong"
    MUST_CHANGE = "must_change"
    PASSWORD_EXPIRED = "password_expired"
    LOCKED = "locked"
    DISABLED = "disabled"
    ACCOUNT_EXPIRED = "account_expired"


@dataclass(frozen=True)
class PasswordCheck:
    """The answer, and whose account it was; None where the directory does not say, or the password was wrong."""

    verdict: PasswordVerdict
    external_id: ExternalId | None = None
    proven: bool = False
    """Whether the directory says this only to who knows the password; of a lock, many tell anybody."""


@dataclass(frozen=True)
class ChangeSet:
    """What changed since a cursor.

    `accounts` streams each changed account once, as it is now. `complete`: everything was read, because the cursor was
    too old or another server's: what is not in it is gone. `cursor` is for next time, valid once the stream has ended.
    """

    accounts: Iterator[TargetAccount]
    complete: bool
    cursor: str


class CheckVerdict(StrEnum):
    """How one check of a connection went."""

    FINE = "fine"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: what it was, how it is, what was found, and what to do about it."""

    subject: str
    verdict: CheckVerdict
    found: str
    remedy: str = ""
    stops_writing: bool = False
    """Nothing is written through this connection as long as it stands: it may do more than it needs (control D10)."""


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

    def members(self, group_id: ExternalId, *, nested: bool = False) -> Iterator[ExternalId]:
        """Stream what is in a group, each once. Raises NotOnTarget.

        A group in it is itself a member; with `nested` what is in it, by whatever way, is streamed in its place.
        """
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
class KeepsLess(Protocol):
    """Cannot keep all that is said of an account (its end, unit, staff number): services, rather than directories."""

    def kept(self) -> Kept:
        """What it keeps; asked of the target once at the most. Raises TargetUnavailable, TargetRefused."""
        ...


@runtime_checkable
class ReadsPasswordState(Protocol):
    """Can prove that a temporary password was changed."""

    def password_state(self, external_id: ExternalId) -> PasswordState:
        """Raises NotOnTarget."""
        ...


@dataclass(frozen=True)
class PasswordAge:
    """When the password of an account was last changed, as the target has it."""

    external_id: ExternalId
    account_uuid: UUID | None
    login_name: str
    changed_at: datetime


@runtime_checkable
class ReportsPasswordAge(Protocol):
    """Can say whose password has grown old; the server filters, not we (control E5)."""

    def unchanged_since(self, cutoff: datetime) -> Iterator[PasswordAge]:
        """Stream the accounts whose password was last changed at or before the cutoff, and is known to have been.

        One that has to be changed at the next sign-in anyway is not among them.
        """
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


@runtime_checkable
class ReportsSecondFactors(Protocol):
    """Can say whose account has a second factor registered that the target lets them use (controls B2 and I5)."""

    def second_factor_holders(self) -> Iterator[ExternalId]:
        """Stream their accounts. Who is not among them has none, or none yet. Raises TargetRefused where that may not
        be read."""
        ...


@runtime_checkable
class ReadsLockout(Protocol):
    """Can say whether wrong passwords keep an account locked."""

    def lockout(self, external_id: ExternalId) -> Lockout:
        """Raises NotOnTarget."""
        ...


@runtime_checkable
class ReadsPasswordPolicy(Protocol):
    """Can read back the rules for passwords that the target enforces."""

    def password_policy(self, external_id: ExternalId | None = None) -> PasswordPolicy:
        """The policy for everybody, or the one in force for this account (a fine-grained one goes first).

        Raises NotOnTarget, and TargetRefused where the target has no policy or we may not read it.
        """
        ...


@runtime_checkable
class TimeBoxesMembership(Protocol):
    """May be able to end a membership by itself (control D6)."""

    def can_time_box(self) -> bool:
        """Whether this target, as it is set up, ends memberships by itself."""
        ...


@runtime_checkable
class ReportsChanges(Protocol):
    """Can say what changed since it was last asked."""

    def changes_since(self, cursor: str | None) -> ChangeSet:
        """The accounts changed since the cursor; None, or a cursor it no longer understands = all of them."""
        ...


@runtime_checkable
class SealsAccounts(Protocol):
    """Can say at little cost which accounts are exactly as they were."""

    def sightings(self, known: Container[bytes]) -> Iterator[bytes | Sighting]:
        """Stream every account, ours or not: the seal alone of those whose seal is known, the others as they are.

        A seal is the one that `find` gave with the account, as long as nothing of it has changed.
        """
        ...


@runtime_checkable
class ChecksPasswords(Protocol):
    """Can try a person's own password, as that person."""

    def check_password(self, login_name: str, password: str) -> PasswordCheck:
        """What the target says. A blank password is WRONG without asking. Raises TargetUnavailable, TargetRefused."""
        ...


@dataclass(frozen=True)
class Begun:
    """A sign-in at a provider that has begun: where the browser goes, and what must come back with it."""

    address: str
    state: str = field(repr=False)
    """What the answer repeats, so that it is known to belong to this beginning (RFC 6749 10.12)."""
    kept: str = field(repr=False)
    """What `complete` needs again; of use only to whoever began."""


@dataclass(frozen=True)
class ProvenIdentity:
    """Whom a provider has proven: a subject means one person only together with its issuer (OIDC Core 5.7)."""

    issuer: str
    subject: str
    signed_in_at: datetime
    """When the person last gave the provider what it asks of them."""


@runtime_checkable
class IdentityProvider(Protocol):
    """A service that says who sits at a browser (OpenID Connect, by code with PKCE); nothing of what it gives is kept.

    It stands in for the password alone.
    """

    def begin(self, redirect_uri: str, *, max_age: timedelta) -> Begun:
        """A new sign-in, not older than `max_age` when it comes back. Raises TargetUnavailable, TargetRefused."""
        ...

    def complete(self, kept: str, answer: Mapping[str, str]) -> ProvenIdentity:
        """Who it is, by a fully checked ID token. Raises TargetUnavailable, TargetRefused."""
        ...

    def sign_out_address(self) -> str | None:
        """Where people sign out at the provider, as far as it said so lately; asks nobody."""
        ...


@runtime_checkable
class KnowsProtected(Protocol):
    """Has groups of its own administrators (tier 0), which are watched and changed only by hand (control D10)."""

    def protected_groups(self) -> Iterator[TargetGroup]:
        """Each such group, by its well-known identity, whatever it is called here."""
        ...

    def protected_accounts(self) -> Iterator[AccountId]:
        """Every account in such a group or guarded like one, and each built-in one, wherever on the target it is."""
        ...


@runtime_checkable
class KeepsFormerPassword(Protocol):
    """May go on taking an account's former password beside the new one (control D4)."""

    @staticmethod
    def former_password_counts() -> timedelta:
        """For how long after the change at the most, unless the target is set otherwise."""
        ...


@runtime_checkable
class KnowsItself(Protocol):
    """Can say which account of the target it is itself signed in as (control D10)."""

    def own_account_id(self) -> ExternalId | None:
        """That account's id; None = it is none, or the target does not show it. Raises TargetUnavailable."""
        ...


@runtime_checkable
class FindsByOwnId(Protocol):
    """Can be asked for accounts by its own ids: also for those that are not ours (control H5)."""

    def find_by_own_id(self, external_ids: Iterable[ExternalId]) -> dict[ExternalId, TargetAccount]:
        """The accounts with these ids, ours or not, without groups; those not on the target are left out."""
        ...


@runtime_checkable
class TellsTime(Protocol):
    """Can say what time it is by its own clock (control G5)."""

    def server_time(self) -> datetime | None:
        """Its time at this moment; None = it does not show it. Raises TargetUnavailable."""
        ...


@runtime_checkable
class ExaminesItself(Protocol):
    """Can look over its own connection: certificate, clock, rights, policies (`idm system test`)."""

    def examine(self) -> Iterator[Check]:
        """What was found, check by check; a check that could not be made is FAILED and says why. Raises nothing."""
        ...
