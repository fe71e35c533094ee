"""Who is in a group, where a directory only lists names: the entry behind each is asked for."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from connectors.ldap.encoding import Scope, present, search
from connectors.ldap.entry_decoding import Entry
from connectors.ldap.outcomes import no_group
from connectors.ldap.site import Site
from idm.ports import ExternalId

MEMBERS_AT_ONCE = 500


class Members(Protocol):
    """Raises NotOnTarget at once, TargetError while streaming."""

    def direct(self, group_id: ExternalId) -> Iterator[ExternalId]:
        """Stream everything that is in a group, a group inside it among them, also from outside the accounts' part."""
        ...

    def nested(self, group_id: ExternalId) -> Iterator[ExternalId]:
        """Stream everything but groups that is in a group, or in a group inside it, each once."""
        ...


class ListedMembers:
    """The placeholder of an empty group is left out, and so are names behind which nothing stands any more."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._wanted = [site.dialect.entry_id, "objectClass"]

    def direct(self, group_id: ExternalId) -> Iterator[ExternalId]:
        """See `Members`."""
        return map(self._site.entries.id_of, self._entries(self._listed(group_id)))

    def nested(self, group_id: ExternalId) -> Iterator[ExternalId]:
        """See `Members`; a group that is in itself is walked through once."""
        return self._walk(self._listed(group_id), {group_id})

    def _walk(self, names: Sequence[str], seen: set[ExternalId]) -> Iterator[ExternalId]:
        waiting = list(names)
        while waiting:
            inside = []
            for entry in self._entries(waiting):
                external_id = self._site.entries.id_of(entry)
                if external_id in seen:
                    continue
                seen.add(external_id)
                if self._is_group(entry):
                    inside.append(external_id)
                else:
                    yield external_id
            waiting = [
                name
                for group in self._site.groups_by_id(inside, self._site.dialect.member).values()
                for name in self._names_in(group)
            ]

    def _listed(self, group_id: ExternalId) -> list[str]:
        found = self._site.groups_by_id([group_id], self._site.dialect.member)
        if group_id not in found:
            raise no_group(group_id)
        return self._names_in(found[group_id])

    def _names_in(self, group: Entry) -> list[str]:
        placeholder = self._site.settings.placeholder_member_dn.casefold()
        names = (raw.decode() for raw in group.values.get(self._site.dialect.member.lower(), []))
        return [name for name in names if name.casefold() != placeholder]

    def _entries(self, names: Sequence[str]) -> Iterator[Entry]:
        anything = present("objectClass")
        for start in range(0, len(names), MEMBERS_AT_ONCE):
            piece = names[start : start + MEMBERS_AT_ONCE]
            searches = [search(name, Scope.BASE, anything, self._wanted) for name in piece]
            for found in self._site.session.find(searches, base_may_be_gone=True):
                yield from found

    def _is_group(self, entry: Entry) -> bool:
        classes = (name.lower() for name in entry.values.get("objectclass", []))
        return self._site.dialect.group_class.lower().encode() in classes
