"""Logs go when their period is over, in pieces, each on record with its count; a hold keeps them (G3, FK 6-1(6)).

Whoever ordered a hold does not end it alone: two people of the roles that may order one lift it. From the moment a hold
is ordered nothing that it covers goes: ordering one and erasing a piece wait for each other.
"""

from datetime import date, datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput, NotFound, SeparationOfDuties
from idm.models.log_checks import LegalHold
from idm.oversight.log_retention import erased_before
from idm.permissions import Action, require
from idm.policy import Policy
from idm.queries.logs.log_tables import LogTable, log_tables, open_holds
from idm.queries.organisation.officers import humans, roles_of
from idm.written_text import written

PIECE = 5_000
"""So many rows go in one transaction."""
MONTHS_A_YEAR = 12
_LOCK = 0x49444D52
"""Number of the PostgreSQL advisory lock of whoever orders a hold, or erases, until its transaction ends."""


def erase_piece(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards up to a piece of one kind of log is gone whose period is over, on record; returns how many rows.

    0 = nothing is left to erase. Call again, in a transaction of its own, until it is.
    """
    before = _erased_before(session, policy.records.logs_months, now)
    if before is None:
        return 0
    for table in log_tables(now):
        if count := _erase(session, table, before):
            audit.record(
                session, action="logs.erased", actor=actor, obj=("log", table.name), now=now,
                policy_digest=policy.digest, payload={"before": before.isoformat(), "count": count},
            )  # fmt: skip
            return count
    return 0


def expire_piece(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards up to a piece of what audit entries say in full has gone where the period of records is over.

    The entries stay. Returns of how many it went; call again, in a transaction of its own, until it is 0.
    """
    before = _erased_before(session, policy.records.records_years * MONTHS_A_YEAR, now)
    if before is None:
        return 0
    return audit.expire_payloads(
        session, before=before, actor=actor, now=now, policy_digest=policy.digest, limit=PIECE
    )  # fmt: skip


def order_hold(
    session: Session, *, reason: str, from_day: date | None, actor: Actor, policy: Policy, now: datetime
) -> LegalHold:
    """Afterwards nothing of that day or later is erased (None = nothing at all). Raises NotPermitted, InvalidInput."""
    _require(session, actor, now)
    if from_day is not None and from_day > day_of(now):
        problem = "今日までの日にしてください。"
        raise InvalidInput(problem, fields={"from_day": problem})
    _wait_for_each_other(session)
    hold = LegalHold(
        reason=written(reason, field="reason", empty="保存する理由（事件、訴訟、監査など）を書いてください。"),
        ordered_by_id=actor.person_id or 0, ordered_at=now, from_day=from_day,
    )  # fmt: skip
    session.add(hold)
    session.flush()
    _record(session, "hold.ordered", hold, actor=actor, policy=policy, now=now)
    return hold


def ask_to_lift(session: Session, hold_id: int, *, actor: Actor, policy: Policy, now: datetime) -> LegalHold:
    """Afterwards the hold waits for a second name before it ends. Raises NotPermitted, NotFound, IllegalTransition."""
    _require(session, actor, now)
    hold = _open(session, hold_id)
    if hold.lift_asked_by_id is not None:
        raise IllegalTransition("解除は、すでに求められています。もう一人が解除してください。")
    hold.lift_asked_by_id, hold.lift_asked_at = actor.person_id, now
    _record(session, "hold.lift_asked", hold, actor=actor, policy=policy, now=now)
    return hold


def keep(session: Session, hold_id: int, *, actor: Actor, policy: Policy, now: datetime) -> LegalHold:
    """Afterwards the hold goes on, and nobody has asked to lift it: whoever did takes it back, or another says no.

    Raises NotPermitted, NotFound, IllegalTransition while nobody has asked.
    """
    _require(session, actor, now)
    hold = _open(session, hold_id)
    if hold.lift_asked_by_id is None:
        raise IllegalTransition("解除は、求められていません。")
    hold.lift_asked_by_id = hold.lift_asked_at = None
    _record(session, "hold.kept", hold, actor=actor, policy=policy, now=now)
    return hold


def lift(session: Session, hold_id: int, *, actor: Actor, policy: Policy, now: datetime) -> LegalHold:
    """Afterwards the hold is over. Raises NotPermitted, NotFound, IllegalTransition while nobody has asked,
    SeparationOfDuties for whoever did."""
    _require(session, actor, now)
    hold, person_id = _open(session, hold_id), actor.person_id or 0
    if hold.lift_asked_by_id is None:
        raise IllegalTransition("解除は、まだ求められていません。一人が解除を求め、もう一人が解除します。")
    if humans(session, [person_id])[person_id].is_one_of(frozenset({hold.lift_asked_by_id})):
        raise SeparationOfDuties("解除を求めた人とは別の人が解除してください。", code="SOD-1")
    hold.lifted_by_id, hold.lifted_at = person_id, now
    _record(session, "hold.lifted", hold, actor=actor, policy=policy, now=now)
    return hold


def _erased_before(session: Session, months: int, now: datetime) -> datetime | None:
    """What is older may be erased in this transaction, and no hold is ordered before it ends; None = nothing may."""
    _wait_for_each_other(session)
    return erased_before(day_of(now), months, [hold.from_day for hold in open_holds(session)])


def _wait_for_each_other(session: Session) -> None:
    if session.get_bind().dialect.name != "sqlite":  # a writing transaction is alone there from its first statement
        session.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def _erase(session: Session, table: LogTable, before: datetime) -> int:
    some = session.scalars(select(table.key).where(table.clock < before, table.over).order_by(table.key).limit(PIECE))
    keys = some.all()
    if keys:
        session.execute(
            delete(table.model).where(table.key.in_(keys)), execution_options={"synchronize_session": False}
        )
    return len(keys)


def _require(session: Session, actor: Actor, now: datetime) -> None:
    require(roles_of(session, actor.person_id or 0, day_of(now)), Action.HOLD_RECORDS)


def _open(session: Session, hold_id: int) -> LegalHold:
    hold = session.get(LegalHold, hold_id, with_for_update=True, populate_existing=True)
    if hold is None:
        raise NotFound("この保存の指示は見つかりません。")
    if hold.lifted_at is not None:
        raise IllegalTransition("この保存の指示は、すでに解除されています。")
    return hold


def _record(
    session: Session, action: str, hold: LegalHold, *, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    session.flush()
    audit.record(
        session, action=action, actor=actor, obj=("hold", hold.id), now=now, policy_digest=policy.digest,
        payload={"reason": hold.reason, "from_day": hold.from_day.isoformat() if hold.from_day else None},
    )  # fmt: skip
