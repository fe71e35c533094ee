"""What falls due by the calendar: rights begin, rights end, leavers stop, stopped accounts go, applications lapse.

Running it twice on one day does nothing the second time; missing a day is made up by the next run (FK 6-2(2)①).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.grant_state import EndReason, GrantState
from idm.models.people import Employment
from idm.models.requests import Grant
from idm.models.systems import Account
from idm.operations import grants, requests
from idm.operations.accounts import schedule
from idm.policy import Policy
from idm.wanted_account import employed_until


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
    """Leavers first: whoever has live grants and no employment on the day, nor one that begins at that instant."""
    live = session.scalars(
        select(Grant).join(Account, Grant.account_id == Account.id)
        .where(Account.person_id.is_not(None), Grant.state.in_((GrantState.IN_FORCE, GrantState.SUSPENDED)))
        .options(selectinload(Grant.account)).order_by(Grant.id)
    ).all()  # fmt: skip
    employed = employed_people(session, {grant.account.person_id or 0 for grant in live}, day)
    gone = [grant for grant in live if grant.account.person_id not in employed]
    for grant in gone:
        grants.end(session, grant, EndReason.LEFT, actor=actor, policy=policy, now=now)
    return len({grant.account.person_id for grant in gone})


def employed_people(session: Session, person_ids: set[int], day: date) -> set[int]:
    """Those of the people who are employed on the day."""
    periods: dict[int, list[tuple[date, date | None]]] = {}
    for employment in session.scalars(select(Employment).where(Employment.person_id.in_(person_ids))):
        periods.setdefault(employment.person_id, []).append((employment.valid_from, employment.valid_until))
    return {person for person, held in periods.items() if employed_until(held, day)[0]}


def _end_expired(session: Session, day: date, *, actor: Actor, policy: Policy, now: datetime) -> int:
    over = session.scalars(select(Grant).where(Grant.state != GrantState.ENDED, Grant.valid_until <= day)).all()
    for grant in over:
        reason = EndReason.REQUESTED if grant.ended_by_line_id is not None else EndReason.EXPIRED
        grants.end(session, grant, reason, actor=actor, policy=policy, now=now)
    return len(over)


def _begin_planned(session: Session, day: date, *, actor: Actor, policy: Policy, now: datetime) -> int:
    due = session.scalars(select(Grant).where(Grant.state == GrantState.PLANNED, Grant.valid_from <= day)).all()
    for grant in due:
        grants.begin(session, grant, actor=actor, policy=policy, now=now)
    return len(due)


def _schedule_deletions(session: Session, *, policy: Policy, now: datetime) -> int:
    """Accounts still on their target whose last right ended longer ago than the profile's days."""
    live = select(Grant.account_id).where(Grant.state != GrantState.ENDED)
    recent = select(Grant.account_id).where(Grant.ended_at > now - timedelta(days=policy.personnel.delete_after_days))
    due = session.scalars(
        select(Account).where(Account.seen_present.is_(True), Account.id.not_in(live), Account.id.not_in(recent))
    ).all()
    for account in due:
        schedule(session, account, now=now)
    return len(due)
