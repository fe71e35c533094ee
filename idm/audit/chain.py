"""The chain of seals: hash n = SHA-256(hash n-1 ‖ header n), hash 0 = 32 zero bytes.

A header is canonical JSON of everything a record says and of its place in the chain; the payload stands in it by its
salted hash. Canonical JSON quotes every field, so no two different records share their bytes.
"""

from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, String, delete, exists, func, insert, select, type_coerce
from sqlalchemy.orm import Session

from idm.audit.batches import AnyRow
from idm.audit.payload import canonical
from idm.models.audit import AuditRecord, AuditSeal, AuditUnsealed

GENESIS = bytes(32)
_LOCK = 0x69646D01
"""Number of the PostgreSQL advisory lock that the one sealer holds until its transaction ends."""

_of = AuditRecord.__table__.c
HEADER_COLUMNS: tuple[ColumnElement[Any], ...] = (
    _of.id,
    _of.at,
    _of.action,
    _of.actor_id,
    _of.actor,
    _of.object_kind,
    _of.object_id,
    type_coerce(_of.outcome, String).label("outcome"),
    _of.code,
    _of.policy_digest,
    _of.payload_hash,
)
"""What the chain covers, as plain values: verification must also read what somebody has damaged."""


HEADER_NAMES = tuple(column.key for column in HEADER_COLUMNS)


def utc_text(instant: datetime) -> str:
    """An instant as the chain writes it: ISO 8601, UTC, microseconds."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


_sealed_at_text = lru_cache(maxsize=16)(utc_text)
"""Thousands of seals share one time."""


def link(previous: bytes, *, sequence: int, sealed_at: datetime, record: AnyRow) -> bytes:
    """The hash that seals a record (a row that begins with HEADER_COLUMNS) at that place of the chain."""
    header = dict(zip(HEADER_NAMES, record, strict=False))
    header["at"] = utc_text(header["at"])
    header["sealed_at"] = _sealed_at_text(sealed_at)
    header["sequence"] = sequence
    return sha256(previous + canonical(header).encode()).digest()


def takes_the_chain(session: Session) -> bool:
    """Whether this transaction is now the only one that may lengthen or sign the chain."""
    if session.get_bind().dialect.name == "sqlite":
        return True  # a writing transaction is alone there from its first statement
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))))


def seal(session: Session, *, now: datetime, limit: int = 10_000) -> int:
    """Up to `limit` committed records that had no seal have one, in the order of their ids; returns how many.

    0 when nothing waits, or when another sealer is at work. Call again while it returns `limit`.
    """
    if not takes_the_chain(session):
        return 0
    start, previous = _end_of_chain(session)
    seals: list[dict[str, object]] = []
    for sequence, waiting in enumerate(_waiting(session, limit), start + 1):
        previous = link(previous, sequence=sequence, sealed_at=now, record=waiting)
        seals.append({"sequence": sequence, "record_id": waiting.id, "sealed_at": now, "hash": previous})
    if seals:
        session.execute(insert(AuditSeal), seals)
        sealed = select(AuditSeal.record_id).where(AuditSeal.sequence > start)
        served = delete(AuditUnsealed).where(AuditUnsealed.record_id.in_(sealed))
        session.execute(served, execution_options={"synchronize_session": False})
    return len(seals)


def _end_of_chain(session: Session) -> tuple[int, bytes]:
    last = session.execute(
        select(AuditSeal.sequence, AuditSeal.hash).order_by(AuditSeal.sequence.desc()).limit(1)
    ).one_or_none()
    return (last.sequence, last.hash) if last else (0, GENESIS)


def _waiting(session: Session, limit: int) -> list[AnyRow]:
    statement = (
        select(*HEADER_COLUMNS)
        .join(AuditUnsealed, AuditUnsealed.record_id == AuditRecord.id)
        .where(~exists().where(AuditSeal.record_id == AuditRecord.id))
        .order_by(AuditRecord.id)
        .limit(limit)
    )
    return list(session.execute(statement).all())
