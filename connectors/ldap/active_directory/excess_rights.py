"""What our own account may do beyond what it needs, as Active Directory itself computes it ([MS-ADTS] 3.1.1.4.5).

Every group it is in, through whatever others, is in its `tokenGroups`; what it may write at a place is in
`allowedAttributesEffective` and `allowedChildClassesEffective` of that place. All three are only read. The right to
reset somebody's password is not among them: whom it holds for must be looked up in the delegation.
"""

from collections.abc import Iterator

from connectors.ldap.active_directory.domain import Domain
from connectors.ldap.distinguished_names import lies_below
from connectors.ldap.encoding import Scope, present, search
from connectors.ldap.entry_decoding import Entry
from connectors.ldap.examination import children
from connectors.ldap.security_ids import BUILTIN_GROUPS, DOMAIN_GROUPS, below, builtin
from connectors.ldap.site import Site
from idm.errors import TargetRefused
from idm.ports import Check, CheckVerdict

SUBJECT = "接続アカウントの権限"
EFFECTIVE = ("allowedAttributesEffective", "allowedChildClassesEffective")


class DomainRights:
    """See `connectors.ldap.examination.RightsCheck`."""

    def __init__(self, site: Site, domain: Domain) -> None:
        self._site = site
        self._domain = domain

    def checks(self) -> Iterator[Check]:
        """One for the groups it is in, one for where it may write."""
        yield self._groups()
        yield self._places()

    def _groups(self) -> Check:
        held = set(self._own_entry().values.get("tokengroups", []))
        domain = self._domain.sid()
        known = {below(domain, number): name for number, name in DOMAIN_GROUPS.items()}
        known |= {builtin(number): name for number, name in BUILTIN_GROUPS.items()}
        too_many = sorted(name for sid, name in known.items() if sid in held)
        if too_many:
            return Check(
                SUBJECT, CheckVerdict.FAILED,
                f"ドメインの管理者グループに属しています（入れ子を含む）: {'、'.join(too_many)}",
                "接続アカウントを管理者グループから外し、必要なOUだけを委任してください（docs/system-test.md）",
                stops_writing=True,
            )  # fmt: skip
        found = f"ドメインの管理者グループには属していません（{len(held)}グループを確認）"
        return Check(SUBJECT, CheckVerdict.FINE, found)

    def _places(self) -> Check:
        searches = [search(dn, Scope.BASE, present("objectClass"), EFFECTIVE) for dn in self._outside()]
        found = [entry for entries in self._site.session.find(searches, base_may_be_gone=True) for entry in entries]
        writable = [entry.dn for entry in found if any(entry.values.get(name.lower()) for name in EFFECTIVE)]
        if writable:
            shown = "、".join(writable[:5]) + (f" ほか{len(writable) - 5}か所" if len(writable) > 5 else "")
            return Check(
                SUBJECT, CheckVerdict.FAILED, f"担当するOUの外に書き込めます: {shown}",
                "委任を people_base・more_people_bases・groups_base のOUだけにしてください（docs/system-test.md）",
                stops_writing=True,
            )  # fmt: skip
        return Check(SUBJECT, CheckVerdict.FINE, f"担当するOUの外には書き込めません（{len(found)}か所を確認）")

    def _outside(self) -> list[str]:
        """The domain itself, what guards its administrators, its controllers, and every other place at the top."""
        settings, root = self._site.settings, self._domain.root()
        ours = (*settings.people_bases, settings.groups_base)
        places = [root, f"CN=AdminSDHolder,CN=System,{root}", f"OU=Domain Controllers,{root}", f"CN=System,{root}"]
        places += [entry.dn for entry in children(self._site, root)]
        return [
            dn
            for dn in dict.fromkeys(places)
            if not any(lies_below(dn, base) for base in ours) and not (dn != root and _holds(dn, ours))
        ]

    def _own_entry(self) -> Entry:
        """The entry we are signed in as, with its groups. Raises TargetRefused where it cannot be found."""
        dn = self._domain.own_dn()
        entry = self._site.entry(dn, ["tokenGroups"]) if dn else None
        if entry is None or not entry.values.get("tokengroups"):
            raise TargetRefused("接続アカウント自身の属するグループ（tokenGroups）を読み取れません。")
        return entry


def _holds(dn: str, ours: tuple[str, ...]) -> bool:
    return any(lies_below(base, dn) for base in ours)
