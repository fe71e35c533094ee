"""What changed since last time, by the domain controller's own counter ([MS-ADTS] 3.1.1.1.9).

Each controller counts by itself: a mark is good only for the database that gave it (its invocation id). What was
deleted has left the accounts' part of the directory: only a full reading shows it.
"""

import json

from connectors.ldap.active_directory.domain import Domain
from connectors.ldap.changes import changed_accounts, read_cursor
from connectors.ldap.encoding import at_least
from connectors.ldap.site import Site
from idm.ports import ChangeSet

CHANGED = "uSNChanged"


class CountedChanges:
    """Raises TargetError; the accounts of a `ChangeSet` while they are streamed."""

    def __init__(self, site: Site, domain: Domain) -> None:
        self._site = site
        self._domain = domain
        self._places = list(site.settings.people_bases)

    def since(self, cursor: str | None) -> ChangeSet:
        """See `idm.ports.ReportsChanges`."""
        invocation, highest = self._domain.change_mark()  # before the reading: what changes during it comes next time
        mark = json.dumps([*self._places, invocation, str(highest)], ensure_ascii=False)
        *known, counted = read_cursor(cursor) or [""]
        complete = known != [*self._places, invocation] or not counted.isdecimal() or int(counted) > highest
        conditions = () if complete else (at_least(CHANGED, str(int(counted) + 1)),)
        return ChangeSet(changed_accounts(self._site, *conditions), complete, mark)
