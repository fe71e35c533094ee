"""Stops of accounts that are nobody's own: opened and closed by an order, carried out by one worker at a time (H5).

Nothing else in the product changes such an account, so that no rows say what it should be. What it showed before the
first of its stops was written is kept with them, and is what it shows again when the last of them has ended.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session, aliased

from idm import audit
from idm.actor import Actor
from idm.models.going_live import FoundAccount
from idm.models.stops import EntryStop
from idm.models.systems import Account, InformationSystem
from idm.operations.rights.accounts import schedule
from idm.policy import Policy
from idm.ports import ExternalId
from idm.queries.stops.entries import Entry, unfinished
from idm.stopping import Stopping, stopping
from idm.vocabulary import BY_HAND, Stage, Zone

LEASE = timedelta(minutes=1)
"""How long a claim holds: so long an entry waits whose worker was killed."""
TRIED_AGAIN_AFTER = timedelta(seconds=30)


@dataclass(frozen=True)
class Before:
    """What a directory showed of an entry before anything was written: what it is to show again."""

    enabled: bool
    until: datetime | None


@dataclass(frozen=True)
class EntryWork:
    """One entry that is claimed: whether a stop holds, and what it showed before. `stops`: all that are not over.

    `ended`: those of them that had ended when it was claimed; what ends later is looked at later. `somebodys`: it was
    taken over meanwhile, so that our rows say what it is to show when nothing stops it any more.
    taken over meanwhile, so that our rows say what it is to show when nothing stops it any more.
    taken over meanwhile, so that our rows say what it is to show when nothing stops it any more.
    """

    external_id: ExternalId
    login_name: str
    stops: frozenset[int]
    ended: frozenset[int]
    before: Before | None
    somebodys: bool

    @property
    def holds(self) -> bool:
        """Whether some order stopped it when it was claimed."""
        return self.stops != self.ended


@dataclass(frozen=True)
class EntryResult:
    """How it went: done, or why not."""

    work: EntryWork
    error: str | None = None


def place(
    session: Session, entries: Iterable[Entry], *, stop_id: int, actor: Actor, policy: Policy, now: datetime
) -> int:  # fmt: skip
    """Afterwards a worker stops each of these entries for this order. Returns how many the order names anew."""
    named = select(EntryStop.system_id, EntryStop.external_id).where(EntryStop.stop_id == stop_id)
    known = {(system_id, external_id) for system_id, external_id in session.execute(named)}
    placed = 0
    for entry in entries:
        if (entry.system_id, entry.external_id) in known:
            continue
        known.add((entry.system_id, entry.external_id))
        stop = EntryStop(
            stop_id=stop_id, system_id=entry.system_id, external_id=entry.external_id, login_name=entry.login_name,
            since=now, due_at=now,
        )  # fmt: skip
        session.add(stop)
        _record(session, "entry.stopped", stop, actor=actor, policy=policy, now=now)
        placed += 1
    session.flush()
    return placed


def release(session: Session, *, stop_id: int, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards this order stops no entry any more. Returns how many it did; what other orders stop stays stopped.

    What was taken over as somebody's meanwhile shows again what is approved for it.
    """
    stops = session.scalars(
        select(EntryStop).where(EntryStop.stop_id == stop_id, EntryStop.until.is_(None)).with_for_update()
    ).all()
    for stop in stops:
        stop.until = stop.due_at = now
        _record(session, "entry.stop_ended", stop, actor=actor, policy=policy, now=now)
    session.flush()
    taken = select(Account).where(
        Account.person_id.is_not(None),
        exists().where(
            EntryStop.stop_id == stop_id, EntryStop.system_id == Account.system_id,
            EntryStop.external_id == Account.external_id,
        ),
    )  # fmt: skip
    for account in session.scalars(taken.order_by(Account.id).with_for_update(key_share=True)):
        schedule(session, account, now=now)
    return len(stops)


def systems_due(session: Session, zones: Sequence[Zone], *, now: datetime) -> list[int]:
    """The systems of these zones in which some entry can be stopped or restored by us now."""
    query = (
        select(EntryStop.system_id)
        .join(InformationSystem, EntryStop.system_id == InformationSystem.id)
        .where(
            unfinished(), EntryStop.due_at <= now, ~_claimed(now), InformationSystem.zone.in_(zones),
            InformationSystem.stage != Stage.OBSERVE, InformationSystem.connector != BY_HAND,
        )
        .distinct()
    )  # fmt: skip
    return sorted(session.scalars(query))


def claim(session: Session, system_id: int, *, worker: str, limit: int, now: datetime) -> list[EntryWork]:
    """Up to `limit` entries of the system that are this worker's for a minute, with all their unfinished stops."""
    # Whoever claims here waits for whoever does: two stops of one entry never go to two workers.
    session.get_one(InformationSystem, system_id, with_for_update={"key_share": True}, populate_existing=True)
    due = select(EntryStop.external_id).where(
        EntryStop.system_id == system_id, unfinished(), EntryStop.due_at <= now, ~_claimed(now)
    )
    chosen = list(session.scalars(due.group_by(EntryStop.external_id).limit(limit)))
    open_ones = select(EntryStop).where(
        EntryStop.system_id == system_id, EntryStop.external_id.in_(chosen), EntryStop.restored_at.is_(None)
    )
    by_entry = defaultdict[ExternalId, list[EntryStop]](list)
    for stop in session.scalars(open_ones.order_by(EntryStop.id)):
        stop.claimed_by, stop.claimed_until = worker, now + LEASE
        by_entry[stop.external_id].append(stop)
    taken = set(
        session.scalars(
            select(Account.external_id).where(
                Account.system_id == system_id, Account.external_id.in_(chosen), Account.person_id.is_not(None)
            )
        )
    )
    return [_work(stops, somebodys=external_id in taken) for external_id, stops in by_entry.items()]


def _work(stops: Sequence[EntryStop], *, somebodys: bool) -> EntryWork:
    known = [Before(stop.was_enabled, stop.was_until) for stop in stops if stop.was_enabled is not None]
    return EntryWork(
        stops[0].external_id, stops[0].login_name, frozenset(stop.id for stop in stops),
        frozenset(stop.id for stop in stops if stop.until is not None), known[0] if known else None, somebodys,
    )  # fmt: skip


def begin(
    session: Session, system_id: int, works: Collection[EntryWork], *, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    """Afterwards it is on record that the directory may now be changed for what was claimed, in one entry for all.

    Belongs in the claim's transaction, as of `idm.operations.outbox.begin` (FK 6-1(6)).
    """
    if works:
        audit.record(
            session, action="provision.begun", actor=actor, obj=("system", system_id), now=now,
            policy_digest=policy.digest, payload={"entries": sorted(work.external_id for work in works)},
        )  # fmt: skip


def remember(session: Session, work: EntryWork, before: Before, *, worker: str) -> None:
    """Afterwards all stops of the entry know what it showed before anything was written."""
    for stop in _own(session, work, worker):
        if stop.was_enabled is None:
            stop.was_enabled, stop.was_until = before.enabled, before.until


def finish(
    session: Session, results: Iterable[EntryResult], *, worker: str, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    """Afterwards each entry that was read back as wanted is stopped, or restored; the others are tried again.

    What the worker lost meanwhile is looked at once more, whatever somebody else has recorded of it.
    """
    for result in results:
        ours = _own(session, result.work, worker)
        for stop in ours:
            stop.claimed_by = stop.claimed_until = None
            _end(session, stop, result, actor=actor, policy=policy, now=now)
        if len(ours) < len(result.work.stops):
            _look_again(session, result.work.stops - {stop.id for stop in ours}, now=now)
    session.flush()


def _end(
    session: Session, stop: EntryStop, result: EntryResult, *, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    if result.error is not None:
        stop.error, stop.due_at = result.error, now + TRIED_AGAIN_AFTER
        return
    stop.error = None
    if stop.until is None and stop.stopped_at is None:
        stop.stopped_at = now
        _record(session, "entry.stop_reached", stop, actor=actor, policy=policy, now=now)
    elif stop.id in result.work.ended:
        stop.restored_at = now
        _record(session, "entry.restored", stop, actor=actor, policy=policy, now=now)


def _look_again(session: Session, stop_ids: Collection[int], *, now: datetime) -> None:
    for stop in session.scalars(select(EntryStop).where(EntryStop.id.in_(stop_ids))):
        stop.restored_at, stop.due_at = None, now
        stop.stopped_at = None if stop.until is None else stop.stopped_at


def _own(session: Session, work: EntryWork, worker: str) -> list[EntryStop]:
    query = select(EntryStop).where(EntryStop.id.in_(work.stops), EntryStop.claimed_by == worker).with_for_update()
    return list(session.scalars(query.execution_options(populate_existing=True)))


def _claimed(now: datetime) -> ColumnElement[bool]:
    other = aliased(EntryStop)
    return exists().where(
        other.system_id == EntryStop.system_id, other.external_id == EntryStop.external_id, other.claimed_until > now
    )


def follow_what_was_listed(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards stops in systems to which nothing is written are where the newest list, or inventory, shows them."""
    for stop in _followed(session):
        if stop.until is not None:
            stop.restored_at = now
        else:
            stop.stopped_at = now
            _record(session, "entry.stop_reached", stop, actor=actor, policy=policy, now=now)


def to_do(session: Session) -> bool:
    """Whether any stop of an entry is still to be carried out by us, or was shown carried out by others."""
    ours = any(stopping(stage, connector) is Stopping.BY_US for _, stage, connector in _unfinished(session))
    return ours or bool(_followed(session))


def _unfinished(session: Session) -> Sequence[tuple[EntryStop, Stage, str]]:
    rows = session.execute(
        select(EntryStop, InformationSystem.stage, InformationSystem.connector)
        .join(InformationSystem, EntryStop.system_id == InformationSystem.id)
        .where(unfinished())
    )
    return [(stop, stage, connector) for stop, stage, connector in rows]


def _followed(session: Session) -> list[EntryStop]:
    """Those where nothing is written by us that are over, or were shown stopped."""
    return [
        stop
        for stop, stage, connector in _unfinished(session)
        if stopping(stage, connector) is not Stopping.BY_US
        and (stop.until is not None or _shown_stopped(session, stop))
    ]


def _shown_stopped(session: Session, stop: EntryStop) -> bool:
    found = session.scalars(
        select(FoundAccount).where(
            FoundAccount.system_id == stop.system_id, FoundAccount.external_id == stop.external_id
        )
    ).one_or_none()
    if found is not None and found.gone_at is not None and found.gone_at > stop.since:
        return True
    if found is not None and found.last_seen_at > stop.since and not found.enabled:
        return True
    account = session.scalars(
        select(Account).where(Account.system_id == stop.system_id, Account.external_id == stop.external_id)
    ).one_or_none()
    read = account is not None and account.seen_at is not None and account.seen_at > stop.since
    return read and account is not None and not (account.seen_present and account.seen_enabled)


def _record(
    session: Session, action: str, stop: EntryStop, *, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    audit.record(
        session, action=action, actor=actor, obj=("stop", str(stop.stop_id)), now=now, policy_digest=policy.digest,
        payload={
            "account": stop.login_name, "external_id": stop.external_id, "system": stop.system_id, "stop": stop.stop_id,
            "was_enabled": stop.was_enabled,
        },
    )  # fmt: skip
