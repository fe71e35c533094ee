"""What a service's JSON says of users and groups. Pure; nothing that comes is trusted to have the right shape."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from connectors.scim.capabilities import ENTERPRISE, ENTERPRISE_ATTRIBUTES
from idm.ports import AccountId, Attributes, TargetAccount

Json = Mapping[str, Any]
URN_UUID = "urn:uuid:"
WORK = "work"


def id_of(resource: Json) -> str:
    """The service's own id of it; "" = it gives none."""
    return _text(resource, "id") or ""


def login_name_of(user: Json) -> str:
    """What is signed in to by."""
    return _text(user, "userName") or ""


def name_of(group: Json) -> str:
    """What the group is called."""
    return _text(group, "displayName") or ""


def uuid_of(user: Json, attribute: str) -> UUID | None:
    """Our own id of it; None = it is not one of ours."""
    said = value_of(user, attribute)
    if said is not None:
        with suppress(ValueError):
            return UUID(said.removeprefix(URN_UUID))
    return None


def value_of(user: Json, attribute: str) -> str | None:
    """A single text of a user, by its name; those of the enterprise extension are looked for there."""
    within = _part(user, ENTERPRISE) if attribute in ENTERPRISE_ATTRIBUTES else user
    return _text(within, attribute)


def is_active(user: Json) -> bool:
    """Whether it can be used. One that does not say so is taken for usable: what should be stopped is stopped then."""
    said = user.get("active", True)
    return said.strip().casefold() != "false" if isinstance(said, str) else said is not False


def attributes_of(user: Json, uuid_attribute: str) -> Attributes:
    """What it says of its person. The attribute that holds our own id says nothing of anybody."""
    name = _part(user, "name")
    return Attributes(
        login_name=login_name_of(user),
        display_name=_text(user, "displayName") or _text(name, "formatted") or "",
        family_name=_text(name, "familyName") or "",
        given_name=_text(name, "givenName") or "",
        employee_number=None if uuid_attribute == "employeeNumber" else value_of(user, "employeeNumber"),
        mail=_mail(user),
        unit_name=value_of(user, "department"),
    )


def account(user: Json, uuid_attribute: str, groups: frozenset[str] | None = None) -> TargetAccount:
    """The user as the port has it."""
    return TargetAccount(
        external_id=id_of(user), account_uuid=uuid_of(user, uuid_attribute),
        attributes=attributes_of(user, uuid_attribute), enabled=is_active(user), expires_at=None, groups=groups,
    )  # fmt: skip


def account_id(user: Json, uuid_attribute: str) -> AccountId:
    """The same, as little of it as says who it is."""
    return AccountId(id_of(user), uuid_of(user, uuid_attribute), login_name_of(user), is_active(user))


def references(resource: Json, attribute: str) -> list[Json]:
    """The members of a group, or the groups of a user, that name anything."""
    said = resource.get(attribute)
    found = said if isinstance(said, list) else []
    return [one for one in found if isinstance(one, Mapping) and _text(one, "value")]


def is_group(member: Json) -> bool:
    """Whether a member is itself a group (RFC 7643 4.2)."""
    return member.get("type") == "Group" or "/Groups/" in (_text(member, "$ref") or "")


def _mail(user: Json) -> str | None:
    """The address at work, else the first one that comes before others."""
    said = user.get("emails")
    found = [one for one in said if isinstance(one, Mapping) and _text(one, "value")] if isinstance(said, list) else []
    found.sort(key=lambda one: (one.get("type") != WORK, one.get("primary") is not True))
    return _text(found[0], "value") if found else None


def _part(resource: Json, name: str) -> Json:
    found = resource.get(name)
    return found if isinstance(found, Mapping) else {}


def _text(resource: Json, name: str) -> str | None:
    found = resource.get(name)
    return found if isinstance(found, str) and found else None
