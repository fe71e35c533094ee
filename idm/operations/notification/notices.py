"""Notices: one row per message, written in the transaction of the act that caused it.

Who chose a daily digest finds there what is not urgent. While somebody is away, what asks them to act goes in copy to
the person they named, where the caller says that others may read it (`asks`); a copy lets nobody decide anything.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session, selectinload

from idm.calendar_days import day_of
from idm.database import in_chunks
from idm.models.notices import NoticePreference
from idm.models.people import Person
from idm.models.work import MailMessage, MailState

COPY = "【写し】"


@dataclass(frozen=True)
class Notice:
    """What one person is told. `urgent` = it waits for no digest. `asks` = it asks for an act, and says nothing that
    only this person may see: somebody who is away has it copied to whom they named.
    """

    person_id: int
    subject: str
    body: str
    link: str
    urgent: bool = False
    asks: bool = False


def notify(
    session: Session, people: Iterable[int], *, subject: str, body: str, link: str, now: datetime,
    urgent: bool = False, asks: bool = False,
) -> list[MailMessage]:  # fmt: skip
    """Afterwards each of the people who has a mail address has one notice waiting, with one link to look at.

    Returns these, without the copies for whoever stands in for somebody who is away.
    """
    told = [Notice(person_id, subject, body, link, urgent, asks) for person_id in sorted(set(people))]
    messages = [MailMessage(**row) for row in _rows(session, told, now)]
    session.add_all(messages)
    return [message for message in messages if message.copy_for_id is None]


def notify_each(session: Session, told: Sequence[Notice], *, now: datetime) -> int:
    """Afterwards each of these notices waits, written at once however many they are. Returns how many, without copies.

    Whoever has no mail address is not told.
    """
    rows = [row for some in in_chunks(told, 500) for row in _rows(session, some, now)]
    if rows:
        session.execute(insert(MailMessage), rows)
    return sum(row["copy_for_id"] is None for row in rows)


def _rows(session: Session, told: Sequence[Notice], now: datetime) -> list[dict[str, object]]:
    addressees = {notice.person_id for notice in told}
    choices = _choices(session, addressees)
    instead = {person: named for person, choice in choices.items() if (named := _away_to(choice, now)) is not None}
    choices |= _choices(session, set(instead.values()) - addressees)
    people = _people(session, addressees | set(instead.values()))
    known = {(notice.person_id, notice.subject, notice.link) for notice in told}
    rows = []
    for notice in told:
        addressee = people[notice.person_id]
        rows += _row(addressee, notice, choices, now)
        stand_in = people.get(instead.get(notice.person_id, 0))
        if stand_in is None or not notice.asks or not stand_in.employed_on(day_of(now)):
            continue
        if (stand_in.id, notice.subject, notice.link) not in known:
            rows += _row(stand_in, _copy(notice, addressee, stand_in), choices, now, copy_for=addressee)
            known.add((stand_in.id, notice.subject, notice.link))
    return rows


def _row(
    person: Person, notice: Notice, choices: Mapping[int, NoticePreference], now: datetime,
    copy_for: Person | None = None,
) -> list[dict[str, object]]:  # fmt: skip
    if not person.mail:
        return []
    choice = choices.get(person.id)
    held = choice is not None and choice.daily and not notice.urgent
    return [{
        "recipient": person.mail, "person_id": person.id, "subject": notice.subject, "link": notice.link,
        "body": f"{person.name} 様\n\n{notice.body}", "urgent": notice.urgent,
        "copy_for_id": copy_for.id if copy_for is not None else None,
        "state": MailState.HELD if held else MailState.WAITING, "due_at": now, "created_at": now,
    }]  # fmt: skip


def _copy(notice: Notice, away: Person, named: Person) -> Notice:
    said = (
        f"{away.name} さんは不在のため、{away.name} さん宛ての次の通知の写しを送ります。"
        "この写しで、決裁などの権限が渡ることはありません。決裁できるのは、代決者として承認された人だけです。"
    )
    return Notice(named.id, f"{COPY}{notice.subject}", f"{said}\n\n{notice.body}", notice.link, notice.urgent)


def _away_to(choice: NoticePreference, now: datetime) -> int | None:
    """Who is told in somebody's place at this moment; None = they are here, or named nobody."""
    day = day_of(now)
    away = choice.away_from is not None and choice.away_from <= day
    back = choice.away_until is not None and choice.away_until <= day
    return choice.told_instead_id if away and not back else None


def _choices(session: Session, person_ids: Collection[int]) -> dict[int, NoticePreference]:
    if not person_ids:
        return {}
    query = select(NoticePreference).where(NoticePreference.person_id.in_(person_ids))
    return {choice.person_id: choice for choice in session.scalars(query)}


def _people(session: Session, person_ids: Collection[int]) -> dict[int, Person]:
    query = select(Person).where(Person.id.in_(person_ids)).options(selectinload(Person.employments))
    return {person.id: person for person in session.scalars(query)}
