"""Whose password has grown old: the directory filters, not we (control E5)."""

from collections.abc import Iterator
from datetime import datetime

from connectors.ldap.encoding import at_most
from connectors.ldap.site import Site
from idm.ports import PasswordAge


def unchanged_since(site: Site, cutoff: datetime) -> Iterator[PasswordAge]:
    """See `idm.ports.ReportsPasswordAge`. Raises TargetError while streaming."""
    dialect, entries = site.dialect, site.entries
    conditions = (at_most(dialect.renewed_at, dialect.use_value(cutoff)), dialect.keeps_password())
    for row in site.stream_accounts((*entries.id_attributes, dialect.renewed_at), *conditions):
        changed_at = dialect.use(row[3]) if row[3] is not None else None
        if changed_at is not None:
            who = entries.account_id(row)
            yield PasswordAge(who.external_id, who.account_uuid, who.login_name, changed_at)
