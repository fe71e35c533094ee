"""The audit record as JSON lines, for an auditor's own tools and for long keeping (FK 6-1(6), MT 7-1(6))."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.audit.batches import AnyRow, in_batches
from idm.audit.chain import HEADER_COLUMNS, utc_text
from idm.audit.payload import canonical
from idm.models.audit import AuditRecord, AuditSeal

_records, _seals = AuditRecord.__table__.c, AuditSeal.__table__.c
_EXPORTED = select(
    *HEADER_COLUMNS, _records.payload, _records.salt, _seals.sequence, _seals.sealed_at, _seals.hash
).outerjoin_from(AuditRecord.__table__, AuditSeal.__table__, _seals.record_id == _records.id)


def export_lines(session: Session, *, since: datetime | None = None, until: datetime | None = None) -> Iterator[str]:
    """One canonical JSON line per record with since ≤ at < until, by id, with its seal (null while it has none).

    `payload` is the text that was hashed, `salt` and `hash` are hex: a reader can recompute every hash of the chain.
    """
    statement = _EXPORTED
    if since is not None:
        statement = statement.where(AuditRecord.at >= since)
    if until is not None:
        statement = statement.where(AuditRecord.at < until)
    return (_line(row) for row in in_batches(session, statement, _records.id))


def _line(row: AnyRow) -> str:
    values = dict(row._mapping)
    values["at"] = utc_text(row.at)
    values["sealed_at"] = row.sealed_at and utc_text(row.sealed_at)
    values["salt"] = row.salt and row.salt.hex()
    values["hash"] = row.hash and row.hash.hex()
    return canonical(values)
