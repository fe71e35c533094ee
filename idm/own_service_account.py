"""Which account of a system is the product's own (control D10). Pure.

It stands in the organisation file by the name that the register has for it, and in the settings by which we sign in.
"""

from collections.abc import Mapping


def is_own(login_name: str, service_account: str | None, settings: Mapping[str, object]) -> bool:
    """Whether the account of that name (its domain with it or not) is the one the product speaks to the system as."""
    said = (service_account, settings.get("bind_dn"), settings.get("bind_user"))
    known = {name for text in said if isinstance(text, str) for name in _names(text)}
    return not known.isdisjoint(_names(login_name) - {""})


def _names(text: str) -> set[str]:
    """Every way to say its name: as written, without its place (cn=idm,ou=…), without its domain (idm@…, TOWN\\idm)."""
    first = text.split(",")[0].rpartition("=")[2]
    return {name.strip().casefold() for name in (text, first, first.partition("@")[0], first.rpartition("\\")[2])}
