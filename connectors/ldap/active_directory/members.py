"""Who is in a group of Active Directory.

A domain controller gives at most so many values of one attribute (1500 as delivered, MaxValRange in [MS-ADTS]
3.1.1.3.4.6) and the first piece only to who asks for all: so pieces are asked for by their numbers, until one says it
is the last. Each value brings the member's id along (LDAP_SERVER_EXTENDED_DN_OID), so none is looked up. Who has a
group as primary group is in it without being listed.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from uuid import UUID

from connectors.ldap.active_directory.domain import IS_GROUP, Domain, in_any_way
from connectors.ldap.encoding import Scope, control, equal, every, integer, present, search, sequence, without
from connectors.ldap.entry_decoding import Entry, first
from connectors.ldap.outcomes import no_group
from connectors.ldap.security_ids import domain_of, last_number
from connectors.ldap.site import Site
from idm.errors import TargetRefused
from idm.ports import ExternalId

EXTENDED_DN = control("1.2.840.113556.1.4.529", sequence([integer(1)]))
"""With the GUID as text ([MS-ADTS] 3.1.1.3.4.1.5)."""

RANGE = re.compile(r"member;range=(\d+)-(\d+|\*)\Z")
GUID = re.compile(rb"<GUID=([0-9a-fA-F-]{36})>")


class DomainMembers:
    """See `connectors.ldap.members.Members`. `range_size` values are asked for at a time; the server may give fewer."""

    def __init__(self, site: Site, domain: Domain, *, range_size: int = 1500) -> None:
        self._site = site
        self._domain = domain
        self._range_size = range_size

    def direct(self, group_id: ExternalId) -> Iterator[ExternalId]:
        """See `Members`."""
        group = self._group(group_id)
        return chain(self._listed(group), self._having_as_primary([group]))

    def nested(self, group_id: ExternalId) -> Iterator[ExternalId]:
        """See `Members`; the server follows the groups, also when they lie in a circle."""
        group = self._group(group_id)
        return self._everybody(group)

    def _everybody(self, group: Entry) -> Iterator[ExternalId]:
        condition = in_any_way(group.dn)
        seen: set[ExternalId] = set()
        wanted, root = ["objectGUID"], self._domain.root()
        inside = self._site.session.find(
            [search(root, Scope.SUBTREE, every(IS_GROUP, condition), ["objectGUID", "objectSid"])]
        )[0]
        rows = self._site.session.stream(root, every(without(IS_GROUP), condition), wanted)
        listed = (self._site.entries.external_id(row[0]) for row in rows)
        for external_id in chain(listed, self._having_as_primary([group, *inside])):
            if external_id not in seen:
                seen.add(external_id)
                yield external_id

    def _group(self, group_id: ExternalId) -> Entry:
        found = self._site.groups_by_id([group_id], "objectSid")
        if group_id not in found:
            raise no_group(group_id)
        return found[group_id]

    def _listed(self, group: Entry) -> Iterator[ExternalId]:
        start: int | None = 0
        while start is not None:
            asked = f"member;range={start}-{start + self._range_size - 1}"
            operation = search(group.dn, Scope.BASE, present("objectClass"), [asked])
            [found] = self._site.session.find([operation], controls=[EXTENDED_DN])
            values, start = _piece(found[0]) if found else ([], None)
            yield from map(_id_in, values)

    def _having_as_primary(self, groups: Iterable[Entry]) -> Iterator[ExternalId]:
        for group in groups:
            sid = first(group.values, "objectSid")
            if sid is None or domain_of(sid) != self._domain.sid():
                continue
            condition = equal("primaryGroupID", str(last_number(sid)))
            for row in self._site.session.stream(self._domain.root(), condition, ["objectGUID"]):
                yield self._site.entries.external_id(row[0])


def _piece(group: Entry) -> tuple[list[bytes], int | None]:
    """The members in an answer, and where the next piece begins; None = this was the last.

    A server that gives less than was asked for may also name what was asked for, without values.
    """
    for name, values in group.values.items():
        found = RANGE.match(name)
        if found and values:
            return values, None if found[2] == "*" else int(found[2]) + 1
    return group.values.get("member", []), None


def _id_in(value: bytes) -> ExternalId:
    found = GUID.match(value)
    if found is None:
        raise TargetRefused("グループのメンバーの objectGUID を読み取れません。")
    return str(UUID(found[1].decode()))
