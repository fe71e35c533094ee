"""One directory as every verb needs it: where it is, what kind it is, and how its entries are found."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from connectors.ldap.dialect import Dialect
from connectors.ldap.distinguished_names import lies_below
from connectors.ldap.encoding import Filter, Scope, equal, every, present, search
from connectors.ldap.entries import EntryReader
from connectors.ldap.entry_decoding import Entry, Row
from connectors.ldap.session import Session
from connectors.ldap.settings import LdapSettings
from connectors.ldap.surroundings import Surroundings
from idm.errors import TargetRefused
from idm.ports import ExternalId


class Site:
    """Every method raises TargetError."""

    def __init__(
        self,
        session: Session,
        settings: LdapSettings,
        dialect: Dialect,
        surroundings: Surroundings,
        clock: Callable[[], datetime],
    ) -> None:
        self.session = session
        self.settings = settings
        self.dialect = dialect
        self.surroundings = surroundings
        self.clock = clock
        self.entries = EntryReader(settings, dialect)
        self.is_account = dialect.is_account(settings)
        self.is_group = equal("objectClass", dialect.group_class)

    def stream_accounts(self, wanted: Sequence[str], *conditions: Filter) -> Iterator[Row]:
        """The wanted attributes of every account that meets the conditions."""
        condition = every(self.is_account, *conditions) if conditions else self.is_account
        for base in self.settings.people_bases:
            yield from self.session.stream(base, condition, wanted)

    def accounts_by(self, attribute: str, values: Iterable[str | bytes], *more: str) -> list[Entry]:
        """The accounts that have one of the values, with `account_attributes` and more."""
        wanted = (*self.entries.account_attributes, *more)
        looked_for = list(values)
        return [
            entry
            for base in self.settings.people_bases
            for entry in self.session.look_up(base, self.is_account, attribute, looked_for, wanted)
        ]

    def accounts_by_id(self, external_ids: Iterable[ExternalId], *more: str) -> dict[ExternalId, Entry]:
        """The accounts with these ids; those that are not there are left out."""
        found = self.accounts_by(self.dialect.entry_id, self._id_values(external_ids), *more)
        return {self.entries.id_of(entry): entry for entry in found}

    def groups_by_id(self, group_ids: Iterable[ExternalId], *more: str) -> dict[ExternalId, Entry]:
        """The groups with these ids; those that are not there are left out."""
        root, wanted = self.surroundings.groups_root(), (self.dialect.entry_id, *more)
        found = self.session.look_up(root, self.is_group, self.dialect.entry_id, self._id_values(group_ids), wanted)
        return {self.entries.id_of(entry): entry for entry in found}

    def groups_of(self, accounts: Sequence[Entry]) -> list[list[Entry]]:
        """The groups each account is listed in, asked of the groups: not every directory keeps them on the account."""
        root, wanted = self.surroundings.groups_root(), [self.dialect.entry_id]
        conditions = (every(self.is_group, equal(self.dialect.member, account.dn)) for account in accounts)
        return self.session.find([search(root, Scope.SUBTREE, condition, wanted) for condition in conditions])

    def entry(self, dn: str, wanted: Sequence[str]) -> Entry | None:
        """The entry of that name; None when there is none, or none that we may see."""
        operation = search(dn, Scope.BASE, present("objectClass"), wanted)
        [found] = self.session.find([operation], base_may_be_gone=True)
        return found[0] if found else None

    def require_container(self, dn: str) -> None:
        """Afterwards accounts may be kept there. Raises TargetRefused when not."""
        if not any(lies_below(dn, base) for base in self.settings.people_bases):
            raise TargetRefused(
                f"「{dn}」は設定の people_base と more_people_bases の外にあるため、アカウントを置けません。"
            )
        if self.entry(dn, ["1.1"]) is None:
            raise TargetRefused(f"アカウントを置く場所「{dn}」がディレクトリにありません。")

    def _id_values(self, external_ids: Iterable[ExternalId]) -> list[bytes]:
        values = map(self.dialect.id_value, dict.fromkeys(external_ids))
        return [value for value in values if value is not None]
