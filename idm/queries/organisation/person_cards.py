"""People as pages and printed forms name them: name, reading, number, unit and post on one day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from idm.calendar_days import holds
from idm.employment_kind import EmploymentKind
from idm.models.people import Assignment, Employment, OrganisationUnit, Person
from idm.publication import Reader, shown_end
from idm.queries.organisation.publication import hidden_starts, public
from idm.queries.organisation.units import Generations, generations, name_within


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


@dataclass(frozen=True)
class _Found:
    """One employment with one of its primary posts, as recorded."""

    person: Person
    employment: Employment | None
    assignment: Assignment | None
    unit_code: str | None


def person_cards(
    session: Session, person_ids: Iterable[int], *, day: date, reader: Reader | None = None
) -> dict[int, PersonCard]:
    """Person id → their card: the employment that holds on the day, else the next, else the last one.

    The unit has its name of that day. What `reader` (without one, everybody on that day) does not see is not in it.
    """
    reads = reader or Reader(day)
    ids = set(person_ids)
    rows = session.execute(
        select(Person, Employment, Assignment, OrganisationUnit.code)
        .outerjoin(Employment, and_(Employment.person_id == Person.id, public(Employment, reads)))
        .outerjoin(
            Assignment,
            and_(Assignment.employment_id == Employment.id, Assignment.primary, public(Assignment, reads)),
        )
        .outerjoin(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .where(Person.id.in_(ids))
    )
    best: dict[int, tuple[tuple[int, ...], _Found]] = {}
    for row in rows:
        found = _Found(*row)
        rank = (*_nearness(found.employment, day), *_nearness(found.assignment, day))
        if found.person.id not in best or rank > best[found.person.id][0]:
            best[found.person.id] = (rank, found)
    names = generations(session, known_on=max(day, reads.day))
    unseen = hidden_starts(session, ids, reads)
    return {
        person_id: _card(found, day, names, unseen.get(person_id, frozenset()))
        for person_id, (_, found) in best.items()
    }


def _nearness(period: Employment | Assignment | None, day: date) -> tuple[int, int]:
    if period is None:
        return 0, 0
    if holds(period.valid_from, period.valid_until, day):
        return 3, period.valid_from.toordinal()
    if period.valid_from > day:
        return 2, -period.valid_from.toordinal()
    return 1, period.valid_from.toordinal()


def _card(found: _Found, day: date, names: Generations, unseen: frozenset[date]) -> PersonCard:
    person, employment, assignment = found.person, found.employment, found.assignment
    return PersonCard(
        person_id=person.id,
        name=person.name,
        kana=person.kana,
        staff_number=employment.staff_number if employment is not None else None,
        unit=_unit(assignment, found.unit_code, day, names),
        post=assignment.post if assignment is not None else None,
        kind=employment.kind if employment is not None else None,
        employed_until=shown_end(employment.valid_until, unseen) if employment is not None else None,
    )


def _unit(assignment: Assignment | None, code: str | None, day: date, names: Generations) -> str | None:
    if assignment is None or code is None:
        return None
    return name_within(names[code], assignment.valid_from, assignment.valid_until, day)
