"""Users of ours found by our own id, many in one request, and read by theirs with their groups."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote
from uuid import UUID

from connectors.entra.decoding import Decoder, literal
from connectors.entra.graph import Answer, Graph, Request
from idm.errors import NotOnTarget
from idm.ports import ExternalId

MOST_CLAUSES = 15
"""How many comparisons a filter may hold (Graph, "Use the $filter query parameter")."""
MOST_EXPANDED = 20
"""How many an expanded `memberOf` shows; whether there are more it does not say (Graph, "Customize responses")."""
GROUP = "#microsoft.graph.group"


def ids_of(graph: Graph, decoder: Decoder, uuids: Sequence[UUID]) -> dict[UUID, ExternalId]:
    """Those that lists show, which lag behind what was written. Raises TargetUnavailable, TargetRefused."""
    parts = [uuids[first : first + MOST_CLAUSES] for first in range(0, len(uuids), MOST_CLAUSES)]
    wanted = [Request("GET", _with_one_of(decoder, part)) for part in parts]
    found: dict[UUID, ExternalId] = {}
    for answer in graph.batch(wanted):
        for user in _whole(graph, answer.required()):
            uuid = decoder.uuid_of(user)
            if uuid is not None:
                found.setdefault(uuid, str(user["id"]))
    return {uuid: found[uuid] for uuid in uuids if uuid in found}


def _with_one_of(decoder: Decoder, uuids: Sequence[UUID]) -> str:
    condition = " or ".join(f"{decoder.uuid} eq {literal(str(uuid))}" for uuid in uuids)
    return f"/users?$filter={quote(condition)}&$select=id,{decoder.uuid}&$top=999"


def users(graph: Graph, decoder: Decoder, external_ids: Sequence[ExternalId]) -> dict[ExternalId, Mapping[str, Any]]:
    """Those who are there, as they are now."""
    return _read(graph, external_ids, f"$select={decoder.selected}")


def users_with_groups(
    graph: Graph, decoder: Decoder, external_ids: Sequence[ExternalId]
) -> dict[ExternalId, tuple[Mapping[str, Any], frozenset[ExternalId]]]:
    """The same, each with all groups that they are in themselves."""
    found = _read(graph, external_ids, f"$select={decoder.selected}&$expand=memberOf($select=id)")
    shown = {one: _groups(user.get("memberOf")) for one, user in found.items()}
    more = [one for one, groups in shown.items() if groups is None]
    read = _all_groups(graph, more)
    return {one: (user, read[one] if (groups := shown[one]) is None else groups) for one, user in found.items()}


def _groups(expanded: object) -> frozenset[ExternalId] | None:
    """None = it may be in more than are shown."""
    if not isinstance(expanded, list) or len(expanded) >= MOST_EXPANDED:
        return None
    return frozenset(str(one["id"]) for one in expanded if one.get("@odata.type") == GROUP)


def _all_groups(graph: Graph, external_ids: Sequence[ExternalId]) -> dict[ExternalId, frozenset[ExternalId]]:
    wanted = [
        Request("GET", f"/users/{quote(one)}/memberOf/microsoft.graph.group?$select=id&$top=999")
        for one in external_ids
    ]  # fmt: skip
    answers = zip(external_ids, graph.batch(wanted), strict=True)
    return {one: frozenset(str(group["id"]) for group in _whole(graph, answer.required())) for one, answer in answers}


def _read(graph: Graph, external_ids: Sequence[ExternalId], query: str) -> dict[ExternalId, Mapping[str, Any]]:
    answers = graph.batch([Request("GET", f"/users/{quote(one)}?{query}") for one in external_ids])
    found: dict[ExternalId, Mapping[str, Any]] = {}
    for external_id, answer in zip(external_ids, answers, strict=True):
        user = _there(answer)
        if user is not None and user.get("id") == external_id:
            found[external_id] = user
    return found


def _whole(graph: Graph, page: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A list whose first page came in a batch."""
    told = page.get("value")
    found = list(told) if isinstance(told, list) else []
    following = page.get("@odata.nextLink")
    return [*found, *graph.pages(str(following))] if following else found


def _there(answer: Answer) -> Mapping[str, Any] | None:
    """What was read; None where it is not there. Raises what stood in the way."""
    try:
        return answer.required()
    except NotOnTarget:
        return None
