"""What an account has besides its own entry, and what a directory says of itself: Active Directory has much of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from connectors.ldap.entry_decoding import Entry
from connectors.ldap.settings import LdapSettings
from idm.errors import TargetRefused
from idm.ports import ExternalId

NOBODY: frozenset[ExternalId] = frozenset()


@dataclass(frozen=True)
class Protected:
    """Who and what is the directory's own administrators' (tier 0)."""

    accounts: frozenset[ExternalId] = NOBODY
    groups: frozenset[ExternalId] = NOBODY


class Surroundings(Protocol):
    """Every method may ask the directory, and raises TargetError."""

    def groups_root(self) -> str:
        """Below what a group may be found by its id, and the groups of an account."""
        ...

    def names_root(self) -> str | None:
        """Below what no two entries of any kind may have one login name; None = only where accounts are."""
        ...

    def protected(self) -> Protected:
        """What we never write to."""
        ...

    def primary_groups(self, accounts: Sequence[Entry]) -> list[frozenset[ExternalId]]:
        """The groups each account is in without being listed there."""
        ...

    def policy_dn(self) -> str:
        """Where the password policy for everybody is. Raises TargetRefused where we do not know."""
        ...

    def own_dn(self) -> str | None:
        """The entry we are signed in as; None = the name in the settings leads to none."""
        ...


class PlainTree:
    """The surroundings in a directory that has none."""

    def __init__(self, settings: LdapSettings, policy_dn: str) -> None:
        self._settings = settings
        self._policy_dn = policy_dn

    def groups_root(self) -> str:
        """Where the settings say."""
        return self._settings.groups_base

    def names_root(self) -> str | None:
        """A login name is an account's only."""
        return None

    def protected(self) -> Protected:
        """Nobody and nothing."""
        return Protected()

    def primary_groups(self, accounts: Sequence[Entry]) -> list[frozenset[ExternalId]]:
        """None."""
        return [NOBODY] * len(accounts)

    def policy_dn(self) -> str:
        """Where the settings say. Raises TargetRefused when they do not."""
        if not self._policy_dn:
            raise TargetRefused(
                "パスワードの規則の場所がわかりません。接続の設定に password_policy_dn を加えてください。"
            )
        return self._policy_dn

    def own_dn(self) -> str | None:
        """Where the settings say."""
        return self._settings.bind_dn
