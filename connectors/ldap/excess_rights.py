"""What our own account may write beyond what it needs, where a directory does not say: asked so that nothing happens.

The question is to take a value away that is not there. Who may not write is told so (50, insufficientAccessRights); who
may is told that there is no such value (16, noSuchAttribute). Nothing can change, for the value is made up on the spot.
"""

from collections.abc import Iterable, Iterator
from secrets import token_hex

from connectors.ldap.distinguished_names import lies_below, same, split
from connectors.ldap.encoding import Change, ChangeKind, modify
from connectors.ldap.examination import ROOT, children, root_entry
from connectors.ldap.result_codes import NO_SUCH_ATTRIBUTE, SUCCESS
from connectors.ldap.site import Site
from idm.errors import TargetUnavailable
from idm.ports import Check, CheckVerdict

SUBJECT = "接続アカウントの権限"
CONFIGURATION = "cn=config"
ASKED = ("description", "userPassword")
"""An ordinary attribute, and the one by which somebody else's account is taken over."""

MOST_PLACES = 50
REMEDY = (
    "接続アカウントが書き込めるのは people_base・more_people_bases・groups_base の下だけにしてください"
    "（docs/openldap.md）。管理者（rootdn）で接続しないでください"
)


class ProbedRights:
    """See `connectors.ldap.examination.RightsCheck`."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def checks(self) -> Iterator[Check]:
        """One for the directory's own settings, one for everything outside our part of it."""
        outside = [dn for dn in self._places() if self._may_write(dn, ASKED)]
        if self._site.entry(CONFIGURATION, ["1.1"]) is not None and self._may_write(CONFIGURATION, ASKED[:1]):
            outside.insert(0, f"{CONFIGURATION}（サーバーの設定）")
        if outside:
            shown = "、".join(outside[:5]) + (f" ほか{len(outside) - 5}か所" if len(outside) > 5 else "")
            yield Check(
                SUBJECT, CheckVerdict.FAILED, f"担当する場所の外に書き込めます: {shown}", REMEDY, stops_writing=True
            )
        else:
            yield Check(SUBJECT, CheckVerdict.FINE, "担当する場所の外には書き込めません")

    def _places(self) -> list[str]:
        """Outside our part: the roots, what lies between them and us, and two levels below each; never ourselves."""
        settings = self._site.settings
        ours = (*settings.people_bases, settings.groups_base)
        roots = [value.decode() for value in root_entry(self._site, ROOT).get("namingcontexts", [])]
        above = [root for root in roots if any(lies_below(base, root) for base in ours)]
        found = dict.fromkeys([*above, *_between(ours, above)])
        for _ in range(2):
            for dn in [dn for dn in found if not _is_ours(dn, ours)]:
                found.update(dict.fromkeys(entry.dn for entry in children(self._site, dn)))
        return [dn for dn in found if not _is_ours(dn, ours) and not same(dn, settings.bind_dn)][:MOST_PLACES]

    def _may_write(self, dn: str, attributes: Iterable[str]) -> bool:
        asked = [modify(dn, [Change(ChangeKind.DELETE, name, (token_hex(16).encode(),))]) for name in attributes]
        for answer in self._site.session.exchange(asked):
            if isinstance(answer, TargetUnavailable):
                raise answer
            if answer.result.code in (SUCCESS, NO_SUCH_ATTRIBUTE):
                return True
        return False


def _between(bases: Iterable[str], roots: Iterable[str]) -> Iterator[str]:
    """What lies between a root and a base of ours, such as the unit that holds both of them."""
    for base in bases:
        _, parent = split(base)
        while parent and any(lies_below(parent, root) for root in roots):
            yield parent
            _, parent = split(parent)


def _is_ours(dn: str, ours: Iterable[str]) -> bool:
    return any(lies_below(dn, base) for base in ours)
