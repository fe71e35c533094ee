"""The tenant's own administrators: whoever holds a role that rules it is watched and never written (control D10)."""

from urllib.parse import quote

from connectors.entra.graph import Graph
from idm.ports import ExternalId

ROLES = {
    "62e90394-69f5-4237-9190-012177145e10": "Global Administrator",
    "e8611ab8-c189-46e8-94e1-60213ab1f814": "Privileged Role Administrator",
    "7be44c8a-adaf-4e2a-84d6-ab2649e08a13": "Privileged Authentication Administrator",
}
"""Roles by their template, the same in every tenant (Entra, "Built-in roles"): each can make itself any other."""
ASSIGNMENTS = "/roleManagement/directory/roleAssignments?$select=principalId,roleDefinitionId"


class Tier0:
    """Read anew whenever it matters."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def accounts(self) -> frozenset[ExternalId]:
        """Whoever holds one of the roles now, also by a group. Raises TargetUnavailable, TargetRefused."""
        held = self._graph.pages(ASSIGNMENTS)
        principals = {str(one["principalId"]) for one in held if one.get("roleDefinitionId") in ROLES}
        if not principals:
            return frozenset()
        for group in principals & self._groups():
            members = self._graph.pages(f"/groups/{quote(group)}/transitiveMembers?$select=id&$top=999")
            principals |= {str(one["id"]) for one in members}
        return frozenset(principals)

    def _groups(self) -> set[ExternalId]:
        """Groups that a role may be given to: no other can hold one (Entra, "Use groups for role assignments")."""
        condition = quote("isAssignableToRole eq true")
        return {str(one["id"]) for one in self._graph.pages(f"/groups?$filter={condition}&$select=id")}
