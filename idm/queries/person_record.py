"""One person as the record shows them: employments, posts, rights with the application behind each, and credentials.

"What, since when, until when, by which application" in one reading (FK 6-2(1)①, control A9): ended rights stay in it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.calendar_days import holds
from idm.employment_kind import EmploymentKind
from idm.errors import NotFound
from idm.grant_state import GrantState, SuspensionReason
from idm.models.people import Assignment, Employment, OrganisationUnit, Person
from idm.models.requests import Grant, GrantSuspension, Request, RequestLine
from idm.models.sign_in import EnrolmentLink, SignIn
from idm.models.systems import Account, CredentialEvent, InformationSystem
from idm.queries.held_rights import HeldRight, rights_of_lines
from idm.vocabulary import CredentialEventKind


@dataclass(frozen=True)
class PostRow:
    """A post in a unit for a half-open period; the unit by its name of that time."""

    unit: str
    post: str
    primary: bool
    valid_from: date
    valid_until: date | None

    def holds_on(self, day: date) -> bool:
        """Whether the day is in the period."""
        return holds(self.valid_from, self.valid_until, day)


@dataclass(frozen=True)
class EmploymentRow:
    """One staff number with its posts, oldest first."""

    staff_number: str
    kind: EmploymentKind
    valid_from: date
    valid_until: date | None
    posts: tuple[PostRow, ...]

    def holds_on(self, day: date) -> bool:
        """Whether the day is in the period."""
        return holds(self.valid_from, self.valid_until, day)


@dataclass(frozen=True)
class PersonRecord:
    """Who somebody is."""

    id: int
    name: str
    kana: str
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
    """One grant, with why it is held back, and when and by which application it ended (or will end)."""

    right: HeldRight
    suspended_for: tuple[SuspensionReason, ...]
    ended_at: datetime | None
    ended_by: CitedRequest | None


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
    has_second_factor: bool
    last_signed_in_at: datetime | None
    invited_at: datetime | None
    invited_until: datetime | None


def person_record(session: Session, person_id: int) -> PersonRecord:
    """The person with every employment and post. Raises NotFound."""
    person = session.get(Person, person_id)
    if person is None:
        raise NotFound("この職員は見つかりません。")
    employments = session.scalars(
        select(Employment).where(Employment.person_id == person_id).order_by(Employment.valid_from, Employment.id)
    ).all()
    posts = _posts(session, [employment.id for employment in employments])
    rows = tuple(
        EmploymentRow(e.staff_number, e.kind, e.valid_from, e.valid_until, tuple(posts[e.id])) for e in employments
    )
    return PersonRecord(person.id, person.name, person.kana, person.mail, rows)


def _posts(session: Session, employment_ids: Iterable[int]) -> dict[int, list[PostRow]]:
    rows = session.execute(
        select(Assignment, OrganisationUnit.name)
        .join(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .where(Assignment.employment_id.in_(list(employment_ids)))
        .order_by(Assignment.valid_from, Assignment.primary.desc(), Assignment.id)
    )
    posts: dict[int, list[PostRow]] = defaultdict(list)
    for a, unit in rows:
        posts[a.employment_id].append(PostRow(unit, a.post, a.primary, a.valid_from, a.valid_until))
    return posts


def rights_of_person(session: Session, person_id: int) -> list[RightRow]:
    """Every grant the person has or had, by system and right; those that have ended come last."""
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
    for right in rights_of_lines(session, [row.Grant.line_id for row in ends.values()]):
        end = ends[right.grant_id]
        ended_by = CitedRequest(end.request_id, end.number or "") if end.request_id is not None else None
        rights.append(RightRow(right, tuple(suspended[right.grant_id]), end.Grant.ended_at, ended_by))
    return sorted(rights, key=lambda row: row.right.state is GrantState.ENDED)


def _suspensions(session: Session, grant_ids: list[int]) -> dict[int, list[SuspensionReason]]:
    """Grant id → the reasons why it is held back now."""
    rows = session.execute(
        select(GrantSuspension.grant_id, GrantSuspension.reason)
        .where(GrantSuspension.grant_id.in_(grant_ids), GrantSuspension.until.is_(None))
        .order_by(GrantSuspension.since)
    )
    reasons: dict[int, list[SuspensionReason]] = defaultdict(list)
    for grant_id, reason in rows:
        reasons[grant_id].append(reason)
    return reasons


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
    sign_in = session.scalars(select(SignIn).where(SignIn.person_id == person_id)).one_or_none()
    link = session.scalars(
        select(EnrolmentLink).where(
            EnrolmentLink.person_id == person_id,
            EnrolmentLink.used_at.is_(None),
            EnrolmentLink.replaced_at.is_(None),
            EnrolmentLink.expires_at > now,
        )
    ).one_or_none()
    return SignInRow(
        name=sign_in.name if sign_in else None,
        has_second_factor=sign_in is not None and sign_in.totp_secret is not None,
        last_signed_in_at=sign_in.last_signed_in_at if sign_in else None,
        invited_at=link.issued_at if link else None,
        invited_until=link.expires_at if link else None,
    )
