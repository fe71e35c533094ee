"""Accounts as decided and as their directory showed them last: the status people see is read from both (control A9).

What is wanted is derived (`idm.directory.wanted_account`), what was seen has the time of its reading, and a task that
could not be carried out says why. Nothing of it is stored.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.directory.wanted_account import WantedAccount, wanted_account
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.models.work import OutboxTask, TaskState
from idm.models.work_orders import OPEN_STATES, WorkOrder, WorkOrderState
from idm.ports import ExternalId
from idm.queries.rights.account_facts import account_facts
from idm.vocabulary import BY_HAND, AccountKind, Stage, Zone

FACTOR_GROUP = "二要素認証を必須にするグループ"
"""What the group is called whose members are asked for a second factor; it stands for no right."""


class Agreement(StrEnum):
    """How decision and directory stand to each other."""

    AGREES = "agrees"
    OBSERVED = "observed"
    WAITING = "waiting"
    RETRYING = "retrying"
    REFUSED = "refused"
    DIFFERS = "differs"
    NOT_READ = "not_read"
    HAND_WAITING = "hand_waiting"
    HAND_DONE = "hand_done"
    COMPLETE = "complete"


@dataclass(frozen=True)
class OrderRow:
    """The open work order about an account."""

    id: int
    number: str
    state: WorkOrderState
    due_at: datetime


@dataclass(frozen=True)
class TaskRow:
    """The newest task about an account that has not ended well. `since` is when it began to wait."""

    state: TaskState
    since: datetime
    due_at: datetime
    attempts: int
    error: str | None


@dataclass(frozen=True)
class Seen:
    """What the directory showed at `at`. `groups` are names of rights, or the target's id where it stands for none."""

    at: datetime
    present: bool
    enabled: bool
    expires_at: datetime | None
    missing_rights: tuple[str, ...]
    surplus_rights: tuple[str, ...]


@dataclass(frozen=True)
class AccountStatus:
    """One account: whose, what was decided, what was seen, and what is on its way."""

    id: int
    person_id: int | None
    system_id: int
    system_name: str
    zone: Zone
    kind: AccountKind
    login_name: str
    handed_over_at: datetime | None
    wanted: WantedAccount
    seen: Seen | None
    task: TaskRow | None
    agreement: Agreement
    order: OrderRow | None = None


def accounts_of_person(
    session: Session, person_id: int, *, now: datetime, delete_after_days: int
) -> list[AccountStatus]:
    """Every account the person has or had, by system. `delete_after_days` is the profile's."""
    ids = session.scalars(select(Account.id).where(Account.person_id == person_id))
    return account_statuses(session, ids, now=now, delete_after_days=delete_after_days)


def account_statuses(
    session: Session, account_ids: Iterable[int], *, now: datetime, delete_after_days: int
) -> list[AccountStatus]:
    """These accounts, by system and login name. `delete_after_days` is the profile's."""
    ids = list(account_ids)
    rows = session.execute(
        select(Account, InformationSystem)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .where(Account.id.in_(ids))
        .order_by(InformationSystem.name, Account.login_name)
    ).all()
    facts, tasks = account_facts(session, ids, now=now), _newest_tasks(session, ids)
    orders = _open_orders(session, ids)
    names = _group_names(session, {system.id for _, system in rows})
    statuses = []
    for account, system in rows:
        wanted = wanted_account(facts[account.id], now=now, delete_after_days=delete_after_days)
        seen = _seen(account, wanted, names[system.id])
        statuses.append(_status(account, system, wanted, seen, tasks.get(account.id), orders.get(account.id)))
    return statuses


def _status(
    account: Account, system: InformationSystem, wanted: WantedAccount, seen: Seen | None, task: TaskRow | None,
    order: OrderRow | None,
) -> AccountStatus:  # fmt: skip
    agreement = _agreement(wanted, seen, task, observed=system.stage is Stage.OBSERVE, ends=system.keeps_ends)
    if order is not None or system.connector == BY_HAND:
        agreement = _by_hand(agreement, order, read=seen is not None)
    return AccountStatus(
        id=account.id, person_id=account.person_id, system_id=system.id, system_name=system.name, zone=system.zone,
        kind=account.kind, login_name=account.login_name, handed_over_at=account.handed_over_at, wanted=wanted,
        seen=seen, task=task, agreement=agreement, order=order,
    )  # fmt: skip


def _by_hand(agreement: Agreement, order: OrderRow | None, *, read: bool) -> Agreement:
    """The same where people do the work: approved is not done, and done is not complete until another confirms."""
    if agreement in (Agreement.OBSERVED, Agreement.REFUSED):
        return agreement
    if order is not None:
        return Agreement.HAND_DONE if order.state is WorkOrderState.DONE else Agreement.HAND_WAITING
    if agreement is Agreement.AGREES:
        return Agreement.COMPLETE if read else agreement
    return agreement if agreement is Agreement.DIFFERS else Agreement.HAND_WAITING


def _open_orders(session: Session, account_ids: list[int]) -> dict[int, OrderRow]:
    rows = session.scalars(
        select(WorkOrder).where(WorkOrder.account_id.in_(account_ids), WorkOrder.state.in_(OPEN_STATES))
    )
    return {order.account_id: OrderRow(order.id, order.number, order.state, order.due_at) for order in rows}


def _newest_tasks(session: Session, account_ids: list[int]) -> dict[int, TaskRow]:
    """Account id → its task of the newest generation, where it has not been done."""
    rows = session.execute(
        select(OutboxTask)
        .join(Account, OutboxTask.account_id == Account.id)
        .where(
            OutboxTask.account_id.in_(account_ids),
            OutboxTask.generation == Account.generation,
            OutboxTask.state.in_((TaskState.WAITING, TaskState.CLAIMED, TaskState.REFUSED)),
        )
    )
    return {task.account_id: task_row(task) for (task,) in rows}


def task_row(task: OutboxTask) -> TaskRow:
    """The task as pages show it."""
    since = task.finished_at if task.state is TaskState.REFUSED and task.finished_at else task.created_at
    return TaskRow(task.state, since, task.due_at, task.attempts, task.last_error)


def _group_names(session: Session, system_ids: set[int]) -> dict[int, dict[ExternalId, str]]:
    """System id → its groups that stand for a right, by the target's id."""
    names: dict[int, dict[ExternalId, str]] = {system_id: {} for system_id in system_ids}
    rows = session.execute(
        select(Entitlement.system_id, Entitlement.external_id, Entitlement.name).where(
            Entitlement.system_id.in_(system_ids), Entitlement.external_id.is_not(None)
        )
    )
    demanding = session.execute(
        select(InformationSystem.id, InformationSystem.factor_group_id).where(
            InformationSystem.id.in_(system_ids), InformationSystem.factor_group_id.is_not(None)
        )
    )
    for system_id, external_id, name in (*rows, *((*one, FACTOR_GROUP) for one in demanding)):
        names[system_id][external_id or ""] = name
    return names


def _seen(account: Account, wanted: WantedAccount, names: dict[ExternalId, str]) -> Seen | None:
    if account.seen_at is None:
        return None
    groups = frozenset(account.seen_groups or ()) & names.keys()
    return Seen(
        at=account.seen_at,
        present=bool(account.seen_present),
        enabled=bool(account.seen_enabled),
        expires_at=account.seen_expires_at,
        missing_rights=tuple(sorted(names.get(group, group) for group in wanted.member_of - groups)),
        surplus_rights=tuple(sorted({names[group] for group in groups - wanted.groups} - {FACTOR_GROUP})),
    )


def _agreement(
    wanted: WantedAccount, seen: Seen | None, task: TaskRow | None, *, observed: bool, ends: bool
) -> Agreement:
    if task is not None:
        if observed:
            return Agreement.OBSERVED
        if task.state is TaskState.REFUSED:
            return Agreement.REFUSED
        return Agreement.RETRYING if task.error else Agreement.WAITING
    if seen is None:
        return Agreement.NOT_READ if wanted.required else Agreement.AGREES
    there = seen.present == wanted.present or not (seen.present or wanted.required)
    same = there and seen.enabled == wanted.enabled
    until = not wanted.enabled or not ends or seen.expires_at == wanted.expires_at
    groups = not seen.present or not (seen.missing_rights or seen.surplus_rights)
    return Agreement.AGREES if same and until and groups else Agreement.DIFFERS
