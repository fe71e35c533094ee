"""Personnel files that were applied, the rows that wait for a human, and the drafts that wait for an HR officer."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idm.errors import NotFound
from idm.models.feeds import FeedRun, HeldRow
from idm.models.requests import Request, RequestLine
from idm.models.systems import InformationSystem
from idm.queries.requests import subject_names
from idm.request_state import RequestState
from idm.vocabulary import RequestAction


@dataclass(frozen=True)
class FeedRunRow:
    """One applied file and what it did."""

    id: int
    feed: str
    applied_at: datetime
    as_of: date
    row_count: int
    joiners: int
    movers: int
    leavers: int
    held: int


@dataclass(frozen=True)
class HeldRowView:
    """One row that waits for a human; `row_number` None = a person missing from the file."""

    run_id: int
    feed: str
    row_number: int | None
    staff_number: str
    name: str
    reason: str


@dataclass(frozen=True)
class DraftRow:
    """One draft that a personnel file made and nobody has submitted."""

    id: int
    action: RequestAction
    system_name: str
    reason: str
    lines: int
    people: tuple[str, ...]
    created_at: datetime
    feed_run_id: int | None


def last_runs(session: Session, limit: int) -> list[FeedRunRow]:
    """The newest applied files, newest first."""
    return [_run(run) for run in session.scalars(select(FeedRun).order_by(FeedRun.id.desc()).limit(limit))]


def feed_run(session: Session, run_id: int) -> FeedRunRow:
    """One applied file. Raises NotFound."""
    run = session.get(FeedRun, run_id)
    if run is None:
        raise NotFound("人事データの取込みが見つかりません。")
    return _run(run)


def _run(r: FeedRun) -> FeedRunRow:
    return FeedRunRow(r.id, r.feed, r.applied_at, r.as_of, r.row_count, r.joiners, r.movers, r.leavers, r.held)


def waiting_rows(session: Session) -> list[HeldRowView]:
    """The rows held by the newest file of each feed: it says again what an older one held, or has solved it."""
    newest = select(func.max(FeedRun.id)).group_by(FeedRun.feed)
    rows = session.execute(
        select(HeldRow, FeedRun.feed)
        .join(FeedRun, HeldRow.run_id == FeedRun.id)
        .where(HeldRow.run_id.in_(newest))
        .order_by(HeldRow.run_id.desc(), HeldRow.id)
    )
    return [
        HeldRowView(held.run_id, feed, held.row_number, held.staff_number, held.name, held.reason)
        for held, feed in rows
    ]


def drafts(session: Session) -> list[DraftRow]:
    """The drafts nobody has submitted yet, oldest first."""
    rows = session.execute(
        select(Request, InformationSystem.name, func.count(RequestLine.id))
        .join(InformationSystem, Request.system_id == InformationSystem.id)
        .outerjoin(RequestLine, RequestLine.request_id == Request.id)
        .where(Request.state == RequestState.DRAFT)
        .group_by(Request.id, InformationSystem.name)
        .order_by(Request.id)
    ).all()
    people = subject_names(session, [request.id for request, _, _ in rows])
    return [
        DraftRow(r.id, r.action, system, r.reason, lines, people.get(r.id, ()), r.created_at, r.feed_run_id)
        for r, system, lines in rows
    ]
