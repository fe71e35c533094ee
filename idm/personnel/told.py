"""What one personnel file says, person by person, before anything is compared with the records. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from idm.feed.event_row import EventRow
from idm.feed.row import FeedRow
from idm.personnel.snapshot import SnapshotScope, end_of, primary_row
from idm.vocabulary import HeldKind


@dataclass(frozen=True)
class Told:
    """Everything one file says. `covers_all` = it names the whole staff, so that whoever is absent is held."""

    rows: Sequence[FeedRow] = ()
    events: Sequence[EventRow] = ()
    covers_all: bool = True
    scope: SnapshotScope = field(default_factory=SnapshotScope)


@dataclass(frozen=True)
class Held:
    """Something that waits for a human. `row_number` None = a person missing from the file."""

    row_number: int | None
    staff_number: str
    name: str
    reason: str
    kind: HeldKind = HeldKind.ROW
    kana: str = ""
    candidates: frozenset[int] = frozenset()


@dataclass(frozen=True)
class UnitTold:
    """A unit as the file names it, and the first day on which it tells of somebody in it."""

    code: str
    name: str
    first_day: date


@dataclass(frozen=True)
class PersonTold:
    """The rows and events of one staff number: one set, or half of it would act without the other half."""

    rows: tuple[FeedRow, ...]
    events: tuple[EventRow, ...]

    @property
    def lines(self) -> tuple[FeedRow | EventRow, ...]:
        """Rows and events."""
        return (*self.rows, *self.events)

    @property
    def first(self) -> FeedRow | EventRow:
        """The row that says who it is."""
        return primary_row(self.rows) if self.rows and not self.waits else self.lines[0]

    @property
    def waits(self) -> bool:
        """Whether any of it must be looked at first."""
        return any(row.held for row in self.lines)

    @property
    def birth_date(self) -> date | None:
        """The birth date, where the file has it."""
        return next((row.birth_date for row in self.lines if row.birth_date is not None), None)

    def over(self, as_of: date) -> bool:
        """Whether the employment ended before the day: of somebody never known, nothing is left to do."""
        end = end_of(self.rows) if self.rows else None
        return end is not None and end <= as_of

    def held(self) -> list[Held]:
        """Every row that the file itself holds."""
        return [
            Held(line.row_number, line.staff_number, line.name, line.held, kind=_held_kind(line.held))
            for line in self.lines
            if line.held
        ]

    def held_for(self, reason: str, kind: HeldKind = HeldKind.DOUBT, candidates: Iterable[int] = ()) -> Held:
        """The person as one thing that waits."""
        row = self.first
        return Held(
            row.row_number, row.staff_number, row.name, reason, kind=kind, kana=row.kana,
            candidates=frozenset(candidates),
        )  # fmt: skip


def _held_kind(reason: str) -> HeldKind:
    return HeldKind.GAIJI if "外字" in reason else HeldKind.ROW


def people_of(told: Told) -> dict[str, PersonTold]:
    """Staff number → everything the file says of it, in the file's order."""
    rows: dict[str, list[FeedRow]] = defaultdict(list)
    events: dict[str, list[EventRow]] = defaultdict(list)
    for row in told.rows:
        rows[row.staff_number].append(row)
    for event in told.events:
        events[event.staff_number].append(event)
    numbers = dict.fromkeys([*rows, *events])
    return {number: PersonTold(tuple(rows[number]), tuple(events[number])) for number in numbers}


def units_of(told: Told) -> list[UnitTold]:
    """The units that the rows and events name."""
    days = [(row.unit_code, row.unit_name, row.assigned_from) for row in told.rows]
    days += [(e.unit_code or "", e.unit_name or "", e.effective) for e in told.events if not e.cancelled]
    return units_named(days)


def units_named(days: Iterable[tuple[str, str, date]]) -> list[UnitTold]:
    """Each unit (code, name, day) once, by the first row that names it; its first day is the earliest of its name.

    A unit of which only the code is told has an empty name.
    """
    found: dict[str, UnitTold] = {}
    for code, name, day in days:
        unit = found.setdefault(code, UnitTold(code, name, day))
        if name and not unit.name:
            found[code] = UnitTold(code, name, day)
        elif name == unit.name and day < unit.first_day:
            found[code] = replace(unit, first_day=day)
    found.pop("", None)
    return list(found.values())
