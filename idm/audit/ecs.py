"""Audit records in the names of the Elastic Common Schema 8.11, one JSON line each (the table is in docs/siem.md).

Nothing is told that the audit record does not hold, and it holds no secret (`idm.audit.payload`).
"""

from typing import Any

from idm.audit.chain import utc_text
from idm.audit.events import AuditEvent
from idm.audit.payload import canonical

ECS_VERSION = "8.11.0"
_CATEGORIES = {"sign_in": "authentication", "configuration": "configuration"}
"""First word of the action → category; everything else is about who may do what."""


def ecs_line(event: AuditEvent) -> str:
    """The record as one line."""
    return canonical(_document(event))


def _document(event: AuditEvent) -> dict[str, Any]:
    document: dict[str, Any] = {
        "@timestamp": utc_text(event.at),
        "ecs": {"version": ECS_VERSION},
        "event": _event(event),
        "trace": {"id": event.act},
        "idm": {
            "object": {"kind": event.object_kind, "id": event.object_id}, "policy": event.policy_digest,
            "payload": canonical(event.details) if event.details is not None else None,
        },
    }  # fmt: skip
    if event.actor_id is not None:
        document["user"] = {"id": str(event.actor_id), "full_name": event.actor}
    else:
        document["service"] = {"name": event.actor}
    if event.object_kind == "person":
        document.setdefault("user", {})["target"] = {"id": event.object_id}
    if event.source_ip is not None:
        document["source"] = {"ip": event.source_ip}
    return document


def _event(event: AuditEvent) -> dict[str, Any]:
    told: dict[str, Any] = {
        "kind": "event", "provider": "idm", "dataset": "idm.audit", "action": event.action,
        "category": [_CATEGORIES.get(event.action.partition(".")[0], "iam")], "type": ["info"],
        "outcome": "failure" if event.refused else "success", "id": str(event.record_id),
        "sequence": event.sequence, "created": utc_text(event.sealed_at), "hash": event.seal,
    }  # fmt: skip
    return told | {"code": event.code} if event.code is not None else told
