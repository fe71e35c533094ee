"""Orders to stop as people read them: what they stop, how far they have come, and what has not answered yet (H5)."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    case,
    exists,
    func,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from idm.errors import NotFound
from idm.models.authenticators import Authenticator
from idm.models.people import Person
from idm.models.stops import AccountStop, EntryStop, StopOrder, ViolationReport
from idm.models.systems import Account, InformationSystem
from idm.models.work import OutboxTask
from idm.models.work_orders import WorkOrder, WorkOrderState
from idm.queries.factors.authenticators import units_of_owner
from idm.queries.organisation.officers import humans
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.stopping import Stopping, stopping
from idm.vocabulary import StopCause, StopKind

MOST_SHOWN = 200
"""So many accounts that have not been reached are named; the rest are counted."""


@dataclass(frozen=True)
class OrderRow:
    """One order in the list, with how many of its accounts were reached, or restored."""

    id: int
    kind: StopKind
    cause: StopCause
    subject: str
    reason: str
    reference: str | None
    ordered_at: datetime
    ordered_by: str
    lift_asked_at: datetime | None
    lift_asked_by: str | None
    lift_reason: str | None
    lifted_at: datetime | None
    lifted_by: str | None
    person_id: int | None
    violation_id: int | None
    left_out: tuple[str, ...]
    """The names of the product's own accounts, which a stop of a whole system leaves as they are."""
    accounts: int
    reached: int
    restored: int
    wish: str | None
    """The wish to lift it, as whoever confirms it says which one they were shown."""
    operator: str | None
    """Who stopped it at the command line; None = somebody here did."""
    confirmed_at: datetime | None
    confirmed_by: str | None

    @property
    def unconfirmed(self) -> bool:
        """Whether it waits for one of the heads to put their name to it."""
        return self.operator is not None and self.confirmed_at is None and self.lifted_at is None


@dataclass(frozen=True)
class SystemProgress:
    """How far an order has come in one system, and who stops there."""

    system_id: int
    name: str
    by: Stopping
    accounts: int
    reached: int
    restored: int


@dataclass(frozen=True)
class WaitingAccount:
    """An account that is not where it should be yet, and the last thing that is known of the way there."""

    system_name: str
    login_name: str
    person: str | None
    was_enabled: bool | None
    error: str | None
    work_order_id: int | None
    work_order: str | None


@dataclass(frozen=True)
class UndoneAccount:
    """An account that somebody enabled in its directory while it was stopped, and when that was seen last."""

    system_name: str
    login_name: str
    undone_at: datetime


@dataclass(frozen=True)
class NamedAccount:
    """An ID that an order names, and since when it is seen to be stopped, or restored."""

    system_name: str
    login_name: str
    person: str | None
    stopped_at: datetime | None
    restored_at: datetime | None


@dataclass(frozen=True)
class OrderSheet:
    """One order whole."""

    order: OrderRow
    systems: tuple[SystemProgress, ...]
    waiting: tuple[WaitingAccount, ...]
    undone: tuple[UndoneAccount, ...]

    @property
    def done(self) -> bool:
        """Whether everything was seen to be as it should: stopped, or after the end back."""
        counted = self.order.restored if self.order.lifted_at is not None else self.order.reached
        return counted == self.order.accounts


def stop_orders(session: Session, *, asked: int, systems: Collection[int] | None = None) -> Page[OrderRow]:
    """Orders that are in force, newest first, and then those that are over.

    `systems`: only what touches these, as their manager reads it (None = everything): not why of a violation's.
    """
    condition = true() if systems is None else _touches(systems)
    total = session.scalar(select(func.count()).select_from(StopOrder).where(condition)) or 0
    number = nearest_page(asked, total)
    over = case((StopOrder.lifted_at.is_(None), 0), else_=1)
    query = _orders().where(condition).order_by(over, StopOrder.id.desc())
    rows = _rows(session, query.offset(offset_of(number)).limit(ROWS_A_PAGE))
    return Page(rows if systems is None else tuple(map(_without_violation, rows)), number, total)


def _touches(systems: Collection[int]) -> ColumnElement[bool]:
    """The condition that an order stops a system of these, or an ID in one."""
    accounts = exists().where(
        AccountStop.stop_id == StopOrder.id, AccountStop.account_id == Account.id, Account.system_id.in_(systems)
    )
    entries = exists().where(EntryStop.stop_id == StopOrder.id, EntryStop.system_id.in_(systems))
    return or_(StopOrder.system_id.in_(systems), accounts, entries)


def _without_violation(row: OrderRow) -> OrderRow:
    return replace(row, reason="") if row.cause is StopCause.VIOLATION else row


def orders_in_force(
    session: Session, *, person_id: int | None = None, system_id: int | None = None
) -> tuple[tuple[int, StopKind], ...]:
    """The orders in force that name this person, under any of their rows, or this system: their ids and kinds."""
    query = select(StopOrder.id, StopOrder.kind, StopOrder.person_id, StopOrder.system_id)
    rows = session.execute(query.where(StopOrder.lifted_at.is_(None)).order_by(StopOrder.id)).all()
    people = {row.person_id for row in rows if row.person_id is not None}
    named = humans(session, people) if person_id is not None and people else {}
    return tuple(
        (row.id, row.kind)
        for row in rows
        if (system_id is not None and row.system_id == system_id)
        or (row.person_id in named and person_id in named[row.person_id].rows)
    )


def order_sheet(session: Session, stop_id: int, *, systems: Collection[int] | None = None) -> OrderSheet:
    """One order with its progress; `systems` as in `stop_orders`. Raises NotFound."""
    condition = true() if systems is None else _touches(systems)
    row = next(iter(_rows(session, _orders().where(StopOrder.id == stop_id, condition))), None)
    if row is None:
        raise NotFound("この停止命令は見つかりません。")
    if systems is not None:
        row = _without_violation(row)
    named = _named().subquery()
    progress = session.execute(
        select(
            InformationSystem.id, InformationSystem.name, InformationSystem.stage, InformationSystem.connector,
            func.count(), func.count(named.c.stopped_at), func.count(named.c.restored_at),
        )
        .join(named, named.c.system_id == InformationSystem.id)
        .where(named.c.stop_id == stop_id)
        .group_by(
            InformationSystem.id, InformationSystem.name, InformationSystem.stage, InformationSystem.connector
        )
        .order_by(InformationSystem.name)
    )  # fmt: skip
    return OrderSheet(
        row,
        tuple(
            SystemProgress(system_id, name, stopping(stage, connector), accounts, reached, restored)
            for system_id, name, stage, connector, accounts, reached, restored in progress
        ),
        _waiting(session, stop_id, lifted=row.lifted_at is not None),
        _undone(session, stop_id),
    )


def _undone(session: Session, stop_id: int) -> tuple[UndoneAccount, ...]:
    accounts = (
        select(InformationSystem.name, Account.login_name, AccountStop.undone_at)
        .join(Account, AccountStop.account_id == Account.id)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .where(AccountStop.stop_id == stop_id, AccountStop.undone_at.is_not(None))
    )
    entries = (
        select(InformationSystem.name, EntryStop.login_name, EntryStop.undone_at)
        .join(InformationSystem, EntryStop.system_id == InformationSystem.id)
        .where(EntryStop.stop_id == stop_id, EntryStop.undone_at.is_not(None))
    )
    rows = session.execute(union_all(accounts, entries).order_by("undone_at").limit(MOST_SHOWN))
    return tuple(UndoneAccount(system, name, at) for system, name, at in rows if at is not None)


def named_accounts(
    session: Session, stop_id: int, *, asked: int, systems: Collection[int] | None = None
) -> Page[NamedAccount]:  # fmt: skip
    """Whom the order names, one page: also what was reached; `systems` as in `stop_orders`."""
    accounts = (
        select(
            Account.system_id.label("system_id"), Account.login_name.label("login_name"), Person.name.label("person"),
            AccountStop.stopped_at.label("stopped_at"), AccountStop.restored_at.label("restored_at"),
        )
        .join(Account, AccountStop.account_id == Account.id)
        .outerjoin(Person, Account.person_id == Person.id)
        .where(AccountStop.stop_id == stop_id)
    )  # fmt: skip
    entries = select(
        EntryStop.system_id, EntryStop.login_name, null(), EntryStop.stopped_at, EntryStop.restored_at
    ).where(EntryStop.stop_id == stop_id)  # fmt: skip
    named = union_all(accounts, entries).subquery()
    condition = true() if systems is None else named.c.system_id.in_(systems)
    total = session.scalar(select(func.count()).select_from(named).where(condition)) or 0
    number = nearest_page(asked, total)
    rows = session.execute(
        select(
            InformationSystem.name, named.c.login_name, named.c.person, named.c.stopped_at, named.c.restored_at
        )
        .join(named, named.c.system_id == InformationSystem.id)
        .where(condition)
        .order_by(InformationSystem.name, named.c.login_name)
        .offset(offset_of(number))
        .limit(ROWS_A_PAGE)
    )  # fmt: skip
    return Page(tuple(NamedAccount(*row) for row in rows), number, total)


def _waiting(session: Session, stop_id: int, *, lifted: bool) -> tuple[WaitingAccount, ...]:
    missing = AccountStop.restored_at if lifted else AccountStop.stopped_at
    newest = and_(OutboxTask.account_id == Account.id, OutboxTask.generation == Account.generation)
    by_hand = and_(
        WorkOrder.account_id == Account.id, WorkOrder.state.in_((WorkOrderState.ISSUED, WorkOrderState.DONE))
    )
    rows = session.execute(
        select(
            InformationSystem.name, Account.login_name, Person.name, AccountStop.was_enabled, OutboxTask.last_error,
            WorkOrder.id, WorkOrder.number,
        )
        .join(Account, AccountStop.account_id == Account.id)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .outerjoin(Person, Account.person_id == Person.id)
        .outerjoin(OutboxTask, newest)
        .outerjoin(WorkOrder, by_hand)
        .where(AccountStop.stop_id == stop_id, missing.is_(None))
        .order_by(InformationSystem.name, Account.login_name)
        .limit(MOST_SHOWN)
    )  # fmt: skip
    accounts = tuple(WaitingAccount(*row) for row in rows)
    return (*accounts, *_waiting_entries(session, stop_id, lifted=lifted))[:MOST_SHOWN]


def _waiting_entries(session: Session, stop_id: int, *, lifted: bool) -> Iterable[WaitingAccount]:
    missing = EntryStop.restored_at if lifted else EntryStop.stopped_at
    rows = session.execute(
        select(InformationSystem.name, EntryStop.login_name, EntryStop.was_enabled, EntryStop.error)
        .join(InformationSystem, EntryStop.system_id == InformationSystem.id)
        .where(EntryStop.stop_id == stop_id, missing.is_(None))
        .order_by(InformationSystem.name, EntryStop.login_name)
        .limit(MOST_SHOWN)
    )
    return (WaitingAccount(system, name, None, was, error, None, None) for system, name, was, error in rows)


def _named() -> CompoundSelect[int | None, int, datetime | None, datetime | None]:
    """What orders name: accounts, and entries that are nobody's own; order, system, when stopped and restored."""
    accounts = select(
        AccountStop.stop_id, Account.system_id, AccountStop.stopped_at, AccountStop.restored_at
    ).join(Account, AccountStop.account_id == Account.id)  # fmt: skip
    entries = select(EntryStop.stop_id, EntryStop.system_id, EntryStop.stopped_at, EntryStop.restored_at)
    return union_all(accounts.where(AccountStop.stop_id.is_not(None)), entries)


Orders = Select[StopOrder, str | None, str | None, str | None, str | None, str | None, str | None, str | None]


def _orders() -> Orders:
    by, confirmed_by, asked_by, lifted_by, subject = (aliased(Person) for _ in range(5))
    return (
        select(
            StopOrder, by.name, confirmed_by.name, asked_by.name, lifted_by.name, subject.name, InformationSystem.name,
            Authenticator.label,
        )
        .outerjoin(by, StopOrder.ordered_by_id == by.id)
        .outerjoin(confirmed_by, StopOrder.confirmed_by_id == confirmed_by.id)
        .outerjoin(asked_by, StopOrder.lift_asked_by_id == asked_by.id)
        .outerjoin(lifted_by, StopOrder.lifted_by_id == lifted_by.id)
        .outerjoin(subject, StopOrder.person_id == subject.id)
        .outerjoin(InformationSystem, StopOrder.system_id == InformationSystem.id)
        .outerjoin(Authenticator, StopOrder.authenticator_id == Authenticator.id)
    )  # fmt: skip


def _rows(session: Session, query: Orders) -> tuple[OrderRow, ...]:
    rows = session.execute(query).all()
    counts = _counts(session, [row[0].id for row in rows])
    return tuple(
        OrderRow(
            order.id, order.kind, order.cause, "　".join(one for one in (person, system, card) if one), order.reason,
            order.reference, order.ordered_at, by or order.operator or "", order.lift_asked_at, asked_by,
            order.lift_reason, order.lifted_at, lifted_by, order.person_id, order.violation_id,
            tuple(order.left_out or ()), *counts.get(order.id, (0, 0, 0)), wish_to_lift(order), order.operator,
            order.confirmed_at, confirmed_by,
        )
        for order, by, confirmed_by, asked_by, lifted_by, person, system, card in rows
    )  # fmt: skip


def wish_to_lift(order: StopOrder) -> str | None:
    """SHA-256, in hex, of who asked to lift the order, when and why; None where nobody asks."""
    if order.lift_asked_at is None:
        return None
    asked = (order.lift_asked_by_id, order.lift_asked_at.timestamp(), order.lift_reason)
    return sha256(json.dumps(asked).encode()).hexdigest()


def _counts(session: Session, stop_ids: list[int]) -> Mapping[int, tuple[int, int, int]]:
    """Order → its accounts and entries, how many of them were reached, and how many restored."""
    named = _named().subquery()
    counted = session.execute(
        select(named.c.stop_id, func.count(), func.count(named.c.stopped_at), func.count(named.c.restored_at))
        .where(named.c.stop_id.in_(stop_ids))
        .group_by(named.c.stop_id)
    )
    return {stop_id or 0: (accounts, reached, restored) for stop_id, accounts, reached, restored in counted}


@dataclass(frozen=True)
class ViolationRow:
    """One report of a violation, and what came of it."""

    id: int
    person_id: int
    person: str
    what: str
    clause: str | None
    reported_at: datetime
    reported_by: str
    guided_at: datetime | None
    guided_by: str | None
    guidance: str | None
    guidance_failed_at: datetime | None
    guidance_failed_by: str | None
    guidance_failed_by_id: int | None
    guidance_failure: str | None
    closed_at: datetime | None
    closing_note: str | None
    stop_id: int | None
    """The order in force that was given for it."""


def violation_reports(
    session: Session, *, asked: int, without: Collection[int], units: Collection[str] | None, day: date
) -> Page[ViolationRow]:  # fmt: skip
    """Reports that are open, newest first, and then those that are closed.

    Those about the people `without` are left out; `units`: only about people who belong there on the day, or did last.
    """
    conditions = [ViolationReport.person_id.not_in(without)]
    if units is not None:
        about = session.scalars(select(ViolationReport.person_id).distinct()).all()
        theirs = [one for one in about if not units_of_owner(session, one, day).isdisjoint(units)]
        conditions.append(ViolationReport.person_id.in_(theirs))
    total = session.scalar(select(func.count()).select_from(ViolationReport).where(*conditions)) or 0
    number = nearest_page(asked, total)
    over = case((ViolationReport.closed_at.is_(None), 0), else_=1)
    query = _violations().where(*conditions).order_by(over, ViolationReport.id.desc())
    return Page(_violation_rows(session, query.offset(offset_of(number)).limit(ROWS_A_PAGE)), number, total)


def violation_report(session: Session, violation_id: int) -> ViolationRow | None:
    """One of them; None = there is none."""
    rows = _violation_rows(session, _violations().where(ViolationReport.id == violation_id))
    return next(iter(rows), None)


Violations = Select[ViolationReport, str, str, str | None, str | None, int | None]


def _violations() -> Violations:
    reporter, guide, failed_by, subject = (aliased(Person) for _ in range(4))
    return (
        select(ViolationReport, subject.name, reporter.name, guide.name, failed_by.name, StopOrder.id)
        .join(subject, ViolationReport.person_id == subject.id)
        .join(reporter, ViolationReport.reported_by_id == reporter.id)
        .outerjoin(guide, ViolationReport.guided_by_id == guide.id)
        .outerjoin(failed_by, ViolationReport.guidance_failed_by_id == failed_by.id)
        .outerjoin(
            StopOrder, and_(StopOrder.violation_id == ViolationReport.id, StopOrder.lifted_at.is_(None))
        )
    )  # fmt: skip


def _violation_rows(session: Session, query: Violations) -> tuple[ViolationRow, ...]:
    return tuple(
        ViolationRow(
            one.id, one.person_id, person, one.what, one.clause, one.reported_at, by, one.guided_at, guided_by,
            one.guidance, one.guidance_failed_at, failed_by, one.guidance_failed_by_id, one.guidance_failure,
            one.closed_at, one.closing_note, stop_id,
        )
        for one, person, by, guided_by, failed_by, stop_id in session.execute(query)
    )  # fmt: skip
