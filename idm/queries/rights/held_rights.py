"""What people have: their grants with the decision and the directory told apart, and the application behind each."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Row, Select, and_, select
from sqlalchemy.orm import Session

from idm.directory.directory_status import DirectoryFacts, Reflection, reflection
from idm.grant_state import EndReason, GrantState
from idm.models.requests import Grant, Request, RequestLine
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.models.work import OutboxTask, TaskState
from idm.models.work_orders import OPEN_STATES, WorkOrder, WorkOrderState, progress_of
from idm.vocabulary import BY_HAND, AccountKind, EntitlementKind, Stage


@dataclass(frozen=True)
class HeldRight:
    """One grant of one person. `line_id` gave it; `ended_by_line_id`, where there is one, took or will take it."""

    grant_id: int
    person_id: int
    system_id: int
    system_name: str
    entitlement_id: int
    right_name: str
    kind: EntitlementKind
    privileged: bool
    login_name: str
    state: GrantState
    valid_from: date
    valid_until: date | None
    end_reason: EndReason | None
    line_id: int
    ended_by_line_id: int | None
    request_id: int
    request_number: str
    directory: Reflection


def live_rights(session: Session, person_ids: Iterable[int], *, system_id: int | None = None) -> list[HeldRight]:
    """The grants of these people that have not ended, by system and right."""
    query = _rights().where(Account.person_id.in_(set(person_ids)), Grant.state != GrantState.ENDED)
    if system_id is not None:
        query = query.where(Account.system_id == system_id)
    return [_right(row) for row in session.execute(query)]


def rights_of_lines(session: Session, line_ids: Iterable[int]) -> list[HeldRight]:
    """The grants, ended ones too, that these lines of applications gave or took."""
    ids = set(line_ids)
    query = _rights().where(Grant.line_id.in_(ids) | Grant.ended_by_line_id.in_(ids))
    return [_right(row) for row in session.execute(query)]


def _rights() -> Select[
    Grant, Account, Entitlement, str, int, str | None, TaskState, str | None, Stage, str, WorkOrderState
]:
    newest = and_(OutboxTask.account_id == Account.id, OutboxTask.generation == Account.generation)
    return (
        select(Grant, Account, Entitlement, InformationSystem.name, RequestLine.request_id, Request.number,
               OutboxTask.state, OutboxTask.last_error, InformationSystem.stage, InformationSystem.connector,
               WorkOrder.state)
        .join(Account, Grant.account_id == Account.id)
        .join(Entitlement, Grant.entitlement_id == Entitlement.id)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .join(RequestLine, Grant.line_id == RequestLine.id)
        .join(Request, RequestLine.request_id == Request.id)
        .outerjoin(OutboxTask, newest)
        .outerjoin(WorkOrder, and_(WorkOrder.account_id == Account.id, WorkOrder.state.in_(OPEN_STATES)))
        .order_by(InformationSystem.name, Account.person_id, Entitlement.id, Grant.id)
    )  # fmt: skip


def _right(
    row: Row[Grant, Account, Entitlement, str, int, str | None, TaskState, str | None, Stage, str, WorkOrderState],
) -> HeldRight:
    grant, account, entitlement, system_name, request_id, number, task_state, last_error, stage, connector, order = row
    facts = DirectoryFacts(
        kind=entitlement.kind,
        group=entitlement.external_id,
        grant_state=grant.state,
        handed_over=account.handed_over_at is not None,
        seen_at=account.seen_at,
        present=bool(account.seen_present),
        enabled=bool(account.seen_enabled),
        groups=frozenset(account.seen_groups or ()),
        refused=task_state is TaskState.REFUSED,
        retrying=task_state is TaskState.WAITING and last_error is not None,
        observed=stage is Stage.OBSERVE,
        sleeps=account.kind is AccountKind.PRIVILEGED and account.person_id is not None,
        by_hand=progress_of(order) if connector == BY_HAND or entitlement.by_hand else None,
    )
    return HeldRight(
        grant_id=grant.id,
        person_id=account.person_id or 0,
        system_id=account.system_id,
        system_name=system_name,
        entitlement_id=entitlement.id,
        right_name=entitlement.name,
        kind=entitlement.kind,
        privileged=entitlement.privileged,
        login_name=account.login_name,
        state=grant.state,
        valid_from=grant.valid_from,
        valid_until=grant.valid_until,
        end_reason=grant.end_reason,
        line_id=grant.line_id,
        ended_by_line_id=grant.ended_by_line_id,
        request_id=request_id,
        request_number=number or "",
        directory=reflection(facts),
    )
