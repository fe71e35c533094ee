"""Personnel files that were applied, the rows that wait for a human, and the drafts that wait for an HR officer."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import func, or_, select, true
from sqlalchemy.orm import Session

from idm.errors import ConfigurationInvalid, NotFound
from idm.feed.profile import FeedProfile, load_feed_profile
from idm.models.feeds import FeedRun, FeedSource, HeldRow
from idm.models.officers import ConfigurationVersion
from idm.models.pushes import PushedPerson
from idm.models.requests import Request, RequestLine
from idm.models.safety import PlannedBatch, RunKind
from idm.models.systems import InformationSystem
from idm.publication import Reader
from idm.queries.approval.requests import subject_names
from idm.queries.governance.configuration import feed_text_in_force
from idm.queries.organisation.publication import public
from idm.request_state import RequestState
from idm.vocabulary import ConfigurationKind, HeldKind, RequestAction


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
    absences: int = 0
    corrections: int = 0
    unchanged: int = 0
    source: FeedSource = FeedSource.COMMAND
    batch_id: int | None = None
    held_by_kind: Mapping[HeldKind, int] = field(default_factory=dict)


@dataclass(frozen=True)
class HeldRowView:
    """One row that waits for a human; `row_number` None = a person missing from the file."""

    run_id: int
    feed: str
    row_number: int | None
    staff_number: str
    name: str
    reason: str
    kind: HeldKind = HeldKind.ROW


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


@dataclass(frozen=True)
class FeedInForce:
    """One accepted feed: its profile, or the sentence that says why it cannot be read."""

    name: str
    title: str
    profile: FeedProfile | None
    mistake: str = ""


def feeds_in_force(session: Session, *, now: datetime) -> list[FeedInForce]:
    """Every feed of which a profile was accepted, by name."""
    names = session.scalars(
        select(ConfigurationVersion.name)
        .where(ConfigurationVersion.kind == ConfigurationKind.FEED, ConfigurationVersion.accepted_at <= now)
        .distinct()
        .order_by(ConfigurationVersion.name)
    )
    return [_feed(session, name, now) for name in names]


def _feed(session: Session, name: str, now: datetime) -> FeedInForce:
    try:
        profile = load_feed_profile(feed_text_in_force(session, name, now=now), name)
    except ConfigurationInvalid as refusal:
        return FeedInForce(name, name, None, refusal.message)
    return FeedInForce(name, profile.title, profile)


def last_runs(session: Session, limit: int) -> list[FeedRunRow]:
    """The newest applied files, newest first."""
    return [_run(run) for run in session.scalars(select(FeedRun).order_by(FeedRun.id.desc()).limit(limit))]


def last_run_of_each_feed(session: Session) -> list[FeedRunRow]:
    """The newest applied file of each feed with what it holds, by the feed's name."""
    newest = select(func.max(FeedRun.id)).group_by(FeedRun.feed)
    runs = list(session.scalars(select(FeedRun).where(FeedRun.id.in_(newest)).order_by(FeedRun.feed)))
    kinds: dict[int, dict[HeldKind, int]] = defaultdict(dict)
    counted = select(HeldRow.run_id, HeldRow.kind, func.count()).where(HeldRow.run_id.in_([run.id for run in runs]))
    for run_id, kind, count in session.execute(counted.group_by(HeldRow.run_id, HeldRow.kind)):
        kinds[run_id][kind] = count
    return [_run(run, kinds[run.id]) for run in runs]


def feed_run(session: Session, run_id: int) -> FeedRunRow:
    """One applied file. Raises NotFound."""
    run = session.get(FeedRun, run_id)
    if run is None:
        raise NotFound("人事データの取込みが見つかりません。")
    return _run(run)


def runs_since(session: Session, feed: str, moment: datetime) -> list[FeedRun]:
    """The files of the feed that were applied after the moment, oldest first."""
    query = select(FeedRun).where(FeedRun.feed == feed, FeedRun.applied_at > moment)
    return list(session.scalars(query.order_by(FeedRun.id)))


def permitted_batches(session: Session, feed: str, sha256: str) -> list[PlannedBatch]:
    """The batches permitted for exactly this file, newest first, whatever their day."""
    query = select(PlannedBatch).where(
        PlannedBatch.kind == RunKind.FEED, PlannedBatch.feed == feed, PlannedBatch.sha256 == sha256,
        PlannedBatch.approved_at.is_not(None),
    )  # fmt: skip
    return list(session.scalars(query.order_by(PlannedBatch.id.desc())))


def _run(r: FeedRun, held_by_kind: Mapping[HeldKind, int] | None = None) -> FeedRunRow:
    return FeedRunRow(
        r.id, r.feed, r.applied_at, r.as_of, r.row_count, r.joiners, r.movers, r.leavers, r.held, r.absences,
        r.corrections, r.unchanged, r.source, r.batch_id, dict(held_by_kind or {}),
    )  # fmt: skip


def waiting_rows(session: Session, *, names: bool = True) -> list[HeldRowView]:
    """The rows held by the newest file of each feed: it says again what an older one held, or has solved it.

    Of people who are pushed one by one, what the last push of each held.

    Without `names` nobody is named who may not be announced yet (内示): only whoever is missing from a file is known.
    """
    newest = select(func.max(FeedRun.id)).where(FeedRun.source != FeedSource.SCIM).group_by(FeedRun.feed)
    pushed = select(PushedPerson.run_id).where(PushedPerson.run_id.is_not(None), PushedPerson.withdrawn_at.is_(None))
    rows = session.execute(
        select(HeldRow, FeedRun.feed)
        .join(FeedRun, HeldRow.run_id == FeedRun.id)
        .where(or_(HeldRow.run_id.in_(newest), HeldRow.run_id.in_(pushed)))
        .order_by(HeldRow.run_id.desc(), HeldRow.id)
    )
    return [
        HeldRowView(held.run_id, feed, held.row_number, *_told(held, names=names), held.reason, held.kind)
        for held, feed in rows
    ]


def _told(held: HeldRow, *, names: bool) -> tuple[str, str]:
    """Staff number and name, where they may be told."""
    return (held.staff_number, held.name) if names or held.kind is HeldKind.MISSING else ("－", "－")


def drafts(session: Session, *, reader: Reader | None = None) -> list[DraftRow]:
    """The drafts nobody has submitted yet, oldest first; without those of appointments that `reader` does not see."""
    rows = session.execute(
        select(Request, InformationSystem.name, func.count(RequestLine.id))
        .join(InformationSystem, Request.system_id == InformationSystem.id)
        .outerjoin(RequestLine, RequestLine.request_id == Request.id)
        .where(Request.state == RequestState.DRAFT, true() if reader is None else public(Request, reader))
        .group_by(Request.id, InformationSystem.name)
        .order_by(Request.id)
    ).all()
    people = subject_names(session, [request.id for request, _, _ in rows])
    return [
        DraftRow(r.id, r.action, system, r.reason, lines, people.get(r.id, ()), r.created_at, r.feed_run_id)
        for r, system, lines in rows
    ]
