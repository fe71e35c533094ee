"""Standing approvals end by themselves: an approver changed, or what they rest on did (control A1)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.models.standing import StandingApproval
from idm.operations.approval.standing_notices import record, tell_ended, tell_lapsing
from idm.policy import Policy
from idm.queries.approval.bench import Bench
from idm.queries.approval.standing_facts import approvers, basis_given, basis_now, still_seated
from idm.queries.organisation.officers import humans
from idm.standing_rules import STOP_REASONS, Seats, lapse_day, seats_of, stop


def follow(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards every standing approval whose approver changed has its day, and those whose day has come have ended.

    Returns how many of them changed; running it again on the same day changes none. HR and both approvers are told.
    What is open stays locked until this transaction ends.
    """
    changed = 0
    benches: dict[date, Bench] = {}
    for standing in _open(session):
        lapsing = _follow_seats(session, standing, benches, policy=policy, now=now)
        if lapsing:
            record(session, "standing.lapsing", standing, actor=actor, policy=policy, now=now)
        ended = _end_what_is_over(session, standing, actor=actor, policy=policy, now=now)
        if lapsing and not ended:
            tell_lapsing(session, standing, now=now)
        changed += lapsing or ended
    session.flush()
    return changed


def _open(session: Session) -> Sequence[StandingApproval]:
    query = select(StandingApproval).where(StandingApproval.ended_at.is_(None)).order_by(StandingApproval.id)
    return session.scalars(query.with_for_update().execution_options(populate_existing=True)).all()


def _follow_seats(
    session: Session, standing: StandingApproval, benches: dict[date, Bench], *, policy: Policy, now: datetime
) -> bool:
    """Whether its day was set now. Once set it stays, also when the approver comes back."""
    seats = seats_of(policy.applications.route)
    if standing.in_force_at is None or standing.lapses_on is not None or seats is None:
        return False
    days = _days_unseated(session, standing, seats, benches, longest=policy.standing.lapse_days, day=day_of(now))
    if not days:
        return False
    standing.lapses_on = lapse_day(days[-1], policy.standing.lapse_days)
    return True


def _days_unseated(
    session: Session, standing: StandingApproval, seats: Seats, benches: dict[date, Bench], *, longest: int, day: date
) -> list[date]:
    """The last days, today first, on which an approver was not seated: a missed night is made up for."""
    known = humans(session, approvers(standing))
    begins = day_of(standing.in_force_at) if standing.in_force_at is not None else day
    days: list[date] = []
    while day >= begins and len(days) <= longest:
        if day not in benches:
            benches[day] = Bench.on(session, day)
        if still_seated(benches[day], standing, seats, known):
            break
        days.append(day)
        day -= timedelta(days=1)
    return days


def _end_what_is_over(
    session: Session, standing: StandingApproval, *, actor: Actor, policy: Policy, now: datetime
) -> bool:
    current = basis_now(session, standing.system, policy=policy, now=now)
    why = stop(
        basis_given(standing), current, seats=seats_of(policy.applications.route), lapses_on=standing.lapses_on,
        day=day_of(now),
    )  # fmt: skip
    if why is None:
        return False
    close(standing, STOP_REASONS[why], now=now)
    record(session, "standing.ended", standing, actor=actor, policy=policy, now=now, why=why.value)
    tell_ended(session, standing, now=now)
    return True


def close(standing: StandingApproval, reason: str, *, now: datetime) -> None:
    """Afterwards it covers nothing any more; its uses stay as they were."""
    standing.ended_at, standing.end_reason = now, reason
