"""Findings as numbers: system by kind as they stand on a day, and how many there were day by day (C1, J1)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from idm.calendar_days import day_of, start_of
from idm.models.systems import InformationSystem
from idm.models.work import Finding
from idm.queries.sweep.finding_owners import Offices
from idm.queries.sweep.finding_states import stands
from idm.vocabulary import FindingKind, FindingState

Cell = tuple[int | None, FindingKind]
"""A system (None = of none) and a kind."""
UNREPAIRED = (FindingState.OPEN, FindingState.JUSTIFIED, FindingState.ACCEPTED)
_ANSWERED = (FindingState.JUSTIFIED, FindingState.ACCEPTED)


@dataclass(frozen=True)
class Matrix:
    """System by kind. Only what has findings has a line or a column; the systems by code, what is of none last."""

    systems: Sequence[tuple[int | None, str | None]]
    kinds: Sequence[FindingKind]
    numbers: Mapping[Cell, int]

    def number(self, system_id: int | None, kind: FindingKind) -> int:
        """How many there are of the kind in the system."""
        return self.numbers.get((system_id, kind), 0)

    def of_system(self, system_id: int | None) -> int:
        """How many there are in the system."""
        return sum(number for (system, _), number in self.numbers.items() if system == system_id)

    def of_kind(self, kind: FindingKind) -> int:
        """How many there are of the kind."""
        return sum(number for (_, known), number in self.numbers.items() if known is kind)

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self.numbers.values())


@dataclass(frozen=True)
class TrendDay:
    """How many facts were not repaired at the end of the day, whoever answers for them; found and repaired on it."""

    day: date
    unrepaired: int
    found: int
    repaired: int


def matrix(session: Session, state: FindingState, *, day: date, owner: int | None = None) -> Matrix:
    """How many findings stand there on the day, by system and kind; with `owner` only that person's."""
    conditions = [] if owner is None else [Offices.on(session, day).mine(owner)]
    numbers = _numbers(session, state, conditions, day)
    names = session.execute(select(InformationSystem.id, InformationSystem.name).order_by(InformationSystem.code))
    found = {system for system, _ in numbers}
    systems: list[tuple[int | None, str | None]] = [(system, name) for system, name in names if system in found]
    if None in found:
        systems.append((None, None))
    kinds = {kind for _, kind in numbers}
    return Matrix(systems, [kind for kind in FindingKind if kind in kinds], numbers)


def figures_of_system(session: Session, system_id: int, *, day: date) -> dict[FindingKind, dict[FindingState, int]]:
    """Kind → state → how many findings of the system are not repaired and stand there; only kinds with some."""
    within = [Finding.system_id == system_id]
    found = {state: _numbers(session, state, within, day) for state in UNREPAIRED}
    kinds = {kind for numbers in found.values() for _, kind in numbers}
    return {
        kind: {state: found[state].get((system_id, kind), 0) for state in UNREPAIRED}
        for kind in FindingKind if kind in kinds
    }  # fmt: skip


def late_of_system(session: Session, system_id: int, *, day: date) -> int:
    """How many open findings of the system are past their last day."""
    conditions = (stands(FindingState.OPEN, day), Finding.system_id == system_id, Finding.due_on < day)
    return session.scalar(select(func.count()).select_from(Finding).where(*conditions)) or 0


@dataclass(frozen=True)
class Own:
    """What is open and somebody's to do, and how much of it is past its last day."""

    open: int
    late: int


def own_findings(session: Session, person_id: int, *, day: date) -> Own:
    """How much of what is open on the day is this person's."""
    found, late = session.execute(
        select(func.count(), func.count().filter(Finding.due_on < day)).where(
            stands(FindingState.OPEN, day), Offices.on(session, day).mine(person_id)
        )
    ).one()
    return Own(found, late)


def trend(session: Session, *, day: date, days: int, system_id: int | None = None) -> list[TrendDay]:
    """Each of the last so many days up to and with `day`, the oldest first; reckoned back from what is there now."""
    within = [] if system_id is None else [Finding.system_id == system_id]
    first = day - timedelta(days=days - 1)
    found = _by_day(session, Finding.first_seen_at, within, first)
    repaired = _by_day(session, Finding.resolved_at, within, first)
    left = session.scalar(select(func.count()).select_from(Finding).where(Finding.resolved_at.is_(None), *within)) or 0
    left -= sum(number for known, number in found.items() if known > day)
    left += sum(number for known, number in repaired.items() if known > day)
    shown: list[TrendDay] = []
    for back in range(days):
        current = day - timedelta(days=back)
        shown.append(TrendDay(current, left, found[current], repaired[current]))
        left += repaired[current] - found[current]
    return shown[::-1]


def _by_day(
    session: Session, column: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None],
    within: Sequence[ColumnElement[bool]], first: date,
) -> Counter[date]:  # fmt: skip
    """Day → how many findings have that moment on it: a night has one moment a system, however much it found."""
    rows = session.execute(select(column, func.count()).where(column >= start_of(first), *within).group_by(column))
    counts: Counter[date] = Counter()
    for moment, number in rows:
        if moment is not None:
            counts[day_of(moment)] += number
    return counts


def _numbers(
    session: Session, state: FindingState, conditions: Sequence[ColumnElement[bool]], day: date
) -> dict[Cell, int]:
    """What is open is what is not repaired without the few that somebody answers for: no answer is looked at but
    those that were given."""
    if state is not FindingState.OPEN:
        return _counted(session, stands(state, day), *conditions)
    numbers = Counter(_counted(session, Finding.resolved_at.is_(None), *conditions))
    for answered in _ANSWERED:
        numbers.subtract(_counted(session, stands(answered, day), *conditions))
    return {cell: number for cell, number in numbers.items() if number}


def _counted(session: Session, *conditions: ColumnElement[bool]) -> dict[Cell, int]:
    query = select(Finding.system_id, Finding.kind, func.count()).where(*conditions)
    return {
        (system, kind): number
        for system, kind, number in session.execute(query.group_by(Finding.kind, Finding.system_id))
    }
