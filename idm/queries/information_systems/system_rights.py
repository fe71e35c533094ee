"""One system from close: who holds each right, and what could not yet be written to its target (controls A9, D1)."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from idm.errors import NotFound
from idm.grant_state import GrantState
from idm.models.people import Person
from idm.models.requests import Grant, Request, RequestLine
from idm.models.systems import Account, Entitlement
from idm.models.work import OutboxTask, TaskState
from idm.publication import Reader
from idm.queries.information_systems.systems import HELD, WAITING
from idm.queries.organisation.publication import hidden_requests, only_by
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.queries.rights.account_status import TaskRow, task_row
from idm.vocabulary import EntitlementKind


@dataclass(frozen=True)
class RightCount:
    """One right of a system and how many hold it. `resolved`: its group was found on the target."""

    id: int
    code: str
    name: str
    kind: EntitlementKind
    target_name: str | None
    privileged: bool
    resolved: bool
    holders: int


@dataclass(frozen=True)
class HolderRow:
    """Somebody who holds a right: since when, until when, by which application."""

    person_id: int | None
    name: str | None
    kana: str | None
    login_name: str
    state: GrantState
    valid_from: date
    valid_until: date | None
    request_id: int
    request_number: str | None


@dataclass(frozen=True)
class SystemTask:
    """A task that waits or was refused, and whose account it is about."""

    person_id: int | None
    name: str | None
    login_name: str
    task: TaskRow


def rights_of_system(session: Session, system_id: int) -> list[RightCount]:
    """The rights of the system in their order, each with the number of those who hold it."""
    rows = session.execute(
        select(Entitlement, func.count(Grant.id))
        .outerjoin(Grant, and_(Grant.entitlement_id == Entitlement.id, Grant.state.in_(HELD)))
        .where(Entitlement.system_id == system_id)
        .group_by(Entitlement.id)
        .order_by(Entitlement.id)
    )
    return [
        RightCount(
            e.id, e.code, e.name, e.kind, e.target_name, e.privileged,
            e.kind is not EntitlementKind.GROUP or e.external_id is not None, holders,
        )
        for e, holders in rows
    ]  # fmt: skip


def right_of_system(session: Session, system_id: int, right_id: int) -> RightCount:
    """One right of the system. Raises NotFound."""
    for right in rights_of_system(session, system_id):
        if right.id == right_id:
            return right
    raise NotFound("この権限は見つかりません。")


def holders_page(session: Session, right_id: int, *, asked: int = 1) -> Page[HolderRow]:
    """Who holds the right now, in the order of their readings."""
    conditions = (Grant.entitlement_id == right_id, Grant.state.in_(HELD))
    total = session.scalar(select(func.count()).select_from(Grant).where(*conditions)) or 0
    number = nearest_page(asked, total)
    rows = session.execute(
        select(
            Person.id, Person.name, Person.kana, Account.login_name, Grant.state, Grant.valid_from, Grant.valid_until,
            Request.id, Request.number,
        )
        .select_from(Grant)
        .join(Account, Grant.account_id == Account.id)
        .join(RequestLine, Grant.line_id == RequestLine.id)
        .join(Request, RequestLine.request_id == Request.id)
        .outerjoin(Person, Account.person_id == Person.id)
        .where(*conditions)
        .order_by(Person.kana, Account.login_name)
        .limit(ROWS_A_PAGE)
        .offset(offset_of(number))
    )  # fmt: skip
    return Page(tuple(HolderRow(*row) for row in rows), number, total)


def unfinished_tasks(session: Session, system_id: int, *, reader: Reader, asked: int = 1) -> Page[SystemTask]:
    """The tasks that wait or were refused: refused ones first, then those that have waited longest.

    An account that exists only for an unpublished appointment is not among them while the reader does not see that.
    """
    conditions = (
        ~only_by(hidden_requests(session, reader)),
        OutboxTask.system_id == system_id,
        OutboxTask.generation == Account.generation,
        OutboxTask.state.in_((*WAITING, TaskState.REFUSED)),
    )
    joined = select(func.count()).select_from(OutboxTask).join(Account, OutboxTask.account_id == Account.id)
    total = session.scalar(joined.where(*conditions)) or 0
    number = nearest_page(asked, total)
    rows = session.execute(
        select(OutboxTask, Account.login_name, Person.id, Person.name)
        .join(Account, OutboxTask.account_id == Account.id)
        .outerjoin(Person, Account.person_id == Person.id)
        .where(*conditions)
        .order_by((OutboxTask.state == TaskState.REFUSED).desc(), OutboxTask.id)
        .limit(ROWS_A_PAGE)
        .offset(offset_of(number))
    )
    tasks = tuple(SystemTask(person_id, name, login, task_row(task)) for task, login, person_id, name in rows)
    return Page(tasks, number, total)
