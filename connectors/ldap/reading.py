"""Reading accounts, groups and their members, and last use."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from connectors.ldap import generalized_time
from connectors.ldap.dialect import OpenLdap
from connectors.ldap.encoding import Filter, Scope, at_least, at_most, equal, every, present, search, without
from connectors.ldap.entries import EntryReader
from connectors.ldap.entry_decoding import Entry, Row, first
from connectors.ldap.session import Session
from connectors.ldap.settings import LdapSettings
from idm.errors import NotOnTarget, TargetRefused
from idm.ports import AccountId, ExternalId, LastUse, PasswordState, TargetAccount, TargetGroup

MEMBERS_AT_ONCE = 500


class Reader:
    """Every method raises TargetError; streams keep one page in memory, whatever the directory's size."""

    def __init__(
        self, session: Session, settings: LdapSettings, dialect: OpenLdap, clock: Callable[[], datetime]
    ) -> None:
        self._session = session
        self._settings = settings
        self._dialect = dialect
        self._clock = clock
        self._entries = EntryReader(settings, dialect)
        self._kind = equal("objectClass", settings.account_class)
        self._group_kind = equal("objectClass", dialect.group_class)

    def accounts(self) -> Iterator[TargetAccount]:
        """Stream every account, ours or not, as it stands at the beginning of the reading."""
        now = self._clock()
        account = self._entries.account
        for row in self._stream(self._kind, self._entries.account_attributes):
            yield account(row, now)

    def account_ids(self) -> Iterator[AccountId]:
        """Stream who every account is."""
        return map(self._entries.account_id, self._stream(self._kind, self._entries.id_attributes))

    def find(self, account_uuids: Iterable[UUID]) -> dict[UUID, TargetAccount]:
        """Our accounts with these uuids, with their groups. Raises TargetRefused when two carry the same uuid."""
        found: dict[UUID, Entry] = {}
        for entry in self._look_up(self._settings.account_uuid_attribute, map(str, account_uuids)):
            uuid = self._entries.account_uuid(first(entry.values, self._settings.account_uuid_attribute))
            if uuid is None or uuid in found:
                raise TargetRefused(f"ディレクトリの複数の項目が同じアカウント番号 {uuid} を持っています。")
            found[uuid] = entry
        now = self._clock()
        groups = self._groups_of(list(found.values()))
        return {
            uuid: self._entries.account(self._entries.row(entry.values), now, groups=of)
            for (uuid, entry), of in zip(found.items(), groups, strict=True)
        }

    def group(self, name: str) -> TargetGroup:
        """The group of that name. Raises NotOnTarget, and TargetRefused when two have it."""
        found = self._find_groups("cn", name, [self._dialect.entry_id])
        if not found:
            raise NotOnTarget(f"グループ「{name}」はディレクトリにありません。")
        if len(found) > 1:
            raise TargetRefused(f"グループ「{name}」がディレクトリに複数あります。")
        return TargetGroup(self._id_of(found[0]), name)

    def members(self, group_id: ExternalId) -> Iterator[ExternalId]:
        """Stream everything that is in a group, also what lies outside the accounts' part of the directory.

        The placeholder of an empty group is left out, and so are names behind which nothing stands any more. Raises
        NotOnTarget at once.
        """
        found = self._find_groups(self._dialect.entry_id, group_id, [self._dialect.member])
        if not found:
            raise NotOnTarget(f"グループ {group_id} はディレクトリにありません。")
        placeholder = self._settings.placeholder_member_dn.casefold()
        names = [raw.decode() for raw in found[0].values.get(self._dialect.member, [])]
        return self._ids_of([name for name in names if name.casefold() != placeholder])

    def password_state(self, external_id: ExternalId) -> PasswordState:
        """Whether the password must be changed, and when it was last changed. Raises NotOnTarget."""
        wanted = (self._dialect.entry_id, *self._dialect.password_attributes)
        condition = every(self._kind, equal(self._dialect.entry_id, external_id))
        [found] = self._session.find([search(self._settings.people_base, Scope.SUBTREE, condition, wanted)])
        if not found:
            raise NotOnTarget(f"アカウント {external_id} はディレクトリにありません。")
        return self._dialect.password_state(found[0].values)

    def unused_since(self, cutoff: datetime) -> Iterator[LastUse]:
        """Stream the accounts last used at or before the cutoff; one indexed comparison by the server."""
        used = self._settings.last_use_attribute.value
        condition = every(self._kind, at_most(used, generalized_time.written(cutoff)))
        return map(self._entries.last_use, self._stream(condition, self._entries.use_attributes))

    def never_used(self, created_before: datetime) -> Iterator[LastUse]:
        """Stream the accounts with no record of use, created before; `known` False where the record can get lost."""
        source = self._settings.last_use_attribute
        condition = every(
            self._kind,
            without(present(source.value)),
            without(at_least(self._dialect.created_at, generalized_time.written(created_before))),
        )
        known = not self._dialect.forgets_last_use(source)
        for row in self._stream(condition, self._entries.use_attributes):
            yield self._entries.last_use(row, known=known)

    def _stream(self, condition: Filter, wanted: Sequence[str]) -> Iterator[Row]:
        return self._session.stream(self._settings.people_base, condition, wanted)

    def _look_up(self, attribute: str, values: Iterable[str]) -> list[Entry]:
        wanted = self._entries.account_attributes
        return self._session.look_up(self._settings.people_base, self._kind, attribute, values, wanted)

    def _find_groups(self, attribute: str, value: str, wanted: Sequence[str]) -> list[Entry]:
        return self._session.look_up(self._settings.groups_base, self._group_kind, attribute, [value], wanted)

    def _groups_of(self, accounts: Sequence[Entry]) -> list[frozenset[ExternalId]]:
        """The groups of each account, asked of the groups: not every directory keeps them on the account."""
        base, wanted = self._settings.groups_base, [self._dialect.entry_id]
        conditions = (every(self._group_kind, equal(self._dialect.member, account.dn)) for account in accounts)
        found = self._session.find([search(base, Scope.SUBTREE, condition, wanted) for condition in conditions])
        return [frozenset(map(self._id_of, groups)) for groups in found]

    def _ids_of(self, names: Sequence[str]) -> Iterator[ExternalId]:
        anything, wanted = present("objectClass"), [self._dialect.entry_id]
        for start in range(0, len(names), MEMBERS_AT_ONCE):
            piece = names[start : start + MEMBERS_AT_ONCE]
            searches = [search(name, Scope.BASE, anything, wanted) for name in piece]
            for found in self._session.find(searches, base_may_be_gone=True):
                yield from map(self._id_of, found)

    def _id_of(self, entry: Entry) -> ExternalId:
        return self._entries.external_id(first(entry.values, self._dialect.entry_id))
