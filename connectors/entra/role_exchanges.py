"""What is said to Graph to give somebody a directory role, or to take it away (see `exchanges`).

A role that is had counts at once, and Graph then takes no more orders about its holder from an application without a
role of its own ("Who can perform sensitive actions"). An eligibility counts only while its holder has activated it.
"""

from collections.abc import Callable, Generator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from connectors.entra.decoding import literal
from connectors.entra.graph import Answer, Request
from connectors.entra.roles import DIRECTORY, ELIGIBLE, HELD, WHOLE_TENANT, Role, Way, whole
from connectors.entra.tier0 import ROLES as TIER0
from idm.errors import TargetRefused, TargetUnavailable
from idm.ports import AddMember, ExternalId, Outcome, RemoveMember

Exchange = Generator[Request, Answer, Outcome]
REQUESTS = f"{DIRECTORY}/roleEligibilityScheduleRequests"
DONE = frozenset({"Provisioned", "Revoked"})
"""What a request has become that is carried out (Graph, "unifiedRoleEligibilityScheduleRequest")."""
RULES = "テナントを支配できるロールのため、自動では変更しません。作業依頼により、手作業で行ってください。"
SWITCHED_OFF = "設定で {key} = true としていないため、ロールを変更しません（docs/entra-id.md）。"
SETTINGS: Mapping[Way, str] = {HELD: "roles", ELIGIBLE: "eligible_roles"}
NO_END = "ロールの割り当てには期限を付けられません。期限が要るときは、資格（eligible:）にしてください。"
NOT_YET = "ロールの変更が、まだ反映されていません。読み直してから、もう一度行います。"


class RoleExchanges:
    """Gives and takes roles in the ways that the settings allow."""

    def __init__(self, ways: tuple[Way, ...], clock: Callable[[], datetime]) -> None:
        self._ways, self._clock = ways, clock

    def give(self, step: AddMember, role: Role) -> Exchange:
        """See `AddMember`."""
        self._require_ours(role)
        if role.way is HELD and step.until is not None:
            raise TargetRefused(NO_END)
        answer = yield self._giving(step, role)
        if answer.done:
            return _carried_out(role, answer)
        if answer.status == 400 and (yield from _had(step.external_id, role)):
            return Outcome.UNCHANGED  # known by reading, not by the words of the refusal
        raise answer.fault()

    def take(self, step: RemoveMember, role: Role) -> Exchange:
        """See `RemoveMember`."""
        self._require_ours(role)
        had = yield from _had(step.external_id, role)
        if had:
            return (yield from self._taken(step.external_id, role, had))
        (yield Request("GET", f"/users/{quote(step.external_id)}?$select=id")).required()
        return Outcome.UNCHANGED

    def take_all_held(self, external_id: ExternalId) -> Generator[Request, Answer, bool]:
        """Afterwards the user holds no role that is ours to take; whether there was any."""
        if HELD not in self._ways:
            return False
        listed = (yield _of(external_id, HELD)).required().get("value", ())
        ours = [one for one in listed if whole(one) and one.get("roleDefinitionId") not in TIER0]
        for one in ours:
            yield from self._taken(external_id, Role(HELD, str(one["roleDefinitionId"])), str(one["id"]))
        return bool(ours)

    def _taken(self, external_id: ExternalId, role: Role, had: str) -> Exchange:
        if role.way is HELD:
            answer = yield Request("DELETE", f"{HELD.listed}/{quote(had)}")
        else:
            answer = yield Request("POST", REQUESTS, {"action": "adminRemove", **_about(external_id, role)})
        answer.required()
        return _carried_out(role, answer)

    def _giving(self, step: AddMember, role: Role) -> Request:
        about = _about(step.external_id, role)
        if role.way is HELD:
            return Request("POST", HELD.listed, about)
        expiration: dict[str, str] = {"type": "noExpiration"}
        if step.until is not None:
            expiration = {"type": "afterDateTime", "endDateTime": step.until.isoformat()}
        schedule = {"startDateTime": self._clock().isoformat(), "expiration": expiration}
        return Request("POST", REQUESTS, {"action": "adminAssign", "scheduleInfo": schedule, **about})

    def _require_ours(self, role: Role) -> None:
        if role.protected:
            raise TargetRefused(RULES)
        if role.way not in self._ways:
            raise TargetRefused(SWITCHED_OFF.format(key=SETTINGS[role.way]))


def _about(external_id: ExternalId, role: Role) -> dict[str, Any]:
    said: dict[str, Any] = {
        "principalId": external_id, "roleDefinitionId": role.definition, "directoryScopeId": WHOLE_TENANT,
    }  # fmt: skip
    return said if role.way is HELD else {**said, "justification": "idm"}


def _of(external_id: ExternalId, way: Way) -> Request:
    return Request("GET", f"{way.listed}?$filter={quote(f'principalId eq {literal(external_id)}')}")


def _had(external_id: ExternalId, role: Role) -> Generator[Request, Answer, str]:
    """By which entry the user has the role; "" = they do not have it."""
    for one in (yield _of(external_id, role.way)).required().get("value", ()):
        if whole(one) and one.get("roleDefinitionId") == role.definition:
            return str(one["id"])
    return ""


def _carried_out(role: Role, answer: Answer) -> Outcome:
    """Changed, once it is; a request for an eligibility may still be under way, or wait for somebody."""
    if role.way is ELIGIBLE and answer.body.get("status") not in DONE:
        raise TargetUnavailable(NOT_YET)
    return Outcome.CHANGED
