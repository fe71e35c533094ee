"""Standing approvals as pages show them: the list, one with its rights and uses, the mark on an application (A1)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Row, Select, and_, func, select
from sqlalchemy.orm import Session, aliased

from idm.calendar_days import day_of
from idm.errors import NotFound
from idm.models.people import Person
from idm.models.requests import Request, RequestLine
from idm.models.standing import StandingApproval, StandingRight, StandingUse
from idm.models.systems import Entitlement, InformationSystem
from idm.permissions import Action, may
from idm.policy import Policy
from idm.publication import Reader
from idm.queries.approval.bench import Bench
from idm.queries.approval.standing_facts import (
    SystemRight,
    approver_at,
    approvers,
    digest_of,
    open_seats,
    principal_at,
    represented_by,
    rights_of_system,
)
from idm.queries.organisation.publication import hidden_requests
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.routing import Seated
from idm.standing_rules import Seats, seats_of
from idm.vocabulary import RequestAction, Role, Zone


class StandingState(StrEnum):
    """How a standing approval stands on a day."""

    WAITING = "waiting"
    IN_FORCE = "in_force"
    LAPSING = "lapsing"
    REFUSED = "refused"
    ENDED = "ended"


STATE_TITLES = {
    StandingState.WAITING: "承認待ち",
    StandingState.IN_FORCE: "有効",
    StandingState.LAPSING: "まもなく失効",
    StandingState.REFUSED: "承認されずに終了",
    StandingState.ENDED: "終了",
}


@dataclass(frozen=True)
class StandingRow:
    """One standing approval in a list. `lapses_on`: on this day it no longer holds."""

    id: int
    system_name: str
    state: StandingState
    rule: str
    proposed_by: str
    proposed_at: datetime
    in_force_at: datetime | None
    lapses_on: date | None
    ended_at: datetime | None
    end_reason: str | None
    uses: int


@dataclass(frozen=True)
class SeatRow:
    """One of the two approvals: who gave it and when, or who may now. Nobody who may = held."""

    seat: Role
    approver: str | None
    acting_for: str | None
    approved_at: datetime | None
    seated: tuple[Seated, ...]


@dataclass(frozen=True)
class UseRow:
    """One use: its number, and the application it approved."""

    number: int
    request_id: int
    request_number: str
    action: RequestAction
    lines: int
    used_at: datetime


@dataclass(frozen=True)
class StandingSheet:
    """One standing approval as its page shows it. `shown_digest` is the hash of what is approved."""

    row: StandingRow
    reason: str
    proposer_id: int
    approver_ids: frozenset[int]
    rights: tuple[str, ...]
    not_covered: tuple[SystemRight, ...]
    seats: tuple[SeatRow, ...]
    uses: Page[UseRow]
    names: dict[int, str]
    shown_digest: str

    def may_approve(self, person_id: int) -> bool:
        """Whether this person is seated for an approval that is still open."""
        return any(seated.person_id == person_id for seat in self.seats for seated in seat.seated)


@dataclass(frozen=True)
class StandingMark:
    """What an application says in the place of steps: by which standing approval, and which use of it."""

    standing_id: int
    use: int
    rule: str
    approvals: tuple[tuple[str, datetime], ...]


def standing_rows(session: Session) -> list[StandingRow]:
    """Every standing approval ever proposed, the newest first."""
    return [_row(row) for row in session.execute(_rows().order_by(StandingApproval.id.desc()))]


def _rows() -> Select[StandingApproval, str, str]:
    return (
        select(StandingApproval, InformationSystem.name, Person.name)
        .join(InformationSystem, StandingApproval.system_id == InformationSystem.id)
        .join(Person, StandingApproval.proposed_by_id == Person.id)
    )


def _row(row: Row[StandingApproval, str, str]) -> StandingRow:
    standing, system_name, proposer = row
    return StandingRow(
        id=standing.id, system_name=system_name, state=_state(standing), rule=standing.rule, proposed_by=proposer,
        proposed_at=standing.proposed_at, in_force_at=standing.in_force_at, lapses_on=standing.lapses_on,
        ended_at=standing.ended_at, end_reason=standing.end_reason, uses=standing.uses,
    )  # fmt: skip


def _state(standing: StandingApproval) -> StandingState:
    if standing.ended_at is not None:
        return StandingState.REFUSED if standing.in_force_at is None else StandingState.ENDED
    if standing.in_force_at is None:
        return StandingState.WAITING
    return StandingState.IN_FORCE if standing.lapses_on is None else StandingState.LAPSING


def standing_sheet(
    session: Session, standing_id: int, *, policy: Policy, now: datetime, asked: int = 1, reader: Reader | None = None
) -> StandingSheet:
    """One standing approval with that page of its uses; who may approve is judged at `now`. Raises NotFound.

    A use for an application that `reader` (without one, everybody) does not see yet is not listed.
    """
    found = session.execute(_rows().where(StandingApproval.id == standing_id)).one_or_none()
    if found is None:
        raise NotFound("包括承認が見つかりません。")
    standing: StandingApproval = found[0]
    seats = _seat_rows(session, standing, seats_of(policy.applications.route), day_of(now))
    covered = {right.entitlement_id for right in standing.rights}
    return StandingSheet(
        row=_row(found),
        reason=standing.reason,
        proposer_id=standing.proposed_by_id,
        approver_ids=approvers(standing),
        rights=_right_names(session, standing_id),
        not_covered=tuple(
            right
            for right in rights_of_system(session, standing.system, now=now)
            if right.bar is not None and right.entitlement_id not in covered
        ),
        seats=seats,
        uses=_uses(session, standing_id, asked, hidden_requests(session, reader or Reader(day_of(now)))),
        names=_names(session, seats),
        shown_digest=digest_of(standing),
    )


def _right_names(session: Session, standing_id: int) -> tuple[str, ...]:
    query = select(Entitlement.name).join(StandingRight, StandingRight.entitlement_id == Entitlement.id)
    return tuple(session.scalars(query.where(StandingRight.standing_id == standing_id).order_by(Entitlement.id)))


def _seat_rows(session: Session, standing: StandingApproval, seats: Seats | None, day: date) -> tuple[SeatRow, ...]:
    """The two approvals; after it ended, or where the route has no two seats any more, nobody may give one."""
    seats_shown = seats or Seats(Role.CHIEF, Role.SYSTEM)
    waiting = standing.ended_at is None and standing.in_force_at is None and seats is not None
    may_now = open_seats(Bench.on(session, day), standing, seats_shown) if waiting else {}
    at = {seats_shown.chief: standing.chief_at, seats_shown.manager: standing.manager_at}
    names = _names_of(session, approvers(standing) | represented_by(standing))
    return tuple(
        SeatRow(
            seat=seat,
            approver=names.get(approver_at(standing, seat, seats_shown) or 0),
            acting_for=names.get(principal_at(standing, seat, seats_shown) or 0),
            approved_at=at[seat],
            seated=may_now.get(seat, ()),
        )
        for seat in (seats_shown.chief, seats_shown.manager)
    )


def _names(session: Session, seats: Iterable[SeatRow]) -> dict[int, str]:
    seated = [one for seat in seats for one in seat.seated]
    return _names_of(
        session, {one.person_id for one in seated} | {one.acting_for for one in seated if one.acting_for is not None}
    )


def _names_of(session: Session, person_ids: Iterable[int]) -> dict[int, str]:
    return dict(session.execute(select(Person.id, Person.name).where(Person.id.in_(set(person_ids)))).all())


def _uses(session: Session, standing_id: int, asked: int, hidden: frozenset[int]) -> Page[UseRow]:
    of_it = and_(StandingUse.standing_id == standing_id, StandingUse.request_id.not_in(hidden))
    total = session.scalar(select(func.count()).select_from(StandingUse).where(of_it)) or 0
    number = nearest_page(asked, total)
    lines = (
        select(func.count())
        .select_from(RequestLine)
        .where(RequestLine.request_id == Request.id)
        .correlate(Request)
        .scalar_subquery()
    )
    rows = session.execute(
        select(StandingUse, Request.number, Request.action, lines)
        .join(Request, StandingUse.request_id == Request.id)
        .where(of_it)
        .order_by(StandingUse.number.desc())
        .limit(ROWS_A_PAGE)
        .offset(offset_of(number))
    )
    found = tuple(
        UseRow(use.number, use.request_id, request_number or "", action, count, use.used_at)
        for use, request_number, action, count in rows
    )
    return Page(found, number, total)


def require_visible(sheet: StandingSheet, *, person_id: int, roles: frozenset[Role]) -> None:
    """Afterwards this person may see it: by their role, or as proposer, approver or seated. Raises NotFound."""
    own = person_id in {sheet.proposer_id, *sheet.approver_ids}
    if not (may(roles, Action.SEE_SYSTEMS) or own or sheet.may_approve(person_id)):
        raise NotFound("包括承認が見つかりません。")


def mark_of(session: Session, request_id: int) -> StandingMark | None:
    """The standing approval that approved the application, and which use of it that was; None = people decided."""
    chief, manager = aliased(Person), aliased(Person)
    row = session.execute(
        select(StandingApproval, StandingUse.number, chief.name, manager.name)
        .join(StandingUse, StandingUse.standing_id == StandingApproval.id)
        .join(chief, StandingApproval.chief_id == chief.id)
        .join(manager, StandingApproval.manager_id == manager.id)
        .where(StandingUse.request_id == request_id)
    ).one_or_none()
    if row is None:
        return None
    standing, number, chief_name, manager_name = row
    given = ((chief_name, standing.chief_at), (manager_name, standing.manager_at))
    return StandingMark(
        standing.id, number, standing.rule, tuple((name, moment) for name, moment in given if moment is not None)
    )


def proposable_systems(session: Session) -> list[tuple[int, str]]:
    """The systems, by name, for which a standing approval can be proposed now: not My Number, none open."""
    taken = select(StandingApproval.system_id).where(StandingApproval.ended_at.is_(None))
    rows = session.execute(
        select(InformationSystem.id, InformationSystem.name)
        .where(InformationSystem.zone != Zone.MYNUMBER, InformationSystem.id.not_in(taken))
        .order_by(InformationSystem.name)
    )
    return [(system_id, name) for system_id, name in rows]


def system_rights(session: Session, system_id: int, *, now: datetime) -> tuple[str, list[SystemRight]]:
    """The system's name and its rights, with why one cannot be covered. Raises NotFound."""
    system = session.get(InformationSystem, system_id)
    if system is None:
        raise NotFound("情報システムが見つかりません。")
    return system.name, rights_of_system(session, system, now=now)
