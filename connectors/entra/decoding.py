"""What Graph says of a user, in the words of the port. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from connectors.entra.settings import EntraSettings
from idm.ports import AccountId, Attributes, ExternalId, TargetAccount

OWED = "owed"
"""Sessions of an account that was disabled are still to be ended."""
PENDING = "pending"
"""A temporary password is being set."""


class Decoder:
    """Reads users of one tenant; knows under which names our own properties are kept."""

    def __init__(self, settings: EntraSettings) -> None:
        self.domain = settings.domain
        self.uuid, self.sessions = settings.extension("idmAccountUuid"), settings.extension("idmSessions")
        self.temporary = settings.extension("idmTemporarySince")

    @property
    def properties(self) -> tuple[str, ...]:
        """Our own properties, which an administrator makes once."""
        return self.uuid, self.sessions, self.temporary

    @property
    def selected(self) -> str:
        """What `account` reads; without `$select` not even `accountEnabled` is told (Graph, "List users")."""
        return (
            "id,userPrincipalName,displayName,surname,givenName,employeeId,mail,department,accountEnabled,"
            f"onPremisesSyncEnabled,{self.uuid},{self.sessions}"
        )

    @property
    def identifying(self) -> str:
        """Everything that `account_id` reads."""
        return f"id,userPrincipalName,accountEnabled,{self.uuid},{self.sessions}"

    def account(
        self, user: Mapping[str, Any], *, groups: frozenset[ExternalId] | None = None, protected: bool = False
    ) -> TargetAccount:
        """The account. It has no end of its own there."""
        said = Attributes(
            self.login_name(user), _text(user, "displayName"), _text(user, "surname"), _text(user, "givenName"),
            user.get("employeeId") or None, user.get("mail") or None, user.get("department") or None,
        )  # fmt: skip
        return TargetAccount(
            str(user["id"]), self.uuid_of(user), said, self.enabled(user), None, groups, protected=protected
        )

    def account_id(self, user: Mapping[str, Any], *, protected: bool) -> AccountId:
        """The cheapest reading."""
        return AccountId(
            str(user["id"]), self.uuid_of(user), self.login_name(user), self.enabled(user), protected=protected
        )

    def enabled(self, user: Mapping[str, Any]) -> bool:
        """Whether somebody may be in: also while the sessions of a disabled account are not ended yet."""
        return bool(user.get("accountEnabled")) or user.get(self.sessions) == OWED

    def login_name(self, user: Mapping[str, Any]) -> str:
        """What stands before our domain; the whole name where it is of another."""
        name = _text(user, "userPrincipalName")
        return name.removesuffix(f"@{self.domain}")

    def uuid_of(self, user: Mapping[str, Any]) -> UUID | None:
        """Our own id; what is not one is nobody's of ours."""
        try:
            return UUID(str(user[self.uuid])) if user.get(self.uuid) else None
        except ValueError:
            return None


def moment(text: object) -> datetime | None:
    """An instant as Graph writes it (ISO 8601, UTC); None where it says none."""
    if not isinstance(text, str) or not text:
        return None
    return datetime.fromisoformat(text).astimezone(UTC)


def literal(text: str) -> str:
    """A string of an OData filter, percent-encoding aside (OData 4.01 5.1.1.14.1)."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _text(user: Mapping[str, Any], name: str) -> str:
    return str(user.get(name) or "")
