"""What a tenant holds, and the people and programs at it; and the switches by which tests make it behave badly."""

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

DEFAULT = (
    "businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone", "officeLocation",
    "preferredLanguage", "surname", "userPrincipalName",
)  # fmt: skip
"""What is told without `$select` ("List users"): `accountEnabled` is not among it."""
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
HELPDESK_ADMINISTRATOR, USER_ADMINISTRATOR = (
    "729827e3-9c14-49f7-bb1b-9608f156bbb8", "fe930be7-5e62-47db-91af-98c3a49a38b1",
)  # fmt: skip
ROLES = {
    GLOBAL_ADMINISTRATOR: "Global Administrator", HELPDESK_ADMINISTRATOR: "Helpdesk Administrator",
    USER_ADMINISTRATOR: "User Administrator",
    "e8611ab8-c189-46e8-94e1-60213ab1f814": "Privileged Role Administrator",
    "7be44c8a-adaf-4e2a-84d6-ab2649e08a13": "Privileged Authentication Administrator",
}  # fmt: skip
"""Some of them (Entra, "Microsoft Entra built-in roles")."""


@dataclass
class Group:
    """One group. `rule`: it is dynamic, nobody is put in or taken out."""

    id: str
    name: str
    members: list[str] = field(default_factory=list)
    assignable_to_role: bool = False
    rule: str | None = None


@dataclass
class Password:
    """What somebody signs in with."""

    text: str
    must_change: bool


@dataclass
class Tenant:
    """One tenant with one verified domain."""

    domain: str = "town.example.jp"
    premium: bool = True
    extensions: set[str] = field(default_factory=set)
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    assignments: list[tuple[str, str]] = field(default_factory=list)
    """(who, role definition)."""
    eligible: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """(who, role definition) → the schedule."""
    narrow: set[tuple[str, str]] = field(default_factory=set)
    """Those of `assignments` that count in one administrative unit only."""
    eligibility_waits: bool = False
    """Requests for an eligibility are taken and not carried out yet."""
    reaches_administrators: bool = False
    """Our application has a role of its own that lets it write about holders of roles."""
    guards_for_a_while: bool = False
    """Who has just lost a role is still guarded like an administrator."""
    guarded: set[str] = field(default_factory=set)
    passwords: dict[str, Password] = field(default_factory=dict)
    able: set[str] = field(default_factory=set)
    """Who has registered a second factor that the tenant's policies allow."""
    forbidden_methods: set[str] = field(default_factory=set)
    """Who has registered only what the policies do not allow."""
    revoked: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    """Ids, one for each change, in their order: what the delta query tells."""
    forgotten_before: int = 0
    """Cursors of before are gone (410)."""
    page_size: int = 3
    throttled: list[str | None] = field(default_factory=list)
    """The next so many requests are answered 429, with this `Retry-After` or with none."""
    refused: dict[tuple[str, str], int] = field(default_factory=dict)
    """(method, end of the path) → status that the next such request is answered with, once."""
    snapshot: dict[str, dict[str, Any]] | None = None
    """While set, lists and filters show this: they lag behind what was written ("Advanced query capabilities")."""
    seen: list[str] = field(default_factory=list)
    """Every request inside and outside of batches: method and path."""
    calls: int = 0
    """How many came over the wire."""

    def lag(self) -> None:
        """From now on lists and filters show what there is now."""
        self.snapshot = deepcopy(self.users)

    def catch_up(self) -> None:
        """Lists and filters show everything again."""
        self.snapshot = None

    def listed(self) -> list[dict[str, Any]]:
        """The users as lists show them."""
        return list((self.users if self.snapshot is None else self.snapshot).values())

    def named(self, name: str) -> dict[str, Any] | None:
        """The user with this id or user principal name; read directly, nothing lags."""
        by_name = (one for one in self.users.values() if one["userPrincipalName"].lower() == name.lower())
        return self.users.get(name) or next(by_name, None)

    def add_user(self, login_name: str, *, synced: bool = False, enabled: bool = True) -> str:
        """Somebody makes a user by hand."""
        made: dict[str, Any] = {
            "id": str(uuid4()), "userPrincipalName": f"{login_name}@{self.domain}", "displayName": login_name,
            "surname": login_name, "accountEnabled": enabled, "createdDateTime": stamp(datetime.now(UTC)),
            "lastPasswordChangeDateTime": stamp(datetime.now(UTC)), "onPremisesSyncEnabled": synced or None,
        }  # fmt: skip
        self.users[made["id"]] = made
        self.changes.append(made["id"])
        return str(made["id"])

    def add_group(self, name: str, *, assignable_to_role: bool = False, rule: str | None = None) -> Group:
        """Somebody makes a group."""
        group = Group(str(uuid4()), name, assignable_to_role=assignable_to_role, rule=rule)
        self.groups[group.id] = group
        return group

    def sign_in(self, login_name: str, text: str) -> bool:
        """Whether somebody gets in; a password that must be changed gets in so far."""
        user = self.named(f"{login_name}@{self.domain}")
        if user is None or not user["accountEnabled"] or not text:
            return False
        known = self.passwords.get(user["id"])
        if known is None or known.text != text:
            user.setdefault("signInActivity", {})["lastSignInDateTime"] = stamp(datetime.now(UTC))
            return False
        moment = stamp(datetime.now(UTC))
        user["signInActivity"] = {"lastSignInDateTime": moment, "lastSuccessfulSignInDateTime": moment}
        return True

    def set_password(self, user: dict[str, Any], text: str, *, must_change: bool) -> None:
        """Afterwards that is the password."""
        self.passwords[user["id"]] = Password(text, must_change)
        user["lastPasswordChangeDateTime"] = stamp(datetime.now(UTC))


def stamp(at: datetime) -> str:
    """An instant as Graph writes it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
