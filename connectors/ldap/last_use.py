"""Which accounts are not used: the directory filters, not we (control C3)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Protocol

from connectors.ldap.encoding import Filter, at_least, at_most, without
from connectors.ldap.site import Site
from idm.ports import SOURCE_LAG, LastUse


class UnusedAccounts(Protocol):
    """How accounts that nobody uses are found. Raises TargetError."""

    def unused_since(self, cutoff: datetime) -> Iterator[LastUse]:
        """See `idm.ports.ReportsLastUse`."""
        ...

    def never_used(self, created_before: datetime) -> Iterator[LastUse]:
        """See `idm.ports.ReportsLastUse`."""
        ...


class LastUseReader:
    """Reads the one stamp that the settings name; every method raises TargetError."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.source = site.settings.last_use_attribute
        self.known = not site.dialect.forgets_last_use(self.source)

    def unused_since(self, cutoff: datetime) -> Iterator[LastUse]:
        """Stream the accounts whose last use was at or before the cutoff, even if the stamp lags behind."""
        lag = SOURCE_LAG.get(self.source, timedelta())
        rows = self._site.stream_accounts(self._site.entries.use_attributes, *self.stamped_until(cutoff - lag))
        return filter(_was_used, map(self._site.entries.last_use, rows))

    def never_used(self, created_before: datetime) -> Iterator[LastUse]:
        """Stream the accounts with no record of use, created before; `known` False where the record can get lost."""
        conditions = (self._site.dialect.never_used(self.source), self.created(created_before))
        for row in self._site.stream_accounts(self._site.entries.use_attributes, *conditions):
            yield self._site.entries.last_use(row, known=self.known)

    def stamped_until(self, moment: datetime) -> tuple[Filter, ...]:
        """What a stamp at or before the moment meets."""
        return (at_most(self.source.value, self._site.dialect.use_value(moment)),)

    def created(self, before: datetime) -> Filter:
        """What was there before the moment."""
        return without(at_least(self._site.dialect.created_at, self._site.dialect.stamp(before)))


def _was_used(use: LastUse) -> bool:
    return use.last_used_at is not None
