"""What somebody enables by hand while a stop holds is found within minutes, and stopped again (control H5).

Only what was seen to be stopped is read again: whatever has not arrived is tried anyway. It ends with the order.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from idm import audit
from idm.actor import Actor
from idm.models.stops import AccountStop, EntryStop, StopOrder
from idm.models.systems import Account, InformationSystem
from idm.operations.rights.accounts import schedule
from idm.operations.stops import stop_notices
from idm.policy import Policy
from idm.ports import ExternalId
from idm.vocabulary import BY_HAND, Stage, Zone


@dataclass(frozen=True)
class Watched:
    """What is to be read again in one system: accounts of ours by their number, and entries by the directory's id."""

    accounts: frozenset[UUID] = frozenset()
    entries: frozenset[ExternalId] = frozenset()


def systems_to_watch(session: Session, zones: Sequence[Zone], *, policy: Policy, now: datetime) -> list[int]:
    """The systems of these zones in which something stopped is to be read again, where a directory can be read."""
    accounts = select(Account.system_id).join(AccountStop).where(*_accounts_due(policy, now))
    entries = select(EntryStop.system_id).where(*_entries_due(policy, now))
    query = select(InformationSystem.id).where(
        InformationSystem.zone.in_(zones), InformationSystem.stage != Stage.OBSERVE,
        InformationSystem.connector != BY_HAND,
        or_(InformationSystem.id.in_(accounts), InformationSystem.id.in_(entries)),
    )  # fmt: skip
    return sorted(session.scalars(query))


def to_watch(session: Session, system_id: int, *, policy: Policy, now: datetime) -> Watched:
    """What is read again in this round: as much as the profile says, what was read longest ago first.

    Afterwards it counts as read at `now`, so that a directory that does not answer is not asked in every round.
    """
    most = policy.stops.watch_at_once
    accounts = session.scalars(
        select(AccountStop)
        .join(AccountStop.account)
        .where(Account.system_id == system_id, *_accounts_due(policy, now))
        .options(joinedload(AccountStop.account))
        .order_by(AccountStop.watched_at.asc().nulls_first(), AccountStop.id)
        .limit(most)
    ).all()
    entries = session.scalars(
        select(EntryStop)
        .where(EntryStop.system_id == system_id, *_entries_due(policy, now))
        .order_by(EntryStop.watched_at.asc().nulls_first(), EntryStop.id)
        .limit(most)
    ).all()
    for stop in accounts:
        stop.watched_at = now
    for entry in entries:
        entry.watched_at = now
    return Watched(frozenset(stop.account.uuid for stop in accounts), frozenset(entry.external_id for entry in entries))


def stop_again(
    session: Session, system_id: int, enabled: Watched, *, read_at: datetime, actor: Actor, policy: Policy,
    now: datetime,
) -> int:  # fmt: skip
    """Afterwards what was read as enabled at `read_at`, though a stop holds, is stopped before anything else.

    It is on record, and whoever ordered it is told, once for each order. Returns how many stops that were.
    """
    accounts = session.scalars(
        select(AccountStop)
        .join(AccountStop.account)
        .where(
            Account.system_id == system_id, Account.uuid.in_(enabled.accounts), AccountStop.stop_id.is_not(None),
            AccountStop.until.is_(None), AccountStop.stopped_at <= read_at,
        )
        .options(joinedload(AccountStop.account))
        .order_by(AccountStop.account_id)
        .with_for_update(key_share=True)
    ).all()  # fmt: skip
    entries = session.scalars(
        select(EntryStop)
        .where(
            EntryStop.system_id == system_id, EntryStop.external_id.in_(enabled.entries), EntryStop.until.is_(None),
            EntryStop.stopped_at <= read_at,
        )
        .order_by(EntryStop.id)
        .with_for_update()
    ).all()  # fmt: skip
    undone: dict[int, list[str]] = {}
    for stop in accounts:
        stop.stopped_at, stop.undone_at = None, now
        stop.account.seen_present = stop.account.seen_enabled = True
        undone.setdefault(stop.stop_id or 0, []).append(stop.account.login_name)
    for account in {stop.account_id: stop.account for stop in accounts}.values():
        schedule(session, account, now=now)
    for entry in entries:
        entry.stopped_at, entry.undone_at, entry.due_at = None, now, now
        undone.setdefault(entry.stop_id, []).append(entry.login_name)
    session.flush()
    for stop_id, names in sorted(undone.items()):
        _told(session, stop_id, system_id, names, actor=actor, policy=policy, now=now)
    return len(accounts) + len(entries)


def _told(
    session: Session, stop_id: int, system_id: int, names: Collection[str], *, actor: Actor, policy: Policy,
    now: datetime,
) -> None:  # fmt: skip
    audit.record(
        session, action="stop.undone", actor=actor, obj=("stop", str(stop_id)), now=now, policy_digest=policy.digest,
        payload={"system": system_id, "accounts": sorted(names), "stop": stop_id},
    )  # fmt: skip
    order = session.get_one(StopOrder, stop_id, with_for_update=True, populate_existing=True)
    if order.undone_told_at is None:
        order.undone_told_at = now
        system = session.get_one(InformationSystem, system_id)
        stop_notices.tell_undone(session, order, system.name, sorted(names), now=now)


def _accounts_due(policy: Policy, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        AccountStop.stop_id.is_not(None), AccountStop.until.is_(None), AccountStop.stopped_at.is_not(None),
        _not_lately(AccountStop.stopped_at, AccountStop.watched_at, policy, now),
    )  # fmt: skip


def _entries_due(policy: Policy, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        EntryStop.until.is_(None), EntryStop.stopped_at.is_not(None),
        _not_lately(EntryStop.stopped_at, EntryStop.watched_at, policy, now),
    )  # fmt: skip


def _not_lately(
    stopped_at: InstrumentedAttribute[datetime | None], watched_at: InstrumentedAttribute[datetime | None],
    policy: Policy, now: datetime,
) -> ColumnElement[bool]:  # fmt: skip
    """Neither when it was seen to be stopped, nor since, has it been read within the profile's minutes."""
    before = now - timedelta(minutes=policy.stops.watch_minutes)
    return (stopped_at <= before) & or_(watched_at.is_(None), watched_at <= before)
