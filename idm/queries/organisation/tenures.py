"""Who holds which role, since when and by which record (control A16; FK 1-2, MT 2).

A tenure that waits for a second person is shown as waiting; one whose post is over is history, whatever its row says.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, Select, case, null, select
from sqlalchemy.orm import Session, aliased

from idm.models.officers import Deputy, Officer
from idm.models.people import Assignment, Employment, OrganisationUnit, Person
from idm.publication import Reader
from idm.queries.organisation.publication import makes_room, public
from idm.queries.organisation.units import Generations, generations, name_within
from idm.vocabulary import Role


class Standing(StrEnum):
    """How a tenure or a deputation stands on a day."""

    CURRENT = "current"
    WAITING = "waiting"
    COMING = "coming"
    OVER = "over"


@dataclass(frozen=True)
class TenureRow:
    """One tenure. `unit` and `post` are those it follows from; both None for an office without a post here.

    `valid_until` is the earliest of its own end, the post's and the employment's.
    """

    id: int
    role: Role
    unit_code: str | None
    person_id: int
    name: str
    kana: str
    unit: str | None
    post: str | None
    valid_from: date
    valid_until: date | None
    first_record_id: int | None
    confirmed_at: datetime | None
    confirmed_by: str | None
    standing: Standing


@dataclass(frozen=True)
class DeputyRow:
    """One deputation (代決); it counts only while `standing` is CURRENT."""

    id: int
    role: Role
    principal_id: int
    principal: str
    deputy_id: int
    deputy: str
    valid_from: date
    valid_until: date
    named_at: datetime
    accepted_at: datetime | None
    accepted_by: str | None
    standing: Standing


_ORDER = {role: place for place, role in enumerate(Role)}


def tenure_rows(session: Session, day: date, *, reader: Reader | None = None) -> list[TenureRow]:
    """Every tenure ever written, in the order of the roles, as it stands on the day.

    A post that `reader` (without one, everybody) does not see yet gives no row, and shortens none.
    """
    return _in_order(session, _tenures(reader or Reader(day)), day)


def tenures_of_person(session: Session, person_id: int, day: date, *, reader: Reader | None = None) -> list[TenureRow]:
    """The person's tenures, as they stand on the day; of unpublished posts as in `tenure_rows`."""
    return _in_order(session, _tenures(reader or Reader(day)).where(Officer.person_id == person_id), day)


def deputy_rows(session: Session, day: date) -> list[DeputyRow]:
    """Every deputation ever named, newest first, as it stands on the day."""
    principal, deputy, accepter = aliased(Person), aliased(Person), aliased(Person)
    rows = session.execute(
        select(Deputy, principal.name, deputy.name, accepter.name)
        .join(principal, Deputy.principal_id == principal.id)
        .join(deputy, Deputy.deputy_id == deputy.id)
        .outerjoin(accepter, Deputy.accepted_by_id == accepter.id)
        .order_by(Deputy.id.desc())
    )
    return [
        DeputyRow(
            d.id, d.role, d.principal_id, principal_name, d.deputy_id, deputy_name, d.valid_from, d.valid_until,
            d.named_at, d.accepted_at, accepter_name,
            _standing(d.valid_from, d.valid_until, counts=d.accepted_at is not None, day=day),
        )
        for d, principal_name, deputy_name, accepter_name in rows
    ]  # fmt: skip


def _tenures(reader: Reader) -> Select[*tuple[Any, ...]]:
    confirmer = aliased(Person)
    post_until = case((makes_room(reader), null()), else_=Assignment.valid_until)
    return (
        select(
            Officer, Person.name.label("name"), Person.kana.label("kana"), Assignment.post.label("post"),
            post_until.label("post_until"), Employment.valid_until.label("employed_until"),
            Assignment.valid_from.label("post_from"), OrganisationUnit.code.label("unit"),
            confirmer.name.label("confirmer"),
        )
        .join(Person, Officer.person_id == Person.id)
        .outerjoin(Assignment, Officer.assignment_id == Assignment.id)
        .outerjoin(Employment, Assignment.employment_id == Employment.id)
        .outerjoin(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .outerjoin(confirmer, Officer.confirmed_by_id == confirmer.id)
        .where(Officer.assignment_id.is_(None) | public(Assignment, reader))
    )  # fmt: skip


def _in_order(session: Session, query: Select[*tuple[Any, ...]], day: date) -> list[TenureRow]:
    names = generations(session, known_on=day)
    tenures = [_tenure(row, day, names) for row in session.execute(query)]
    return sorted(tenures, key=lambda tenure: (_ORDER[tenure.role], tenure.unit_code or "", tenure.valid_from))


def _tenure(row: Row[*tuple[Any, ...]], day: date, names: Generations) -> TenureRow:
    officer: Officer = row.Officer
    ends = [end for end in (officer.valid_until, row.post_until, row.employed_until) if end is not None]
    until = min(ends, default=None)
    counts = officer.first_record_id is not None or officer.confirmed_at is not None
    unit = name_within(names[row.unit], row.post_from, row.post_until, day) if row.unit is not None else None
    return TenureRow(
        id=officer.id, role=officer.role, unit_code=officer.unit_code, person_id=officer.person_id, name=row.name,
        kana=row.kana, unit=unit, post=row.post, valid_from=officer.valid_from, valid_until=until,
        first_record_id=officer.first_record_id, confirmed_at=officer.confirmed_at, confirmed_by=row.confirmer,
        standing=_standing(officer.valid_from, until, counts=counts, day=day),
    )  # fmt: skip


def _standing(valid_from: date, valid_until: date | None, *, counts: bool, day: date) -> Standing:
    if valid_until is not None and valid_until <= day:
        return Standing.OVER
    if not counts:
        return Standing.WAITING
    return Standing.COMING if valid_from > day else Standing.CURRENT
