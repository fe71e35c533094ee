"""Whose department is whose on a day: the unit of the primary post; and how many people there are.

What ends with the day before counts for those whose last day it was: the limits of a run measure the office as it was
when the day began.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from idm.calendar_days import holds
from idm.database import in_chunks
from idm.models.people import Assignment, Employment, OrganisationUnit, Person
from idm.models.periods import holding_on
from idm.personnel.safety_limits import Headcount


@dataclass(frozen=True)
class Department:
    """Under which number, and in which unit, somebody stands; "" = no unit on record."""

    person_id: int
    name: str
    staff_number: str
    unit_code: str
    unit_name: str


@dataclass(frozen=True)
class _Post:
    primary: bool
    valid_from: date
    valid_until: date | None
    unit_code: str
    unit_name: str


@dataclass
class _Service:
    """One employment and its posts."""

    person_id: int
    name: str
    staff_number: str
    valid_from: date
    valid_until: date | None
    posts: list[_Post]


def departments(session: Session, person_ids: Collection[int], day: date) -> dict[int, Department]:
    """Person → their department as the day begins: what held the day before, else on the day, else last or next."""
    return _departments(_services(session, person_ids), day)


def headcount(session: Session, day: date) -> Headcount:
    """How many people were employed as the day began (whoever's last day was the day before included), by unit."""
    people, by_unit, names, unclear = 0, Counter[str](), dict[str, str](), set[int]()
    for person_id, code, name in _last_of_each(session, day - timedelta(days=1)):
        people += 1
        if code is None:
            unclear.add(person_id)
        else:
            by_unit[code] += 1
            names[code] = name or ""
    for one in departments(session, unclear, day).values() if unclear else ():
        by_unit[one.unit_code] += 1
        names.setdefault(one.unit_code, one.unit_name)
    return Headcount(total=people, by_unit=by_unit, names=names)


def _last_of_each(session: Session, before: date) -> Iterator[tuple[int, str | None, str | None]]:
    """Everybody employed on the day, once, with the unit of the own post of their newest employment, if it has one.

    Read as a stream in the order of people: how many there are costs no memory.
    """
    own = and_(Assignment.employment_id == Employment.id, Assignment.primary, holding_on(Assignment, before))
    rows = session.execute(
        select(Employment.person_id, OrganisationUnit.code, OrganisationUnit.name)
        .outerjoin(Assignment, own)
        .outerjoin(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .where(holding_on(Employment, before))
        .order_by(Employment.person_id, Employment.valid_from, Employment.id, Assignment.valid_from)
        .execution_options(yield_per=5_000)
    )
    last: tuple[int, str | None, str | None] | None = None
    for person_id, code, name in rows:
        if last is not None and last[0] != person_id:
            yield last
        last = (person_id, code, name)
    if last is not None:
        yield last


def _departments(services: Collection[_Service], day: date) -> dict[int, Department]:
    by_person: dict[int, list[_Service]] = {}
    for service in services:
        by_person.setdefault(service.person_id, []).append(service)
    return {person_id: _department(held, day) for person_id, held in by_person.items()}


def _department(services: list[_Service], day: date) -> Department:
    before = day - timedelta(days=1)
    service = min(services, key=lambda s: (_rank(s.valid_from, s.valid_until, before, day), -s.valid_from.toordinal()))
    posts = sorted(
        service.posts,
        key=lambda p: (not p.primary, _rank(p.valid_from, p.valid_until, before, day), -p.valid_from.toordinal()),
    )
    code, name = (posts[0].unit_code, posts[0].unit_name) if posts else ("", "")
    return Department(service.person_id, service.name, service.staff_number, code, name)


def _rank(valid_from: date, valid_until: date | None, before: date, day: date) -> int:
    """What held the day before comes first, then what holds on the day, then what is over, then what is to come."""
    if holds(valid_from, valid_until, before):
        return 0
    if holds(valid_from, valid_until, day):
        return 1
    return 2 if valid_from <= day else 3


def _services(session: Session, person_ids: Collection[int]) -> list[_Service]:
    """The employments of the people, with their posts."""
    found: dict[int, _Service] = {}
    for some in in_chunks(sorted(person_ids)):
        rows = session.execute(
            select(Employment.id, Employment.person_id, Person.name, Employment.staff_number, Employment.valid_from,
                   Employment.valid_until)
            .join(Person, Employment.person_id == Person.id)
            .where(Employment.person_id.in_(some))
            .order_by(Employment.valid_from, Employment.id)
        )  # fmt: skip
        found |= {
            row.id: _Service(row.person_id, row.name, row.staff_number, row.valid_from, row.valid_until, [])
            for row in rows
        }
        posts = session.execute(
            select(Assignment.employment_id, Assignment.primary, Assignment.valid_from, Assignment.valid_until,
                   OrganisationUnit.code, OrganisationUnit.name)
            .join(Employment, Assignment.employment_id == Employment.id)
            .join(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
            .where(Employment.person_id.in_(some))
            .order_by(Assignment.valid_from, Assignment.id)
        )  # fmt: skip
        for employment_id, primary, begins, ends, code, name in posts:
            found[employment_id].posts.append(_Post(primary, begins, ends, code, name))
    return list(found.values())
