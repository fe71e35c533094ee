"""One audit record in full: the very text that was hashed, and its place in the chain (control G1)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.errors import NotFound
from idm.models.audit import AuditRecord, AuditSeal
from idm.publication import Reader
from idm.queries.logs.audit_trail import TrailRow, row_of
from idm.queries.organisation.unpublished_records import told_to


@dataclass(frozen=True)
class RecordDetail(TrailRow):
    """One record. `payload` None: it has expired. The three values of the seal are None while it waits for it."""

    payload: str | None
    salt: str | None
    payload_hash: str
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
    row = row_of(record, seal.sequence if seal else None)
    return RecordDetail(
        **vars(row), payload=record.payload, salt=record.salt.hex() if record.salt else None,
        payload_hash=record.payload_hash, sealed_at=seal.sealed_at if seal else None,
        chain_hash=seal.hash.hex() if seal else None,
    )  # fmt: skip
