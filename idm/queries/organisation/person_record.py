"""One person as the record shows them: employments, posts, rights with the application behind each, and credentials.

"What, since when, until when, by which application" in one reading (FK 6-2(1)①, control A9): ended rights stay in it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.calendar_days import Lasting
from idm.employment_kind import EmploymentKind
from idm.errors import NotFound
from idm.grant_state import GrantState, SuspensionReason
from idm.models.leaving import LeavingChecklist
from idm.models.people import Absence, Assignment, Employment, OrganisationUnit, Person
from idm.models.requests import Grant, GrantSuspension, Request, RequestLine
from idm.models.systems import Account, CredentialEvent, InformationSystem
from idm.personnel_event import AbsenceKind, LeavingKind
from idm.publication import Reader, shown_end, visible
from idm.queries.organisation.publication import hidden_requests, hidden_starts, known, only_by, public, shown_rights
from idm.queries.organisation.units import generations, names_over
from idm.queries.rights.held_rights import HeldRight, rights_of_lines
from idm.queries.signing_in.enrolment_links import awaits_second_officer, open_link
from idm.queries.signing_in.own_factors import own_factors
from idm.queries.signing_in.provider_identities import identity_of
from idm.queries.signing_in.sign_in_accounts import sign_in_of
from idm.vocabulary import CredentialEventKind, SignInWay


@dataclass(frozen=True)
class PostRow(Lasting):
    """A post in a unit for a half-open period; the unit by its name of that time, so that a rename parts two rows.

    `published_on` is the day of publication where that is still to come.
    """

    unit: str
    post: str
    primary: bool
    valid_from: date
    valid_until: date | None
    published_on: date | None = None


@dataclass(frozen=True)
class AbsenceRow(Lasting):
    """A time away from work (休職・休業 …) as a half-open period."""

    kind: AbsenceKind
    valid_from: date
    valid_until: date | None
    published_on: date | None = None


@dataclass(frozen=True)
class EmploymentRow(Lasting):
    """One staff number with its posts and absences, oldest first; why it ended, where it did."""

    id: int
    staff_number: str
    kind: EmploymentKind
    valid_from: date
    valid_until: date | None
    leaving: LeavingKind | None
    posts: tuple[PostRow, ...]
    absences: tuple[AbsenceRow, ...]
    published_on: date | None = None


@dataclass(frozen=True)
class PersonRecord:
    """Who somebody is. `work_name` is the name used at work, where it is another (旧姓使用・通称)."""

    id: int
    name: str
    kana: str
    work_name: str | None
    mail: str | None
    employments: tuple[EmploymentRow, ...]

    def employed_on(self, day: date) -> bool:
        """Whether any employment holds on the day."""
        return any(employment.holds_on(day) for employment in self.employments)


@dataclass(frozen=True)
class CitedRequest:
    """The application behind a decision."""

    id: int
    number: str


@dataclass(frozen=True)
class RightRow:
    """One grant, with why it is held back, and when and by which application it ended (or will end).

    `suspensions` are all the times it was or is held back.
    """

    right: HeldRight
    suspensions: tuple["SuspensionRow", ...]
    ended_at: datetime | None
    ended_by: CitedRequest | None

    @property
    def suspended_for(self) -> tuple[SuspensionReason, ...]:
        """Why it is held back now."""
        return tuple(row.reason for row in self.suspensions if row.until is None)


@dataclass(frozen=True)
class SuspensionRow:
    """One time a right was held back; `until` None = it still is."""

    reason: SuspensionReason
    since: datetime
    until: datetime | None


@dataclass(frozen=True)
class CredentialRow:
    """Something that happened to a credential; never the credential."""

    at: datetime
    kind: CredentialEventKind
    system_name: str
    login_name: str


@dataclass(frozen=True)
class SignInRow:
    """How somebody stands with the product's own sign-in. `invited_until` is the end of an unused link."""

    name: str | None
    with_directory: bool
    with_provider: bool
    linked: bool
    """Whether the provider proves this person, as far as we know it."""
    has_second_factor: bool
    last_signed_in_at: datetime | None
    invited_at: datetime | None
    invited_until: datetime | None
    invited_by_id: int | None
    invited_by: str | None
    awaits_second_officer: bool


def person_record(session: Session, person_id: int, *, reader: Reader) -> PersonRecord:
    """The person with every employment, post and absence that the reader sees. Raises NotFound."""
    person = session.scalar(select(Person).where(Person.id == person_id, known(reader)))
    if person is None:
        raise NotFound("この職員は見つかりません。")
    employments = session.scalars(
        select(Employment)
        .where(Employment.person_id == person_id, public(Employment, reader))
        .order_by(Employment.valid_from, Employment.id)
    ).all()
    ids = [employment.id for employment in employments]
    unseen = hidden_starts(session, [person_id], reader).get(person_id, frozenset())
    posts, absences = _posts(session, ids, unseen, reader), _absences(session, ids, reader)
    rows = tuple(_employment(e, tuple(posts[e.id]), tuple(absences[e.id]), unseen, reader) for e in employments)
    return PersonRecord(person.id, person.name, person.kana, person.work_name, person.mail, rows)


def _employment(
    e: Employment, posts: tuple[PostRow, ...], absences: tuple[AbsenceRow, ...], unseen: frozenset[date], reader: Reader
) -> EmploymentRow:
    ends = shown_end(e.valid_until, unseen)
    leaving = e.leaving if ends is not None else None
    secret_until = _still_secret(e.published_on, reader)
    return EmploymentRow(e.id, e.staff_number, e.kind, e.valid_from, ends, leaving, posts, absences, secret_until)


def _still_secret(published_on: date | None, reader: Reader) -> date | None:
    """The day of publication, where that is still to come."""
    return None if visible(published_on, reader.day, may_see=False) else published_on


def _posts(
    session: Session, employment_ids: Iterable[int], unseen: frozenset[date], reader: Reader
) -> dict[int, list[PostRow]]:
    rows = session.execute(
        select(Assignment, OrganisationUnit.code)
        .join(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .where(Assignment.employment_id.in_(list(employment_ids)), public(Assignment, reader))
        .order_by(Assignment.valid_from, Assignment.primary.desc(), Assignment.id)
    )
    units = generations(session, known_on=reader.day)
    posts: dict[int, list[PostRow]] = defaultdict(list)
    for a, code in rows:
        secret_until = _still_secret(a.published_on, reader)
        for span in names_over(units[code], a.valid_from, shown_end(a.valid_until, unseen)):
            posts[a.employment_id].append(
                PostRow(span.name, a.post, a.primary, span.valid_from, span.valid_until, secret_until)
            )
    return posts


def _absences(session: Session, employment_ids: Iterable[int], reader: Reader) -> dict[int, list[AbsenceRow]]:
    rows = session.scalars(
        select(Absence)
        .where(Absence.employment_id.in_(list(employment_ids)), public(Absence, reader))
        .order_by(Absence.valid_from, Absence.id)
    )
    absences: dict[int, list[AbsenceRow]] = defaultdict(list)
    for a in rows:
        row = AbsenceRow(a.kind, a.valid_from, a.valid_until, _still_secret(a.published_on, reader))
        absences[a.employment_id].append(row)
    return absences


def checklists_of(session: Session, record: PersonRecord) -> dict[int, int]:
    """Employment id → its checklist of what is given back at leaving, where there is one that counts."""
    employments = [employment.id for employment in record.employments]
    columns = (LeavingChecklist.employment_id, LeavingChecklist.id)
    query = select(*columns).where(
        LeavingChecklist.employment_id.in_(employments), LeavingChecklist.withdrawn_at.is_(None)
    )
    return dict(session.execute(query).all())


def rights_of_person(session: Session, person_id: int, *, reader: Reader) -> list[RightRow]:
    """Every grant the person has or had that the reader sees, by system and right; those that have ended come last."""
    ends = {
        row.Grant.id: row
        for row in session.execute(
            select(Grant, Request.id.label("request_id"), Request.number)
            .join(Account, Grant.account_id == Account.id)
            .outerjoin(RequestLine, Grant.ended_by_line_id == RequestLine.id)
            .outerjoin(Request, RequestLine.request_id == Request.id)
            .where(Account.person_id == person_id)
        )
    }
    suspended = _suspensions(session, list(ends))
    rights = []
    for right in shown_rights(session, rights_of_lines(session, [row.Grant.line_id for row in ends.values()]), reader):
        end = ends[right.grant_id]
        ended_by = CitedRequest(end.request_id, end.number or "") if right.ended_by_line_id is not None else None
        rights.append(RightRow(right, tuple(suspended[right.grant_id]), end.Grant.ended_at, ended_by))
    return sorted(rights, key=lambda row: row.right.state is GrantState.ENDED)


def hidden_accounts(session: Session, person_id: int, *, reader: Reader) -> frozenset[int]:
    """The person's accounts that exist for nothing but unpublished appointments the reader does not see."""
    hidden = hidden_requests(session, reader)
    return frozenset(session.scalars(select(Account.id).where(Account.person_id == person_id, only_by(hidden))))


def _suspensions(session: Session, grant_ids: list[int]) -> dict[int, list[SuspensionRow]]:
    """Grant id → every time it was held back, oldest first."""
    rows = session.execute(
        select(GrantSuspension.grant_id, GrantSuspension.reason, GrantSuspension.since, GrantSuspension.until)
        .where(GrantSuspension.grant_id.in_(grant_ids))
        .order_by(GrantSuspension.since, GrantSuspension.id)
    )
    times: dict[int, list[SuspensionRow]] = defaultdict(list)
    for grant_id, reason, since, until in rows:
        times[grant_id].append(SuspensionRow(reason, since, until))
    return times


def credentials_of_person(session: Session, person_id: int) -> list[CredentialRow]:
    """What happened to the credentials of the person's accounts, newest first."""
    rows = session.execute(
        select(CredentialEvent.at, CredentialEvent.kind, InformationSystem.name, Account.login_name)
        .join(Account, CredentialEvent.account_id == Account.id)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .where(Account.person_id == person_id)
        .order_by(CredentialEvent.at.desc(), CredentialEvent.id.desc())
    )
    return [CredentialRow(at, kind, system, login) for at, kind, system, login in rows]


def sign_in_of_person(session: Session, person_id: int, *, now: datetime) -> SignInRow:
    """Whether the person can sign in to the product, or holds a link to enrol that can still be used."""
    sign_in = sign_in_of(session, person_id)
    link = open_link(session, person_id, now=now)
    waits = link is not None and awaits_second_officer(session, link, now=now)
    return SignInRow(
        name=sign_in.name if sign_in else None,
        with_directory=sign_in is not None and sign_in.way is SignInWay.DIRECTORY,
        with_provider=sign_in is not None and sign_in.way is SignInWay.PROVIDER,
        linked=identity_of(session, person_id) is not None,
        has_second_factor=own_factors(session, person_id).some,
        last_signed_in_at=sign_in.last_signed_in_at if sign_in else None,
        invited_at=link.issued_at if link else None,
        invited_until=link.expires_at if link else None,
        invited_by_id=link.issued_by_id if link else None,
        invited_by=link.issued_by.name if link and link.issued_by else None,
        awaits_second_officer=waits,
    )
