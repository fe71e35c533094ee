"""People as the pages list them: found by name, reading or staff number, a page at a time."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from idm.calendar_days import holds
from idm.employment_kind import EmploymentKind
from idm.models.people import Assignment, Employment, OrganisationUnit, Person
from idm.personal_names import fold
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of


class Presence(StrEnum):
    """Whether somebody belongs to the organisation on a day."""

    EMPLOYED = "employed"
    COMING = "coming"
    LEFT = "left"


@dataclass(frozen=True)
class PeopleFilter:
    """Whom to show. `text` is a part of a name or reading, or the beginning of a staff number; None means any."""

    text: str = ""
    unit_code: str | None = None
    presence: Presence | None = None


@dataclass(frozen=True)
class PersonRow:
    """One person. Employment and post are those of the day, else the next, else the last ones."""

    id: int
    name: str
    kana: str
    presence: Presence | None
    staff_number: str | None
    kind: EmploymentKind | None
    unit: str | None
    post: str | None
    employed_until: date | None


@dataclass(frozen=True)
class UnitRow:
    """A unit that somebody can be looked for in."""

    code: str
    name: str


@dataclass(frozen=True)
class _Held:
    """One employment with one of its posts, or with none."""

    person_id: int
    staff_number: str
    kind: EmploymentKind
    valid_from: date
    valid_until: date | None
    unit: str | None
    post: str | None
    primary: bool | None
    post_from: date | None
    post_until: date | None


def people_page(session: Session, wanted: PeopleFilter, *, day: date, asked: int = 1) -> Page[PersonRow]:
    """The people whom the filter lets through on the day, in the order of their readings."""
    conditions = list(_conditions(wanted, day))
    total = session.scalar(select(func.count()).select_from(Person).where(*conditions)) or 0
    number = nearest_page(asked, total)
    found = session.execute(
        select(Person.id, Person.name, Person.kana)
        .where(*conditions)
        .order_by(Person.kana, Person.id)
        .limit(ROWS_A_PAGE)
        .offset(offset_of(number))
    ).all()
    held = _held(session, [person_id for person_id, *_ in found])
    rows = tuple(_row(person_id, name, kana, held[person_id], day) for person_id, name, kana in found)
    return Page(rows, number, total)


def units_on(session: Session, day: date) -> list[UnitRow]:
    """The units that exist on the day, by code."""
    rows = session.execute(
        select(OrganisationUnit.code, OrganisationUnit.name)
        .where(_period(OrganisationUnit, day))
        .order_by(OrganisationUnit.code)
    )
    return [UnitRow(code, name) for code, name in rows]


def _conditions(wanted: PeopleFilter, day: date) -> Iterator[ColumnElement[bool]]:
    text = fold(wanted.text)
    if text:
        numbered = exists().where(
            Employment.person_id == Person.id,
            func.lower(Employment.staff_number).startswith(text.lower(), autoescape=True),
        )
        yield or_(Person.search_key.contains(text, autoescape=True), numbered)
    if wanted.unit_code is not None:
        yield _in_unit(wanted.unit_code, day)
    if wanted.presence is not None:
        yield _is(wanted.presence, day)


def _in_unit(code: str, day: date) -> ColumnElement[bool]:
    return exists(
        select(Assignment.id)
        .join(Employment, Assignment.employment_id == Employment.id)
        .join(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .where(
            Employment.person_id == Person.id,
            OrganisationUnit.code == code,
            _period(Assignment, day),
            _period(Employment, day),
        )
    )


def _is(presence: Presence, day: date) -> ColumnElement[bool]:
    of_person = Employment.person_id == Person.id
    employed = exists().where(of_person, _period(Employment, day))
    coming = exists().where(of_person, Employment.valid_from > day)
    if presence is Presence.EMPLOYED:
        return employed
    if presence is Presence.COMING:
        return and_(~employed, coming)
    return and_(~employed, ~coming, exists().where(of_person))


def _period(table: type[Employment | Assignment | OrganisationUnit], day: date) -> ColumnElement[bool]:
    return and_(table.valid_from <= day, or_(table.valid_until.is_(None), table.valid_until > day))


def _held(session: Session, person_ids: Sequence[int]) -> dict[int, list[_Held]]:
    rows = session.execute(
        select(
            Employment.person_id, Employment.staff_number, Employment.kind, Employment.valid_from,
            Employment.valid_until, OrganisationUnit.name, Assignment.post, Assignment.primary, Assignment.valid_from,
            Assignment.valid_until,
        )
        .outerjoin(Assignment, Assignment.employment_id == Employment.id)
        .outerjoin(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .where(Employment.person_id.in_(person_ids))
        .order_by(Employment.valid_from, Assignment.valid_from, Assignment.id)
    )  # fmt: skip
    held: dict[int, list[_Held]] = defaultdict(list)
    for row in rows:
        held[row[0]].append(_Held(*tuple(row)))
    return held


def _row(person_id: int, name: str, kana: str, held: list[_Held], day: date) -> PersonRow:
    shown = _shown(held, day)
    if shown is None:
        return PersonRow(person_id, name, kana, None, None, None, None, None, None)
    return PersonRow(
        person_id, name, kana, _presence(shown, day), shown.staff_number, shown.kind, shown.unit, shown.post,
        shown.valid_until,
    )  # fmt: skip


def _shown(held: list[_Held], day: date) -> _Held | None:
    """The employment and post that say most of the person on the day."""
    current = [h for h in held if holds(h.valid_from, h.valid_until, day)]
    if current:
        return max(current, key=lambda h: (_post_holds(h, day), bool(h.primary)))
    coming = [h for h in held if h.valid_from > day]
    return coming[0] if coming else (held[-1] if held else None)


def _post_holds(held: _Held, day: date) -> bool:
    return held.post_from is not None and holds(held.post_from, held.post_until, day)


def _presence(held: _Held, day: date) -> Presence:
    if holds(held.valid_from, held.valid_until, day):
        return Presence.EMPLOYED
    return Presence.COMING if held.valid_from > day else Presence.LEFT
