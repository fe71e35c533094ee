"""Directory roles as groups of the port: `role:` + who holds one, `eligible:` + who may activate one (PIM).

Of both only what counts in the whole tenant ("/"); what is limited to an administrative unit is left alone. A role is
named by its template's id, which is the same in every tenant, whatever it is called.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from connectors.entra.decoding import literal
from connectors.entra.graph import Graph
from connectors.entra.tier0 import ROLES as TIER0
from idm.errors import NotOnTarget
from idm.ports import ExternalId, TargetGroup

DIRECTORY = "/roleManagement/directory"
WHOLE_TENANT = "/"


@dataclass(frozen=True)
class Way:
    """One way of having a role. `listed`: where everybody is read who has one so."""

    prefix: str
    listed: str

    def group_id(self, role: str) -> ExternalId:
        """What stands for the role among groups."""
        return f"{self.prefix}{role}"


HELD = Way("role:", f"{DIRECTORY}/roleAssignments")
ELIGIBLE = Way("eligible:", f"{DIRECTORY}/roleEligibilitySchedules")
WAYS = (HELD, ELIGIBLE)


@dataclass(frozen=True)
class Role:
    """A role, had in one way."""

    way: Way
    definition: str

    @property
    def group_id(self) -> ExternalId:
        """What stands for it among groups."""
        return self.way.group_id(self.definition)

    @property
    def protected(self) -> bool:
        """Whether it rules the tenant, or lets somebody become who does."""
        return self.definition in TIER0


def role_of(group: str) -> Role | None:
    """The role that a group's id or name stands for, by what follows the prefix; None = it is a group like others."""
    way = next((way for way in WAYS if group.startswith(way.prefix)), None)
    return None if way is None else Role(way, group.removeprefix(way.prefix))


def whole(one: Mapping[str, Any]) -> bool:
    """Whether it counts in the whole tenant."""
    return one.get("directoryScopeId") == WHOLE_TENANT


class Roles:
    """Who has which role, read anew each time. `ways` are those whose holders are read with their accounts."""

    def __init__(self, graph: Graph, ways: tuple[Way, ...]) -> None:
        self._graph, self.ways = graph, ways

    def named(self, role: Role) -> TargetGroup:
        """The role called so, as the directory spells it. Raises NotOnTarget."""
        condition = quote(f"displayName eq {literal(role.definition)}")
        for one in self._graph.pages(f"{DIRECTORY}/roleDefinitions?$filter={condition}&$select=id,displayName"):
            if one.get("displayName") == role.definition:
                found = Role(role.way, str(one["id"]))
                return TargetGroup(found.group_id, f"{role.way.prefix}{role.definition}", found.protected)
        raise NotOnTarget(f"ディレクトリロール「{role.definition}」はありません。")

    def members(self, role: Role, *, nested: bool) -> Iterator[ExternalId]:
        """Who has it; with `nested` whoever is in a group that has it, in the group's place. Raises NotOnTarget."""
        self._graph.get(f"{DIRECTORY}/roleDefinitions/{quote(role.definition)}?$select=id")
        return self._streamed(role, nested=nested)

    def _streamed(self, role: Role, *, nested: bool) -> Iterator[ExternalId]:
        condition = quote(f"roleDefinitionId eq {literal(role.definition)}")
        having = self._graph.pages(f"{role.way.listed}?$filter={condition}")
        principals = {str(one["principalId"]) for one in having if whole(one)}
        told = dict.fromkeys(sorted(principals))
        if nested:
            told = dict.fromkeys(one for principal in told for one in people_in(self._graph, principal))
        yield from told

    def of_accounts(self) -> Mapping[ExternalId, frozenset[ExternalId]]:
        """Principal → the roles it has by itself, in the ways that are read."""
        found: dict[ExternalId, set[ExternalId]] = defaultdict(set)
        for way in self.ways:
            for one in filter(whole, self._graph.pages(way.listed)):
                found[str(one["principalId"])].add(way.group_id(str(one["roleDefinitionId"])))
        return {principal: frozenset(groups) for principal, groups in found.items()}


def people_in(graph: Graph, principal: ExternalId) -> Iterator[ExternalId]:
    """Whoever is in the group, where the principal is one; itself, where it is a user or an application."""
    try:
        inside = list(graph.pages(f"/groups/{quote(principal)}/transitiveMembers?$select=id&$top=999"))
    except NotOnTarget:
        yield principal
        return
    yield from (str(one["id"]) for one in inside if one.get("@odata.type") != "#microsoft.graph.group")
