"""What the sweeps found, as pages list it, and the sweeps themselves (controls C1, C3, A9).

A last use that is unknown is not one that never was; each date comes with the source it was read from.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select
from sqlalchemy.orm import Session

from idm.drift import puts_right_by_looking
from idm.errors import NotFound
from idm.models.going_live import Justification
from idm.models.people import Person
from idm.models.systems import Account, InformationSystem
from idm.models.work import Finding, SweepRun
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.vocabulary import FindingKind, Stage


@dataclass(frozen=True)
class FindingFilter:
    """Which findings to show. None means any; `resolved` chooses between open ones and history.

    With a `day`, open ones that somebody answers for on that day stand apart: `answered` chooses them.
    """

    kind: FindingKind | None = None
    system_id: int | None = None
    resolved: bool = False
    answered: bool = False
    day: date | None = None


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
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None
    last_used_at: datetime | None
    source: str | None
    reason: str | None
    repair: str | None
    repair_asked_at: datetime | None


@dataclass(frozen=True)
class AnswerRow:
    """Somebody answered for a finding until a day. `holds`: it does so today, for what is found today."""

    name: str
    reason: str
    at: datetime
    valid_until: date
    holds: bool


@dataclass(frozen=True)
class FindingSheet:
    """One finding from close. `queues`: a worker can put it right; `holder_id`: whose account it is about."""

    row: FindingRow
    queues: bool
    gives_more: bool
    holder_id: int | None
    stage: Stage | None
    repair_asked_by: str | None
    answers: tuple[AnswerRow, ...]


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
    failure: str | None


def findings_page(session: Session, wanted: FindingFilter, *, asked: int = 1) -> Page[FindingRow]:
    """The findings that the filter lets through: open ones longest known first, resolved ones newest first."""
    conditions = list(_conditions(wanted))
    total = session.scalar(select(func.count()).select_from(Finding).where(*conditions)) or 0
    number = nearest_page(asked, total)
    order = (Finding.resolved_at.desc(), Finding.id.desc()) if wanted.resolved else (Finding.first_seen_at, Finding.id)
    rows = session.execute(_rows().where(*conditions).order_by(*order).limit(ROWS_A_PAGE).offset(offset_of(number)))
    return Page(tuple(_row(row) for row in rows), number, total)


def finding_sheet(session: Session, finding_id: int, *, day: date) -> FindingSheet:
    """One finding as it stands on the day, with everybody who answered for it. Raises NotFound."""
    row = session.execute(_rows().where(Finding.id == finding_id)).one_or_none()
    if row is None:
        raise NotFound("この点検結果は見つかりません。")
    finding: Finding = row.Finding
    asked_by = session.get(Person, finding.repair_asked_by_id) if finding.repair_asked_by_id is not None else None
    answers = session.execute(
        select(Justification, Person.name)
        .join(Person, Justification.justified_by_id == Person.id)
        .where(Justification.finding_id == finding_id)
        .order_by(Justification.id.desc())
    )
    return FindingSheet(
        row=_row(row), queues=finding.account_id is not None and puts_right_by_looking(finding.kind, finding.details),
        gives_more=bool(finding.details.get("more")),
        holder_id=row.person, stage=finding.system.stage if finding.system is not None else None,
        repair_asked_by=asked_by.name if asked_by else None,
        answers=tuple(
            AnswerRow(
                name, one.reason, one.justified_at, one.valid_until,
                one.valid_until > day and one.fingerprint == finding.fingerprint and finding.resolved_at is None,
            )
            for one, name in answers
        ),
    )  # fmt: skip


def open_counts(session: Session, *, day: date | None = None) -> dict[FindingKind, int]:
    """How many findings of each kind are open; on a `day`, without those that somebody answers for."""
    conditions = _conditions(FindingFilter(day=day))
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


def _rows() -> Select[Any, Any, Any, Any]:
    return (
        select(Finding, InformationSystem.name.label("system"), Person.id.label("person"), Person.name.label("name"))
        .outerjoin(InformationSystem, Finding.system_id == InformationSystem.id)
        .outerjoin(Account, Finding.account_id == Account.id)
        .outerjoin(Person, func.coalesce(Finding.person_id, Account.person_id) == Person.id)
    )


def answered_on(day: date) -> ColumnElement[bool]:
    """Whether somebody answers on the day for exactly what a finding says."""
    return (
        select(Justification.id)
        .where(
            Justification.finding_id == Finding.id,
            Justification.valid_until > day,
            Justification.fingerprint == Finding.fingerprint,
        )
        .exists()
    )


def _conditions(wanted: FindingFilter) -> Iterator[ColumnElement[bool]]:
    yield Finding.resolved_at.is_not(None) if wanted.resolved else Finding.resolved_at.is_(None)
    if wanted.day is not None and not wanted.resolved:
        yield answered_on(wanted.day) if wanted.answered else ~answered_on(wanted.day)
    if wanted.kind is not None:
        yield Finding.kind == wanted.kind
    if wanted.system_id is not None:
        yield Finding.system_id == wanted.system_id


def _row(row: Row[*tuple[Any, ...]]) -> FindingRow:
    finding: Finding = row.Finding
    last_used, source, reason = (finding.details.get(key) for key in ("last_used_at", "source", "reason"))
    return FindingRow(
        id=finding.id, kind=finding.kind, system_id=finding.system_id, system_name=row.system, label=finding.label,
        person_id=row.person, person_name=row.name, first_seen_at=finding.first_seen_at,
        last_seen_at=finding.last_seen_at, resolved_at=finding.resolved_at,
        last_used_at=datetime.fromisoformat(last_used) if isinstance(last_used, str) else None,
        source=str(source) if source else None, reason=str(reason) if reason else None,
        repair=str(finding.details["repair"]) if finding.details.get("repair") else None,
        repair_asked_at=finding.repair_asked_at,
    )  # fmt: skip


def _sweep(run: SweepRun, system_name: str) -> SweepRow:
    return SweepRow(
        run.system_id, system_name, run.started_at, run.finished_at, run.examined, run.found, run.new, run.resolved,
        run.failure,
    )  # fmt: skip
