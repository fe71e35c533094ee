"""People as the pages list them: found by name, reading or staff number, a page at a time."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from unicodedata import normalize

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from idm.calendar_days import holds
from idm.errors import InvalidInput
from idm.models.people import Assignment, Employment, OrganisationUnit, Person
from idm.models.periods import holding_on
from idm.names.personal_names import fold
from idm.publication import Reader
from idm.queries.organisation.person_cards import PersonCard, person_cards
from idm.queries.organisation.publication import known, public
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of


class Presence(StrEnum):
    """Whether somebody belongs to the organisation on a day; the first that holds is said of them."""

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
    """One person; `presence` None for somebody without any employment on record."""

    card: PersonCard
    presence: Presence | None


@dataclass(frozen=True)
class UnitRow:
    """A unit that somebody can be looked for in."""

    code: str
    name: str


def people_page(
    session: Session, wanted: PeopleFilter, *, day: date, asked: int = 1, reader: Reader | None = None
) -> Page[PersonRow]:
    """The people whom the filter lets through on the day, in the order of their readings.

    Whom `reader` (without one, everybody) does not know of yet, and what they do not see, is not in it.
    """
    reads = reader or Reader(day)
    conditions = [known(reads), *_conditions(wanted, day, reads)]
    total = session.scalar(select(func.count()).select_from(Person).where(*conditions)) or 0
    number = nearest_page(asked, total)
    ids = session.scalars(
        select(Person.id)
        .where(*conditions)
        .order_by(Person.kana, Person.id)
        .limit(ROWS_A_PAGE)
        .offset(offset_of(number))
    ).all()
    cards, presences = person_cards(session, ids, day=day, reader=reads), _presences(session, ids, day, reads)
    rows = tuple(PersonRow(cards[person_id], presences.get(person_id)) for person_id in ids)
    return Page(rows, number, total)


def units_on(session: Session, day: date) -> list[UnitRow]:
    """The units that exist on the day, by code."""
    rows = session.execute(
        select(OrganisationUnit.code, OrganisationUnit.name)
        .where(holding_on(OrganisationUnit, day))
        .order_by(OrganisationUnit.code)
    )
    return [UnitRow(code, name) for code, name in rows]


def _conditions(wanted: PeopleFilter, day: date, reader: Reader) -> Iterator[ColumnElement[bool]]:
    text = fold(wanted.text)
    if text:
        numbered = exists().where(
            Employment.person_id == Person.id,
            func.lower(Employment.staff_number).startswith(text.lower(), autoescape=True),
            public(Employment, reader),
        )
        yield or_(Person.search_key.contains(text, autoescape=True), numbered)
    if wanted.unit_code is not None:
        yield _in_unit(wanted.unit_code, day, reader)
    if wanted.presence is not None:
        yield _is(wanted.presence, day, reader)


def _in_unit(code: str, day: date, reader: Reader) -> ColumnElement[bool]:
    return exists(
        select(Assignment.id)
        .join(Employment, Assignment.employment_id == Employment.id)
        .join(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .where(
            Employment.person_id == Person.id,
            OrganisationUnit.code == code,
            holding_on(Assignment, day),
            holding_on(Employment, day),
            public(Assignment, reader),
            public(Employment, reader),
        )
    )


def _is(presence: Presence, day: date, reader: Reader) -> ColumnElement[bool]:
    of_person = and_(Employment.person_id == Person.id, public(Employment, reader))
    employed = exists().where(of_person, holding_on(Employment, day))
    coming = exists().where(of_person, Employment.valid_from > day)
    if presence is Presence.EMPLOYED:
        return employed
    if presence is Presence.COMING:
        return and_(~employed, coming)
    return and_(~employed, ~coming, exists().where(of_person))


def _presences(session: Session, person_ids: Sequence[int], day: date, reader: Reader) -> dict[int, Presence]:
    """Person id → how they stand on the day; employed when any employment holds."""
    employments = session.execute(
        select(Employment.person_id, Employment.valid_from, Employment.valid_until).where(
            Employment.person_id.in_(person_ids), public(Employment, reader)
        )
    )
    standings: dict[int, set[Presence]] = defaultdict(set)
    for person_id, valid_from, valid_until in employments:
        standings[person_id].add(_presence(valid_from, valid_until, day))
    return {person_id: next(p for p in Presence if p in found) for person_id, found in standings.items()}


def _presence(valid_from: date, valid_until: date | None, day: date) -> Presence:
    if holds(valid_from, valid_until, day):
        return Presence.EMPLOYED
    return Presence.COMING if valid_from > day else Presence.LEFT


def person_with_number(session: Session, staff_number: str, *, reader: Reader | None = None) -> int:
    """The id of whoever has, or had, this staff number. Raises InvalidInput when nobody has whom `reader` knows of."""
    plain = normalize("NFKC", staff_number).strip()
    seen = [] if reader is None else [public(Employment, reader)]
    person_id = session.scalar(select(Employment.person_id).where(Employment.staff_number == plain, *seen))
    if person_id is None:
        message = f"職員番号「{plain}」の職員は見つかりません。" if plain else "職員番号を入れてください。"
        raise InvalidInput(message, fields={"staff_number": message})
    return person_id
