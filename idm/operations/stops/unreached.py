"""Stops that have not arrived: never given up, and told as findings until they have (controls C1, H5)."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.models.stops import AccountStop, StopOrder
from idm.models.systems import Account, InformationSystem
from idm.models.work import Finding, OutboxTask, TaskState
from idm.operations.rights import account_stops
from idm.operations.stops import entry_stops
from idm.operations.sweep.findings import Found, Scope, SweepResult, record_comparison
from idm.policy import Policy
from idm.queries.organisation.officers import humans
from idm.queries.stops.entries import Entry, stoppable_entries
from idm.queries.stops.holding import late_stops, unreached
from idm.stopping import Stopping, stopping
from idm.vocabulary import FindingKind, Stage, StopKind

LATE = timedelta(seconds=60)
"""After so long a stop that has not been seen to arrive is a finding."""
KINDS = frozenset({FindingKind.STOP_NOT_REACHED})
REPAIRS = {
    Stopping.BY_US: "情報システムの管理者が、その場で止める。idm は届くまで試し続けます",
    Stopping.BY_HAND: "指示書の作業を終えて報告し、別の人が確認する",
    Stopping.NOT_BY_US: "情報システムの管理者が、その場で止める。観察の段階のため、idm は書き込みません",
}
"""What is left to do, and who does it."""


def to_do(session: Session, *, now: datetime) -> bool:
    """Whether there is anything to carry out or to hurry, to reach or to tell of.

    What waits for somebody's hands, or stands where nothing is written, is not: it may do so for months.
    """
    tried = select(OutboxTask.id).join(Account, OutboxTask.account_id == Account.id).join(
        InformationSystem, OutboxTask.system_id == InformationSystem.id
    ).where(
        Account.id.in_(unreached()), OutboxTask.generation == Account.generation,
        OutboxTask.state.in_((TaskState.WAITING, TaskState.CLAIMED, TaskState.REFUSED)),
        InformationSystem.stage != Stage.OBSERVE,
    )  # fmt: skip
    return (
        session.scalars(tried.limit(1)).first() is not None
        or entry_stops.to_do(session)
        or any(newcomers for _, newcomers in _newcomers(session))
        or any(entries for _, entries in _new_entries(session))
        or any(_to_tell(session, now=now))
    )


def reach_newcomers(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards open orders name the accounts that came to be after them, too. Returns how many that were.

    An order that is lifted meanwhile names nobody any more: it is asked again under its lock, for which lifting waits.
    """
    accounts = sum(
        account_stops.place(session, newcomers, stop_id=order_id, actor=actor, policy=policy, now=now)
        for order_id, newcomers in _newcomers(session)
        if newcomers and _in_force(session, order_id)
    )
    return accounts + sum(
        entry_stops.place(session, entries, stop_id=order_id, actor=actor, policy=policy, now=now)
        for order_id, entries in _new_entries(session)
        if entries and _in_force(session, order_id)
    )


def _in_force(session: Session, order_id: int) -> bool:
    """Whether the order goes on; if so, until this transaction ends."""
    query = select(StopOrder.id).where(StopOrder.id == order_id, StopOrder.lifted_at.is_(None)).with_for_update()
    return session.scalars(query).first() is not None


def record(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards the open findings say of each system which stops have not arrived there in time, and of no other."""
    for system_id, found in list(_to_tell(session, now=now)):
        code = session.get_one(InformationSystem, system_id).code
        result = SweepResult(system_id, code, examined=0, found=tuple(found))
        record_comparison(session, result, Scope(KINDS), actor=actor, policy=policy, now=now)


def _to_tell(session: Session, *, now: datetime) -> Iterable[tuple[int, list[Found]]]:
    """Each system of which something else is to be told than its open findings say, with what that is."""
    late, told = late_stops(session, before=now - LATE), _told(session)
    for system_id in sorted(late.keys() | told.keys()):
        found = found_late(session, system_id, now=now) if system_id in late else []
        if {one.subject_key for one in found} != told.get(system_id, set()):
            yield system_id, found


def found_late(session: Session, system_id: int, *, now: datetime) -> list[Found]:
    """The stops that have not arrived in this system in time: one fact of each order, and one of disuse."""
    late = late_stops(session, before=now - LATE, system_id=system_id).get(system_id, {})
    system = session.get_one(InformationSystem, system_id)
    repair = REPAIRS[stopping(system.stage, system.connector)]
    return [
        Found(
            FindingKind.STOP_NOT_REACHED, f"stop:{order_id}" if order_id is not None else "disuse",
            f"停止命令 {order_id}" if order_id is not None else "長く使われていないIDの停止",
            details={
                "reason": f"{of.accounts} 件の利用者IDに、停止がまだ届いていません。"
                          f"{of.error or '手作業の報告を待っているか、接続できていません。'}",
                "repair": repair,
                "since": of.since.isoformat(),
            },
        )
        for order_id, of in sorted(late.items(), key=lambda one: one[0] or 0)
    ]  # fmt: skip


def _told(session: Session) -> dict[int, set[str]]:
    """System → the keys of its open findings."""
    told: dict[int, set[str]] = defaultdict(set)
    rows = session.execute(
        select(Finding.system_id, Finding.subject_key).where(Finding.kind.in_(KINDS), Finding.resolved_at.is_(None))
    )
    for system_id, key in rows:
        if system_id is not None:
            told[system_id].add(key)
    return told


def _newcomers(session: Session) -> Iterable[tuple[int, list[int]]]:
    """Open order of a person or a system → the accounts within it that no row of it names."""
    query = select(StopOrder).where(
        StopOrder.lifted_at.is_(None), StopOrder.kind.in_((StopKind.PERSON, StopKind.SYSTEM))
    )
    for order in session.scalars(query.order_by(StopOrder.id)):
        named = exists().where(AccountStop.account_id == Account.id, AccountStop.stop_id == order.id)
        within = select(Account.id).where(Account.person_id.is_not(None), ~named)
        if order.person_id is not None:
            within = within.where(Account.person_id.in_(humans(session, [order.person_id])[order.person_id].rows))
        else:
            within = within.where(Account.system_id == order.system_id)
        yield order.id, list(session.scalars(within))


def _new_entries(session: Session) -> Iterable[tuple[int, list[Entry]]]:
    """Open order of a system → what was found there since and is nobody's own."""
    query = select(StopOrder.id, StopOrder.system_id).where(
        StopOrder.lifted_at.is_(None), StopOrder.kind == StopKind.SYSTEM, StopOrder.system_id.is_not(None)
    )
    for order_id, system_id in session.execute(query.order_by(StopOrder.id)).all():
        entries, _ = stoppable_entries(session, system_id or 0, without=order_id)
        yield order_id, entries
