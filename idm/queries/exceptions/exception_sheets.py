"""The register of exceptions for a page, paper or a list: what each is about, who said what, what falls due (FK 8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session, aliased

from idm.calendar_days import day_of
from idm.errors import NotFound
from idm.models.exceptions import ExceptionCheck, RegisteredException
from idm.models.people import Person
from idm.models.requests import PolicyException, Request
from idm.models.systems import Account, InformationSystem
from idm.oversight.exception_state import OPEN, check_due, may_renew, report_due
from idm.policy import Policy
from idm.publication import Reader
from idm.queries.exceptions.coverage import last_checks
from idm.queries.organisation.publication import known
from idm.queries.organisation.units import unit_names_on
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.vocabulary import EXCEPTION_SCOPE_TITLES, ExceptionScope, ExceptionState, FindingKind


@dataclass(frozen=True)
class CheckRow:
    """One regular check: who looked when, and what they found."""

    by: str
    at: datetime
    still_needed: bool
    comment: str


@dataclass(frozen=True)
class ExceptionRow:
    """One exception as people read it. `about`: what it is of, in words; `report_due`: of an unreported emergency."""

    id: int
    state: ExceptionState
    clause: str
    finding_kind: FindingKind | None
    scope: ExceptionScope
    about: str
    what: str
    reason: str
    compensating_control: str
    valid_from: date
    valid_until: date
    asked_by_id: int
    asked_by: str
    asked_at: datetime
    acted_at: datetime | None
    reported_at: datetime | None
    report: str | None
    report_due: datetime | None
    answered_by: str | None
    answered_at: datetime | None
    answer_note: str | None
    ended_by: str | None
    ended_at: datetime | None
    end_note: str | None
    renews_id: int | None
    renewed_by_id: int | None
    may_renew: bool
    last_check: CheckRow | None
    check_due: date | None


@dataclass(frozen=True)
class ApplicationException:
    """An exception that the CISO permitted for one application, to a rule of deciding (`permitted_exceptions`)."""

    request_id: int
    number: str
    rule: str
    beneficiary: str
    reason: str
    permitted_by: str
    permitted_at: datetime
    valid_until: date


def exception_page(
    session: Session, *, reader: Reader, policy: Policy, now: datetime, state: ExceptionState | None = None,
    asked: int = 1,
) -> Page[ExceptionRow]:  # fmt: skip
    """One page of the register, what is open first, then the newest."""
    conditions = [_seen(reader), *([RegisteredException.state == state] if state is not None else [])]
    total = session.scalar(_joined(select(func.count())).where(*conditions)) or 0
    number = nearest_page(asked, total)
    query = _rows_of(*conditions).limit(ROWS_A_PAGE).offset(offset_of(number))
    return Page(_as_rows(session, query, reader=reader, policy=policy, now=now), number, total)


def exception_rows(session: Session, *, reader: Reader, policy: Policy, now: datetime) -> tuple[ExceptionRow, ...]:
    """The whole register."""
    return _as_rows(session, _rows_of(_seen(reader)), reader=reader, policy=policy, now=now)


def exception_row(
    session: Session, exception_id: int, *, reader: Reader, policy: Policy, now: datetime
) -> ExceptionRow:
    """One of them. Raises NotFound."""
    query = _rows_of(_seen(reader), RegisteredException.id == exception_id)
    found = _as_rows(session, query, reader=reader, policy=policy, now=now)
    if not found:
        raise NotFound("例外措置が見つかりません。")
    return found[0]


def checks_of(session: Session, exception_id: int) -> list[CheckRow]:
    """Its regular checks, the newest first."""
    query = select(ExceptionCheck).where(ExceptionCheck.exception_id == exception_id).order_by(ExceptionCheck.id.desc())
    return [_check_row(session, one) for one in session.scalars(query)]


def application_exceptions(session: Session, *, reader: Reader) -> list[ApplicationException]:
    """What the CISO permitted for single applications, the newest first."""
    permitting = aliased(Person)
    rows = session.execute(
        select(PolicyException, Request.number, Person.name, permitting.name)
        .join(Request, PolicyException.request_id == Request.id)
        .join(Person, PolicyException.beneficiary_id == Person.id)
        .join(permitting, PolicyException.permitted_by_id == permitting.id)
        .where(or_(Request.published_on.is_(None), Request.published_on <= reader.day))
        .order_by(PolicyException.id.desc())
    )
    return [
        ApplicationException(
            one.request_id, number or "", one.rule, beneficiary, one.reason, by, one.permitted_at, one.valid_until
        )
        for one, number, beneficiary, by in rows
    ]


def systems_to_name(session: Session) -> list[tuple[int, str]]:
    """Every system: id and name."""
    query = select(InformationSystem.id, InformationSystem.name).order_by(InformationSystem.code)
    return [(key, name) for key, name in session.execute(query)]


def account_named(session: Session, system_id: int, login_name: str) -> int | None:
    """The ID of that name in the system."""
    return session.scalar(
        select(Account.id).where(Account.system_id == system_id, Account.login_name == login_name.strip())
    )


def _joined(query: Select[int]) -> Select[int]:
    return (
        query.select_from(RegisteredException)
        .outerjoin(Account, RegisteredException.account_id == Account.id)
        .outerjoin(Person, Person.id == func.coalesce(RegisteredException.person_id, Account.person_id))
    )


def _seen(reader: Reader) -> ColumnElement[bool]:
    """Whether the reader knows of the person that it is about, where it is about one."""
    return or_(Person.id.is_(None), known(reader))


def _rows_of(*conditions: ColumnElement[bool]) -> Select[RegisteredException]:
    closed = RegisteredException.state.not_in(OPEN)
    joined = (
        select(RegisteredException)
        .outerjoin(Account, RegisteredException.account_id == Account.id)
        .outerjoin(Person, Person.id == func.coalesce(RegisteredException.person_id, Account.person_id))
    )
    return joined.where(*conditions).order_by(closed, RegisteredException.id.desc())


def _as_rows(
    session: Session, query: Select[RegisteredException], *, reader: Reader, policy: Policy, now: datetime
) -> tuple[ExceptionRow, ...]:
    found = session.scalars(query).all()
    names, checks, renewals = _names(session, found), last_checks(session), _renewals(session)
    units = unit_names_on(session, reader.day)
    return tuple(
        ExceptionRow(
            id=one.id, state=one.state, clause=one.clause, finding_kind=one.finding_kind, scope=one.scope,
            about=_about(session, one, names, units), what=one.what, reason=one.reason,
            compensating_control=one.compensating_control, valid_from=one.valid_from, valid_until=one.valid_until,
            asked_by_id=one.asked_by_id, asked_by=names[one.asked_by_id], asked_at=one.asked_at,
            acted_at=one.acted_at, reported_at=one.reported_at, report=one.report,
            report_due=_report_due(one, policy), answered_by=names.get(one.answered_by_id or 0),
            answered_at=one.answered_at, answer_note=one.answer_note, ended_by=names.get(one.ended_by_id or 0),
            ended_at=one.ended_at, end_note=one.end_note, renews_id=one.renews_id,
            renewed_by_id=renewals.get(one.id),
            may_renew=one.id not in renewals
            and may_renew(one.state, one.valid_until, day_of(now), policy.exceptions),
            last_check=_check_row(session, checks[one.id]) if one.id in checks else None,
            check_due=_check_due(one, checks.get(one.id), policy),
        )
        for one in found
    )  # fmt: skip


def _names(session: Session, found: Sequence[RegisteredException]) -> dict[int, str]:
    people = {
        person_id for one in found
        for person_id in (one.asked_by_id, one.answered_by_id, one.ended_by_id, one.person_id)
        if person_id is not None
    }  # fmt: skip
    return dict(session.execute(select(Person.id, Person.name).where(Person.id.in_(people))).all())


def _renewals(session: Session) -> dict[int, int]:
    """Exception → the newest open one that goes on with it."""
    rows = session.execute(
        select(RegisteredException.renews_id, func.max(RegisteredException.id))
        .where(RegisteredException.renews_id.is_not(None), RegisteredException.state.in_(OPEN))
        .group_by(RegisteredException.renews_id)
    )
    return {before: renewal for before, renewal in rows if before is not None}


def _about(session: Session, one: RegisteredException, names: dict[int, str], units: dict[str, str]) -> str:
    system_id, told = one.system_id, EXCEPTION_SCOPE_TITLES[one.scope]
    if one.account_id is not None:
        account = session.get_one(Account, one.account_id)
        system_id, told = account.system_id, account.login_name
    elif one.person_id is not None:
        told = names[one.person_id]
    elif one.unit_code is not None:
        told = units.get(one.unit_code, one.unit_code)
    if system_id is None:
        return told
    name = session.get_one(InformationSystem, system_id).name
    return name if one.scope is ExceptionScope.SYSTEM else f"{name}：{told}"


def _report_due(one: RegisteredException, policy: Policy) -> datetime | None:
    waiting = one.acted_at is not None and one.reported_at is None and one.state is ExceptionState.ASKED
    return report_due(one.acted_at, policy.exceptions) if waiting and one.acted_at is not None else None


def _check_due(one: RegisteredException, last: ExceptionCheck | None, policy: Policy) -> date | None:
    if one.state is not ExceptionState.PERMITTED:
        return None
    permitted = day_of(one.answered_at or one.asked_at)
    return check_due(permitted, day_of(last.checked_at) if last is not None else None, policy.exceptions)


def _check_row(session: Session, one: ExceptionCheck) -> CheckRow:
    by = session.get_one(Person, one.checked_by_id).name
    return CheckRow(by, one.checked_at, one.still_needed, one.comment or "")
