"""What failed, since when, and who took care of it: systems, changes that a directory refused, mail (FK 6-1(7); G6)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idm.models.finding_history import FindingEvent
from idm.models.people import Person
from idm.models.systems import InformationSystem
from idm.models.work import Finding, MailMessage, MailState, OutboxTask, TaskState
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.vocabulary import FindingEventKind, FindingKind

OF_FAILURE = (FindingKind.CHECK_FAILED, FindingKind.NOT_CHECKED, FindingKind.CLOCK_DRIFT)


@dataclass(frozen=True)
class Care:
    """Something that a person did about it."""

    name: str
    kind: FindingEventKind
    at: datetime
    note: str | None


@dataclass(frozen=True)
class Outage:
    """A system, or a check of it, that did not work. `until` None = it still does not."""

    finding_id: int
    kind: FindingKind
    system_name: str | None
    label: str
    reason: str
    since: datetime
    until: datetime | None
    care: tuple[Care, ...]


@dataclass(frozen=True)
class RefusedWork:
    """Changes of one system that its directory refused, and that wait for somebody."""

    system_id: int
    system_name: str
    count: int
    since: datetime


@dataclass(frozen=True)
class UnsentMail:
    """Notices that could not be delivered, for one reason."""

    reason: str
    count: int
    since: datetime


def outages(session: Session, *, asked: int = 1) -> Page[Outage]:
    """Systems and checks that failed, those that still do first, then the newest."""
    condition = Finding.kind.in_(OF_FAILURE)
    total = session.scalar(select(func.count()).select_from(Finding).where(condition)) or 0
    number = nearest_page(asked, total)
    rows = session.execute(
        select(Finding, InformationSystem.name)
        .outerjoin(InformationSystem, Finding.system_id == InformationSystem.id)
        .where(condition)
        .order_by(Finding.resolved_at.is_not(None), Finding.first_seen_at.desc(), Finding.id.desc())
        .limit(ROWS_A_PAGE)
        .offset(offset_of(number))
    ).all()
    care = _care(session, [finding.id for finding, _ in rows])
    shown = tuple(
        Outage(
            one.id, one.kind, name, one.label, str(one.details.get("reason", "")), one.first_seen_at, one.resolved_at,
            tuple(care.get(one.id, ())),
        )
        for one, name in rows
    )  # fmt: skip
    return Page(shown, number, total)


def refused_work(session: Session) -> list[RefusedWork]:
    """What directories refused and nobody has settled, by system."""
    rows = session.execute(
        select(InformationSystem.id, InformationSystem.name, func.count(), func.min(OutboxTask.created_at))
        .join(OutboxTask, OutboxTask.system_id == InformationSystem.id)
        .where(OutboxTask.state == TaskState.REFUSED)
        .group_by(InformationSystem.id, InformationSystem.name)
        .order_by(InformationSystem.name)
    )
    return [RefusedWork(*row) for row in rows]


def unsent_mail(session: Session) -> list[UnsentMail]:
    """Notices that were tried and have not left, by reason, the most frequent first."""
    rows = session.execute(
        select(MailMessage.last_error, func.count(), func.min(MailMessage.created_at))
        .where(MailMessage.state != MailState.SENT, MailMessage.last_error.is_not(None))
        .group_by(MailMessage.last_error)
        .order_by(func.count().desc())
    )
    return [UnsentMail(reason or "", count, since) for reason, count, since in rows]


def _care(session: Session, finding_ids: Iterable[int]) -> dict[int, list[Care]]:
    rows = session.execute(
        select(FindingEvent, Person.name)
        .join(Person, FindingEvent.person_id == Person.id)
        .where(FindingEvent.finding_id.in_(list(finding_ids)))
        .order_by(FindingEvent.id)
    )
    found: dict[int, list[Care]] = {}
    for event, name in rows:
        found.setdefault(event.finding_id, []).append(Care(name, event.kind, event.at, event.note))
    return found
