"""Accounts whose owner's unit changed with the day: the directory shows the new one, though no right changed."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.calendar_days import day_of, start_of
from idm.grant_state import GrantState
from idm.models.people import Assignment, Employment
from idm.models.requests import Grant
from idm.models.systems import Account
from idm.operations.rights.accounts import schedule

LOOKED_BACK = timedelta(days=31)
"""A run that was missed is made up within so many days."""


def refresh(session: Session, *, now: datetime) -> int:
    """Afterwards every account last seen before its owner's newest post began will be looked at. Returns how many."""
    day = day_of(now)
    rows = session.execute(
        select(Account, Assignment.valid_from)
        .join(Employment, Employment.person_id == Account.person_id)
        .join(Assignment, Assignment.employment_id == Employment.id)
        .where(
            Assignment.primary,
            Assignment.valid_from <= day,
            Assignment.valid_from > day - LOOKED_BACK,
            Account.id.in_(select(Grant.account_id).where(Grant.state != GrantState.ENDED)),
        )
        .order_by(Account.id)
    )
    late = {account for account, begins in rows if account.seen_at is not None and account.seen_at < start_of(begins)}
    for account in sorted(late, key=lambda account: account.id):
        schedule(session, account, now=now)
    return len(late)
