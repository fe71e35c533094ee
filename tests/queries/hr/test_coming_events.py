"""What is about to happen on which day: each thing once, on the day people write, and only to those who may know."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from idm.employment_kind import EmploymentKind
from idm.models.people import Absence, Assignment, Employment, OrganisationUnit, Person
from idm.personnel_event import AbsenceKind
from idm.publication import Reader
from idm.queries.hr.coming_events import Coming, coming_events, counts
from tests.cast import NOW, TODAY, Cast, add_person

YEAR = TODAY + timedelta(days=365)
NEXT_YEAR, LAST_DAY = date(2027, 4, 1), date(2027, 3, 31)
PUBLIC = Reader(TODAY)


def told(cast: Cast, reader: Reader = PUBLIC, units: frozenset[str] | None = None) -> list[tuple[date, Coming]]:
    with cast.database.reading() as session:
        return [(e.day, e.kind) for e in coming_events(session, TODAY, YEAR, reader=reader, units=units)]


def leaves(cast: Cast, session: Session) -> None:
    cast.employment(session, "staff").valid_until = NEXT_YEAR


def is_renewed(cast: Cast, session: Session) -> None:
    first = cast.employment(session, "staff")
    first.valid_until = date(2026, 7, 1)
    session.add(Employment(person_id=first.person_id, staff_number="200001", kind=EmploymentKind.REAPPOINTED,
                           valid_from=date(2026, 7, 1)))  # fmt: skip


def joins(cast: Cast, session: Session) -> None:
    person = Person(name="新人", kana="シンジン", search_key="x", created_at=NOW)
    session.add(Employment(person=person, staff_number="200002", kind=EmploymentKind.REGULAR,
                           valid_from=date(2026, 5, 1)))  # fmt: skip


def moves(cast: Cast, session: Session, published_on: date | None = None) -> None:
    moving = cast.employment(session, "staff")
    unit = session.query(OrganisationUnit).filter_by(code="0600").one()
    moving.assignments[0].valid_until = date(2026, 6, 1)
    moving.assignments.append(
        Assignment(unit=unit, post="主査", primary=True, valid_from=date(2026, 6, 1), published_on=published_on)
    )


def goes_on_leave(cast: Cast, session: Session) -> None:
    away = Absence(kind=AbsenceKind.CHILDCARE, valid_from=date(2026, 8, 1), valid_until=date(2026, 10, 1))
    employment = cast.employment(session, "staff")
    employment.absences.append(away)


CONTRACTOR = [(LAST_DAY, Coming.OUTSIDE_END), (LAST_DAY, Coming.CONTRACT_END)]
"""The cast's contractor and contract end with the fiscal year."""


@pytest.mark.parametrize(
    ("happens", "expected"),
    [
        (leaves, [(LAST_DAY, Coming.LEAVE)]),
        (is_renewed, [(date(2026, 7, 1), Coming.MOVE)]),
        (joins, [(date(2026, 5, 1), Coming.JOIN)]),
        (moves, [(date(2026, 6, 1), Coming.MOVE)]),
        (goes_on_leave, [(date(2026, 8, 1), Coming.ABSENCE_BEGIN), (date(2026, 9, 30), Coming.ABSENCE_END)]),
    ],
)
def test_everything_is_told_once_on_its_first_or_last_day(
    cast: Cast, happens: Callable[[Cast, Session], None], expected: list[tuple[date, Coming]]
) -> None:
    with cast.database.writing() as session:
        happens(cast, session)
    assert sorted(told(cast)) == sorted([*expected, *CONTRACTOR])


def test_the_end_of_a_right_is_told_on_its_last_day(cast: Cast) -> None:
    cast.approve(cast.file("staff", ("staff", "ledger/account"), valid_until=date(2026, 9, 1)))
    assert (date(2026, 8, 31), Coming.RIGHT_END) in told(cast)


def test_an_unpublished_move_is_told_to_those_who_may_see_it_alone(cast: Cast) -> None:
    with cast.database.writing() as session:
        moves(cast, session, published_on=date(2026, 5, 20))
    move = (date(2026, 6, 1), Coming.MOVE)
    assert move not in told(cast)
    assert move in told(cast, Reader(TODAY, may_see=True))
    assert move in told(cast, Reader(date(2026, 5, 20)))


def test_a_section_is_told_of_its_own_people_alone(cast: Cast) -> None:
    with cast.database.writing() as session:
        leaves(cast, session)
    assert told(cast, units=frozenset({"0100"})) == [(LAST_DAY, Coming.LEAVE)]
    assert told(cast, units=frozenset({"0900"})) == []


def test_thousands_on_one_day_are_counted_by_kind(cast: Cast) -> None:
    with cast.database.writing() as session:
        unit = session.query(OrganisationUnit).filter_by(code="0900").one()
        for number in range(300):
            add_person(session, f"5{number:05}", f"職員{number}", "ショクイン", unit, "主事")
        for employment in session.query(Employment).filter(Employment.staff_number.startswith("5")):
            employment.valid_until = NEXT_YEAR
    with cast.database.reading() as session:
        found = counts(coming_events(session, TODAY, YEAR, reader=PUBLIC))
    assert found[LAST_DAY][Coming.LEAVE] == 300
