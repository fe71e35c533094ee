"""What the seats put their names to: what was examined, found, done and failed in a system since the last names (C2).

A time begins after the last one that every seat has signed. The first name fixes its last night, and what of that night
it is about: all seats sign the same, and what is examined once more afterwards belongs to the next time. Who signs is
decided as for applications: the holder or their deputy, then the vice-CISO, then the CISO, and nobody for two seats.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idm.models.nights import SweepNight, SweepSignOff
from idm.models.people import Person
from idm.models.systems import InformationSystem
from idm.models.work import Finding, SweepRun
from idm.policy import SweepRules
from idm.queries.approval.bench import Asked, Bench
from idm.routing import Seated, seated
from idm.vocabulary import FindingKind, Role

NOBODY = 0
"""No row of a person: a sweep has neither an applicant nor a subject."""


@dataclass(frozen=True)
class Failure:
    """A time at which the system could not be examined, and why."""

    at: datetime
    reason: str


@dataclass(frozen=True)
class Results:
    """The sweeps of one system after `since` up to `until`, added up."""

    since: datetime | None
    until: datetime
    sweeps: int
    examined: int
    """In the last of them that came to its end."""
    new: int
    resolved: int
    done: int
    failures: tuple[Failure, ...]
    kinds: Mapping[FindingKind, int]
    """How many facts of each kind were found for the first time."""


@dataclass(frozen=True)
class SeatRow:
    """One seat: who has signed, or else who may. `may`: the person who asks comes to it now, and how."""

    seat: Role
    signed_by: str | None = None
    acting_for: str | None = None
    signed_at: datetime | None = None
    comment: str | None = None
    may: Seated | None = None
    held: bool = False
    """Nobody may sign: the seat has no holder, and nobody above is free."""


@dataclass(frozen=True)
class SignOffSheet:
    """One system and its time. `night_id` None = it was in no night yet. `due_on`: the last day for the names."""

    system_id: int
    system_name: str
    night_id: int | None
    night: date | None
    results: Results | None
    shown_hash: str
    seats: tuple[SeatRow, ...]
    asked_on: date | None
    due_on: date | None

    def is_overdue(self, day: date) -> bool:
        """Whether names were due before the day and are missing."""
        return self.due_on is not None and self.due_on < day and not self.complete

    @property
    def complete(self) -> bool:
        """Whether every seat has signed."""
        return all(row.signed_at is not None for row in self.seats)


@dataclass(frozen=True)
class _Ended:
    """The end of a system's examination in one night."""

    night_id: int
    day: date
    at: datetime


def sign_off_sheet(
    session: Session, system: InformationSystem, rules: SweepRules, *, person_id: int, bench: Bench
) -> SignOffSheet:
    """The system's open time, or the one that is complete where nothing came after it."""
    signed = _signed(session, system.id)
    nights = _nights(session, system.id, signed)
    complete = [one for one in nights if {row.seat for row in signed.get(one.night_id, ())} >= set(rules.sign_off)]
    last = complete[-1] if complete else None
    after = [one for one in nights if last is None or one.at > last.at]
    begun = [one for one in after if one.night_id in signed]
    current = begun[0] if begun else after[-1] if after else last
    if current is None:
        return SignOffSheet(system.id, system.name, None, None, None, "", (), None, None)
    earlier = last if current is not last else complete[-2] if len(complete) > 1 else None
    results = _results(session, system.id, earlier.at if earlier is not None else None, current.at)
    asked_on = (last.day if last is not None else nights[0].day) + timedelta(days=rules.sign_off_every_days)
    return SignOffSheet(
        system.id, system.name, current.night_id, current.day, results, _hash(system.id, current.night_id, results),
        _seats(session, system, rules, signed.get(current.night_id, ()), person_id, bench),
        asked_on, asked_on + timedelta(days=rules.sign_off_days),
    )  # fmt: skip


def sign_off_sheets(session: Session, rules: SweepRules, *, day: date, person_id: int) -> list[SignOffSheet]:
    """Every system's, by name."""
    bench = Bench.on(session, day)
    systems = session.scalars(select(InformationSystem).order_by(InformationSystem.name))
    return [sign_off_sheet(session, one, rules, person_id=person_id, bench=bench) for one in systems]


def seated_for(
    system: InformationSystem, seat: Role, signed: Sequence[SweepSignOff], bench: Bench
) -> tuple[Seated, ...]:  # fmt: skip
    """Who may sign the seat now, given who signed the others."""
    others = {row.signed_by_id for row in signed} | {row.acting_for_id for row in signed if row.acting_for_id}
    return seated(bench.facts(Asked(seat, system.manager_unit_code, NOBODY, NOBODY), frozenset(others)))


def signatures(session: Session, system_id: int, night_id: int) -> list[SweepSignOff]:
    """The names under one night of the system."""
    return list(
        session.scalars(
            select(SweepSignOff).where(SweepSignOff.system_id == system_id, SweepSignOff.night_id == night_id)
        )
    )


def _nights(session: Session, system_id: int, signed: Mapping[int, Sequence[SweepSignOff]]) -> list[_Ended]:
    """The nights that examined the system, or tried to, each until the first name under it, oldest first."""
    rows = session.execute(
        select(SweepNight.id, SweepNight.day, SweepRun.finished_at)
        .join(SweepRun, SweepRun.night_id == SweepNight.id)
        .where(SweepRun.system_id == system_id)
        .order_by(SweepRun.finished_at)
    )
    fixed = {night_id: min(row.signed_at for row in names) for night_id, names in signed.items()}
    ended = {night_id: _Ended(night_id, day, at) for night_id, day, at in rows if at <= fixed.get(night_id, at)}
    return sorted(ended.values(), key=lambda one: one.at)


def _signed(session: Session, system_id: int) -> dict[int, list[SweepSignOff]]:
    found: dict[int, list[SweepSignOff]] = {}
    for row in session.scalars(select(SweepSignOff).where(SweepSignOff.system_id == system_id)):
        found.setdefault(row.night_id, []).append(row)
    return found


def _results(session: Session, system_id: int, since: datetime | None, until: datetime) -> Results:
    conditions = [SweepRun.system_id == system_id, SweepRun.finished_at <= until]
    seen = [Finding.system_id == system_id, Finding.first_seen_at <= until]
    if since is not None:
        conditions.append(SweepRun.finished_at > since)
        seen.append(Finding.first_seen_at > since)
    runs = session.scalars(select(SweepRun).where(*conditions).order_by(SweepRun.finished_at, SweepRun.id)).all()
    ended = [run for run in runs if run.failure is None]
    counted = session.execute(select(Finding.kind, func.count()).where(*seen).group_by(Finding.kind)).all()
    return Results(
        since, until, len(runs), ended[-1].examined if ended else 0, sum(run.new for run in runs),
        sum(run.resolved for run in runs), sum(run.done for run in runs),
        tuple(Failure(run.finished_at, run.failure) for run in runs if run.failure is not None),
        dict(sorted((kind, count) for kind, count in counted)),
    )  # fmt: skip


def _hash(system_id: int, night_id: int, results: Results) -> str:
    said = [
        system_id, night_id, results.since, results.until, results.sweeps, results.examined, results.new,
        results.resolved, results.done, [(one.at, one.reason) for one in results.failures],
        [(kind.value, count) for kind, count in results.kinds.items()],
    ]  # fmt: skip
    return sha256(json.dumps(said, ensure_ascii=False, default=str).encode()).hexdigest()


def _seats(
    session: Session, system: InformationSystem, rules: SweepRules, signed: Sequence[SweepSignOff], person_id: int,
    bench: Bench,
) -> tuple[SeatRow, ...]:  # fmt: skip
    by_seat = {row.seat: row for row in signed}
    found = []
    for seat in rules.sign_off:
        row = by_seat.get(seat)
        if row is not None:
            found.append(_signed_row(session, row))
            continue
        may = seated_for(system, seat, signed, bench)
        mine = next((one for one in may if one.person_id == person_id), None)
        found.append(SeatRow(seat, may=mine, held=not may))
    return tuple(found)


def _signed_row(session: Session, row: SweepSignOff) -> SeatRow:
    principal = session.get(Person, row.acting_for_id) if row.acting_for_id is not None else None
    return SeatRow(
        row.seat, session.get_one(Person, row.signed_by_id).name, principal.name if principal is not None else None,
        row.signed_at, row.comment,
    )  # fmt: skip
