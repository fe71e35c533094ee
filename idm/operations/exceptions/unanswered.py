"""Exceptions that nobody answers: brought to mind, told to the next in line, over when their period is (FK 8(1))."""

from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.models.exceptions import RegisteredException
from idm.notice_times import levels_due
from idm.operations.exceptions.exception_notices import record, tell, tell_ciso
from idm.oversight.exception_state import ExceptionEvent, after
from idm.policy import Policy
from idm.queries.organisation.officers import holders
from idm.vocabulary import ExceptionState
from idm.working_days import working_days

OVER = "許可されないまま期間が過ぎたため、効力のないまま終わりました。"


def follow(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards what waits for its answer is known to whoever has to know, each level once, and what would not hold
    any more waits no longer. An emergency waits for its report first. Returns of how many somebody was told."""
    day, told = day_of(now), 0
    days = working_days(policy.calendar)
    for exception in _waiting(session):
        if exception.valid_until <= day:
            _close(session, exception, actor=actor, policy=policy, now=now)
            continue
        level = levels_due(day_of(exception.reported_at or exception.asked_at), day, policy.notices, days)
        if level > exception.escalated_level:
            _tell(session, exception, level, actor=actor, policy=policy, now=now)
            told += 1
    return told


def _waiting(session: Session) -> list[RegisteredException]:
    reported = or_(RegisteredException.acted_at.is_(None), RegisteredException.reported_at.is_not(None))
    query = select(RegisteredException).where(and_(RegisteredException.state == ExceptionState.ASKED, reported))
    locked = query.order_by(RegisteredException.id).with_for_update().execution_options(populate_existing=True)
    return list(session.scalars(locked))


def _close(
    session: Session, exception: RegisteredException, *, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    exception.state = after(exception.state, ExceptionEvent.END)
    exception.ended_at, exception.end_note = now, OVER
    session.flush()
    record(session, "registered_exception.lapsed", exception, actor=actor, policy=policy, now=now)
    tell(session, {exception.asked_by_id}, exception, "許可されないまま終わりました", OVER, now=now)


def _tell(
    session: Session, exception: RegisteredException, level: int, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    before, exception.escalated_level = exception.escalated_level, level
    exception.escalated_at = now
    record(session, "registered_exception.unanswered", exception, actor=actor, policy=policy, now=now, level=level)
    if before == 0:
        tell_ciso(session, exception, "許可・不許可を決めてください", "申請が、許可・不許可を待っています。", now=now)
    roles = policy.notices.escalate_to[max(before - 1, 0) : level - 1]
    told = {person for role in roles for person in holders(session, role, None, day_of(now))}
    tell(
        session,
        told - {exception.asked_by_id},
        exception,
        "答えがありません",
        "申請が、期間を過ぎても許可・不許可を待っています。",
        now=now,
    )
