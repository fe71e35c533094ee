"""What falls due by the calendar: rights begin, rights end, leavers stop, stopped accounts go, applications lapse.

Running it twice on one day does nothing the second time; missing a day is made up by the next run (FK 6-2(2)①).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.grant_state import EndReason, GrantState
from idm.models.people import Employment
from idm.models.requests import Grant
from idm.models.systems import Account
from idm.models.work import OutboxTask, TaskState
from idm.operations import grants, requests
from idm.operations.accounts import schedule
from idm.policy import Policy


@dataclass(frozen=True)
class LifecycleResult:
    """How many of each were carried out."""

    begun: int
    expired: int
    left: int
    deletions: int
    lapsed: int


def carry_out_due(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> LifecycleResult:
    """Afterwards everything that falls due by the day of `now` is decided and waits in the outbox."""
    day = day_of(now)
    left = _stop_leavers(session, day, actor=actor, policy=policy, now=now)
    expired = _end_expired(session, day, actor=actor, policy=policy, now=now)
    begun = _begin_planned(session, day, actor=actor, policy=policy, now=now)
    deletions = _schedule_deletions(session, policy=policy, now=now)
    lapsed = requests.lapse_overdue(session, actor=actor, policy=policy, now=now)
    return LifecycleResult(begun, expired, left, deletions, len(lapsed))


def _stop_leavers(session: Session, day: date, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Leavers first: whoever has live grants and no employment on the day, nor one that begins at that instant.

    Whoever has yet to begin has not left, and a right for a time to come waits for the employment of that time.
    """
    employed, left, coming = _employment(_holds(day)), _employment(_over(day)), _employment(Employment.valid_from > day)
    waits = and_(coming, or_(Grant.state == GrantState.PLANNED, ~left))
    gone = session.scalars(_live().where(Account.person_id.is_not(None), ~employed, ~waits)).all()
    for grant in gone:
        grants.end(session, grant, EndReason.LEFT, actor=actor, policy=policy, now=now)
    return len({grant.account.person_id for grant in gone})


def _live() -> Select[Grant]:
    loaded = (contains_eager(Grant.account), joinedload(Grant.entitlement))
    query = select(Grant).join(Account, Grant.account_id == Account.id).where(Grant.state != GrantState.ENDED)
    return query.options(*loaded).order_by(Grant.id)


def _employment(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the account's person has an employment of that kind."""
    return exists().where(Employment.person_id == Account.person_id, condition)


def _holds(day: date) -> ColumnElement[bool]:
    return and_(Employment.valid_from <= day, or_(Employment.valid_until.is_(None), Employment.valid_until > day))


def _over(day: date) -> ColumnElement[bool]:
    return and_(Employment.valid_until.is_not(None), Employment.valid_until <= day)


def employed_people(session: Session, person_ids: Collection[int], day: date) -> set[int]:
    """Those of the people who are employed on the day."""
    return set(session.scalars(select(Employment.person_id).where(_holds(day)))) & set(person_ids)


def _end_expired(session: Session, day: date, *, actor: Actor, policy: Policy, now: datetime) -> int:
    over = session.scalars(_live().where(Grant.valid_until <= day)).all()
    for grant in over:
        reason = EndReason.REQUESTED if grant.ended_by_line_id is not None else EndReason.EXPIRED
        grants.end(session, grant, reason, actor=actor, policy=policy, now=now)
    return len(over)


def _begin_planned(session: Session, day: date, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Rights begin on their day, and never before the employment behind them."""
    may_begin = or_(Account.person_id.is_(None), _employment(_holds(day)))
    due = session.scalars(_live().where(Grant.state == GrantState.PLANNED, Grant.valid_from <= day, may_begin)).all()
    for grant in due:
        grants.begin(session, grant, actor=actor, policy=policy, now=now)
    return len(due)


def _schedule_deletions(session: Session, *, policy: Policy, now: datetime) -> int:
    """Accounts still on their target whose last right ended longer ago than the profile's days, once each."""
    live = select(Grant.account_id).where(Grant.state != GrantState.ENDED)
    recent = select(Grant.account_id).where(Grant.ended_at > now - timedelta(days=policy.personnel.delete_after_days))
    looked_at = select(OutboxTask.account_id).where(OutboxTask.state.in_((TaskState.WAITING, TaskState.CLAIMED)))
    due = session.scalars(
        select(Account).where(
            Account.seen_present.is_(True), *(Account.id.not_in(some) for some in (live, recent, looked_at))
        )
    ).all()
    for account in due:
        schedule(session, account, now=now)
    return len(due)
