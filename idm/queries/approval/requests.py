"""Lists of applications: one's own, or all of them, by state, system and words."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from unicodedata import normalize

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from idm.models.people import Employment, Person
from idm.models.requests import Request, RequestLine
from idm.models.systems import InformationSystem
from idm.names.personal_names import fold
from idm.publication import Reader
from idm.queries.organisation.publication import hidden_requests
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.request_state import RequestState
from idm.vocabulary import RequestAction


@dataclass(frozen=True)
class RequestFilter:
    """What to list. `about` None = everybody's; else those that this person filed or is a subject of."""

    about: int | None = None
    state: RequestState | None = None
    system_id: int | None = None
    text: str = ""


@dataclass(frozen=True)
class RequestRow:
    """One application in a list. `subjects` are the names of the people it is about, each once."""

    id: int
    number: str
    action: RequestAction
    system_name: str
    applicant: str
    subjects: tuple[str, ...]
    lines: int
    state: RequestState
    submitted_at: datetime
    last_decision_at: datetime | None


def request_page(session: Session, wanted: RequestFilter, *, reader: Reader, asked: int = 1) -> Page[RequestRow]:
    """The page of that number, or the nearest one, of the submitted applications that the filter lets through.

    The newest stands first. What the reader does not see is neither listed nor counted.
    """
    query = matching(session, wanted, reader=reader)
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    number = nearest_page(asked, total)
    newest = query.order_by(Request.submitted_at.desc(), Request.id.desc())
    ids = session.scalars(newest.limit(ROWS_A_PAGE).offset(offset_of(number))).all()
    return Page(tuple(request_rows(session, ids)), number, total)


def matching(session: Session, wanted: RequestFilter, *, reader: Reader) -> Select[int]:
    """The ids of the submitted applications that the filter lets through and the reader sees, in no order."""
    seen = Request.id.not_in(hidden_requests(session, reader))
    return select(Request.id).where(Request.state != RequestState.DRAFT, seen, *_conditions(wanted))


def _conditions(wanted: RequestFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.about is not None:
        yield _about(wanted.about)
    if wanted.state is not None:
        yield Request.state == wanted.state
    if wanted.system_id is not None:
        yield Request.system_id == wanted.system_id
    if wanted.text.strip():
        yield _says(wanted.text.strip())


def _about(person_id: int) -> ColumnElement[bool]:
    subject = select(RequestLine.request_id).where(RequestLine.subject_id == person_id)
    return or_(Request.applicant_id == person_id, Request.id.in_(subject))


def _says(text: str) -> ColumnElement[bool]:
    """The number begins with the text, or a subject is found by it (name, kana or staff number)."""
    number = normalize("NFKC", text)
    found = (
        select(RequestLine.request_id)
        .join(Person, RequestLine.subject_id == Person.id)
        .outerjoin(Employment, Employment.person_id == Person.id)
        .where(or_(Person.search_key.contains(fold(text), autoescape=True), Employment.staff_number == number))
    )
    return or_(Request.number.istartswith(number, autoescape=True), Request.id.in_(found))


def request_rows(session: Session, request_ids: Sequence[int]) -> list[RequestRow]:
    """The applications as rows of a list, in the order of the ids."""
    columns = (
        Request.id, Request.number, Request.action, InformationSystem.name, Person.name, Request.state,
        Request.submitted_at, Request.last_decision_at,
    )  # fmt: skip
    found = session.execute(
        select(*columns)
        .join(InformationSystem, Request.system_id == InformationSystem.id)
        .join(Person, Request.applicant_id == Person.id)
        .where(Request.id.in_(request_ids))
    )
    subjects, lines = subject_names(session, request_ids), _line_counts(session, request_ids)
    rows = {
        request_id: RequestRow(
            request_id, number or "", action, system, applicant, subjects.get(request_id, ()),
            lines.get(request_id, 0), state, submitted_at, decided_at,
        )
        for request_id, number, action, system, applicant, state, submitted_at, decided_at in found
        if submitted_at is not None
    }  # fmt: skip
    return [rows[request_id] for request_id in request_ids if request_id in rows]


def subject_names(session: Session, request_ids: Iterable[int]) -> dict[int, tuple[str, ...]]:
    """Application id → the names of the people it is about, each once, in the order of its lines."""
    rows = session.execute(
        select(RequestLine.request_id, RequestLine.subject_id, Person.name)
        .join(Person, RequestLine.subject_id == Person.id)
        .where(RequestLine.request_id.in_(set(request_ids)))
        .order_by(RequestLine.id)
    )
    names: dict[int, dict[int, str]] = defaultdict(dict)
    for request_id, subject_id, name in rows:
        names[request_id][subject_id] = name
    return {request_id: tuple(people.values()) for request_id, people in names.items()}


def _line_counts(session: Session, request_ids: Iterable[int]) -> dict[int, int]:
    rows = session.execute(
        select(RequestLine.request_id, func.count())
        .where(RequestLine.request_id.in_(set(request_ids)))
        .group_by(RequestLine.request_id)
    )
    return dict(rows.all())


def systems_by_name(session: Session) -> list[tuple[int, str]]:
    """Every system as (id, name), for a filter."""
    rows = session.execute(select(InformationSystem.id, InformationSystem.name).order_by(InformationSystem.name))
    return [(system_id, name) for system_id, name in rows]
