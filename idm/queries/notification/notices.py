"""What was sent to whom, and how it went: one's own in full; everybody's by kind alone, for those who look after it."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from idm.models.notices import NoticePreference
from idm.models.people import Employment, Person
from idm.models.work import MailMessage, MailState
from idm.publication import Reader
from idm.queries.organisation.publication import known
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of

STATE_TITLES: Mapping[MailState, str] = {
    MailState.WAITING: "送信待ち",
    MailState.HELD: "まとめ待ち",
    MailState.DIGESTED: "まとめで送信",
    MailState.SENT: "送信済み",
    MailState.REFUSED: "宛先が拒否",
}
_KIND = re.compile(r"^(?:【[^】]*】)+")
OTHER = "その他"


@dataclass(frozen=True)
class NoticeRow:
    """One notice. `title` is the subject, where it is one's own, and its kind alone elsewhere; so is `link`."""

    id: int
    title: str
    link: str | None
    state: MailState
    urgent: bool
    created_at: datetime
    sent_at: datetime | None
    due_at: datetime
    attempts: int
    last_error: str | None
    person_id: int
    name: str
    recipient: str
    copy_for: str | None


@dataclass(frozen=True)
class OwnChoice:
    """How somebody is told now. `named`: who has the copies, with their number."""

    daily: bool = False
    away_from: date | None = None
    away_until: date | None = None
    named: str = ""
    staff_number: str = ""


def reached_by_mail(session: Session, person_ids: Collection[int]) -> frozenset[int]:
    """Those of the people who have an address that has not refused mail for good since it last took some."""
    later = aliased(MailMessage)
    taken_since = exists().where(
        later.recipient == MailMessage.recipient, later.state == MailState.SENT, later.id > MailMessage.id
    )
    refused = exists().where(MailMessage.recipient == Person.mail, MailMessage.state == MailState.REFUSED, ~taken_since)
    query = select(Person.id).where(Person.id.in_(person_ids), Person.mail.is_not(None), Person.mail != "", ~refused)
    return frozenset(session.scalars(query))


def own_notices(session: Session, person_id: int, *, now: datetime, asked: int = 1) -> Page[NoticeRow]:
    """The page of that number, or the nearest, of what this person was or will be sent, the newest first.

    What is not due yet is not told before its time.
    """
    return _page(session, [MailMessage.person_id == person_id, _is_out(now)], asked, own=True)


def all_notices(session: Session, *, state: MailState | None, reader: Reader, asked: int = 1) -> Page[NoticeRow]:
    """The same of everybody whom the reader knows of, in one state or in any, without what it says."""
    chosen = [MailMessage.state == state] if state is not None else []
    return _page(session, [known(reader), *chosen], asked, own=False)


def own_choice(session: Session, person_id: int) -> OwnChoice:
    """What this person chose."""
    found = session.get(NoticePreference, person_id)
    if found is None:
        return OwnChoice()
    named = session.get(Person, found.told_instead_id) if found.told_instead_id is not None else None
    number = session.scalar(
        select(Employment.staff_number)
        .where(Employment.person_id == found.told_instead_id)
        .order_by(Employment.valid_from.desc())
        .limit(1)
    )
    return OwnChoice(
        found.daily, found.away_from, found.away_until, named.name if named is not None else "", number or ""
    )


def _is_out(now: datetime) -> ColumnElement[bool]:
    """What waits for its day (内示) was never tried."""
    return or_(MailMessage.attempts > 0, MailMessage.due_at <= now)


def _page(session: Session, conditions: list[ColumnElement[bool]], asked: int, *, own: bool) -> Page[NoticeRow]:
    away = aliased(Person)
    query = (
        select(MailMessage, Person.name, away.name)
        .join(Person, MailMessage.person_id == Person.id)
        .outerjoin(away, MailMessage.copy_for_id == away.id)
        .where(*conditions)
    )
    counted = select(func.count()).select_from(MailMessage).join(Person, MailMessage.person_id == Person.id)
    total = session.scalar(counted.where(*conditions)) or 0
    number = nearest_page(asked, total)
    rows = session.execute(query.order_by(MailMessage.id.desc()).limit(ROWS_A_PAGE).offset(offset_of(number)))
    return Page(tuple(_row(message, name, copied, own) for message, name, copied in rows), number, total)


def _row(message: MailMessage, name: str, copy_for: str | None, own: bool) -> NoticeRow:
    return NoticeRow(
        message.id, message.subject if own else kind_of(message.subject), message.link if own else None, message.state,
        message.urgent, message.created_at, message.sent_at, message.due_at, message.attempts, message.last_error,
        message.person_id, name, message.recipient, copy_for,
    )  # fmt: skip


def kind_of(subject: str) -> str:
    """What a subject says of its kind, and nothing of whom it is about."""
    found = _KIND.match(subject)
    return found.group() if found else OTHER
