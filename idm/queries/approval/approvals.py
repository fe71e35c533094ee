"""What waits for one person's decision, and what they decided."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.models.people import Person
from idm.models.requests import ApprovalStep, Request, RequestLine
from idm.queries.approval.requests import RequestRow, request_rows
from idm.queries.approval.seats import OpenStep, open_steps, seatings
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.request_state import RequestState, StepState
from idm.routing import Seated
from idm.vocabulary import Role


@dataclass(frozen=True)
class PendingRow:
    """One application that waits for somebody: how many of its lines, on which seats, and until when."""

    request: RequestRow
    lines: int
    seats: tuple[tuple[Role, Seated], ...]
    lapses_on: date

    def days_left(self, day: date) -> int:
        """Days until it lapses undecided."""
        return (self.lapses_on - day).days


@dataclass(frozen=True)
class StuckAt:
    """Where an application waits: a seat, the people who may decide it now (none = held), and how many lines."""

    seat: Role
    names: tuple[str, ...]
    lines: int


@dataclass(frozen=True)
class DecidedRow:
    """What somebody decided on one application in one act."""

    request: RequestRow
    seat: Role
    state: StepState
    decided_at: datetime
    lines: int
    acting_for: str | None = None
    """The name of the officer in whose place it was decided (代決)."""


def pending_for(session: Session, person_id: int, *, day: date, lapse_days: int) -> list[PendingRow]:
    """The applications with a line that this person may decide now, the one that lapses first on top."""
    waiting = open_steps(session, ApprovalStep.state == StepState.PENDING)
    found = seatings(session, waiting, day=day)
    mine: dict[int, list[tuple[OpenStep, Seated]]] = defaultdict(list)
    for step in waiting:
        seat = found[step.step_id].seat_of(person_id)
        if seat is not None:
            mine[step.request_id].append((step, seat))
    rows = [
        PendingRow(
            request=request,
            lines=len({step.line_id for step, _ in mine[request.id]}),
            seats=tuple({step.seat: (step.seat, seat) for step, seat in mine[request.id]}.values()),
            lapses_on=day_of(request.submitted_at + timedelta(days=lapse_days)),
        )
        for request in request_rows(session, list(mine))
    ]
    return sorted(rows, key=lambda row: (row.request.submitted_at, row.request.id))


def stuck_at(session: Session, request_ids: Sequence[int], *, day: date) -> dict[int, tuple[StuckAt, ...]]:
    """Application id → where it waits, and with whom."""
    waiting = open_steps(
        session,
        ApprovalStep.state == StepState.PENDING,
        Request.state == RequestState.SUBMITTED,
        Request.id.in_(request_ids),
    )
    found = seatings(session, waiting, day=day)
    names = _names(session, {seat.person_id for seating in found.values() for seat in seating.seated})
    groups: dict[int, dict[tuple[Role, tuple[str, ...]], set[int]]] = defaultdict(lambda: defaultdict(set))
    for step in waiting:
        who = tuple(names[seat.person_id] for seat in found[step.step_id].seated)
        groups[step.request_id][step.seat, who].add(step.line_id)
    return {
        request_id: tuple(StuckAt(seat, who, len(lines)) for (seat, who), lines in at.items())
        for request_id, at in groups.items()
    }


def held_requests(session: Session, *, day: date) -> list[int]:
    """The applications with a step that nobody may decide now, oldest first."""
    waiting = open_steps(session, ApprovalStep.state == StepState.PENDING)
    found = seatings(session, waiting, day=day)
    return sorted({step.request_id for step in waiting if found[step.step_id].held})


def decided_page(session: Session, person_id: int, *, asked: int = 1) -> Page[DecidedRow]:
    """The page of that number, or the nearest one, of what this person decided: one row per application and verdict.

    The latest decision stands first.
    """
    latest = func.max(ApprovalStep.decided_at)
    query = (
        select(RequestLine.request_id, ApprovalStep.seat, ApprovalStep.state, latest, func.count(), Person.name)
        .join(ApprovalStep, ApprovalStep.line_id == RequestLine.id)
        .outerjoin(Person, ApprovalStep.acting_for_id == Person.id)
        .where(ApprovalStep.decider_id == person_id)
        .group_by(RequestLine.request_id, ApprovalStep.seat, ApprovalStep.state, Person.id, Person.name)
    )
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    number = nearest_page(asked, total)
    ordered = query.order_by(latest.desc(), RequestLine.request_id.desc())
    acts = session.execute(ordered.limit(ROWS_A_PAGE).offset(offset_of(number))).all()
    rows = {row.id: row for row in request_rows(session, list({act[0] for act in acts}))}
    decided = [
        DecidedRow(rows[request_id], seat, state, decided_at, lines, acting_for)
        for request_id, seat, state, decided_at, lines, acting_for in acts
        if decided_at is not None
    ]
    return Page(tuple(decided), number, total)


def _names(session: Session, person_ids: set[int]) -> dict[int, str]:
    rows = session.execute(select(Person.id, Person.name).where(Person.id.in_(person_ids)))
    return dict(rows.all())
