"""Which account of a system is the product's own (control D10). Pure.

The directory says it, by an id that no renaming changes. Until it has said it, and where it cannot say it, the account
goes by its name: as it stands in the organisation file, and in the settings by which we sign in.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from idm.ports import ExternalId


@dataclass(frozen=True)
class ServiceAccount:
    """What we sign in to one system as. `external_id` None = its directory has not said who that is."""

    connector: str
    external_id: ExternalId | None
    name: str | None
    settings: Mapping[str, object] = field(default_factory=dict)

    def is_the(self, one: "Named") -> bool:
        """Whether that account is this one. Two systems may be one directory, so that each is asked for everywhere."""
        if self.external_id is not None:
            return (self.connector, self.external_id) == (one.connector, one.external_id)
        return _is_called(one.login_name, self.name, self.settings)


@dataclass(frozen=True)
class Named:
    """An account as its directory has it: the kind of directory, its id there, and its name."""

    connector: str
    external_id: ExternalId | None
    login_name: str


def is_own(one: Named, ours: Iterable[ServiceAccount]) -> bool:
    """Whether the product itself signs in to one of its systems by that account."""
    return any(service.is_the(one) for service in ours)


def _is_called(login_name: str, service_account: str | None, settings: Mapping[str, object]) -> bool:
    said = (service_account, settings.get("bind_dn"), settings.get("bind_user"))
    known = {name for text in said if isinstance(text, str) for name in _names(text)}
    return not known.isdisjoint(_names(login_name) - {""})


def _names(text: str) -> set[str]:
    """Every way to say its name: as written, without its place (cn=idm,ou=…), without its domain (idm@…, TOWN\\idm)."""
    first = text.split(",")[0].rpartition("=")[2]
    return {name.strip().casefold() for name in (text, first, first.partition("@")[0], first.rpartition("\\")[2])}
