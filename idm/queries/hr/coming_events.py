"""What is about to happen to people on which day: who joins, moves, is away, leaves; which rights and contracts end.

An end is told on its last day, as people write it (31 March), a beginning on its first (1 April). What the reader does
not see yet (内示) is neither listed nor counted (control A7).
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.orm import Session

from idm.calendar_days import holds
from idm.employment_kind import OUTSIDE_KINDS, EmploymentKind
from idm.grant_state import GrantState
from idm.models.outside import Contract
from idm.models.people import Absence, Assignment, Employment, OrganisationUnit
from idm.models.periods import not_over_on
from idm.models.requests import Grant, RequestLine
from idm.models.safety import PlannedBatch
from idm.models.systems import Account
from idm.publication import Reader, shown_end
from idm.queries.organisation.publication import hidden_requests, hidden_starts, public


class Coming(StrEnum):
    """The kinds of event, in the order in which a day lists them."""

    JOIN = "join"
    MOVE = "move"
    ABSENCE_BEGIN = "absence_begin"
    ABSENCE_END = "absence_end"
    LEAVE = "leave"
    OUTSIDE_END = "outside_end"
    RIGHT_END = "right_end"
    CONTRACT_END = "contract_end"
    BATCH = "batch"


COMING_TITLES = {
    Coming.JOIN: "採用・着任",
    Coming.MOVE: "異動・更新",
    Coming.ABSENCE_BEGIN: "休職等の開始",
    Coming.ABSENCE_END: "休職等の終了",
    Coming.LEAVE: "退職等",
    Coming.OUTSIDE_END: "外部者の終了",
    Coming.RIGHT_END: "権限の終了",
    Coming.CONTRACT_END: "契約の終了",
    Coming.BATCH: "一括処理",
}


@dataclass(frozen=True, order=True)
class ComingEvent:
    """One event. `about` names what has no person (a contract); `published_on` is the day where it is still secret."""

    day: date
    kind: Coming
    person_id: int | None
    about: str = ""
    published_on: date | None = None


@dataclass(frozen=True)
class _Service:
    kind: EmploymentKind
    valid_from: date
    valid_until: date | None
    published_on: date | None


def coming_events(
    session: Session, first: date, until: date, *, reader: Reader, units: Collection[str] | None = None
) -> list[ComingEvent]:
    """The events of the half-open span of days that the reader sees; with `units`, only of the people in these units.

    Whatever happens to one person in one way on one day is one event; rights are counted each.
    """
    people = None if units is None else _people_of(session, units, reader)
    found = {
        *_employments(session, people, reader),
        *_moves(session, people, reader),
        *_absences(session, people, reader),
    }
    events = [*found, *_rights(session, people, reader), *_contracts(session, units)]
    events += _batches(session) if units is None else []
    return sorted(
        (event for event in events if first <= event.day < until),
        key=lambda e: (e.day, list(Coming).index(e.kind), e.person_id or 0, e.about),
    )


def counts(events: Iterable[ComingEvent]) -> dict[date, Counter[Coming]]:
    """Day → how many events of each kind."""
    found: dict[date, Counter[Coming]] = defaultdict(Counter)
    for event in events:
        found[event.day][event.kind] += 1
    return dict(found)


def _last(end: date) -> date:
    return end - timedelta(days=1)


def _secret(published_on: date | None, reader: Reader) -> date | None:
    return published_on if published_on is not None and published_on > reader.day else None


def _people_of(session: Session, units: Collection[str], reader: Reader) -> frozenset[int]:
    """Who is, or will be, in these units or one directly below."""
    query = (
        select(Employment.person_id)
        .join(Employment.assignments)
        .join(Assignment.unit)
        .where(
            or_(OrganisationUnit.code.in_(units), OrganisationUnit.parent_code.in_(units)),
            not_over_on(Assignment, reader.day),
            public(Assignment, reader),
        )
    )
    return frozenset(session.scalars(query))


def _of(people: frozenset[int] | None) -> ColumnElement[bool]:
    return true() if people is None else Employment.person_id.in_(people)


def _employments(session: Session, people: frozenset[int] | None, reader: Reader) -> Iterator[ComingEvent]:
    columns = (
        Employment.person_id, Employment.kind, Employment.valid_from, Employment.valid_until, Employment.published_on,
    )  # fmt: skip
    services: dict[int, list[_Service]] = defaultdict(list)
    rows = session.execute(select(*columns).where(_of(people), public(Employment, reader)))
    for person_id, kind, begins, ends, published_on in rows:
        services[person_id].append(_Service(kind, begins, ends, published_on))
    unseen = hidden_starts(session, services, reader)
    for person_id, held in services.items():
        for service in held:
            others = [other for other in held if other is not service]
            before = any(holds(o.valid_from, o.valid_until, _last(service.valid_from)) for o in others)
            begin = Coming.MOVE if before else Coming.JOIN
            secret = _secret(service.published_on, reader)
            yield ComingEvent(service.valid_from, begin, person_id, published_on=secret)
            over = shown_end(service.valid_until, unseen.get(person_id, frozenset()))
            if over is not None and not any(holds(o.valid_from, o.valid_until, over) for o in others):
                end = Coming.OUTSIDE_END if service.kind in OUTSIDE_KINDS else Coming.LEAVE
                yield ComingEvent(_last(over), end, person_id)


def _moves(session: Session, people: frozenset[int] | None, reader: Reader) -> Iterator[ComingEvent]:
    rows = session.execute(
        select(Employment.person_id, Assignment.valid_from, Assignment.published_on)
        .join(Assignment.employment)
        .where(_of(people), public(Assignment, reader), Assignment.valid_from > Employment.valid_from)
    )
    for person_id, begins, published_on in rows:
        yield ComingEvent(begins, Coming.MOVE, person_id, published_on=_secret(published_on, reader))


def _absences(session: Session, people: frozenset[int] | None, reader: Reader) -> Iterator[ComingEvent]:
    rows = session.execute(
        select(Employment.person_id, Absence.valid_from, Absence.valid_until, Absence.published_on)
        .join(Absence.employment)
        .where(_of(people), public(Absence, reader))
    )
    for person_id, begins, ends, published_on in rows:
        secret = _secret(published_on, reader)
        yield ComingEvent(begins, Coming.ABSENCE_BEGIN, person_id, published_on=secret)
        if ends is not None:
            yield ComingEvent(_last(ends), Coming.ABSENCE_END, person_id, published_on=secret)


def _rights(session: Session, people: frozenset[int] | None, reader: Reader) -> Iterator[ComingEvent]:
    hidden = select(RequestLine.id).where(RequestLine.request_id.in_(hidden_requests(session, reader)))
    rows = session.execute(
        select(Account.person_id, Grant.valid_until)
        .join(Account, Grant.account_id == Account.id)
        .where(
            Grant.state != GrantState.ENDED, Grant.valid_until.is_not(None), Account.person_id.is_not(None),
            Grant.line_id.not_in(hidden), or_(Grant.ended_by_line_id.is_(None), Grant.ended_by_line_id.not_in(hidden)),
        )
    )  # fmt: skip
    for person_id, ends in rows:
        if ends is not None and (people is None or person_id in people):
            yield ComingEvent(_last(ends), Coming.RIGHT_END, person_id)


def _contracts(session: Session, units: Collection[str] | None) -> Iterator[ComingEvent]:
    query = select(Contract.number, Contract.company, Contract.valid_until)
    query = query if units is None else query.where(Contract.unit_code.in_(units))
    for number, company, ends in session.execute(query):
        yield ComingEvent(_last(ends), Coming.CONTRACT_END, None, f"{number} {company}")


def _batches(session: Session) -> Iterator[ComingEvent]:
    query = select(PlannedBatch.id, PlannedBatch.day).where(PlannedBatch.refused_at.is_(None))
    for number, day in session.execute(query):
        yield ComingEvent(day, Coming.BATCH, None, f"第{number}号")
