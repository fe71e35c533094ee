"""The audit record as pages show it: filtered, newest first, a page at a time (FK 6-1(6)③: logs are looked at)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from idm.calendar_days import start_of
from idm.models.audit import AuditOutcome, AuditRecord, AuditSeal
from idm.publication import Reader
from idm.queries.organisation.unpublished_records import told_to

PAGE = 50


@dataclass(frozen=True)
class TrailFilter:
    """What to show. Days are those of Asia/Tokyo, both included; `action` 'request' lets every 'request.…' through."""

    actor_id: int | None = None
    object_kind: str | None = None
    object_id: str | None = None
    action: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    refused_only: bool = False


@dataclass(frozen=True)
class TrailRow:
    """One record without what it says in full. `sequence` None: it waits for its seal."""

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
    sequence: int | None


@dataclass(frozen=True)
class TrailPage:
    """One page; `older` is the cursor of the next one, None on the last."""

    rows: tuple[TrailRow, ...]
    older: int | None


def audit_trail(
    session: Session, wanted: TrailFilter, *, older: int | None = None, reader: Reader | None = None
) -> TrailPage:
    """The newest 50 records that the filter lets through, from the cursor on.

    A record of an unpublished appointment is listed for `reader` only from the day of its publication.
    """
    statement = select(AuditRecord, AuditSeal.sequence).outerjoin(AuditSeal, AuditSeal.record_id == AuditRecord.id)
    if reader is not None:
        statement = statement.where(told_to(session, reader))
    statement = statement.where(*_conditions(wanted)).order_by(AuditRecord.id.desc()).limit(PAGE + 1)
    if older is not None:
        statement = statement.where(AuditRecord.id < older)
    found = session.execute(statement).all()
    rows = tuple(row_of(record, sequence) for record, sequence in found[:PAGE])
    return TrailPage(rows, rows[-1].id if len(found) > PAGE else None)


def _conditions(wanted: TrailFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.actor_id is not None:
        yield AuditRecord.actor_id == wanted.actor_id
    if wanted.object_kind is not None:
        yield AuditRecord.object_kind == wanted.object_kind
    if wanted.object_id is not None:
        yield AuditRecord.object_id == wanted.object_id
    if wanted.action is not None:
        below = AuditRecord.action.startswith(f"{wanted.action}.", autoescape=True)
        yield or_(AuditRecord.action == wanted.action, below)
    if wanted.first_day is not None:
        yield AuditRecord.at >= start_of(wanted.first_day)
    if wanted.last_day is not None:
        yield AuditRecord.at < start_of(wanted.last_day + timedelta(days=1))
    if wanted.refused_only:
        yield AuditRecord.outcome == AuditOutcome.REFUSED


def row_of(record: AuditRecord, sequence: int | None) -> TrailRow:
    """The record as lists show it."""
    return TrailRow(
        id=record.id,
        at=record.at,
        action=record.action,
        actor_id=record.actor_id,
        actor=record.actor,
        object_kind=record.object_kind,
        object_id=record.object_id,
        outcome=record.outcome,
        code=record.code,
        policy_digest=record.policy_digest,
        sequence=sequence,
    )
