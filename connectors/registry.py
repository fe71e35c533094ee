"""Which kinds of target there are: a table, what installed packages add to it, and the one way to open one."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import get_type_hints

from connectors.entra.connector import open_entra
from connectors.ldap.active_directory.connector import open_active_directory
from connectors.ldap.plain_connectors import open_directory_389, open_openldap
from connectors.memory.connector import MemoryConnector, directory_named_in
from connectors.plugins import Clock, Opener, broken, offers
from connectors.scim.connector import open_scim
from idm.errors import ConfigurationInvalid
from idm.ports import Directory, KeepsFormerPassword


def _open_memory(settings: Mapping[str, object], _password: str | None, clock: Clock) -> MemoryConnector:
    return MemoryConnector(directory_named_in(settings), clock=clock)


KINDS: dict[str, Opener] = {
    "openldap": open_openldap,
    "active_directory": open_active_directory,
    "directory_389": open_directory_389,
    "entra": open_entra,
    "scim": open_scim,
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
    return _opener(kind)(settings, password, clock)


def promised(kind: str) -> type | None:
    """The class of connector that the kind says it opens; None where it does not say.

    A kind of another package says nothing before it opens one.
    """
    said = get_type_hints(KINDS[kind]).get("return") if kind in KINDS else None
    return said if isinstance(said, type) and said is not Directory else None


def former_password_counts(kind: str) -> timedelta | None:
    """For how long a target of that kind may take an account's former password; None = it is not known to."""
    found = promised(kind)
    if found is None or not issubclass(found, KeepsFormerPassword):
        return None
    return found.former_password_counts()


def broken_packages() -> list[str]:
    """What is wrong with installed packages that offer connectors, a sentence each."""
    return broken(KINDS)


def _opener(kind: str) -> Opener:
    if kind in KINDS:  # ours first: no package can take the place of one
        return KINDS[kind]
    offered = offers(KINDS)
    if kind in offered:
        return offered[kind].opener()
    known = "、".join([*KINDS, *sorted(offered.keys() - KINDS.keys())])
    raise ConfigurationInvalid(f"接続先の種類「{kind}」はありません。使えるのは {known} です。")
