"""One audit record in full: the very text that was hashed, and its place in the chain (control G1)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.errors import NotFound
from idm.models.audit import AuditOutcome, AuditRecord, AuditSeal
from idm.publication import Reader
from idm.queries.unpublished_records import told_to


@dataclass(frozen=True)
class RecordDetail:
    """One record. `payload` None: it has expired. The three values of the seal are None while it waits for it."""

    id: int
    at: datetime
    action: str
    actor_id: int | None
    actor: str
    object_kind: str
    object_id: str
    outcome: AuditOutcome
    code: str | None
    policy_digest: str | None
    payload: str | None
    salt: str | None
    payload_hash: str
    sequence: int | None
    sealed_at: datetime | None
    chain_hash: str | None


def record_detail(session: Session, record_id: int, *, reader: Reader | None = None) -> RecordDetail:
    """The record with its seal; salt and hashes in hexadecimal.

    Raises NotFound, also for a record of an appointment that `reader` does not see yet.
    """
    query = select(AuditRecord, AuditSeal).outerjoin(AuditSeal, AuditSeal.record_id == AuditRecord.id)
    if reader is not None:
        query = query.where(told_to(session, reader))
    found = session.execute(query.where(AuditRecord.id == record_id)).one_or_none()
    if found is None:
        raise NotFound("この監査記録は見つかりません。")
    record, seal = found
    return RecordDetail(
        id=record.id, at=record.at, action=record.action, actor_id=record.actor_id, actor=record.actor,
        object_kind=record.object_kind, object_id=record.object_id, outcome=record.outcome, code=record.code,
        policy_digest=record.policy_digest, payload=record.payload, salt=record.salt.hex() if record.salt else None,
        payload_hash=record.payload_hash, sequence=seal.sequence if seal else None,
        sealed_at=seal.sealed_at if seal else None, chain_hash=seal.hash.hex() if seal else None,
    )  # fmt: skip
