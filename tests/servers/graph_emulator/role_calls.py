"""Directory roles, and eligibility for them (Privileged Identity Management). Activating one is not modelled."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import uuid4

from tests.servers.graph_emulator.said import Reply, Said, bad, missing
from tests.servers.graph_emulator.tenant import ROLES, Tenant

Body = Mapping[str, Any]
Pages = Callable[[str, Mapping[str, str], list[dict[str, Any]]], Reply]
Filters = Callable[[Iterable[Mapping[str, Any]], str | None], list[Any]]
DIRECTORY = "/roleManagement/directory"
READ = ("RoleManagement.Read.Directory", "RoleManagement.ReadWrite.Directory")
WRITE = ("RoleManagement.ReadWrite.Directory",)
PIM = ("RoleEligibilitySchedule.ReadWrite.Directory",)


class RoleCalls:
    """Answers what is asked about roles."""

    def __init__(self, tenant: Tenant, page: Pages, filtered: Filters) -> None:
        self.tenant, self._page, self._filtered = tenant, page, filtered
        self.routes = (
            ("GET", f"{DIRECTORY}/roleDefinitions", READ, self._definitions),
            ("GET", f"{DIRECTORY}/roleDefinitions/{{key}}", READ, self._definition),
            ("GET", f"{DIRECTORY}/roleAssignments", READ, self._assignments),
            ("POST", f"{DIRECTORY}/roleAssignments", WRITE, self._assign),
            ("DELETE", f"{DIRECTORY}/roleAssignments/{{key}}", WRITE, self._unassign),
            ("GET", f"{DIRECTORY}/roleEligibilitySchedules", (*READ, *PIM), self._eligible),
            ("POST", f"{DIRECTORY}/roleEligibilityScheduleRequests", PIM, self._request),
        )

    def _definitions(self, asked: Mapping[str, str], _body: Body, _roles: frozenset[str]) -> Reply:
        """Page "List roleDefinitions"."""
        known = [{"id": role, "displayName": name} for role, name in ROLES.items()]
        return self._page(f"{DIRECTORY}/roleDefinitions", asked, self._filtered(known, asked.get("$filter")))

    def _definition(self, _asked: Mapping[str, str], _body: Body, _roles: frozenset[str], key: str) -> Reply:
        if key not in ROLES:
            raise missing()
        return Reply(200, {"id": key, "displayName": ROLES[key]})

    def _assignments(self, asked: Mapping[str, str], _body: Body, _roles: frozenset[str]) -> Reply:
        """Page "List unifiedRoleAssignments"."""
        told = [self._shown(*one) for one in self.tenant.assignments]
        return self._page(f"{DIRECTORY}/roleAssignments", asked, self._filtered(told, asked.get("$filter")))

    def _shown(self, who: str, role: str) -> dict[str, Any]:
        scope = "/administrativeUnits/1" if (who, role) in self.tenant.narrow else "/"
        return {
            "id": f"{role}-of-{who}", "principalId": who, "roleDefinitionId": role, "directoryScopeId": scope,
        }  # fmt: skip

    def _assign(self, _asked: Mapping[str, str], body: Body, _roles: frozenset[str]) -> Reply:
        """201; 400 for one that is there (page "Create unifiedRoleAssignment"; the code is reported)."""
        one = self._named(body)
        if one in self.tenant.assignments:
            raise bad("A conflicting object with one or more of the specified property values is present.")
        self.tenant.assignments.append(one)
        return Reply(201, self._shown(*one))

    def _unassign(self, _asked: Mapping[str, str], _body: Body, _roles: frozenset[str], key: str) -> Reply:
        """204 (page "Delete unifiedRoleAssignment")."""
        found = [one for one in self.tenant.assignments if self._shown(*one)["id"] == key]
        if not found:
            raise missing()
        self.tenant.assignments.remove(found[0])
        if self.tenant.guards_for_a_while:
            self.tenant.guarded.add(found[0][0])
        return Reply(204)

    def _eligible(self, asked: Mapping[str, str], _body: Body, _roles: frozenset[str]) -> Reply:
        """Page "List roleEligibilitySchedules"; without P2 a 400 (reported)."""
        self._require_licence()
        told = [{**self._shown(*one), "scheduleInfo": schedule} for one, schedule in self.tenant.eligible.items()]
        return self._page(f"{DIRECTORY}/roleEligibilitySchedules", asked, self._filtered(told, asked.get("$filter")))

    def _request(self, _asked: Mapping[str, str], body: Body, _roles: frozenset[str]) -> Reply:
        """201 with what became of it: it may be carried out later (page "Create roleEligibilityScheduleRequests")."""
        self._require_licence()
        one, action = self._named(body), body.get("action")
        if action not in ("adminAssign", "adminRemove"):
            raise bad("The action is not supported.")
        if (one in self.tenant.eligible) is (action == "adminAssign"):
            raise Said(400, "RoleAssignmentExists" if action == "adminAssign" else "RoleAssignmentDoesNotExist")
        if self.tenant.eligibility_waits:
            return Reply(201, {"id": str(uuid4()), "status": "PendingProvisioning"})
        if action == "adminRemove":
            del self.tenant.eligible[one]
            return Reply(201, {"id": str(uuid4()), "status": "Revoked"})
        if "expiration" not in body.get("scheduleInfo", {}):
            raise bad("The scheduleInfo is invalid.")
        self.tenant.eligible[one] = dict(body["scheduleInfo"])
        return Reply(201, {"id": str(uuid4()), "status": "Provisioned"})

    def _named(self, body: Body) -> tuple[str, str]:
        who, role = str(body.get("principalId")), str(body.get("roleDefinitionId"))
        if who not in self.tenant.users and who not in self.tenant.groups:
            raise missing()
        if role not in ROLES or body.get("directoryScopeId") != "/":
            raise bad("The role definition or the scope is invalid.")
        return who, role

    def _require_licence(self) -> None:
        if not self.tenant.premium:
            raise Said(400, "AadPremiumLicenseRequired", "The tenant needs Microsoft Entra ID P2 or Governance.")
