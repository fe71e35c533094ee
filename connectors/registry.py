"""Which kinds of target there are: a table, and the one way to open one."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from connectors.ldap.connector import LdapConnector
from connectors.ldap.dialect import OpenLdap
from connectors.ldap.settings import LdapSettings
from connectors.memory.connector import MemoryConnector, directory_named_in
from idm.errors import ConfigurationInvalid
from idm.ports import Directory

Clock = Callable[[], datetime]
Opener = Callable[[Mapping[str, object], str | None, Clock], Directory]


def _open_openldap(settings: Mapping[str, object], password: str | None, clock: Clock) -> Directory:
    return LdapConnector(LdapSettings.from_mapping(settings, password), OpenLdap(), clock=clock)


def _open_memory(settings: Mapping[str, object], _password: str | None, clock: Clock) -> Directory:
    return MemoryConnector(directory_named_in(settings), clock=clock)


KINDS: dict[str, Opener] = {
    "openldap": _open_openldap,
    "memory": _open_memory,
}


def system_clock() -> datetime:
    """The machine's time: what a directory judges an expiry by."""
    return datetime.now(UTC)


def open_directory(
    kind: str, settings: Mapping[str, object], password: str | None, *, clock: Clock = system_clock
) -> Directory:
    """A connector of that kind; the target is not contacted yet.

    Raises ConfigurationInvalid for an unknown kind and for settings with mistakes, all of them listed.
    """
    opener = KINDS.get(kind)
    if opener is None:
        known = "、".join(KINDS)
        raise ConfigurationInvalid(f"接続先の種類「{kind}」はありません。使えるのは {known} です。")
    return opener(settings, password, clock)
