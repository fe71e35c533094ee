"""Sealed records in the order of the chain, as collectors of events are told of them (FK 6-1(6), ASVS 16.4.3).

Only what is sealed is told: its number is its place in the chain for good, so a collector sees by itself what it misses
and what it was told twice.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from ipaddress import ip_address
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.audit.batches import AnyRow, in_batches
from idm.audit.chain import HEADER_COLUMNS, utc_text
from idm.models.audit import AuditRecord, AuditSeal

_seals = AuditSeal.__table__.c
_SEALED = select(
    *HEADER_COLUMNS, AuditRecord.__table__.c.payload, _seals.sequence, _seals.sealed_at, _seals.hash
).join_from(AuditRecord.__table__, AuditSeal.__table__, _seals.record_id == AuditRecord.__table__.c.id)


@dataclass(frozen=True)
class AuditEvent:
    """One sealed record. `details` is what it says in full; None once that has expired."""

    sequence: int
    record_id: int
    at: datetime
    sealed_at: datetime
    action: str
    actor_id: int | None
    actor: str
    object_kind: str
    object_id: str
    refused: bool
    code: str | None
    policy_digest: str | None
    details: dict[str, Any] | None
    seal: str

    @property
    def source_ip(self) -> str | None:
        """Where it came from, where the record says so by an address."""
        try:
            return str(ip_address(str((self.details or {}).get("source", ""))))
        except ValueError:
            return None

    @property
    def act(self) -> str:
        """The same for every record of one act: what one person, or job, did at one instant."""
        return sha256(f"{self.actor_id}|{self.actor}|{utc_text(self.at)}".encode()).hexdigest()[:32]


def sealed_events(session: Session, *, after: int, size: int = 2_000) -> Iterator[AuditEvent]:
    """Every sealed record beyond that number, in the order of the chain, in flat memory."""
    return (_event(row) for row in in_batches(session, _SEALED, _seals.sequence, after=after, size=size))


def _event(row: AnyRow) -> AuditEvent:
    return AuditEvent(
        sequence=row.sequence, record_id=row.id, at=row.at, sealed_at=row.sealed_at, action=row.action,
        actor_id=row.actor_id, actor=row.actor, object_kind=row.object_kind, object_id=row.object_id,
        refused=row.outcome == "refused", code=row.code, policy_digest=row.policy_digest,
        details=json.loads(row.payload) if row.payload is not None else None, seal=row.hash.hex(),
    )  # fmt: skip
