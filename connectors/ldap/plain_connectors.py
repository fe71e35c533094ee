"""Connectors to OpenLDAP and 389 Directory Server, from the settings of a system."""

from collections.abc import Callable, Mapping
from datetime import datetime

from connectors.ldap.connector import LdapConnector, plain_site
from connectors.ldap.dialects.directory_389 import Directory389
from connectors.ldap.dialects.openldap import OpenLdap
from connectors.ldap.settings import LdapSettings


def open_openldap(values: Mapping[str, object], password: str | None, clock: Callable[[], datetime]) -> LdapConnector:
    """A connector to an OpenLDAP. Raises ConfigurationInvalid."""
    dialect = OpenLdap()
    settings = LdapSettings.from_mapping(values, password, dialect.defaults)
    return LdapConnector(plain_site(settings, dialect, settings.password_policy_dn, clock))


def open_directory_389(
    values: Mapping[str, object], password: str | None, clock: Callable[[], datetime]
) -> LdapConnector:
    """A connector to a 389 Directory Server, whose password policy for everybody is its own configuration.

    Raises ConfigurationInvalid.
    """
    dialect = Directory389()
    settings = LdapSettings.from_mapping(values, password, dialect.defaults)
    return LdapConnector(plain_site(settings, dialect, dialect.policy_base, clock))
