"""What each request is answered with. Titles in quotes are pages of Microsoft's documentation of Graph v1.0."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from string import ascii_lowercase, ascii_uppercase, digits, punctuation
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

from tests.servers.graph_emulator.role_calls import RoleCalls
from tests.servers.graph_emulator.said import Reply, Said, bad, missing
from tests.servers.graph_emulator.tenant import DEFAULT, Tenant, stamp

Body = Mapping[str, Any]
MOST_CLAUSES, MOST_EXPANDED = 15, 20
READ_USERS, READ_GROUPS = ("User.Read.All", "User.ReadWrite.All"), ("GroupMember.Read.All", "GroupMember.ReadWrite.All")
SHORTEST_PASSWORD = 8
SIGNS = (ascii_lowercase, ascii_uppercase, digits, punctuation + " ")
GROUP, ROLE = "#microsoft.graph.group", "#microsoft.graph.directoryRole"
MASTERED = {"displayName", "surname", "givenName", "userPrincipalName"}
"""What the directory on the premises is the master of, where a user is synchronised ("Update user")."""
UPN = re.compile(r"[A-Za-z0-9'._!#^~-]{1,64}@(.+)")
CONDITION = re.compile(r"(?P<name>[A-Za-z0-9_/]+) (?P<operator>eq|le) (?P<value>'(?:[^']|'')*'|\S+)")


class Calls:
    """Answers requests of one application, by the permissions its token carries."""

    def __init__(self, tenant: Tenant, address: str) -> None:
        self.tenant, self.address = tenant, address
        self._routes: tuple[tuple[str, str, tuple[str, ...], Callable[..., Reply]], ...] = (
            ("GET", "/organization", READ_USERS, lambda *_: Reply(200, {"value": [{"id": "t"}]})),
            ("GET", "/domains", READ_USERS, self._domains),
            ("GET", "/reports/authenticationMethods/userRegistrationDetails", ("AuditLog.Read.All",), self._factors),
            ("GET", "/users/delta", READ_USERS, self._delta),
            ("GET", "/users", READ_USERS, self._list_users),
            ("POST", "/users", ("User.ReadWrite.All",), self._create),
            ("POST", "/users/{key}/revokeSignInSessions", ("User.RevokeSessions.All",), self._revoke),
            ("POST", "/users/{key}/checkMemberGroups", READ_GROUPS, self._check_groups),
            ("GET", "/users/{key}/memberOf/microsoft.graph.group", READ_GROUPS, self._member_of),
            ("GET", "/users/{key}", READ_USERS, self._user),
            ("PATCH", "/users/{key}", ("User.ReadWrite.All", "User.EnableDisableAccount.All"), self._change),
            ("DELETE", "/users/{key}", ("User.DeleteRestore.All",), self._delete),
            ("GET", "/groups", READ_GROUPS, self._list_groups),
            ("GET", "/groups/{key}", READ_GROUPS, self._group),
            ("GET", "/groups/{key}/members", READ_GROUPS, self._members),
            ("GET", "/groups/{key}/transitiveMembers", READ_GROUPS, self._transitive),
            ("POST", "/groups/{key}/members/$ref", ("GroupMember.ReadWrite.All",), self._add_member),
            ("DELETE", "/groups/{key}/members/{member}/$ref", ("GroupMember.ReadWrite.All",), self._remove_member),
            # "Remove member": without `/$ref` an application that may do so deletes the user. So does this.
            ("DELETE", "/groups/{key}/members/{member}", ("User.DeleteRestore.All",), self._delete_by_mistake),
            *RoleCalls(tenant, self._page, self._filtered).routes,
        )

    def answer(self, method: str, target: str, body: Body, roles: frozenset[str]) -> Reply:
        """One request, or a batch of them."""
        parts = urlsplit(target)
        path, asked = parts.path, {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.tenant.seen.append(f"{method} {path}")
        if path == "/$batch" and method == "POST":
            return self._batch(body, roles)
        try:
            self._misbehave(method, path)
            for wanted, pattern, permitted, call in self._routes:
                named = _match(pattern, path)
                if wanted == method and named is not None:
                    if not roles & frozenset(permitted):
                        raise Said(403, "Authorization_RequestDenied", "Insufficient privileges.")
                    return call(asked, body, roles, **named)
            raise Said(501, "NotImplemented", f"the emulator does not model {method} {path}")
        except Said as refusal:
            return refusal.reply

    def _misbehave(self, method: str, path: str) -> None:
        if self.tenant.throttled:
            # "Microsoft Graph throttling guidance": some services name no time.
            after = self.tenant.throttled.pop(0)
            raise Said(429, "TooManyRequests", headers={"Retry-After": after} if after else {})
        for (wanted, end), status in list(self.tenant.refused.items()):
            if wanted == method and path.endswith(end):
                del self.tenant.refused[wanted, end]
                raise Said(status, "ServiceUnavailable" if status >= 500 else "Authorization_RequestDenied")

    def _batch(self, body: Body, roles: frozenset[str]) -> Reply:
        """At most 20, ids unique, 200 whatever is inside, answers in any order, throttled one by one (page "JSON
        batching")."""
        wanted = body.get("requests")
        if (
            not isinstance(wanted, list)
            or not 0 < len(wanted) <= 20
            or len({one["id"] for one in wanted}) < len(wanted)
        ):
            return Said(400, "BadRequest", "Invalid batch payload format.").reply
        responses = []
        for one in wanted:
            if one.get("body") is not None and "application/json" not in one.get("headers", {}).get("Content-Type", ""):
                reply = bad("Write request must contain a Content-Type header").reply
            else:
                reply = self.answer(one["method"], one["url"], one.get("body") or {}, roles)
            said = {"id": one["id"], "status": reply.status, "headers": reply.headers}
            responses.append(said | ({"body": reply.body} if reply.body is not None else {}))
        return Reply(200, {"responses": responses[::-1]})

    # --- users -------------------------------------------------------------------------------------------------------

    def _list_users(self, asked: Mapping[str, str], _body: Body, roles: frozenset[str]) -> Reply:
        self._require_readable(asked, roles)
        found = self._filtered(self.tenant.listed(), asked.get("$filter"))
        # "signInActivity": with it the page is smaller, whatever `$top` says.
        return self._page("/users", asked, [self._shown(one, asked) for one in found])

    def _user(self, asked: Mapping[str, str], _body: Body, roles: frozenset[str], key: str) -> Reply:
        self._require_readable(asked, roles)
        user = self._known(key)
        shown = self._shown(user, asked)
        if asked.get("$expand") == "memberOf($select=id)":  # "Customize responses": 20 at the most, and no link to more
            groups = [{"@odata.type": GROUP, "id": one.id} for one in self.tenant.groups.values()
                      if user["id"] in one.members]  # fmt: skip
            held = [{"@odata.type": ROLE, "id": role} for who, role in self.tenant.assignments if who == user["id"]]
            shown["memberOf"] = [*held, *groups][:MOST_EXPANDED]
        elif "$expand" in asked:
            raise bad(f"Unsupported expansion: {asked['$expand']}")
        return Reply(200, shown)

    def _create(self, _asked: Mapping[str, str], body: Body, roles: frozenset[str]) -> Reply:
        for needed in ("accountEnabled", "displayName", "mailNickname", "userPrincipalName", "passwordProfile"):
            if needed not in body:
                raise bad(f"A value is required for property '{needed}' of resource 'User'.")
        self._require_name(str(body["userPrincipalName"]))
        self._require_properties(body)
        profile = body["passwordProfile"]
        _require_password(profile["password"])
        made = {
            **{key: value for key, value in body.items() if key != "passwordProfile"}, "id": str(uuid4()),
            "createdDateTime": stamp(datetime.now(UTC)), "onPremisesSyncEnabled": None,
        }  # fmt: skip
        self.tenant.users[made["id"]] = made
        self.tenant.changes.append(made["id"])
        self.tenant.set_password(made, profile["password"], must_change=profile["forceChangePasswordNextSignIn"])
        return Reply(201, self._shown(made, {}))

    def _change(self, _asked: Mapping[str, str], body: Body, roles: frozenset[str], key: str) -> Reply:
        user = self._known(key)
        self._require_properties(body)
        sensitive = {"accountEnabled", "passwordProfile", "userPrincipalName"} & set(body)
        if sensitive:
            self._require_reach(user["id"])
        if user.get("onPremisesSyncEnabled") and set(body) & {
            "displayName",
            "surname",
            "givenName",
            "userPrincipalName",
        }:
            raise bad("Unable to update the specified properties for on-premises mastered Directory Sync objects.")
        if "passwordProfile" in body:
            if "User-PasswordProfile.ReadWrite.All" not in roles:
                raise Said(403, "Authorization_RequestDenied", "Insufficient privileges.")
            _require_password(body["passwordProfile"]["password"])
        if "userPrincipalName" in body and body["userPrincipalName"] != user["userPrincipalName"]:
            self._require_name(str(body["userPrincipalName"]))
        for key, value in body.items():
            if key == "passwordProfile":
                self.tenant.set_password(user, value["password"], must_change=value["forceChangePasswordNextSignIn"])
            else:
                user[key] = value
        self.tenant.changes.append(user["id"])
        return Reply(204)

    def _delete(self, _asked: Mapping[str, str], _body: Body, _roles: frozenset[str], key: str) -> Reply:
        """Kept for 30 days among the deleted, in no group any more as far as lists tell (page "Delete user")."""
        user = self._known(key)
        self._require_reach(user["id"])
        self.tenant.deleted[user["id"]] = self.tenant.users.pop(user["id"])
        for group in self.tenant.groups.values():
            group.members = [one for one in group.members if one != user["id"]]
        self.tenant.changes.append(user["id"])
        return Reply(204)

    def _revoke(self, _asked: Mapping[str, str], _body: Body, _roles: frozenset[str], key: str) -> Reply:
        self.tenant.revoked.append(self._known(key)["id"])
        return Reply(200, {"@odata.context": f"{self.address}/$metadata#Edm.Boolean", "value": True})

    def _factors(self, asked: Mapping[str, str], _body: Body, _roles: frozenset[str]) -> Reply:
        """Registration, not enforcement; of enabled users only, and with a licence ("List userRegistrationDetails")."""
        self._require_premium()
        details = [
            {
                "id": one["id"], "userPrincipalName": one["userPrincipalName"],
                "isMfaRegistered": one["id"] in self.tenant.able | self.tenant.forbidden_methods,
                "isMfaCapable": one["id"] in self.tenant.able,
            }
            for one in self.tenant.listed() if one["accountEnabled"]
        ]  # fmt: skip
        wanted = asked.get("$filter")
        if wanted not in (None, "isMfaCapable eq true"):
            raise bad(f"Unsupported filter: {wanted}")
        found = [one for one in details if wanted is None or one["isMfaCapable"]]
        return self._page("/reports/authenticationMethods/userRegistrationDetails", asked, found)

    def _delta(self, asked: Mapping[str, str], _body: Body, _roles: frozenset[str]) -> Reply:
        """Pages, the same object more than once, what was removed marked so, and
        410 for a token that has run out (page "Get incremental changes for users")."""
        if asked.get("$deltatoken") == "latest":
            return self._told([], asked)
        at = asked.get("$deltatoken", "")
        if not at.isdecimal() or int(at) > len(self.tenant.changes):
            raise Said(400, "syncStateNotFound", "The sync state generation is not found.")
        if int(at) < self.tenant.forgotten_before:
            raise Said(410, "resyncRequired", headers={"Location": f"{self.address}/users/delta"})
        return self._told(self.tenant.changes[int(at) :], asked)

    def _told(self, ids: list[str], asked: Mapping[str, str]) -> Reply:
        value = [
            self._shown(self.tenant.users[one], asked) if one in self.tenant.users
            else {"id": one, "@removed": {"reason": "changed"}}
            for one in ids
        ]  # fmt: skip
        link = f"{self.address}/users/delta?$deltatoken={len(self.tenant.changes)}"
        return Reply(200, {"value": value, "@odata.deltaLink": link})

    # --- groups and roles --------------------------------------------------------------------------------------------

    def _list_groups(self, asked: Mapping[str, str], _body: Body, _roles: frozenset[str]) -> Reply:
        shown = [self._group_shown(one) for one in self.tenant.groups]
        return self._page("/groups", asked, self._filtered(shown, asked.get("$filter")))

    def _group(self, _asked: Mapping[str, str], _body: Body, _roles: frozenset[str], key: str) -> Reply:
        return Reply(200, self._group_shown(key))

    def _members(self, asked: Mapping[str, str], _body: Body, _roles: frozenset[str], key: str) -> Reply:
        self._group_shown(key)
        return self._page(
            f"/groups/{key}/members", asked, [self._typed(one) for one in self.tenant.groups[key].members]
        )

    def _transitive(self, asked: Mapping[str, str], _body: Body, _roles: frozenset[str], key: str) -> Reply:
        self._group_shown(key)
        return self._page(f"/groups/{key}/transitiveMembers", asked, [self._typed(one) for one in self._within(key)])

    def _add_member(self, _asked: Mapping[str, str], body: Body, _roles: frozenset[str], key: str) -> Reply:
        self._group_shown(key)
        group, member = self.tenant.groups[key], str(body["@odata.id"]).rpartition("/")[2]
        if member not in self.tenant.users and member not in self.tenant.groups:
            raise missing()
        if group.rule is not None:
            raise bad("Insufficient privileges: membership of a dynamic group cannot be changed.")
        if member in group.members:  # "Add members": 400, not a success
            raise bad(
                "One or more added object references already exist for the following modified properties: 'members'."
            )
        group.members.append(member)
        return Reply(204)

    def _remove_member(
        self,
        _asked: Mapping[str, str],
        _body: Body,
        _roles: frozenset[str],
        key: str,
        member: str,
    ) -> Reply:
        self._group_shown(key)
        group = self.tenant.groups[key]
        if group.rule is not None:
            raise bad("membership of a dynamic group cannot be changed.")
        if member not in group.members:
            raise missing()
        group.members.remove(member)
        return Reply(204)

    def _delete_by_mistake(
        self,
        asked: Mapping[str, str],
        body: Body,
        roles: frozenset[str],
        key: str,
        member: str,
    ) -> Reply:
        return self._delete(asked, body, roles, key=member)

    def _member_of(self, asked: Mapping[str, str], _body: Body, _roles: frozenset[str], key: str) -> Reply:
        user = self._known(key)
        found = [{"id": one.id} for one in self.tenant.groups.values() if user["id"] in one.members]
        return self._page(f"/users/{key}/memberOf/microsoft.graph.group", asked, found)

    def _check_groups(self, _asked: Mapping[str, str], body: Body, _roles: frozenset[str], key: str) -> Reply:
        user = self._known(key)
        inside = [one for one in body["groupIds"] if one in self.tenant.groups and user["id"] in self._within(one)]
        return Reply(200, {"value": inside})

    def _require_reach(self, user_id: str) -> None:
        """ "Who can perform sensitive actions": an application's permissions are not enough for administrators."""
        holds = any(who == user_id for who, _role in self.tenant.assignments)
        if (holds or user_id in self.tenant.guarded) and not self.tenant.reaches_administrators:
            raise Said(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")

    def _domains(self, asked: Mapping[str, str], _body: Body, _roles: frozenset[str]) -> Reply:
        return self._page("/domains", asked, [{"id": self.tenant.domain, "isVerified": True}])

    # --- the rest ----------------------------------------------------------------------------------------------------

    def _page(self, path: str, asked: Mapping[str, str], found: list[dict[str, Any]]) -> Reply:
        """How many come is the service's to say; the link is opaque (page "Paging Microsoft Graph data")."""
        first = int(asked.get("$skiptoken", "0"))
        said: dict[str, Any] = {"value": found[first : first + self.tenant.page_size]}
        if len(found) > first + self.tenant.page_size:
            kept = "&".join(f"{key}={value}" for key, value in asked.items() if key != "$skiptoken")
            said["@odata.nextLink"] = f"{self.address}{path}?{kept}&$skiptoken={first + self.tenant.page_size}"
        return Reply(200, said)

    def _known(self, name: str) -> dict[str, Any]:
        user = self.tenant.named(unquote(name))
        if user is None:
            raise missing()
        return user

    def _shown(self, user: Mapping[str, Any], asked: Mapping[str, str]) -> dict[str, Any]:
        names = asked["$select"].split(",") if asked.get("$select") else list(DEFAULT)
        return {name: user.get(name) for name in dict.fromkeys([*names, "id"])}

    def _group_shown(self, group_id: str) -> dict[str, Any]:
        group = self.tenant.groups.get(group_id)
        if group is None:
            raise missing()
        return {"id": group.id, "displayName": group.name, "isAssignableToRole": group.assignable_to_role}

    def _typed(self, one: str) -> dict[str, Any]:
        kind = "group" if one in self.tenant.groups else "user"
        return {"@odata.type": f"#microsoft.graph.{kind}", "id": one}

    def _within(self, group_id: str) -> list[str]:
        found: dict[str, None] = {}
        walked, waiting = {group_id}, [group_id]
        while waiting:
            for one in self.tenant.groups[waiting.pop()].members:
                found[one] = None
                if one in self.tenant.groups and one not in walked:
                    walked.add(one)
                    waiting.append(one)
        return list(found)

    def _require_readable(self, asked: Mapping[str, str], roles: frozenset[str]) -> None:
        said = f"{asked.get('$select', '')} {asked.get('$filter', '')}"
        unknown = [name for name in re.findall(r"extension_\w+", said) if name not in self.tenant.extensions]
        if unknown:
            raise bad(f"Property '{unknown[0]}' does not exist as a declared property or extension property.")
        if "signInActivity" in said:
            if "AuditLog.Read.All" not in roles:
                raise Said(403, "Authorization_RequestDenied", "Insufficient privileges.")
            self._require_premium()

    def _require_premium(self) -> None:
        """ "signInActivity", "userRegistrationDetails": Entra ID P1 or P2."""
        if not self.tenant.premium:
            raise Said(403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", "Neither tenant is B2C or premium")

    def _require_properties(self, body: Body) -> None:
        for name in body:
            if name.startswith("extension_") and name not in self.tenant.extensions:
                raise bad(f"The following extension properties are not available: {name}")

    def _require_name(self, name: str) -> None:
        form = UPN.fullmatch(name)
        if form is None or form[1] != self.tenant.domain:
            raise bad("Invalid value specified for property 'userPrincipalName' of resource 'User'.")
        if self.tenant.named(name) is not None:
            raise bad("Another object with the same value for property userPrincipalName already exists.")

    def _filtered(self, found: Iterable[Mapping[str, Any]], condition: str | None) -> list[Any]:
        """Those that fit: one comparison, or several of which one has to hold (no more than 15, as Graph has it)."""
        if condition is None:
            return list(found)
        clauses = condition.split(" or ")
        if len(clauses) > MOST_CLAUSES:
            raise Said(400, "Request_UnsupportedQuery", "Too many child clauses specified in search filter expression")
        wanted: dict[tuple[str, ...], set[Any]] = {}
        for clause in clauses:
            form = CONDITION.fullmatch(clause)
            if form is None or (len(clauses) > 1 and form["operator"] != "eq"):
                raise Said(400, "Request_UnsupportedQuery", f"Unsupported or invalid query filter clause: {clause}")
            names, value = tuple(form["name"].split("/")), form["value"]
            if form["operator"] == "le":
                return _until(found, names, _moment(value))
            literal = json.loads(value) if value in ("true", "false") else value[1:-1].replace("''", "'")
            wanted.setdefault(names, set()).add(literal)
        return [one for one in found if any(_at(one, names) in values for names, values in wanted.items())]


def _until(found: Iterable[Mapping[str, Any]], names: tuple[str, ...], latest: datetime) -> list[Any]:
    return [one for one in found if (known := _at(one, names)) is not None and _moment(str(known)) <= latest]


def _at(one: Mapping[str, Any], names: Iterable[str]) -> Any:
    known: Any = one
    for name in names:
        known = known.get(name) if isinstance(known, dict) else None
    return known


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _require_password(text: str) -> None:
    kinds = [any(sign in group for sign in text) for group in SIGNS]
    if len(text) < SHORTEST_PASSWORD or sum(kinds) < 3 or not text.isascii():
        raise bad("The specified password does not comply with password complexity requirements.")


def _match(pattern: str, path: str) -> dict[str, str] | None:
    wanted, given = pattern.split("/"), path.split("/")
    if len(wanted) != len(given):
        return None
    named = {}
    for one, other in zip(wanted, given, strict=True):
        if one.startswith("{"):
            named[one[1:-1]] = unquote(other)
        elif one != other:
            return None
    return named
