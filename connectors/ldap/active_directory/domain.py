"""The domain around the accounts: where it begins, who its own administrators are, and everybody's primary group.

Nothing guards tier 0 but ourselves: the directory's own guard (AdminSDHolder) runs once an hour, does not cover all of
it, and Samba has none. An account is protected when it is one of the two built-in ones, carries adminCount 1, or is in
a protected group in any way; a group when it is one of the well-known ones or lies inside one (control D10).
"""

from collections.abc import Iterator, Sequence

from connectors.ldap.dialect import Dialect
from connectors.ldap.encoding import Filter, Scope, equal, every, matching, present, search, some
from connectors.ldap.entries import external_id
from connectors.ldap.entry_decoding import Entry, Values, first
from connectors.ldap.security_ids import (
    BUILT_IN_ACCOUNTS,
    BUILTIN_GROUPS,
    DOMAIN_ACCOUNTS,
    DOMAIN_GROUPS,
    MACHINES,
    below,
    builtin,
    domain_of,
    last_number,
)
from connectors.ldap.session import Session
from connectors.ldap.settings import LdapSettings
from connectors.ldap.surroundings import NOBODY, Protected
from idm.errors import TargetRefused
from idm.ports import ExternalId, TargetGroup

ROOT = ("defaultNamingContext", "configurationNamingContext", "dsServiceName", "highestCommittedUSN")
GROUP = ("objectGUID", "objectSid", "sAMAccountName")
IS_GROUP = equal("objectClass", "group")
IS_ACCOUNT = every(equal("objectCategory", "person"), equal("objectClass", "user"))
IN_CHAIN = "1.2.840.113556.1.4.1941"
"""LDAP_MATCHING_RULE_TRANSITIVE_EVAL ([MS-ADTS] 3.1.1.3.4.4.3)."""

PAM_FEATURE = "cn=privileged access management feature,"


class Domain:
    """`Surroundings` of accounts in Active Directory. Every method raises TargetError."""

    def __init__(self, session: Session, settings: LdapSettings, dialect: Dialect) -> None:
        self._session = session
        self._settings = settings
        self._dialect = dialect
        self._root = ""
        self._sid = b""

    # --- Surroundings ------------------------------------------------------------------------------------------------

    def groups_root(self) -> str:
        """The domain: an account may be in groups anywhere in it, and those of its administrators are elsewhere."""
        return self.root()

    def names_root(self) -> str | None:
        """The domain: users, computers and groups share their names."""
        return self.root()

    def policy_dn(self) -> str:
        """The domain itself carries the rules for everybody."""
        return self.root()

    def protected(self) -> Protected:
        """Read afresh: who became an administrator a moment ago is protected now."""
        groups, condition = self._tier0()
        rows = self._session.rows(self.root(), every(IS_ACCOUNT, condition), ["objectGUID"])
        accounts = frozenset(self._id(row[0]) for row in rows if row[0])
        return Protected(accounts, frozenset(map(self._id_of, groups)))

    def is_watched_account(self) -> Filter:
        """What is an account of the domain's own administrators, or one that every domain is born with."""
        born = (equal("objectSid", below(self.sid(), number)) for number in BUILT_IN_ACCOUNTS)
        return every(IS_ACCOUNT, some(self._tier0()[1], *born))

    def _tier0(self) -> tuple[list[Entry], Filter]:
        groups = self._with_nested(self._well_known_groups())
        numbers = [last_number(sid) for group in groups if (sid := self._own_sid(group.values))]
        conditions = [
            equal("adminCount", "1"),
            *(equal("objectSid", below(self.sid(), number)) for number in DOMAIN_ACCOUNTS),
            *(equal("memberOf", group.dn) for group in groups),
            *(equal("primaryGroupID", str(number)) for number in numbers),
        ]
        return groups, some(*conditions)

    def primary_groups(self, accounts: Sequence[Entry]) -> list[frozenset[ExternalId]]:
        """By the number each account carries; nothing lists it there."""
        sids = [self._primary_sid(account) for account in accounts]
        found = self._session.look_up(
            self.root(), IS_GROUP, "objectSid", (sid for sid in sids if sid), ["objectGUID", "objectSid"]
        )
        ids = {first(group.values, "objectSid"): self._id_of(group) for group in found}
        return [frozenset({ids[sid]}) if sid in ids else NOBODY for sid in sids]

    def own_dn(self) -> str | None:
        """A domain lets in by distinguished name, user principal name (a@b), and DOMAIN\\name."""
        name = self._settings.bind_dn
        if "=" in name:
            return name
        _, separator, short = name.rpartition("\\")
        attribute, value = ("sAMAccountName", short) if separator else ("userPrincipalName", name)
        condition = every(equal("objectClass", "user"), equal(attribute, value))
        [found] = self._session.find([search(self.root(), Scope.SUBTREE, condition, ["1.1"])])
        return found[0].dn if len(found) == 1 else None

    # --- the domain itself -------------------------------------------------------------------------------------------

    def root(self) -> str:
        """Its name."""
        if not self._root:
            self._root = self.root_entry("defaultNamingContext")
        return self._root

    def sid(self) -> bytes:
        """Its security identifier."""
        if not self._sid:
            [found] = self._session.find([search(self.root(), Scope.BASE, present("objectClass"), ["objectSid"])])
            self._sid = (first(found[0].values, "objectSid") if found else None) or b""
            if not self._sid:
                raise TargetRefused("ドメインの objectSid を読み取る権限がありません。")
        return self._sid

    def root_entry(self, attribute: str) -> str:
        """What the domain controller says of itself (RFC 4512 5.1)."""
        [found] = self._session.find([search("", Scope.BASE, present("objectClass"), ROOT)])
        value = first(found[0].values, attribute) if found else None
        if value is None:
            raise TargetRefused(f"ディレクトリが {attribute} を示しません。Active Directory ではない可能性があります。")
        return value.decode()

    def change_mark(self) -> tuple[str, int]:
        """Which database counts its changes, and how far it has counted."""
        service = self.root_entry("dsServiceName")
        [found] = self._session.find([search(service, Scope.BASE, present("objectClass"), ["invocationId"])])
        invocation = first(found[0].values, "invocationId") if found else None
        if invocation is None:
            raise TargetRefused("ドメインコントローラーの invocationId を読み取る権限がありません。")
        return self._id(invocation), int(self.root_entry("highestCommittedUSN"))

    def ends_memberships(self) -> bool:
        """Whether the forest has switched on memberships that end by themselves."""
        partitions = f"CN=Partitions,{self.root_entry('configurationNamingContext')}"
        [found] = self._session.find(
            [search(partitions, Scope.BASE, present("objectClass"), ["msDS-EnabledFeature"])], base_may_be_gone=True
        )
        enabled = (name.lower() for entry in found for name in entry.values.get("msds-enabledfeature", []))
        return any(name.decode().startswith(PAM_FEATURE) for name in enabled)

    def protected_groups(self) -> Iterator[TargetGroup]:
        """The well-known groups of the domain's administrators, by whatever name they go here."""
        for group in self._well_known_groups():
            name = (first(group.values, "sAMAccountName") or b"").decode()
            number = last_number(first(group.values, "objectSid") or b"")
            yield TargetGroup(self._id_of(group), name, protected=True, machines=number in MACHINES)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _well_known_groups(self) -> list[Entry]:
        sids = [*(below(self.sid(), number) for number in DOMAIN_GROUPS), *map(builtin, BUILTIN_GROUPS)]
        return self._session.look_up(self.root(), IS_GROUP, "objectSid", sids, GROUP)

    def _with_nested(self, groups: Sequence[Entry]) -> list[Entry]:
        """With the groups inside them, however deep; each once."""
        found = {group.dn: group for group in groups}
        waiting = list(found)
        while waiting:
            inside = self._session.look_up(self.root(), IS_GROUP, "memberOf", waiting, GROUP)
            waiting = [group.dn for group in inside if group.dn not in found]
            found.update((group.dn, group) for group in inside)
        return list(found.values())

    def _own_sid(self, values: Values) -> bytes | None:
        """The identifier of a group of this domain; only such a group can be anybody's primary group."""
        sid = first(values, "objectSid")
        return sid if sid and domain_of(sid) == self.sid() else None

    def _primary_sid(self, account: Entry) -> bytes | None:
        sid, number = first(account.values, "objectSid"), first(account.values, "primaryGroupID")
        return below(domain_of(sid), int(number)) if sid and number else None

    def _id_of(self, entry: Entry) -> ExternalId:
        return self._id(first(entry.values, "objectGUID"))

    def _id(self, value: bytes | None) -> ExternalId:
        return external_id(value, self._dialect)


def in_any_way(group_dn: str) -> Filter:
    """Members of a group, and of the groups inside it."""
    return matching("memberOf", IN_CHAIN, group_dn)
