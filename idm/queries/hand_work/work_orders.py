"""Work orders as pages list them: what waits for hands, what waits for a second pair of eyes, and what was (G2)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from idm.directory.hand_work import STEP_TITLES, books_from_data
from idm.errors import NotFound
from idm.models.people import Person
from idm.models.systems import Account, InformationSystem
from idm.models.work_orders import OPEN_STATES, WorkOrder, WorkOrderState, WorkOrderStep
from idm.permissions import Action
from idm.queries.organisation.reach import systems_reached
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of


@dataclass(frozen=True)
class StepRow:
    """One sentence of an order, and who ticked it when."""

    id: int
    position: int
    instruction: str
    ticked_by: str | None
    ticked_at: datetime | None


@dataclass(frozen=True)
class OrderRow:
    """One order. `about` are the kinds of its steps in words."""

    id: int
    number: str
    system_id: int
    system_name: str
    account_id: int
    login_name: str
    subject_id: int | None
    name: str | None
    kana: str | None
    state: WorkOrderState
    urgent: bool
    hands_over: bool
    issued_at: datetime
    due_at: datetime
    done_by_id: int | None
    done_by: str | None
    done_at: datetime | None
    note: str | None
    handed_to: str | None
    confirmed_by: str | None
    confirmed_at: datetime | None
    returned_by: str | None
    returned_at: datetime | None
    return_reason: str | None
    cancelled_at: datetime | None
    escalated_at: datetime | None
    steps: tuple[StepRow, ...]
    about: str

    def overdue(self, now: datetime) -> bool:
        """Whether it is open and its time is over."""
        return self.state in OPEN_STATES and self.due_at <= now

    @property
    def ticked(self) -> int:
        """How many of its steps are ticked."""
        return sum(step.ticked_at is not None for step in self.steps)


@dataclass(frozen=True)
class WorkCounts:
    """What waits for one person: work, overdue work, and work of others to confirm."""

    to_do: int = 0
    overdue: int = 0
    to_confirm: int = 0


@dataclass(frozen=True)
class Reach:
    """The systems for which a person may do and confirm work; what they may see is both together."""

    doing: frozenset[int]
    confirming: frozenset[int]

    @classmethod
    def of(cls, session: Session, person_id: int, day: date) -> "Reach":
        """Of this person on the day."""
        return cls(
            systems_reached(session, person_id, Action.DO_WORK, day),
            systems_reached(session, person_id, Action.CONFIRM_WORK, day),
        )


def waiting_orders(session: Session, systems: Collection[int], state: WorkOrderState) -> list[OrderRow]:
    """The orders of these systems in that state, by system, the first due first."""
    query = _orders().where(WorkOrder.system_id.in_(systems), WorkOrder.state == state)
    ordered = query.order_by(InformationSystem.name, WorkOrder.urgent.desc(), WorkOrder.due_at, WorkOrder.id)
    return _rows(session, ordered)


def past_orders(session: Session, systems: Collection[int] | None, *, asked: int = 1) -> Page[OrderRow]:
    """The orders that are over, newest first, of these systems (None = of all)."""
    over = [WorkOrder.state.not_in(OPEN_STATES)]
    if systems is not None:
        over.append(WorkOrder.system_id.in_(systems))
    total = session.scalar(select(func.count()).select_from(WorkOrder).where(*over)) or 0
    number = nearest_page(asked, total)
    query = _orders().where(*over).order_by(WorkOrder.id.desc()).limit(ROWS_A_PAGE).offset(offset_of(number))
    return Page(tuple(_rows(session, query)), number, total)


def order_row(session: Session, order_id: int, systems: Collection[int] | None) -> OrderRow:
    """One order of these systems (None = of all). Raises NotFound."""
    query = _orders().where(WorkOrder.id == order_id)
    if systems is not None:
        query = query.where(WorkOrder.system_id.in_(systems))
    rows = _rows(session, query)
    if not rows:
        raise NotFound("この指示書は見つかりません。")
    return rows[0]


def known_before(session: Session, order_id: int) -> str:
    """What was so when the order was issued, in words."""
    order = session.get_one(WorkOrder, order_id)
    account = books_from_data(order.base, session.get_one(Account, order.account_id).uuid).account
    if account is None:
        return "登録されていない"
    return "登録済み（有効）" if account.enabled else "登録済み（無効）"


def work_counts(session: Session, person_id: int, reach: Reach, *, now: datetime) -> WorkCounts:
    """What waits for this person; their own account and their own work wait for others."""
    rows = session.execute(
        select(
            WorkOrder.system_id, WorkOrder.state, WorkOrder.due_at, WorkOrder.subject_id, WorkOrder.done_by_id
        ).where(WorkOrder.state.in_(OPEN_STATES), WorkOrder.system_id.in_(reach.doing | reach.confirming))
    ).all()
    others = [row for row in rows if row.subject_id != person_id]
    doing = [row for row in others if row.state is WorkOrderState.ISSUED and row.system_id in reach.doing]
    return WorkCounts(
        to_do=len(doing),
        overdue=sum(row.due_at <= now for row in doing),
        to_confirm=sum(
            row.state is WorkOrderState.DONE and row.system_id in reach.confirming and row.done_by_id != person_id
            for row in others
        ),
    )


def _orders() -> Select[*tuple[Any, ...]]:
    subject = aliased(Person)
    return (
        select(WorkOrder, InformationSystem.name.label("system"), Account.login_name, subject.name.label("name"),
               subject.kana.label("kana"))
        .join(InformationSystem, WorkOrder.system_id == InformationSystem.id)
        .join(Account, WorkOrder.account_id == Account.id)
        .outerjoin(subject, WorkOrder.subject_id == subject.id)
        .options(
            selectinload(WorkOrder.steps), joinedload(WorkOrder.done_by), joinedload(WorkOrder.confirmed_by),
            joinedload(WorkOrder.returned_by),
        )
    )  # fmt: skip


def _rows(session: Session, query: Select[*tuple[Any, ...]]) -> list[OrderRow]:
    rows = session.execute(query).unique().all()
    names = _names(session, [step for row in rows for step in row.WorkOrder.steps])
    return [_row(row, names) for row in rows]


def _names(session: Session, steps: Collection[WorkOrderStep]) -> dict[int, str]:
    people = {step.ticked_by_id for step in steps if step.ticked_by_id is not None}
    return dict(session.execute(select(Person.id, Person.name).where(Person.id.in_(people))).all())


def _row(row: Any, names: dict[int, str]) -> OrderRow:
    order: WorkOrder = row.WorkOrder
    return OrderRow(
        id=order.id, number=order.number, system_id=order.system_id, system_name=row.system,
        account_id=order.account_id, login_name=row.login_name, subject_id=order.subject_id, name=row.name,
        kana=row.kana, state=order.state, urgent=order.urgent, hands_over=order.hands_over, issued_at=order.issued_at,
        due_at=order.due_at, done_by_id=order.done_by_id, done_by=order.done_by.name if order.done_by else None,
        done_at=order.done_at, note=order.note, handed_to=order.handed_to,
        confirmed_by=order.confirmed_by.name if order.confirmed_by else None, confirmed_at=order.confirmed_at,
        returned_by=order.returned_by.name if order.returned_by else None, returned_at=order.returned_at,
        return_reason=order.return_reason, cancelled_at=order.cancelled_at, escalated_at=order.escalated_at,
        steps=tuple(
            StepRow(step.id, step.position, step.instruction, names.get(step.ticked_by_id or 0), step.ticked_at)
            for step in order.steps
        ),
        about="・".join(dict.fromkeys(STEP_TITLES[step.kind] for step in order.steps)),
    )  # fmt: skip
