"""What a service is sent: users and groups as the standard writes them, as far as the service takes them. Pure."""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from connectors.scim.capabilities import ENTERPRISE, ENTERPRISE_ATTRIBUTES, Capabilities
from connectors.scim.decoding import URN_UUID, WORK
from connectors.scim.quirks import Quirks
from idm.ports import EVERYTHING, Attributes, Kept

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
NOT_SENT = frozenset({"meta", "groups", "password"})
"""What a whole user is written without: it is the service's to say."""

WAYS: Mapping[str, tuple[str, ...]] = {
    "display_name": ("displayName",), "family_name": ("name.familyName",), "given_name": ("name.givenName",),
    "employee_number": ("employeeNumber",), "mail": ("emails",), "unit_name": ("department",),
}  # fmt: skip
"""In which attribute of the service each of ours stands."""

Operation = dict[str, Any]


def kept(capabilities: Capabilities, uuid_attribute: str) -> Kept:
    """What of an account the service gives back as it was given; it ends none by itself."""
    both = capabilities.readable & capabilities.writable
    fields = {name for name, ways in WAYS.items() if any(way in both for way in ways)}
    if uuid_attribute == "employeeNumber":
        fields.discard("employee_number")
    return Kept(ends=False, attributes=frozenset({"login_name"} | fields) & EVERYTHING.attributes)


def id_text(uuid: UUID, attribute: str) -> str:
    """Our own id as that attribute holds it: an address where only an address is taken."""
    return f"{URN_UUID}{uuid}" if attribute == "profileUrl" else str(uuid)


def equals(attribute: str, value: str) -> str:
    """A filter for that very value (RFC 7644 3.4.2.2), whatever characters are in it."""
    path = f"{ENTERPRISE}:{attribute}" if attribute in ENTERPRISE_ATTRIBUTES else attribute
    return f"{path} eq {json.dumps(value, ensure_ascii=False)}"


def new_user(
    uuid: UUID, attributes: Attributes, uuid_attribute: str, capabilities: Capabilities, quirks: Quirks
) -> dict[str, Any]:
    """A user that nobody can use yet, carrying our id."""
    user: dict[str, Any] = {"schemas": [USER], "userName": attributes.login_name, "active": False}
    for path, value in _values(attributes, quirks).items():
        if path in capabilities.writable and value not in (None, ""):
            _put(user, path, value)
    _put(user, uuid_attribute, id_text(uuid, uuid_attribute))
    if capabilities.wants_enterprise:
        user.setdefault(ENTERPRISE, {})
    if ENTERPRISE in user:
        user["schemas"].append(ENTERPRISE)
    return user


def changes(
    seen: Attributes, wanted: Attributes, uuid_attribute: str, capabilities: Capabilities, quirks: Quirks
) -> dict[str, Any]:
    """Path → new value, for what differs and can be changed; None or "" = it is taken away."""
    before, after = _values(seen, quirks), _values(wanted, quirks)
    return {
        path: value
        for path, value in after.items()
        if value != before[path] and path in capabilities.changeable and path != uuid_attribute
    }


def patch(operations: Iterable[Operation]) -> dict[str, Any]:
    """A request to change a resource (RFC 7644 3.5.2)."""
    return {"schemas": [PATCH], "Operations": list(operations)}


def operations(values: Mapping[str, Any]) -> list[Operation]:
    """One operation for each path."""
    return [
        {"op": "remove", "path": _full(path)}
        if value in (None, "")
        else {"op": "replace", "path": _full(path), "value": value}
        for path, value in values.items()
    ]


def whole_user(user: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The user as it was read, with these values in it (RFC 7644 3.5.1)."""
    written = {name: dict(said) if isinstance(said, dict) else said for name, said in user.items()}
    for name in NOT_SENT:
        written.pop(name, None)
    for path, value in values.items():
        _put(written, path, value)
    return written


def member(external_id: str, users_url: str, quirks: Quirks) -> dict[str, str]:
    """A user as the member of a group."""
    told = {"value": external_id}
    if quirks.member_references:
        told["$ref"] = f"{users_url}/{external_id}"
    return told


def member_operation(told: Mapping[str, str], quirks: Quirks, *, add: bool) -> Operation:
    """Puts a member into a group, or takes that one out of it and nobody else."""
    if add:
        return {"op": "add", "path": "members", "value": [dict(told)]}
    if quirks.removes_by_value:
        return {"op": "remove", "path": "members", "value": [{"value": told["value"]}]}
    return {"op": "remove", "path": f"members[{equals('value', told['value'])}]"}


def _values(attributes: Attributes, quirks: Quirks) -> dict[str, Any]:
    mail: dict[str, Any] = {"value": attributes.mail}
    if quirks.typed_mail:
        mail |= {"type": WORK, "primary": True}
    return {
        "displayName": attributes.display_name,
        "name.formatted": attributes.display_name,
        "name.familyName": attributes.family_name,
        "name.givenName": attributes.given_name,
        "emails": [mail] if attributes.mail else None,
        "employeeNumber": attributes.employee_number,
        "department": attributes.unit_name,
    }


def _full(path: str) -> str:
    return f"{ENTERPRISE}:{path}" if path in ENTERPRISE_ATTRIBUTES else path


def _put(user: dict[str, Any], path: str, value: object) -> None:
    """Afterwards the user says so; what is None or "" is not in it."""
    within, _, name = (f"{ENTERPRISE}/{path}" if path in ENTERPRISE_ATTRIBUTES else path.replace(".", "/")).rpartition(
        "/"
    )
    part = user.setdefault(within, {}) if within else user
    if value in (None, ""):
        part.pop(name, None)
    else:
        part[name] = value
