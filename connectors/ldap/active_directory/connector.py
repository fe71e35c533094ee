"""The connector to an Active Directory: everything an LDAP directory can be asked, and what only this one can."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from connectors.ldap.active_directory.changes import CountedChanges
from connectors.ldap.active_directory.domain import Domain
from connectors.ldap.active_directory.excess_rights import DomainRights
from connectors.ldap.active_directory.last_logon import EveryController
from connectors.ldap.active_directory.members import DomainMembers
from connectors.ldap.connector import LdapConnector
from connectors.ldap.dialects.active_directory import ActiveDirectory
from connectors.ldap.session import Session
from connectors.ldap.settings import LdapSettings
from connectors.ldap.site import Site
from idm.errors import NotOnTarget
from idm.ports import AccountId, RequireSmartCard, TargetGroup


class ActiveDirectoryConnector(LdapConnector):
    """Besides what `LdapConnector` has: `KnowsProtected`, `KeepsFormerPassword`, cards that are required, and
    memberships that end."""

    def __init__(self, site: Site, domain: Domain) -> None:
        super().__init__(site)
        self._domain = domain
        self._members = DomainMembers(site, domain)
        self._changes = CountedChanges(site, domain)
        self._rights = DomainRights(site, domain)
        self._every_controller = EveryController(site) if site.settings.domain_controllers else None
        self._last_use = self._every_controller or self._last_use
        self._performers[RequireSmartCard] = self._accounts.require_card
        self.can = frozenset(self._performers)

    def protected_groups(self) -> Iterator[TargetGroup]:
        """See `idm.ports.KnowsProtected`."""
        return self._domain.protected_groups()

    def protected_accounts(self) -> Iterator[AccountId]:
        """See `idm.ports.KnowsProtected`: anywhere in the domain, also outside the accounts' part."""
        site, now = self._site, self._site.clock()
        protected = self._domain.protected().accounts
        wanted = site.entries.told_attributes
        for row in site.session.stream(self._domain.root(), self._domain.is_watched_account(), wanted):
            yield site.entries.told(row, now, protected=protected)

    def group(self, name: str) -> TargetGroup:
        """See `idm.ports.Directory`. A protected group is found wherever it is, so that it can be watched."""
        try:
            return super().group(name)
        except NotOnTarget:
            for group in self._domain.protected_groups():
                if group.name.casefold() == name.casefold():
                    return group
            raise

    def can_time_box(self) -> bool:
        """See `idm.ports.TimeBoxesMembership`: where the forest's Privileged Access Management feature is on."""
        return self._domain.ends_memberships()

    @staticmethod
    def former_password_counts() -> timedelta:
        """See `idm.ports.KeepsFormerPassword`: OldPasswordAllowedPeriod, in Samba `old password allowed period`."""
        return timedelta(minutes=60)

    def close(self) -> None:
        """See `idm.ports.Directory`."""
        super().close()
        if self._every_controller is not None:
            self._every_controller.close()


def open_active_directory(
    values: Mapping[str, object], password: str | None, clock: Callable[[], datetime]
) -> ActiveDirectoryConnector:
    """A connector to an Active Directory. Raises ConfigurationInvalid."""
    dialect = ActiveDirectory()
    settings = LdapSettings.from_mapping(values, password, dialect.defaults)
    session = Session(settings, dialect.search_controls)
    domain = Domain(session, settings, dialect)
    return ActiveDirectoryConnector(Site(session, settings, dialect, domain, clock), domain)
