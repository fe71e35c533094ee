"""Last use where every domain controller is asked (control C3).

lastLogon is exact and never replicated: each controller knows only its own sign-ins. lastLogonTimestamp is replicated
and up to 14 days old, so it narrows the question: only accounts it calls unused are asked about at every controller.
One that does not answer leaves the question open: then nothing is said of anybody.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from connectors.ldap import filetime
from connectors.ldap.encoding import Filter, some
from connectors.ldap.entry_decoding import Row, first
from connectors.ldap.last_use import LastUseReader
from connectors.ldap.session import Session
from connectors.ldap.site import Site
from idm.ports import ExternalId, LastUse, LastUseSource

ACCOUNTS_AT_ONCE = 500
LAST_LOGON = LastUseSource.LAST_LOGON.value


class EveryController:
    """Raises TargetError, and TargetUnavailable when one controller does not answer."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._stamps = LastUseReader(site)
        controllers = (replace(site.settings, host=host) for host in site.settings.domain_controllers)
        self._controllers = [Session(settings, site.dialect.search_controls) for settings in controllers]

    def unused_since(self, cutoff: datetime) -> Iterator[LastUse]:
        """Stream the accounts last used at or before the cutoff by every controller's word.

        Also one without a replicated stamp may have been seen by some controller.
        """
        unstamped = self._site.dialect.never_used(self._stamps.source)
        for use in self._asked(self._rows(some(*self._stamps.stamped_until(cutoff), unstamped))):
            if use.last_used_at is not None and use.last_used_at <= cutoff:
                yield use

    def never_used(self, created_before: datetime) -> Iterator[LastUse]:
        """Stream the accounts that no controller has seen, created before."""
        never = self._site.dialect.never_used(self._stamps.source)
        rows = self._rows(never, self._stamps.created(created_before))
        return (use for use in self._asked(rows) if use.last_used_at is None)

    def close(self) -> None:
        """Afterwards no controller is connected."""
        for session in self._controllers:
            session.close()

    def _rows(self, *conditions: Filter) -> Iterator[Row]:
        return self._site.stream_accounts(self._site.entries.use_attributes, *conditions)

    def _asked(self, rows: Iterator[Row]) -> Iterator[LastUse]:
        while piece := list(islice(rows, ACCOUNTS_AT_ONCE)):
            uses = [self._site.entries.last_use(row) for row in piece]
            newest = self._newest([use.external_id for use in uses])
            for row, use in zip(piece, uses, strict=True):
                exact = newest.get(use.external_id)
                stamped = use.last_used_at
                by_stamp = stamped is not None and (exact is None or stamped > exact)
                source = self._stamps.source if by_stamp else LastUseSource.LAST_LOGON
                yield self._site.entries.used(row, stamped if by_stamp else exact, source)

    def _newest(self, external_ids: Sequence[ExternalId]) -> dict[ExternalId, datetime]:
        newest: dict[ExternalId, datetime] = {}
        for session in self._controllers:
            for external_id, moment in self._seen_by(session, external_ids):
                newest[external_id] = max(moment, newest.get(external_id, moment))
        return newest

    def _seen_by(self, session: Session, external_ids: Iterable[ExternalId]) -> Iterator[tuple[ExternalId, datetime]]:
        dialect, site = self._site.dialect, self._site
        values = [value for external_id in external_ids if (value := dialect.id_value(external_id))]
        for base in site.settings.people_bases:
            for entry in session.look_up(
                base, site.is_account, dialect.entry_id, values, (dialect.entry_id, LAST_LOGON)
            ):
                moment = filetime.read(first(entry.values, LAST_LOGON))
                if moment is not None:
                    yield site.entries.id_of(entry), moment
