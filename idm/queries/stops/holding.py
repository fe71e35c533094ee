"""Stops that hold at this moment: which accounts let nobody in, by an order or by long disuse (controls C1, H4, H5)."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from idm.grant_state import GrantState, SuspensionReason
from idm.models.people import Person
from idm.models.requests import Grant, GrantSuspension
from idm.models.stops import AccountStop, StopOrder
from idm.models.systems import Account
from idm.models.work import OutboxTask
from idm.queries.organisation.officers import humans
from idm.queries.stops.entries import LateEntries, late_entries, stopped_entries
from idm.vocabulary import StopKind


def stopped_accounts(session: Session, account_ids: Collection[int] | Select[int]) -> frozenset[int]:
    """Those of these accounts that let nobody in now.

    What an order reaches is asked of the order itself too: an account that came to be after it is no way around it.
    """
    named = select(AccountStop.account_id).where(AccountStop.account_id.in_(account_ids), AccountStop.until.is_(None))
    entries = select(Account.id).where(Account.id.in_(account_ids), stopped_entries())
    return frozenset(session.scalars(named.union(entries))) | _within_orders(session, account_ids)


def _within_orders(session: Session, account_ids: Collection[int] | Select[int]) -> frozenset[int]:
    people, systems = stopped_people(session), stopped_systems(session)
    if not people and not systems:
        return frozenset()
    of_people = select(Account.id).where(Account.id.in_(account_ids), Account.person_id.in_(people))
    of_systems = select(Account.id).where(Account.id.in_(account_ids), Account.system_id.in_(systems))
    return frozenset(session.scalars(of_people)) | frozenset(session.scalars(of_systems))


def stopped_people(session: Session) -> frozenset[int]:
    """The rows of everybody who is stopped everywhere now; all rows of one human are (SOD-5)."""
    query = select(StopOrder.person_id).where(StopOrder.kind == StopKind.PERSON, StopOrder.lifted_at.is_(None))
    named = {person_id for person_id in session.scalars(query) if person_id is not None}
    if not named:
        return frozenset()
    return frozenset().union(*(human.rows for human in humans(session, named).values()))


def stopped_systems(session: Session) -> frozenset[int]:
    """The systems whose every account is stopped now."""
    query = select(StopOrder.system_id).where(StopOrder.kind == StopKind.SYSTEM, StopOrder.lifted_at.is_(None))
    return frozenset(system_id for system_id in session.scalars(query) if system_id is not None)


def is_stopped(person_id: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """The condition that the person of that column is stopped everywhere now, by any row of the same human (SOD-5)."""
    stopped_row, own_row = aliased(Person), aliased(Person)
    return (
        exists()
        .where(
            StopOrder.kind == StopKind.PERSON,
            StopOrder.lifted_at.is_(None),
            stopped_row.id == StopOrder.person_id,
            own_row.id == person_id,
            or_(stopped_row.id == own_row.id, stopped_row.match_key == own_row.match_key),
        )
        .correlate(person_id.class_)
    )


def person_is_stopped(session: Session, person_id: int) -> bool:
    """Whether this person is stopped everywhere now."""
    return session.scalar(select(Person.id).where(Person.id == person_id, is_stopped(Person.id))) is not None


def unreached() -> Select[int]:
    """The accounts that some stop has not been seen to reach, and those of a lost card that still let somebody in."""
    stops = select(AccountStop.account_id).where(AccountStop.until.is_(None), AccountStop.stopped_at.is_(None))
    lost = (
        select(Grant.account_id)
        .join(GrantSuspension, GrantSuspension.grant_id == Grant.id)
        .join(Account, Grant.account_id == Account.id)
        .where(
            GrantSuspension.reason == SuspensionReason.LOST_CARD, GrantSuspension.until.is_(None),
            Grant.state == GrantState.SUSPENDED, Account.seen_enabled.is_(True),
        )
    )  # fmt: skip
    return select(stops.union(lost).subquery().c.account_id)


@dataclass(frozen=True)
class Late:
    """What has not arrived in one system of one order: how many accounts, since when, and what the target said."""

    accounts: int
    since: datetime
    error: str | None


def late_stops(
    session: Session, *, before: datetime, system_id: int | None = None
) -> dict[int, dict[int | None, Late]]:  # fmt: skip
    """System → order (None = stops for disuse) → what was placed before that moment and has not been seen to arrive."""
    query = (
        select(
            Account.system_id, AccountStop.stop_id, func.count(), func.min(AccountStop.since),
            func.max(OutboxTask.last_error),
        )
        .join(Account, AccountStop.account_id == Account.id)
        .outerjoin(
            OutboxTask, and_(OutboxTask.account_id == Account.id, OutboxTask.generation == Account.generation)
        )
        .where(AccountStop.until.is_(None), AccountStop.stopped_at.is_(None), AccountStop.since <= before)
        .group_by(Account.system_id, AccountStop.stop_id)
    )  # fmt: skip
    if system_id is not None:
        query = query.where(Account.system_id == system_id)
    found: dict[int, dict[int | None, Late]] = defaultdict(dict)
    for system, stop_id, accounts, since, error in session.execute(query):
        found[system][stop_id] = Late(accounts, since, error)
    for (system, order), of in late_entries(session, before=before).items():
        if system_id in (None, system):
            found[system][order] = _together(found[system].get(order), of)
    return dict(found)


def _together(accounts: Late | None, entries: LateEntries) -> Late:
    if accounts is None:
        return Late(entries.entries, entries.since, entries.error)
    return Late(
        accounts.accounts + entries.entries, min(accounts.since, entries.since), accounts.error or entries.error
    )
