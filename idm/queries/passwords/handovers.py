"""Hand-over of temporary passwords as the officer's pages list it; never anything sealed (control E3)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, Select, exists, func, select
from sqlalchemy.orm import Session, aliased

from idm.errors import NotFound
from idm.grant_state import GrantState
from idm.models.people import Person
from idm.models.requests import Grant, Request, RequestLine
from idm.models.systems import Account, Entitlement, Handover, InformationSystem
from idm.models.work import OutboxTask, TaskState
from idm.passwords.printed_notice import Notice
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.vocabulary import BY_HAND, AccountKind, EntitlementKind, HandoverWay, VerifiedBy, Zone


class Stage(StrEnum):
    """How far a hand-over has come."""

    PREPARING = "preparing"
    READY = "ready"
    SHOWN = "shown"
    RECEIVED = "received"
    CLOSED = "closed"


@dataclass(frozen=True)
class WaitingAccount:
    """An account that was created, is disabled, and waits for its first hand-over."""

    account_id: int
    system_name: str
    login_name: str
    person_id: int
    name: str
    kana: str
    valid_from: date
    request_id: int
    request_number: str | None


@dataclass(frozen=True)
class HandoverRow:
    """One hand-over. `error` is what the target said while it was being prepared, if it could not be."""

    id: int
    account_id: int
    system_name: str
    login_name: str
    subject_id: int
    subject: str
    subject_kana: str
    officer_id: int
    officer: str
    asked_at: datetime
    sealed_at: datetime | None
    shown_at: datetime | None
    received_at: datetime | None
    received_by: str | None
    way: HandoverWay
    change_by: datetime | None
    tells_time: bool
    """The target says when a password was set: whether this one was changed can be told."""
    changed_at: datetime | None
    overdue_at: datetime | None
    replaced_at: datetime | None
    stage: Stage
    error: str | None


def waiting_accounts(session: Session, *, asked: int = 1) -> Page[WaitingAccount]:
    """The accounts that wait for their first hand-over and for which none is under way, oldest right first."""
    query = _waiting()
    total = session.scalar(select(func.count()).select_from(query.with_only_columns(Account.id).subquery())) or 0
    number = nearest_page(asked, total)
    ordered = query.order_by(Grant.valid_from, Person.kana, Account.id)
    rows = session.execute(ordered.limit(ROWS_A_PAGE).offset(offset_of(number)))
    return Page(tuple(WaitingAccount(*row) for row in rows), number, total)


def _waiting() -> Select[int, str, str, int, str, str, date, int, str | None]:
    under_way = exists().where(
        Handover.account_id == Account.id, Handover.shown_at.is_(None), Handover.closed_at.is_(None)
    )
    # Where a card alone lets people in there is no password: the card is handed over, and has its own page.
    opened = func.coalesce(Account.seen_enabled, False)
    by = InformationSystem.verification["by"].as_string()
    by_card = (InformationSystem.zone == Zone.MYNUMBER) & (func.coalesce(by, "") == VerifiedBy.SMART_CARD.value)
    return (
        select(
            Account.id, InformationSystem.name, Account.login_name, Person.id, Person.name, Person.kana,
            Grant.valid_from, Request.id, Request.number,
        )
        .select_from(Account)
        .join(Person, Account.person_id == Person.id)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .join(Grant, Grant.account_id == Account.id)
        .join(Entitlement, Grant.entitlement_id == Entitlement.id)
        .join(RequestLine, Grant.line_id == RequestLine.id)
        .join(Request, RequestLine.request_id == Request.id)
        .where(
            Account.handed_over_at.is_(None), Account.seen_present.is_(True), ~opened,
            Grant.state == GrantState.IN_FORCE, Entitlement.kind == EntitlementKind.ACCOUNT, ~under_way,
            InformationSystem.connector != BY_HAND, ~by_card,
            Account.kind.not_in((AccountKind.PRIVILEGED, AccountKind.SHARED, AccountKind.SERVICE)),
        )
    )  # fmt: skip


def handovers_under_way(session: Session, officer_id: int) -> list[HandoverRow]:
    """The officer's hand-overs that are not finished: neither received nor given up, newest first."""
    query = _handovers().where(
        Handover.officer_id == officer_id, Handover.received_at.is_(None), Handover.closed_at.is_(None)
    )
    return [_row(row) for row in session.execute(query.order_by(Handover.id.desc()))]


def handover_history(session: Session, *, asked: int = 1) -> Page[HandoverRow]:
    """Every hand-over by whomever, newest first: who asked, who was shown what when, and when it was received."""
    total = session.scalar(select(func.count()).select_from(Handover)) or 0
    number = nearest_page(asked, total)
    query = _handovers().order_by(Handover.id.desc()).limit(ROWS_A_PAGE).offset(offset_of(number))
    return Page(tuple(_row(row) for row in session.execute(query)), number, total)


def handover_row(session: Session, handover_id: int, officer_id: int) -> HandoverRow:
    """One hand-over of this officer. Raises NotFound, also when it is another officer's."""
    query = _handovers().where(Handover.id == handover_id, Handover.officer_id == officer_id)
    found = session.execute(query).one_or_none()
    if found is None:
        raise NotFound("この交付は見つかりません。")
    return _row(found)


def way_for(session: Session, account_id: int, *, inside: Collection[str]) -> HandoverWay:
    """How a temporary password of the account reaches its owner; in the zones `inside` it is printed there."""
    zone = session.scalar(
        select(InformationSystem.zone).join(Account, Account.system_id == InformationSystem.id)
        .where(Account.id == account_id)
    )  # fmt: skip
    return HandoverWay.ZONE_PRINTER if zone is not None and zone in inside else HandoverWay.SCREEN


def notice_of(session: Session, handover_id: int, *, issued_at: datetime, change_by: datetime) -> Notice:
    """All that stands on the notice of this hand-over but the password."""
    row = _row(session.execute(_handovers().where(Handover.id == handover_id)).one())
    return notice_from(row, issued_at=issued_at, change_by=change_by)


def notice_from(row: HandoverRow, *, issued_at: datetime, change_by: datetime) -> Notice:
    """The same, of one that is at hand."""
    return Notice(
        handover_id=row.id, system_name=row.system_name, login_name=row.login_name, name=row.subject,
        kana=row.subject_kana, officer=row.officer, issued_at=issued_at, change_by=change_by,
    )  # fmt: skip


def _handovers() -> Select[*tuple[Any, ...]]:
    subject, officer = aliased(Person), aliased(Person)
    return (
        select(
            Handover, InformationSystem.name.label("system"), Account.login_name, subject.name.label("subject"),
            subject.kana.label("kana"), officer.name.label("officer"), OutboxTask.state.label("task"),
            OutboxTask.last_error.label("error"),
        )
        .join(Account, Handover.account_id == Account.id)
        .join(InformationSystem, Handover.system_id == InformationSystem.id)
        .join(subject, Handover.subject_id == subject.id)
        .join(officer, Handover.officer_id == officer.id)
        .outerjoin(
            OutboxTask, (OutboxTask.account_id == Account.id) & (OutboxTask.generation == Account.generation)
        )
    )  # fmt: skip


def _row(row: Row[*tuple[Any, ...]]) -> HandoverRow:
    handover: Handover = row.Handover
    stage = _stage(handover)
    troubled = stage is Stage.PREPARING and row.task is not TaskState.DONE
    return HandoverRow(
        id=handover.id, account_id=handover.account_id, system_name=row.system, login_name=row.login_name,
        subject_id=handover.subject_id, subject=row.subject, subject_kana=row.kana, officer_id=handover.officer_id,
        officer=row.officer, asked_at=handover.asked_at, sealed_at=handover.sealed_at, shown_at=handover.shown_at,
        received_at=handover.received_at, received_by=handover.received_by, way=handover.way,
        change_by=handover.change_by, tells_time=handover.set_time is not None, changed_at=handover.changed_at,
        overdue_at=handover.overdue_at,
        replaced_at=handover.replaced_at, stage=stage, error=row.error if troubled else None,
    )  # fmt: skip


def _stage(handover: Handover) -> Stage:
    if handover.received_at is not None:
        return Stage.RECEIVED
    if handover.shown_at is not None:
        return Stage.SHOWN
    if handover.closed_at is not None:
        return Stage.CLOSED
    return Stage.PREPARING if handover.sealed is None else Stage.READY
