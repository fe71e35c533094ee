"""The register of deputies for privilege (代行者名簿): every one ever named, and how each stands (FK 6-2(3)②, D2)."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from idm.calendar_days import holds
from idm.models.officers import Officer
from idm.models.people import Person
from idm.models.privileged import PrivilegeDeputy
from idm.models.systems import InformationSystem
from idm.queries.organisation.officers import tenures_on
from idm.queries.organisation.tenures import Standing
from idm.queries.privileged.deputies import counting_in, standing_on
from idm.vocabulary import Role


@dataclass(frozen=True)
class DeputyshipRow:
    """One deputyship; it counts only while `standing` is CURRENT. One that ended by itself has no `ended_by`."""

    id: int
    system_name: str
    role: Role
    principal_id: int
    principal: str
    deputy: str
    reason: str
    valid_from: date
    valid_until: date
    named_by_id: int
    named_by: str
    named_at: datetime
    accepted_by: str | None
    accepted_at: datetime | None
    ended_by: str | None
    ended_at: datetime | None
    standing: Standing


@dataclass(frozen=True)
class Office:
    """One officer in whose place privilege can be exercised."""

    role: Role
    person_id: int
    name: str


def deputyship_rows(session: Session, day: date) -> list[DeputyshipRow]:
    """Every deputyship ever named, newest first, as it stands on the day."""
    rows = session.execute(
        select(PrivilegeDeputy, Person.name)
        .outerjoin(Person, PrivilegeDeputy.ended_by_id == Person.id)
        .options(
            joinedload(PrivilegeDeputy.system), joinedload(PrivilegeDeputy.principal),
            joinedload(PrivilegeDeputy.deputy), joinedload(PrivilegeDeputy.named_by),
            joinedload(PrivilegeDeputy.accepted_by),
        )
        .order_by(PrivilegeDeputy.id.desc())
    ).all()  # fmt: skip
    possible = {one.id for one in session.scalars(standing_on(day))}
    counting = {one.id for one in counting_in(session, {one.system_id for one, _ in rows}, day)}
    return [
        DeputyshipRow(
            d.id, d.system.name, d.role, d.principal_id, d.principal.name, d.deputy.name, d.reason, d.valid_from,
            d.valid_until, d.named_by_id, d.named_by.name, d.named_at,
            d.accepted_by.name if d.accepted_by is not None else None, d.accepted_at, ended_by, d.ended_at,
            _standing(d, day, possible=d.id in possible, counts=d.id in counting),
        )
        for d, ended_by in rows
    ]  # fmt: skip


def _standing(deputy: PrivilegeDeputy, day: date, *, possible: bool, counts: bool) -> Standing:
    if not possible:
        return Standing.OVER
    if deputy.accepted_at is None:
        return Standing.WAITING
    if not holds(deputy.valid_from, deputy.valid_until, day):
        return Standing.COMING
    return Standing.CURRENT if counts else Standing.OVER


def offices(session: Session, day: date) -> list[Office]:
    """The officers in whose place privilege can be exercised: the chief and the managers of systems."""
    managed = select(InformationSystem.manager_unit_code)
    query = (
        tenures_on(day)
        .where((Officer.role == Role.CHIEF) | ((Officer.role == Role.SYSTEM) & Officer.unit_code.in_(managed)))
        .options(joinedload(Officer.person))
        .order_by(Officer.role, Officer.id)
    )
    found = (Office(one.role, one.person_id, one.person.name) for one in session.scalars(query))
    return list(dict.fromkeys(found))
