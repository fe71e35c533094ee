"""The register of information systems and how each one stands (controls A14, C1, D1)."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from idm.errors import NotFound
from idm.grant_state import GrantState
from idm.models.officers import Officer
from idm.models.people import Person
from idm.models.requests import Grant
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.models.work import Finding, OutboxTask, SweepRun, TaskState
from idm.models.work_orders import OPEN_STATES, WorkOrder
from idm.queries.organisation.officers import tenures_on
from idm.queries.organisation.units import unit_names_on
from idm.vocabulary import Role, Zone

HELD = (GrantState.IN_FORCE, GrantState.SUSPENDED)
"""States of a right that somebody holds, even while it is held back."""
WAITING = (TaskState.WAITING, TaskState.CLAIMED)


@dataclass(frozen=True)
class Manager:
    """Who answers for a system today."""

    person_id: int
    name: str


@dataclass(frozen=True)
class Figures:
    """What is in a system, and how its target was last seen. `sweep_failure` says why it could not be examined.

    `open_orders` counts work by hand that is not confirmed. `holders` counts user IDs, not rights; `read_back_at` is
    when an account was last read back from the target.
    """

    rights: int
    holders: int
    privileged_holders: int
    open_findings: int
    waiting_tasks: int
    refused_tasks: int
    open_orders: int
    swept_at: datetime | None
    sweep_failure: str | None
    read_back_at: datetime | None


@dataclass(frozen=True)
class SystemRow:
    """One system of the register."""

    id: int
    code: str
    name: str
    zone: Zone
    confidentiality: int
    integrity: int
    availability: int
    manager_unit_code: str
    manager_unit: str | None
    managers: tuple[Manager, ...]
    connector: str
    service_account: str | None
    for_sign_in: bool
    figures: Figures


def system_rows(session: Session, day: date) -> list[SystemRow]:
    """The whole register as it stands on the day, by name."""
    return _rows(session, select(InformationSystem).order_by(InformationSystem.name), day)


def system_row(session: Session, system_id: int, day: date) -> SystemRow:
    """One system of the register. Raises NotFound."""
    rows = _rows(session, select(InformationSystem).where(InformationSystem.id == system_id), day)
    if not rows:
        raise NotFound("この情報システムは見つかりません。")
    return rows[0]


def system_names(session: Session) -> dict[int, str]:
    """System id → name, by name: what a filter offers."""
    rows = session.execute(select(InformationSystem.id, InformationSystem.name).order_by(InformationSystem.name))
    return dict(rows.all())


def _rows(session: Session, query: Select[InformationSystem], day: date) -> list[SystemRow]:
    managers, units, figures = _managers(session, day), unit_names_on(session, day), _figures(session)
    return [
        SystemRow(
            id=s.id, code=s.code, name=s.name, zone=s.zone, confidentiality=s.confidentiality, integrity=s.integrity,
            availability=s.availability, manager_unit_code=s.manager_unit_code,
            manager_unit=units.get(s.manager_unit_code), managers=tuple(managers.get(s.manager_unit_code, ())),
            connector=s.connector, service_account=s.service_account, for_sign_in=s.for_sign_in, figures=figures[s.id],
        )
        for s in session.scalars(query)
    ]  # fmt: skip


def _managers(session: Session, day: date) -> dict[str, list[Manager]]:
    """Unit code → who manages the systems of that unit on the day."""
    rows = session.execute(
        tenures_on(day)
        .join(Person, Officer.person_id == Person.id)
        .where(Officer.role == Role.SYSTEM)
        .order_by(Officer.id)
        .with_only_columns(Officer.unit_code, Person.id, Person.name)
    )
    managers: dict[str, list[Manager]] = defaultdict(list)
    for unit_code, person_id, name in rows:
        managers[unit_code or ""].append(Manager(person_id, name))
    return managers


def _figures(session: Session) -> dict[int, Figures]:
    rights = _counted(session, select(Entitlement.system_id, func.count()).group_by(Entitlement.system_id))
    holders = _counted(session, _holders())
    privileged = _counted(session, _holders().where(Entitlement.privileged))
    findings = _counted(
        session,
        select(InformationSystem.id, func.count())
        .join(Finding, Finding.system_id == InformationSystem.id)
        .where(Finding.resolved_at.is_(None))
        .group_by(InformationSystem.id),
    )
    waiting = _counted(session, _tasks().where(OutboxTask.state.in_(WAITING)))
    refused = _counted(session, _tasks().where(OutboxTask.state == TaskState.REFUSED))
    orders = _counted(
        session,
        select(WorkOrder.system_id, func.count()).where(WorkOrder.state.in_(OPEN_STATES)).group_by(WorkOrder.system_id),
    )
    sweeps = _last_sweeps(session)
    read_back = _counted(session, select(Account.system_id, func.max(Account.seen_at)).group_by(Account.system_id))
    return {
        system_id: Figures(
            rights=rights.get(system_id, 0), holders=holders.get(system_id, 0),
            privileged_holders=privileged.get(system_id, 0), open_findings=findings.get(system_id, 0),
            waiting_tasks=waiting.get(system_id, 0), refused_tasks=refused.get(system_id, 0),
            open_orders=orders.get(system_id, 0),
            swept_at=sweeps[system_id].finished_at if system_id in sweeps else None,
            sweep_failure=sweeps[system_id].failure if system_id in sweeps else None,
            read_back_at=read_back.get(system_id),
        )
        for system_id in session.scalars(select(InformationSystem.id))
    }  # fmt: skip


def _counted(session: Session, query: Select[int, Any]) -> Mapping[int, Any]:
    """System id → the figure of a grouped query."""
    return dict(session.execute(query).all())


def _holders() -> Select[int, int]:
    return (
        select(Account.system_id, func.count(func.distinct(Account.id)))
        .join(Grant, Grant.account_id == Account.id)
        .join(Entitlement, Grant.entitlement_id == Entitlement.id)
        .where(Grant.state.in_(HELD))
        .group_by(Account.system_id)
    )


def _tasks() -> Select[int, int]:
    """Tasks of the newest generation of their account, counted by system."""
    return (
        select(OutboxTask.system_id, func.count())
        .join(Account, OutboxTask.account_id == Account.id)
        .where(OutboxTask.generation == Account.generation)
        .group_by(OutboxTask.system_id)
    )


def _last_sweeps(session: Session) -> dict[int, SweepRun]:
    newest = select(func.max(SweepRun.id)).group_by(SweepRun.system_id)
    return {run.system_id: run for run in session.scalars(select(SweepRun).where(SweepRun.id.in_(newest)))}
