"""What changed since last time, where a directory stamps each entry with the moment of its last change.

The newest stamp is read before the entries are: whatever changes from then on is stamped no earlier, so no clock of
ours is compared with the directory's. A margin covers what another server wrote a little earlier and passes on late.
Deletions leave no stamp: only a full reading shows them.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Protocol

from connectors.ldap import generalized_time
from connectors.ldap.encoding import Filter, at_least
from connectors.ldap.site import Site
from idm.ports import ChangeSet, TargetAccount

MARGIN = timedelta(minutes=1)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Changes(Protocol):
    """How a directory's changes are found. Raises TargetError."""

    def since(self, cursor: str | None) -> ChangeSet:
        """See `idm.ports.ReportsChanges`."""
        ...


class StampedChanges:
    """Raises TargetError; the accounts of a `ChangeSet` while they are streamed."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._place = [site.settings.host, *site.settings.people_bases]

    def since(self, cursor: str | None) -> ChangeSet:
        """See `idm.ports.ReportsChanges`."""
        known = self._moment(cursor)
        conditions = () if known is None else (self._changed_from(known),)
        stamps = self._site.stream_accounts([self._site.dialect.changed_at], *conditions)
        newest = max((generalized_time.read(row[0]) for row in stamps if row[0]), default=known or BEGINNING)
        return ChangeSet(changed_accounts(self._site, *conditions), known is None, self._cursor(newest))

    def _changed_from(self, moment: datetime) -> Filter:
        return at_least(self._site.dialect.changed_at, self._site.dialect.stamp(moment - MARGIN))

    def _cursor(self, newest: datetime) -> str:
        return json.dumps([*self._place, newest.isoformat()], ensure_ascii=False)

    def _moment(self, cursor: str | None) -> datetime | None:
        *place, moment = read_cursor(cursor) or [""]
        if place != self._place:
            return None
        try:
            found = datetime.fromisoformat(moment)
        except ValueError:
            return None
        return found if found.tzinfo else None


def changed_accounts(site: Site, *conditions: Filter) -> Iterator[TargetAccount]:
    """Stream the accounts that meet the conditions, as they are now."""
    now, protected = site.clock(), site.surroundings.protected().accounts
    for row in site.stream_accounts(site.entries.account_attributes, *conditions):
        yield site.entries.account(row, now, protected=protected)


def read_cursor(cursor: str | None) -> list[str] | None:
    """The parts of a cursor; None for one that is not of ours."""
    try:
        parts = json.loads(cursor or "null")
    except ValueError:
        return None
    return parts if isinstance(parts, list) and parts and all(isinstance(part, str) for part in parts) else None
