"""People as pages and printed forms name them: name, reading, number, unit and post on one day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Row, and_, select
from sqlalchemy.orm import Session

from idm.calendar_days import holds
from idm.employment_kind import EmploymentKind
from idm.models.people import Assignment, Employment, OrganisationUnit, Person


@dataclass(frozen=True)
class PersonCard:
    """One person on one day; number, unit and post are None where nobody recorded any."""

    person_id: int
    name: str
    kana: str
    staff_number: str | None = None
    unit: str | None = None
    post: str | None = None
    kind: EmploymentKind | None = None
    employed_until: date | None = None


def person_cards(session: Session, person_ids: Iterable[int], *, day: date) -> dict[int, PersonCard]:
    """Person id → their card: the employment that holds on the day, else the next, else the last one."""
    rows = session.execute(
        select(Person.id, Person.name, Person.kana, Employment, Assignment, OrganisationUnit.name)
        .outerjoin(Employment, Employment.person_id == Person.id)
        .outerjoin(Assignment, and_(Assignment.employment_id == Employment.id, Assignment.primary))
        .outerjoin(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .where(Person.id.in_(set(person_ids)))
    )
    best: dict[int, tuple[tuple[int, ...], PersonCard]] = {}
    for row in rows:
        rank = _rank(row, day)
        if row[0] not in best or rank > best[row[0]][0]:
            best[row[0]] = (rank, _card(row))
    return {person_id: card for person_id, (_, card) in best.items()}


def _rank(row: Row[int, str, str, Employment | None, Assignment | None, str | None], day: date) -> tuple[int, ...]:
    """Higher is the better description of the day."""
    return (*_nearness(row[3], day), *_nearness(row[4], day))


def _nearness(period: Employment | Assignment | None, day: date) -> tuple[int, int]:
    if period is None:
        return 0, 0
    if holds(period.valid_from, period.valid_until, day):
        return 3, period.valid_from.toordinal()
    if period.valid_from > day:
        return 2, -period.valid_from.toordinal()
    return 1, period.valid_from.toordinal()


def _card(row: Row[int, str, str, Employment | None, Assignment | None, str | None]) -> PersonCard:
    person_id, name, kana, employment, assignment, unit = row
    return PersonCard(
        person_id=person_id,
        name=name,
        kana=kana,
        staff_number=employment.staff_number if employment is not None else None,
        unit=unit,
        post=assignment.post if assignment is not None else None,
        kind=employment.kind if employment is not None else None,
        employed_until=employment.valid_until if employment is not None else None,
    )
