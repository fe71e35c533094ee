"""One use of a privileged ID as its page shows it to whoever has to do with it; never anything sealed (control D6)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from idm.calendar_days import start_of
from idm.errors import NotFound
from idm.models.people import Person
from idm.models.privileged import PrivilegedUse, PrivilegedUseRight
from idm.models.requests import Grant
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.permissions import Action
from idm.privileged_use_state import LIVE, Window, is_wanted_at_once, window_of
from idm.queries.organisation.reach import systems_reached
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.vocabulary import AccountKind, UseEnd, UseState

WAITING_OR_LIVE = LIVE | {UseState.ASKED}
EARLIER_SHOWN = 10


@dataclass(frozen=True)
class UseSheet:
    """One use with the names of everybody who had to do with it. `rights`: what it activates, in words."""

    id: int
    account_id: int
    system_id: int
    system_name: str
    connector: str
    login_name: str
    kind: AccountKind
    person_id: int
    person: str
    kana: str
    named_by_id: int | None
    named_by: str | None
    state: UseState
    emergency: bool
    purpose: str
    ticket: str | None
    hours: int
    asked_at: datetime
    wanted_from: datetime
    approval_needed: bool
    approver_id: int | None
    approver: str | None
    acting_for: str | None
    decided_at: datetime | None
    decision_comment: str | None
    attendance_needed: bool
    attended_by_id: int | None
    attended_by: str | None
    attended_at: datetime | None
    by_deputyship: bool
    opens_at: datetime | None
    ends_at: datetime | None
    opened_at: datetime | None
    ended_at: datetime | None
    end_reason: UseEnd | None
    end_note: str | None
    closed_at: datetime | None
    password_wanted: bool
    password_ready: bool
    password_error: str | None
    """Why the password could not be prepared yet."""
    shown_at: datetime | None
    report_due_at: datetime | None
    report: str | None
    reported_at: datetime | None
    checked_by: str | None
    checked_at: datetime | None
    escalated_at: datetime | None
    rights: tuple[str, ...]

    @property
    def wanted_at_once(self) -> bool:
        """Whether it is to begin as soon as it is permitted."""
        return is_wanted_at_once(self)

    def window(self, now: datetime) -> Window:
        """When it is open; before that, what is left of its time."""
        return window_of(self, now=now)

    def remaining(self, now: datetime) -> timedelta | None:
        """How long it is still open; None while it is not."""
        if self.state is not UseState.OPEN or self.ends_at is None:
            return None
        return max(self.ends_at - now, timedelta())

    @property
    def password_to_come(self) -> bool:
        """Whether its password may still be seen: wanted, not seen yet, and the use not over."""
        possible = self.state in (UseState.APPROVED, UseState.OPEN)
        return self.password_wanted and self.shown_at is None and possible

    @property
    def report_missing(self) -> bool:
        """Whether it ended and nobody has told yet what was done."""
        return self.report_due_at is not None and self.reported_at is None

    def report_overdue(self, now: datetime) -> bool:
        """Whether the report is missing and its time is over."""
        return self.report_missing and self.report_due_at is not None and self.report_due_at <= now


@dataclass(frozen=True)
class UseFilter:
    """What the history is narrowed to; None and empty = not at all."""

    system_id: int | None = None
    account_id: int | None = None
    person_id: int | None = None
    state: UseState | None = None
    emergency: bool = False
    without_report: bool = False
    begins: date | None = None
    ends: date | None = None


def use_sheet(session: Session, use_id: int, *, reader_id: int, sees_all: bool) -> UseSheet:
    """One use, for whoever has to do with it, or for those who see all. Raises NotFound."""
    query = _sheets().where(PrivilegedUse.id == use_id)
    if not sees_all:
        query = query.where(_concerns(reader_id))
    found = _read(session, query)
    if not found:
        raise NotFound("この利用は見つかりません。")
    return found[0]


def _concerns(reader_id: int) -> Any:
    return or_(
        PrivilegedUse.person_id == reader_id, PrivilegedUse.named_by_id == reader_id,
        PrivilegedUse.attended_by_id == reader_id, PrivilegedUse.approver_id == reader_id,
    )  # fmt: skip


def sheets(session: Session, use_ids: Collection[int]) -> list[UseSheet]:
    """These uses, those that begin first on top."""
    return _read(session, _sheets().where(PrivilegedUse.id.in_(use_ids)).order_by(*_BY_BEGINNING))


def own_sheets(session: Session, person_id: int) -> list[UseSheet]:
    """What the person uses, asked for or has to report on: everything that is not finished, then the last ones."""
    mine = or_(PrivilegedUse.person_id == person_id, PrivilegedUse.named_by_id == person_id)
    unfinished = _sheets().where(mine, _unfinished()).order_by(*_BY_BEGINNING)
    over = _sheets().where(mine, ~_unfinished()).order_by(PrivilegedUse.id.desc()).limit(EARLIER_SHOWN)
    return _read(session, unfinished) + _read(session, over)


def _unfinished() -> Any:
    reportless = and_(PrivilegedUse.report_due_at.is_not(None), PrivilegedUse.reported_at.is_(None))
    return or_(PrivilegedUse.state.in_(WAITING_OR_LIVE), reportless)


def live_sheets(session: Session, system_ids: Collection[int]) -> list[UseSheet]:
    """The uses of these systems that are permitted, open or ending now."""
    query = _sheets().where(PrivilegedUse.state.in_(LIVE), PrivilegedUse.system_id.in_(system_ids))
    return _read(session, query.order_by(*_BY_BEGINNING))


def earlier_sheets(session: Session, sheet: UseSheet) -> list[UseSheet]:
    """What the same person used before, newest first: who decides looks at it."""
    query = _sheets().where(PrivilegedUse.person_id == sheet.person_id, PrivilegedUse.id != sheet.id)
    return _read(session, query.order_by(PrivilegedUse.id.desc()).limit(EARLIER_SHOWN))


def overlapping_sheets(session: Session, sheet: UseSheet, *, now: datetime) -> list[UseSheet]:
    """Other uses, asked for or live, whose time overlaps: of the same ID, or by the same person."""
    near = or_(PrivilegedUse.account_id == sheet.account_id, PrivilegedUse.person_id == sheet.person_id)
    query = _sheets().where(near, PrivilegedUse.id != sheet.id, PrivilegedUse.state.in_(WAITING_OR_LIVE))
    others = _read(session, query.order_by(*_BY_BEGINNING))
    return [other for other in others if other.window(now).overlaps(sheet.window(now))]


def history_page(session: Session, wanted: UseFilter, *, asked: int = 1) -> Page[UseSheet]:
    """The uses that the filter lets through, newest first."""
    conditions = _conditions(wanted)
    total = session.scalar(select(func.count()).select_from(PrivilegedUse).where(*conditions)) or 0
    number = nearest_page(asked, total)
    query = _sheets().where(*conditions).order_by(PrivilegedUse.id.desc())
    return Page(tuple(_read(session, query.limit(ROWS_A_PAGE).offset(offset_of(number)))), number, total)


def whole_history(session: Session, wanted: UseFilter) -> list[UseSheet]:
    """The same list without pages, to keep."""
    return _read(session, _sheets().where(*_conditions(wanted)).order_by(PrivilegedUse.id.desc()))


def stoppable_systems(session: Session, person_id: int, day: date) -> frozenset[int]:
    """The systems whose uses the person may stop."""
    return systems_reached(session, person_id, Action.STOP_USE, day)


def _conditions(wanted: UseFilter) -> list[Any]:
    moment = PrivilegedUse.wanted_from
    possible = (
        (wanted.system_id, PrivilegedUse.system_id == wanted.system_id),
        (wanted.account_id, PrivilegedUse.account_id == wanted.account_id),
        (wanted.person_id, PrivilegedUse.person_id == wanted.person_id),
        (wanted.state, PrivilegedUse.state == wanted.state),
        (wanted.emergency, PrivilegedUse.emergency),
        (wanted.without_report,
         and_(PrivilegedUse.report_due_at.is_not(None), PrivilegedUse.reported_at.is_(None))),
    )  # fmt: skip
    found = [condition for given, condition in possible if given]
    if wanted.begins is not None:
        found.append(moment >= start_of(wanted.begins))
    if wanted.ends is not None:
        found.append(moment < start_of(wanted.ends + timedelta(days=1)))
    return found


_BY_BEGINNING = (PrivilegedUse.emergency.desc(), PrivilegedUse.wanted_from, PrivilegedUse.id)


@cache
def _sheets() -> Select[*tuple[Any, ...]]:
    person, named, approver, principal, attending, checker = (aliased(Person) for _ in range(6))
    return (
        select(
            PrivilegedUse, InformationSystem.name.label("system"), InformationSystem.connector, Account.login_name,
            Account.kind,
            person.name.label("person"), person.kana.label("kana"), named.name.label("named"),
            approver.name.label("approver"), principal.name.label("principal"), attending.name.label("attending"),
            checker.name.label("checker"),
        )
        .join(Account, PrivilegedUse.account_id == Account.id)
        .join(InformationSystem, PrivilegedUse.system_id == InformationSystem.id)
        .join(person, PrivilegedUse.person_id == person.id)
        .outerjoin(named, PrivilegedUse.named_by_id == named.id)
        .outerjoin(approver, PrivilegedUse.approver_id == approver.id)
        .outerjoin(principal, PrivilegedUse.acting_for_id == principal.id)
        .outerjoin(attending, PrivilegedUse.attended_by_id == attending.id)
        .outerjoin(checker, PrivilegedUse.checked_by_id == checker.id)
    )  # fmt: skip


def _read(session: Session, query: Select[*tuple[Any, ...]]) -> list[UseSheet]:
    rows = session.execute(query).all()
    rights = _rights(session, [row.PrivilegedUse.id for row in rows])
    return [_sheet(row, rights) for row in rows]


def _rights(session: Session, use_ids: Collection[int]) -> dict[int, tuple[str, ...]]:
    query = (
        select(PrivilegedUseRight.use_id, Entitlement.name)
        .join(Grant, PrivilegedUseRight.grant_id == Grant.id)
        .join(Entitlement, Grant.entitlement_id == Entitlement.id)
        .where(PrivilegedUseRight.use_id.in_(use_ids))
        .order_by(Entitlement.id)
    )
    found: dict[int, tuple[str, ...]] = {}
    for use_id, name in session.execute(query):
        found[use_id] = (*found.get(use_id, ()), name)
    return found


def _sheet(row: Row[*tuple[Any, ...]], rights: dict[int, tuple[str, ...]]) -> UseSheet:
    use: PrivilegedUse = row.PrivilegedUse
    return UseSheet(
        id=use.id, account_id=use.account_id, system_id=use.system_id, system_name=row.system,
        connector=row.connector, login_name=row.login_name, kind=row.kind, person_id=use.person_id, person=row.person,
        kana=row.kana, named_by_id=use.named_by_id, named_by=row.named, state=use.state, emergency=use.emergency,
        purpose=use.purpose, ticket=use.ticket, hours=use.hours, asked_at=use.asked_at, wanted_from=use.wanted_from,
        approval_needed=use.approval_needed, approver_id=use.approver_id, approver=row.approver,
        acting_for=row.principal, decided_at=use.decided_at, decision_comment=use.decision_comment,
        attendance_needed=use.attendance_needed, attended_by_id=use.attended_by_id, attended_by=row.attending,
        attended_at=use.attended_at, by_deputyship=use.deputyship_id is not None, opens_at=use.opens_at,
        ends_at=use.ends_at, opened_at=use.opened_at, ended_at=use.ended_at, end_reason=use.end_reason,
        end_note=use.end_note, closed_at=use.closed_at, password_wanted=use.public_key is not None,
        password_ready=use.sealed is not None, password_error=use.check_out_error, shown_at=use.shown_at,
        report_due_at=use.report_due_at, report=use.report, reported_at=use.reported_at, checked_by=row.checker,
        checked_at=use.checked_at, escalated_at=use.escalated_at, rights=rights.get(use.id, ()),
    )  # fmt: skip
