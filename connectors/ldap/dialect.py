"""What a kind of LDAP directory must say of itself. Everything here is data or a pure function; nothing is sent.

The verbs (`account_writes`, `membership_writes`, `reading` and the like) are the same for every directory; how an
account is switched off, expires or must change its password is not. `connectors.ldap.dialects` holds one file each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from connectors.ldap.encoding import Change, ChangeKind, Control, Filter
from connectors.ldap.entry_decoding import Values
from connectors.ldap.settings import Defaults, LdapSettings
from idm.ports import BuiltIn, Check, ExternalId, LastUseSource, Lockout, PasswordPolicy, PasswordState, PasswordVerdict


@dataclass(frozen=True)
class SignInAnswer:
    """What a directory said to somebody's own password: result code, its words, and the error of the password policy
    control (draft-behera-ldap-password-policy) where it sent one."""

    code: int
    text: str
    policy_error: int | None = None


class Dialect(Protocol):
    """One kind of directory.

    `standing_attributes`, `password_attributes`, `lockout_attributes` and `policy_attributes` are to be asked for where
    the function of that name is called. `carried_by`: which attribute says which field of a person; of several for one
    field the last is read. `kin_attributes` tell which groups an account is in without being listed there.
    `written_afterwards`: attribute and value of a password change that the server replaces after it has answered.
    `must_change_switch`: the rule without which the demand to change a password is none; None = it needs no rule.
    `change_time_switch`: the rule without which no time of a password change is kept; None = one is always kept.
    `said_after_password`: what is answered only once the password was right; anything else a stranger may be told.
    `built_in_attribute`: by which the accounts are known that every such directory is born with; None = there are none.
    `renewed_at`: when the password was changed, written as last use is.
    `unseen`: what matters and cannot be read from outside, so that a person has to look at it.
    """

    defaults: Defaults
    entry_id: str
    group_class: str
    group_name: str
    member: str
    created_at: str
    changed_at: str
    carried_by: Mapping[str, str]
    standing_attributes: Sequence[str]
    password_attributes: Sequence[str]
    lockout_attributes: Sequence[str]
    kin_attributes: Sequence[str]
    policy_pointer: str
    policy_attributes: Sequence[str]
    must_change_switch: str | None
    change_time_switch: str | None
    written_afterwards: tuple[str, bytes] | None
    deletion_leaves_groups: bool
    said_after_password: frozenset[PasswordVerdict]
    search_controls: Sequence[Control]
    built_in_attribute: str | None
    renewed_at: str
    unseen: Sequence[Check]

    def is_account(self, settings: LdapSettings) -> Filter:
        """What is an account, ours or not."""
        ...

    def external_id(self, value: bytes) -> ExternalId:
        """The directory's own id as text."""
        ...

    def id_value(self, external_id: ExternalId) -> bytes | None:
        """The id as the directory keeps it; None for what cannot be one."""
        ...

    def objection(self, login_name: str) -> str | None:
        """Why the directory should not be given such a name, in a sentence; None = it may."""
        ...

    def naming_attribute(self, settings: LdapSettings) -> str:
        """Which attribute names a new entry; its value is the login name."""
        ...

    def names(self, login_name: str, values: Values, settings: LdapSettings) -> Mapping[str, str]:
        """What an account of that login name carries for signing in; `values` is what it has now, if it is there."""
        ...

    def claims(self, login_name: str, settings: LdapSettings) -> Sequence[tuple[str, str]]:
        """Attributes and values that nobody else may have when an account is called so."""
        ...

    def switched_off_from_birth(self) -> Mapping[str, Sequence[bytes]]:
        """What a new entry carries so that it cannot be signed in to, whatever password it gets."""
        ...

    def standing(self, carried: Sequence[bytes | None], now: datetime) -> tuple[bool, datetime | None]:
        """Whether the account can be signed in to now, and when it expires (None = never, or switched off)."""
        ...

    def card_required(self, carried: Sequence[bytes | None]) -> bool | None:
        """Whether nobody gets into the account without a card, by `standing_attributes`; None = it knows no cards."""
        ...

    def switching(self, values: Values, *, enabled: bool, expires_at: datetime | None, now: datetime) -> list[Change]:
        """What must change for the account to stand so; nothing when it does already."""
        ...

    def temporary_password(self, values: Values, password: str) -> Sequence[list[Change]]:
        """The password, with the demand to change it, and without bringing a locked account back to life.

        One request after another, where one does not do.
        """
        ...

    def password(self, values: Values, password: str) -> Sequence[list[Change]]:
        """The password, without a demand to change it; an account that is switched off or locked stays so.

        `values` has `lockout_attributes`. One request after another, where one does not do.
        """
        ...

    def password_state(self, values: Values) -> PasswordState:
        """Must the password be changed, and when was it last changed."""
        ...

    def lockout(self, values: Values, policy: PasswordPolicy | None, now: datetime) -> Lockout:
        """Whether wrong passwords keep the account locked; `policy` says for how long, None = not known."""
        ...

    def unlocking(self, values: Values) -> list[Change]:
        """What must change for wrong passwords to be forgotten; nothing when nothing is locked."""
        ...

    def built_in(self, value: bytes | None) -> BuiltIn | None:
        """Which account this is of those the directory was born with, by `built_in_attribute`; None = of none."""
        ...

    def keeps_password(self) -> Filter:
        """Accounts whose password does not have to be changed at the next sign-in."""
        ...

    def policy(self, dn: str, values: Values, *, is_default: bool) -> PasswordPolicy:
        """The rules in an entry of `policy_attributes`."""
        ...

    def password_verdict(self, said: SignInAnswer, standing: tuple[bool, datetime | None]) -> PasswordVerdict:
        """What an answer to a sign-in means for an account that stands so. Raises TargetRefused for none of ours."""
        ...

    def stamp(self, moment: datetime) -> bytes:
        """A moment as `created_at` and `changed_at` are written, for comparing."""
        ...

    def use(self, value: bytes) -> datetime | None:
        """The moment of last use; None = the directory writes "never" so."""
        ...

    def use_value(self, moment: datetime) -> bytes:
        """A moment as last use is written, for comparing."""
        ...

    def never_used(self, source: LastUseSource) -> Filter:
        """Accounts without a record of use."""
        ...

    def forgets_last_use(self, source: LastUseSource) -> bool:
        """Whether the record of last use is lost when the password changes, so that its absence proves nothing."""
        ...


def replacing(attribute: str, *values: bytes) -> Change:
    """Afterwards the attribute has exactly these values."""
    return Change(ChangeKind.REPLACE, attribute, values)
