"""The audit record as the log check reads it: what people did or tried, by the moment (`log_rules`, control G4).

What a job did is read by nobody here: a job has no hours and no haste.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, case, func, null, or_, select
from sqlalchemy.orm import Session

from idm.audit.batches import in_batches
from idm.errors import ContentChanged, DecidedMeanwhile, FreshFactorNeeded, InvalidInput
from idm.models.audit import AuditOutcome, AuditRecord, AuditSeal
from idm.models.privileged import PrivilegedUse
from idm.models.systems import Account
from idm.oversight.log_rules import LogFact

FAILED_SIGN_INS = ("sign_in.attempted", "sign_in.refused_during_lock")
WAY_IN_MADE = ("sign_in.invited", "sign_in.enrolled", "sign_in.linked")
SIGNED_IN, USED = "sign_in.completed", "privileged_use.opened"
NO_ATTEMPTS = frozenset({InvalidInput.code, DecidedMeanwhile.code, ContentChanged.code, FreshFactorNeeded.code})
"""Refusals that say nothing of whoever was refused: a slip of the pen, somebody was quicker, one more code."""


def sealed_until(session: Session) -> int:
    """The sequence number that the next seal gets: what is before it is in its place for good."""
    return (session.scalar(select(func.max(AuditSeal.sequence))) or 0) + 1


def moments_of(session: Session, from_sequence: int, to_sequence: int) -> tuple[datetime, datetime, int] | None:
    """The first and the last moment, and the number, of what people did or tried in [from, to); None = nothing."""
    found = session.execute(
        select(func.min(AuditRecord.at), func.max(AuditRecord.at), func.count())
        .join(AuditSeal, AuditSeal.record_id == AuditRecord.id)
        .where(_of_people(), AuditSeal.sequence >= from_sequence, AuditSeal.sequence < to_sequence)
    ).one()
    return (found[0], found[1], found[2]) if found[2] else None


def log_facts(session: Session, since: datetime, until: datetime, *, to_sequence: int) -> list[LogFact]:
    """What people did or tried with since ≤ at < until, as far as it is sealed below that sequence number."""
    statement = (
        select(
            AuditRecord.id, AuditRecord.at, AuditRecord.action, AuditRecord.outcome, AuditRecord.code,
            AuditRecord.actor_id, AuditRecord.object_kind, AuditRecord.object_id,
            case((AuditRecord.action.in_(FAILED_SIGN_INS), AuditRecord.payload), else_=null()).label("payload"),
        )
        .join(AuditSeal, AuditSeal.record_id == AuditRecord.id)
        .where(_of_people(), AuditRecord.at >= since, AuditRecord.at < until, AuditSeal.sequence < to_sequence)
    )  # fmt: skip
    facts: list[LogFact] = []
    for row in in_batches(session, statement, AuditRecord.__table__.c.id):
        facts += _failed_sign_in(row) if row.action in FAILED_SIGN_INS else [_act(session, row)]
    return facts


def _of_people() -> ColumnElement[bool]:
    return or_(AuditRecord.actor_id.is_not(None), AuditRecord.action.in_((*FAILED_SIGN_INS, USED)))


def _act(session: Session, row: Row[Any]) -> LogFact:
    refused = row.outcome is AuditOutcome.REFUSED and row.code not in NO_ATTEMPTS
    who, unused = f"person:{row.actor_id}", None
    if row.action == SIGNED_IN:
        unused = _days_since(_signed_in_before(session, row), row.at)
    elif row.action == USED:
        use = session.get(PrivilegedUse, int(row.object_id))
        who = f"person:{use.person_id}" if use is not None else who
        unused = _days_since(_used_before(session, use), row.at)
    return LogFact(
        row.id, row.at, row.action, row.object_id, who, refused=refused, by_hand=row.actor_id is not None,
        unused_days=unused,
    )  # fmt: skip


def _failed_sign_in(row: Row[Any]) -> Iterator[LogFact]:
    """Once for whom it was tried, once for where it came from: many names from one place stand out there."""
    payload: dict[str, Any] = json.loads(row.payload) if row.payload else {}
    whose = [f"person:{row.object_id}"] if row.object_kind == "person" else []
    attempts = int(payload.get("attempts", 1))
    sources = payload.get("sources") or ({payload["source"]: attempts} if payload.get("source") else {})
    times = dict.fromkeys(whose, attempts) | {f"from:{source}": int(count) for source, count in sources.items()}
    for who, count in times.items():
        yield LogFact(
            row.id, row.at, row.action, row.object_id, who, refused=True, times=count, by_hand=False,
        )  # fmt: skip


def _signed_in_before(session: Session, row: Row[Any]) -> datetime | None:
    """When this person signed in last; of a first time, when the way in was made for them, if somebody made one."""
    before = session.scalar(
        select(func.max(AuditRecord.at)).where(
            AuditRecord.actor_id == row.actor_id, AuditRecord.action == SIGNED_IN, AuditRecord.id < row.id
        )
    )
    return before if before is not None else session.scalar(
        select(func.max(AuditRecord.at)).where(
            AuditRecord.object_kind == "person", AuditRecord.object_id == str(row.actor_id),
            AuditRecord.action.in_(WAY_IN_MADE), AuditRecord.id < row.id,
        )
    )  # fmt: skip


def _used_before(session: Session, use: PrivilegedUse | None) -> datetime | None:
    """When the same ID was used last; of one never used, when it came into our books."""
    if use is None or use.opens_at is None:
        return None
    before = session.scalar(
        select(func.max(PrivilegedUse.opens_at)).where(
            PrivilegedUse.account_id == use.account_id, PrivilegedUse.opens_at < use.opens_at
        )
    )
    return before if before is not None else session.get_one(Account, use.account_id).created_at


def _days_since(before: datetime | None, at: datetime) -> int | None:
    return (at - before).days if before is not None else None
