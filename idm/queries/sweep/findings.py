"""What the sweeps found, as pages list it, and the sweeps themselves (controls C1, C3, A9, J1).

A last use that is unknown is not one that never was; each date comes with the source it was read from.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, case, func, select
from sqlalchemy.orm import Session, aliased

from idm.directory.drift import puts_right_by_looking
from idm.errors import NotFound
from idm.models.finding_history import FindingEvent
from idm.models.going_live import Justification
from idm.models.people import Person
from idm.models.systems import Account, InformationSystem
from idm.models.work import Finding, SweepRun
from idm.oversight.finding_state import office_of
from idm.publication import Reader
from idm.queries.organisation.publication import known
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.queries.sweep.finding_owners import Offices
from idm.queries.sweep.finding_states import stands, state_column
from idm.vocabulary import FindingEventKind, FindingKind, FindingState, Role, Stage


@dataclass(frozen=True)
class FindingFilter:
    """Which findings to show. None means any; without a `day` what is answered for counts as open.

    `owner`: only what is this person's to do. `late`: only what is past its last day. `everywhere`: only what is of no
    system.
    """

    kind: FindingKind | None = None
    system_id: int | None = None
    state: FindingState = FindingState.OPEN
    day: date | None = None
    owner: int | None = None
    kinds: frozenset[FindingKind] | None = None
    late: bool = False
    everywhere: bool = False


@dataclass(frozen=True)
class FindingRow:
    """One finding. `source` names where the last use was read; None where this kind does not look at last use."""

    id: int
    kind: FindingKind
    system_id: int | None
    system_name: str | None
    """None where it is about the product itself, or about a person everywhere."""
    label: str
    person_id: int | None
    person_name: str | None
    state: FindingState
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None
    last_used_at: datetime | None
    source: str | None
    reason: str | None
    repair: str | None
    repair_asked_at: datetime | None
    office: Role
    """Whose it is where nobody was named."""
    owner_name: str | None
    due_on: date | None
    late: bool


@dataclass(frozen=True)
class AnswerRow:
    """Somebody answered for a finding until a day. `holds`: it does so today, for what is found today."""

    name: str
    reason: str
    at: datetime
    valid_until: date
    holds: bool


@dataclass(frozen=True)
class EventRow:
    """One thing that happened to a finding; no name = the sweep, or the clock."""

    kind: FindingEventKind
    at: datetime
    name: str | None
    note: str | None


@dataclass(frozen=True)
class Acceptance:
    """The CISO has accepted the risk; `holds`: it does so today, for what is found today."""

    name: str
    reason: str
    valid_until: date
    holds: bool


@dataclass(frozen=True)
class FindingSheet:
    """One finding from close. `queues`: a worker can put it right; `holder_id`: whose account it is about.

    `again_of`: the finding of the same fact that was repaired before. `candidates`: whom it can be given to.
    """

    row: FindingRow
    queues: bool
    gives_more: bool
    holder_id: int | None
    stage: Stage | None
    repair_asked_by: str | None
    answers: tuple[AnswerRow, ...]
    again_of: int | None
    exception_id: int | None
    acceptance: Acceptance | None
    owner_id: int | None
    own: frozenset[int]
    """Whose it is: who was named, or whoever holds the office."""
    candidates: tuple[tuple[int, str], ...]
    history: tuple[EventRow, ...]


@dataclass(frozen=True)
class SweepRow:
    """One sweep of one system. `failure` says why it could not be examined."""

    system_id: int
    system_name: str
    started_at: datetime
    finished_at: datetime
    examined: int
    found: int
    new: int
    resolved: int
    done: int
    clock_apart: float | None
    """Seconds by which the directory's clock was ahead of ours; None = it does not tell (control G5)."""
    failure: str | None


def findings_page(session: Session, wanted: FindingFilter, *, reader: Reader, asked: int = 1) -> Page[FindingRow]:
    """The findings that the filter lets through: open ones longest known first, resolved ones newest first."""
    conditions = list(_conditions(session, wanted))
    total = session.scalar(select(func.count()).select_from(Finding).where(*conditions)) or 0
    number = nearest_page(asked, total)
    query = _rows(wanted.day, reader).where(*conditions).order_by(*_order(wanted))
    rows = session.execute(query.limit(ROWS_A_PAGE).offset(offset_of(number)))
    return Page(tuple(_row(row, wanted.day) for row in rows), number, total)


def all_findings(session: Session, wanted: FindingFilter, *, reader: Reader) -> Iterator[FindingRow]:
    """The same, every one of them, as it is read."""
    query = _rows(wanted.day, reader).where(*_conditions(session, wanted)).order_by(*_order(wanted))
    for row in session.execute(query.execution_options(yield_per=1000)):
        yield _row(row, wanted.day)


def finding_sheet(session: Session, finding_id: int, *, reader: Reader, day: date) -> FindingSheet:
    """One finding as it stands on the day, with its history and everybody who answered for it. Raises NotFound."""
    row = session.execute(_rows(day, reader).where(Finding.id == finding_id)).one_or_none()
    if row is None:
        raise NotFound("この点検結果は見つかりません。")
    finding = session.get_one(Finding, finding_id)
    asked_by = session.get(Person, finding.repair_asked_by_id) if finding.repair_asked_by_id is not None else None
    offices = Offices.on(session, day)
    shown = _row(row, day)
    return FindingSheet(
        row=shown, queues=finding.account_id is not None and puts_right_by_looking(finding.kind, finding.details),
        gives_more=bool(finding.details.get("more")), holder_id=row.person,
        stage=finding.system.stage if finding.system is not None else None,
        repair_asked_by=asked_by.name if asked_by else None, answers=_answers(session, finding, day),
        again_of=finding.again_of_id, exception_id=finding.exception_id,
        acceptance=_acceptance(session, finding, shown),
        owner_id=finding.owner_id, own=offices.of(finding.kind, finding.system_id, finding.owner_id),
        candidates=_named(session, offices.may_be_given(finding.system_id)), history=_history(session, finding_id),
    )  # fmt: skip


def _answers(session: Session, finding: Finding, day: date) -> tuple[AnswerRow, ...]:
    answers = session.execute(
        select(Justification, Person.name)
        .join(Person, Justification.justified_by_id == Person.id)
        .where(Justification.finding_id == finding.id)
        .order_by(Justification.id.desc())
    )
    return tuple(
        AnswerRow(
            name, one.reason, one.justified_at, one.valid_until,
            one.valid_until > day and one.fingerprint == finding.fingerprint and finding.resolved_at is None,
        )
        for one, name in answers
    )  # fmt: skip


def _acceptance(session: Session, finding: Finding, shown: FindingRow) -> Acceptance | None:
    if finding.accepted_by_id is None or finding.accepted_until is None:
        return None
    return Acceptance(
        session.get_one(Person, finding.accepted_by_id).name, finding.accepted_reason or "", finding.accepted_until,
        shown.state is FindingState.ACCEPTED,
    )  # fmt: skip


def _named(session: Session, people: frozenset[int]) -> tuple[tuple[int, str], ...]:
    rows = session.execute(select(Person.id, Person.name).where(Person.id.in_(people)).order_by(Person.kana, Person.id))
    return tuple((person_id, name) for person_id, name in rows)


def _history(session: Session, finding_id: int) -> tuple[EventRow, ...]:
    rows = session.execute(
        select(FindingEvent, Person.name)
        .outerjoin(Person, FindingEvent.person_id == Person.id)
        .where(FindingEvent.finding_id == finding_id)
        .order_by(FindingEvent.at.desc(), FindingEvent.id.desc())
    )
    return tuple(EventRow(event.kind, event.at, name, event.note) for event, name in rows)


def open_counts(session: Session, *, day: date | None = None) -> dict[FindingKind, int]:
    """How many findings of each kind are open; on a `day`, without those that somebody answers for."""
    conditions = _conditions(session, FindingFilter(day=day))
    rows = session.execute(select(Finding.kind, func.count()).where(*conditions).group_by(Finding.kind))
    counts = {row[0]: row[1] for row in rows}
    return {kind: counts.get(kind, 0) for kind in FindingKind}


def sweep_page(session: Session, *, system_id: int | None = None, asked: int = 1) -> Page[SweepRow]:
    """The sweeps, newest first, of one system or of all."""
    conditions = [] if system_id is None else [SweepRun.system_id == system_id]
    total = session.scalar(select(func.count()).select_from(SweepRun).where(*conditions)) or 0
    number = nearest_page(asked, total)
    rows = session.execute(
        select(SweepRun, InformationSystem.name)
        .join(InformationSystem, SweepRun.system_id == InformationSystem.id)
        .where(*conditions)
        .order_by(SweepRun.finished_at.desc(), SweepRun.id.desc())
        .limit(ROWS_A_PAGE)
        .offset(offset_of(number))
    )
    return Page(tuple(_sweep(run, name) for run, name in rows), number, total)


_Owner = aliased(Person)


def _rows(day: date | None, reader: Reader) -> Select[*tuple[Any, ...]]:
    """Whoever is nobody yet to the reader has no name here (control A7)."""
    return (
        select(
            Finding.id, Finding.kind, Finding.system_id, InformationSystem.name.label("system"), Finding.label,
            Person.id.label("person"), case((known(reader), Person.name)).label("name"),
            Finding.first_seen_at, Finding.last_seen_at,
            Finding.resolved_at, Finding.details, Finding.repair_asked_at, _Owner.name.label("owner"), Finding.due_on,
            state_column(day or date.min).label("state"),
        )
        .outerjoin(InformationSystem, Finding.system_id == InformationSystem.id)
        .outerjoin(Account, Finding.account_id == Account.id)
        .outerjoin(Person, func.coalesce(Finding.person_id, Account.person_id) == Person.id)
        .outerjoin(_Owner, Finding.owner_id == _Owner.id)
    )  # fmt: skip


def _order(wanted: FindingFilter) -> tuple[ColumnElement[Any], ...]:
    if wanted.state is FindingState.REPAIRED:
        return (Finding.resolved_at.desc(), Finding.id.desc())
    return (Finding.first_seen_at.asc(), Finding.id.asc())


def _conditions(session: Session, wanted: FindingFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.day is None and wanted.state is FindingState.OPEN:
        yield Finding.resolved_at.is_(None)
    else:
        yield stands(wanted.state, wanted.day or date.min)
    if wanted.kind is not None:
        yield Finding.kind == wanted.kind
    if wanted.kinds is not None:
        yield Finding.kind.in_(wanted.kinds)
    if wanted.system_id is not None:
        yield Finding.system_id == wanted.system_id
    if wanted.everywhere:
        yield Finding.system_id.is_(None)
    if wanted.day is not None:
        yield from _on(session, wanted, wanted.day)


def _on(session: Session, wanted: FindingFilter, day: date) -> Iterator[ColumnElement[bool]]:
    if wanted.owner is not None:
        yield Offices.on(session, day).mine(wanted.owner)
    if wanted.late:
        yield Finding.due_on < day


def _row(row: Row[*tuple[Any, ...]], day: date | None) -> FindingRow:
    details: dict[str, Any] = row.details
    last_used, source, reason = (details.get(key) for key in ("last_used_at", "source", "reason"))
    state = FindingState(row.state)
    overdue = day is not None and row.due_on is not None and row.due_on < day
    return FindingRow(
        id=row.id, kind=row.kind, system_id=row.system_id, system_name=row.system, label=row.label,
        person_id=row.person if row.name is not None else None, person_name=row.name,
        state=state, first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at, resolved_at=row.resolved_at,
        last_used_at=datetime.fromisoformat(last_used) if isinstance(last_used, str) else None,
        source=str(source) if source else None, reason=str(reason) if reason else None,
        repair=str(details["repair"]) if details.get("repair") else None, repair_asked_at=row.repair_asked_at,
        office=office_of(row.kind, of_system=row.system_id is not None), owner_name=row.owner,
        due_on=row.due_on if state is FindingState.OPEN else None, late=overdue and state is FindingState.OPEN,
    )  # fmt: skip


def _sweep(run: SweepRun, system_name: str) -> SweepRow:
    return SweepRow(
        run.system_id, system_name, run.started_at, run.finished_at, run.examined, run.found, run.new, run.resolved,
        run.done, run.clock_apart, run.failure,
    )  # fmt: skip
