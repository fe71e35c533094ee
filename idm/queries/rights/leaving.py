"""Who leaves for good and when, whose department that is, and the checklists of what they give back (control A15)."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.calendar_days import end_to_last_day, holds
from idm.errors import NotFound
from idm.models.leaving import LeavingChecklist, ReturnItem, ReturnState
from idm.models.officers import Officer
from idm.models.people import Assignment, Employment, OrganisationUnit, Person
from idm.permissions import Action
from idm.personnel.unit_tree import upwards
from idm.personnel_event import LeavingKind
from idm.queries.organisation.officers import tenures_on
from idm.queries.organisation.reach import units_reached
from idm.queries.organisation.units import parents
from idm.vocabulary import Role


@dataclass(frozen=True)
class Leaver:
    """An employment that ends for good: the person has no other when it is over. `due_on` is its last day."""

    employment_id: int
    person_id: int
    due_on: date
    dead: bool


@dataclass(frozen=True)
class ChecklistRow:
    """One checklist in a list."""

    checklist_id: int
    person_id: int
    name: str
    kana: str
    staff_number: str
    unit_code: str
    unit_name: str
    due_on: date
    total: int
    open: int
    closed: bool
    withdrawn: bool

    def overdue(self, day: date) -> bool:
        """Whether something is still missing after the last day."""
        return self.open > 0 and not self.withdrawn and day > self.due_on


@dataclass(frozen=True)
class ItemRow:
    """One thing to give back."""

    item_id: int
    title: str
    state: ReturnState
    note: str
    settled_by: str | None


@dataclass(frozen=True)
class ChecklistSheet:
    """One checklist with everything on it."""

    row: ChecklistRow
    items: tuple[ItemRow, ...]


def leavers(session: Session, day: date) -> dict[int, Leaver]:
    """Employment → whoever leaves with it. What is unpublished on the day is not known yet.

    An employment that another outlasts, or follows without a gap, ends nothing; of two that end together one counts.
    """
    columns = (
        Employment.id, Employment.person_id, Employment.valid_from, Employment.valid_until, Employment.leaving,
        Employment.published_on,
    )  # fmt: skip
    periods: dict[int, list[tuple[int, date, date | None]]] = defaultdict(list)
    rows = session.execute(select(*columns).order_by(Employment.id)).all()
    for employment_id, person_id, begins, ends, *_ in rows:
        periods[person_id].append((employment_id, begins, ends))
    found = {}
    for employment_id, person_id, _, ends, leaving, published_on in rows:
        if ends is None or (published_on is not None and published_on > day):
            continue
        if not _goes_on(employment_id, ends, periods[person_id]):
            last_day = end_to_last_day(ends) or ends
            found[employment_id] = Leaver(employment_id, person_id, last_day, leaving is LeavingKind.DEATH)
    return found


def _goes_on(employment_id: int, ends: date, periods: Iterable[tuple[int, date, date | None]]) -> bool:
    return any(
        holds(begins, until, ends) or (until == ends and other < employment_id)
        for other, begins, until in periods
        if other != employment_id
    )


def units_of_employments(session: Session, employment_ids: Collection[int]) -> dict[int, tuple[str, str]]:
    """Employment → (code, name) of the unit of its last primary post, else of its last post."""
    rows = session.execute(
        select(Assignment.employment_id, OrganisationUnit.code, OrganisationUnit.name)
        .join(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .where(Assignment.employment_id.in_(employment_ids))
        .order_by(Assignment.primary, Assignment.valid_from, Assignment.id)
    )
    return {employment_id: (code, name) for employment_id, code, name in rows}


@dataclass(frozen=True)
class SectionManagers:
    """Who manages which unit on a day, read once."""

    above: dict[str, str | None]
    by_unit: dict[str, frozenset[int]]

    @classmethod
    def on(cls, session: Session, day: date) -> Self:
        """As of the day."""
        tenures = tenures_on(day).where(Officer.role == Role.SECTION)
        found: dict[str, set[int]] = defaultdict(set)
        for code, person_id in session.execute(tenures.with_only_columns(Officer.unit_code, Officer.person_id)):
            if code is not None:
                found[code].add(person_id)
        return cls(parents(session), {code: frozenset(people) for code, people in found.items()})

    def of(self, code: str, *, without: frozenset[int]) -> frozenset[int]:
        """Who manages the unit, else the next one above that has a manager; never one of those left out."""
        for unit in upwards(code, self.above):
            found = self.by_unit.get(unit, frozenset()) - without
            if found:
                return found
        return frozenset()


def settled_units(session: Session, person_id: int, day: date) -> frozenset[str] | None:
    """The units whose leavers' things this person may settle, with those below; None = every unit's."""
    return units_reached(session, person_id, Action.SETTLE_LEAVING, day)


def checklists(session: Session, *, units: frozenset[str] | None, done: bool = False) -> list[ChecklistRow]:
    """The open checklists of these units' people (None = everybody's), soonest due first; with `done` the others."""
    return [row for row in _rows(session) if (row.closed or row.withdrawn) is done and _within(row, units)]


def checklist_sheet(session: Session, checklist_id: int, *, units: frozenset[str] | None) -> ChecklistSheet:
    """One checklist of these units' people. Raises NotFound, also for somebody else's."""
    row = next((row for row in _rows(session, checklist_id) if _within(row, units)), None)
    if row is None:
        raise NotFound("返却物の確認表が見つかりません。")
    items = session.execute(
        select(ReturnItem.id, ReturnItem.title, ReturnItem.state, ReturnItem.note, Person.name)
        .outerjoin(Person, ReturnItem.settled_by_id == Person.id)
        .where(ReturnItem.checklist_id == checklist_id)
        .order_by(ReturnItem.id)
    )
    return ChecklistSheet(row, tuple(ItemRow(*item) for item in items))


def _within(row: ChecklistRow, units: frozenset[str] | None) -> bool:
    return units is None or row.unit_code in units


def _rows(session: Session, checklist_id: int | None = None) -> list[ChecklistRow]:
    query = (
        select(LeavingChecklist, Employment.staff_number, Person.id, Person.name, Person.kana)
        .join(Employment, LeavingChecklist.employment_id == Employment.id)
        .join(Person, Employment.person_id == Person.id)
        .order_by(LeavingChecklist.due_on, Person.kana, LeavingChecklist.id)
    )
    if checklist_id is not None:
        query = query.where(LeavingChecklist.id == checklist_id)
    found = session.execute(query).all()
    units = units_of_employments(session, [one.employment_id for one, *_ in found])
    states: dict[int, list[ReturnState]] = defaultdict(list)
    for owner, state in session.execute(select(ReturnItem.checklist_id, ReturnItem.state)):
        states[owner].append(state)
    return [
        ChecklistRow(
            one.id, person_id, name, kana, number, *units.get(one.employment_id, ("", "")), one.due_on,
            len(states[one.id]), states[one.id].count(ReturnState.OPEN), one.closed_at is not None,
            one.withdrawn_at is not None,
        )
        for one, number, person_id, name, kana in found
    ]  # fmt: skip
