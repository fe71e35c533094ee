"""Who may use a shared ID by right: an approved application, in force and held back by nothing (A13, FK 5-4(2)).

The right stands on the user's own daily ID of the same system, has a number and an end, and ends like every other; a
post that is lost counts at once, also before the run of the day has ended it.
"""

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.grant_state import GrantState
from idm.models.people import Employment
from idm.models.periods import holding_on
from idm.models.privileged import RegisteredId
from idm.models.requests import Grant
from idm.models.systems import Account, Entitlement
from idm.queries.organisation.lost_posts import judged_posts
from idm.vocabulary import AccountKind


def offered(session: Session, day: date) -> frozenset[int]:
    """The accounts of the shared IDs that stand in the register on the day: what may be asked for."""
    live = select(RegisteredId.account_id).where(
        RegisteredId.kind == AccountKind.SHARED, RegisteredId.accepted_at.is_not(None), RegisteredId.ended_at.is_(None),
        RegisteredId.valid_until.is_(None) | (RegisteredId.valid_until > day),
    )  # fmt: skip
    return frozenset(account_id for account_id in session.scalars(live) if account_id is not None)


def usable_by_right(session: Session, person_id: int, *, now: datetime) -> dict[int, Grant]:
    """Shared ID → the right by which the person may use it now."""
    day = day_of(now)
    query = _of_users(day, (GrantState.IN_FORCE,)).where(Account.person_id == person_id)
    lost = judged_posts(session, day, [person_id], now=now).lost
    return {account: grant for account, _, grant in session.execute(query) if grant.id not in lost and account}


def users_on(session: Session, day: date, shared_ids: Collection[int], *, now: datetime) -> dict[int, set[int]]:
    """Shared ID → everybody on its list on the day: whoever is only held back for a while stays on it.

    Judged by the organisation file in force at `now`.
    """
    query = _of_users(day, (GrantState.IN_FORCE, GrantState.SUSPENDED))
    rows = session.execute(query.where(Entitlement.shared_account_id.in_(shared_ids))).all()
    lost = judged_posts(session, day, now=now).lost if rows else frozenset[int]()
    users: dict[int, set[int]] = {account: set() for account in shared_ids}
    for account, person, grant in rows:
        if account is not None and person is not None and grant.id not in lost:
            users[account].add(person)
    return users


def users_gone(session: Session, system_id: int, *, now: datetime) -> list[Grant]:
    """The rights to shared IDs of the system whose user has left, or lost the post for it: the run has not ended them.

    It may have been refused by its limits; from the day itself nobody uses an ID by such a right.
    """
    day = day_of(now)
    query = (
        select(Grant)
        .join(Entitlement, Grant.entitlement_id == Entitlement.id)
        .where(
            Entitlement.system_id == system_id, Entitlement.shared_account_id.is_not(None),
            Grant.state.in_((GrantState.IN_FORCE, GrantState.SUSPENDED)), holding_on(Grant, day),
        )
        .order_by(Grant.id)
    )  # fmt: skip
    rights = list(session.scalars(query))
    lost = judged_posts(session, day, now=now).lost if rights else frozenset[int]()
    there = set(session.scalars(select(Employment.person_id).where(holding_on(Employment, day)))) if rights else set()
    return [one for one in rights if one.id in lost or one.account.person_id not in there]


def _of_users(day: date, states: Collection[GrantState]) -> Select[int | None, int | None, Grant]:
    return (
        select(Entitlement.shared_account_id, Account.person_id, Grant)
        .join(Grant, Grant.entitlement_id == Entitlement.id)
        .join(Account, Grant.account_id == Account.id)
        .where(Entitlement.shared_account_id.is_not(None), Grant.state.in_(states), holding_on(Grant, day))
        .order_by(Grant.id)
    )
