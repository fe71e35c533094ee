"""Whose a login name is: nobody's who is not known to have it may get it."""

import unicodedata
from collections.abc import Iterable

from connectors.ldap.encoding import Filter, Scope, equal, every, search, some
from connectors.ldap.entry_decoding import Entry
from connectors.ldap.site import Site
from idm.errors import TargetRefused
from idm.ports import ExternalId

NAMES_AT_ONCE = 100

Owners = dict[str, set[ExternalId]]
"""Who has a value that somebody might claim, by the value as directories compare it."""


class LoginNames:
    """Raises TargetError."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def owners(self, names: Iterable[str]) -> Owners:
        """Who has what these names, or their usual spellings, lay claim to."""
        wanted = {
            claim for name in names if name for spelled in (name, folded(name)) for claim in self._claims(spelled)
        }
        claims = sorted(wanted)
        conditions = [
            some(*(equal(attribute, value) for attribute, value in claims[start : start + NAMES_AT_ONCE]))
            for start in range(0, len(claims), NAMES_AT_ONCE)
        ]
        attributes = sorted({attribute for attribute, _ in claims})
        found: Owners = {}
        for entry in self._entries(conditions, attributes):
            external_id = self._site.entries.id_of(entry)
            for attribute in attributes:
                for value in entry.values.get(attribute.lower(), []):
                    found.setdefault(folded(value.decode(errors="replace")), set()).add(external_id)
        return found

    def objection(self, name: str, owners: Owners, *, own: ExternalId | None = None) -> TargetRefused | None:
        """Why an account may not be called so; None = it may. `own` has the name already."""
        if not name:
            return TargetRefused("ログイン名が空のため、アカウントを作成できません。")
        if problem := self._site.dialect.objection(name):
            return TargetRefused(problem)
        for _, value in self._claims(name):
            if owners.get(folded(value), set()) - {own}:
                return TargetRefused(f"ログイン名「{name}」（{value}）は、ディレクトリの別の項目が使っています。")
        return None

    def _claims(self, name: str) -> Iterable[tuple[str, str]]:
        return self._site.dialect.claims(name, self._site.settings)

    def _entries(self, conditions: Iterable[Filter], attributes: Iterable[str]) -> Iterable[Entry]:
        site, root = self._site, self._site.surroundings.names_root()
        wanted = [site.dialect.entry_id, *attributes]
        bases = site.settings.people_bases if root is None else (root,)
        kind = (site.is_account,) if root is None else ()
        searches = [
            search(base, Scope.SUBTREE, every(*kind, condition), wanted) for condition in conditions for base in bases
        ]
        return [entry for entries in site.session.find(searches) for entry in entries]


def folded(name: str) -> str:
    """A login name as directories compare it: width, case and runs of spaces make no difference."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
