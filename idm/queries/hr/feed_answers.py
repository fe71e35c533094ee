"""What waits for an answer of HR: whose a staff number is, and which character a 外字 stands for (control A7).

A birth date and the hash made of it are in nothing that is given back.
"""

import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idm.models.feeds import FeedRun, GaijiMapping, HeldRow, MatchCandidate, MatchQuestion
from idm.models.people import Assignment, Employment, OrganisationUnit, Person
from idm.vocabulary import HeldKind

_CODE = re.compile(r"U\+([0-9A-F]{4,6})")
_PLACES_SHOWN = 5


@dataclass(frozen=True)
class Service:
    """One employment of a candidate: number, period and posts, as plain words."""

    staff_number: str
    valid_from: date
    valid_until: date | None
    posts: tuple[str, ...]


@dataclass(frozen=True)
class Candidate:
    """One known person whom the number may belong to."""

    person_id: int
    name: str
    kana: str
    services: tuple[Service, ...]


@dataclass(frozen=True)
class Question:
    """A new staff number that may be a known person's, and what was answered."""

    id: int
    feed: str
    staff_number: str
    name: str
    kana: str
    asked_at: datetime
    answered_at: datetime | None
    answered_by: str | None
    person_id: int | None
    joined: bool
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class UnmappedSign:
    """A 外字 that holds people back: in how many rows of which feed, and where for example."""

    feed: str
    character: str
    code: str
    rows: int
    places: tuple[str, ...]


@dataclass(frozen=True)
class Mapping:
    """What a 外字 is or was read as; `replaced_at` None = it is."""

    feed: str
    character: str
    replacement: str
    note: str
    decided_by: str
    decided_at: datetime
    replaced_at: datetime | None


def open_question_count(session: Session) -> int:
    """How many questions nobody has answered, of numbers that are not on record."""
    known = select(Employment.staff_number)
    query = select(func.count()).where(MatchQuestion.answered_at.is_(None), MatchQuestion.staff_number.not_in(known))
    return session.scalar(query) or 0


def questions(session: Session, ids: Collection[int] | None = None) -> list[Question]:
    """The questions, open ones first, then the newest answers; or those of the ids."""
    query = select(MatchQuestion).order_by(
        MatchQuestion.answered_at.is_not(None), MatchQuestion.answered_at.desc(), MatchQuestion.id
    )
    if ids is not None:
        query = query.where(MatchQuestion.id.in_(ids))
    found = list(session.scalars(query))
    numbers = {q.staff_number for q in found}
    joined = set(session.scalars(select(Employment.staff_number).where(Employment.staff_number.in_(numbers))))
    names = _names(session, {q.answered_by_id for q in found if q.answered_by_id is not None})
    candidates = _candidates(session, [q.id for q in found])
    return [
        Question(
            q.id, q.feed, q.staff_number, q.name, q.kana, q.asked_at, q.answered_at,
            names.get(q.answered_by_id or 0), q.person_id, q.staff_number in joined, tuple(candidates[q.id]),
        )
        for q in found
    ]  # fmt: skip


def _candidates(session: Session, question_ids: Collection[int]) -> dict[int, list[Candidate]]:
    rows = session.execute(
        select(MatchCandidate.question_id, Person.id, Person.name, Person.kana)
        .join(Person, MatchCandidate.person_id == Person.id)
        .where(MatchCandidate.question_id.in_(question_ids))
        .order_by(MatchCandidate.question_id, Person.id)
    ).all()
    services = _services(session, {person_id for _, person_id, _, _ in rows})
    found: dict[int, list[Candidate]] = defaultdict(list)
    for question_id, person_id, name, kana in rows:
        found[question_id].append(Candidate(person_id, name, kana, tuple(services[person_id])))
    return found


def _services(session: Session, person_ids: Collection[int]) -> dict[int, list[Service]]:
    employments = session.scalars(
        select(Employment)
        .where(Employment.person_id.in_(person_ids))
        .order_by(Employment.person_id, Employment.valid_from)
    ).all()
    posts: dict[int, list[str]] = defaultdict(list)
    for employment_id, unit, post in session.execute(
        select(Assignment.employment_id, OrganisationUnit.name, Assignment.post)
        .join(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .where(Assignment.employment_id.in_([employment.id for employment in employments]))
        .order_by(Assignment.valid_from, Assignment.id)
    ):
        posts[employment_id].append(f"{unit} {post}")
    found: dict[int, list[Service]] = defaultdict(list)
    for e in employments:
        found[e.person_id].append(Service(e.staff_number, e.valid_from, e.valid_until, tuple(posts[e.id])))
    return found


def unmapped_signs(session: Session) -> list[UnmappedSign]:
    """The 外字 for which the newest file of each feed holds people, and that nobody has mapped yet."""
    newest = select(func.max(FeedRun.id)).group_by(FeedRun.feed)
    rows = session.execute(
        select(FeedRun.feed, HeldRow)
        .join(FeedRun, HeldRow.run_id == FeedRun.id)
        .where(HeldRow.run_id.in_(newest), HeldRow.kind == HeldKind.GAIJI)
        .order_by(FeedRun.feed, HeldRow.id)
    )
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    for feed, held in rows:
        for code in dict.fromkeys(_CODE.findall(held.reason)):
            places[feed, chr(int(code, 16))].append(f"{held.row_number}行目 {held.staff_number} {held.name}")
    current = select(GaijiMapping.feed, GaijiMapping.character).where(GaijiMapping.replaced_at.is_(None))
    mapped = {(feed, sign) for feed, sign in session.execute(current)}
    return [
        UnmappedSign(feed, sign, f"U+{ord(sign):04X}", len(found), tuple(found[:_PLACES_SHOWN]))
        for (feed, sign), found in sorted(places.items())
        if (feed, sign) not in mapped
    ]


def mappings(session: Session, feed: str | None = None, character: str | None = None) -> list[Mapping]:
    """Every mapping, of before too, by feed and character, newest first; or those of one feed or character."""
    query = select(GaijiMapping).order_by(GaijiMapping.feed, GaijiMapping.character, GaijiMapping.id.desc())
    if feed is not None:
        query = query.where(GaijiMapping.feed == feed)
    if character is not None:
        query = query.where(GaijiMapping.character == character)
    found = list(session.scalars(query))
    names = _names(session, {mapping.decided_by_id for mapping in found})
    return [
        Mapping(
            m.feed, m.character, m.replacement, m.note, names.get(m.decided_by_id, ""), m.decided_at, m.replaced_at
        )
        for m in found
    ]  # fmt: skip


def _names(session: Session, person_ids: Collection[int]) -> dict[int, str]:
    return dict(session.execute(select(Person.id, Person.name).where(Person.id.in_(person_ids))).all())
