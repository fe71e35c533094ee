"""Unused IDs read: their cases, from when disuse of an ID counts, and the pages of them (controls C1, C3)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session, aliased, joinedload

from idm.calendar_days import day_of, start_of
from idm.database import in_chunks
from idm.grant_state import GrantState
from idm.models.dormancy import DormancyCase
from idm.models.people import Assignment, Employment, OrganisationUnit
from idm.models.periods import holding_on
from idm.models.requests import Grant, GrantSuspension
from idm.models.stops import AccountStop
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.policy import DormancyRules, DormancyTimes
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.vocabulary import DormancyStage, EntitlementKind


def given_up(session: Session, account_ids: Collection[int] | Select[int]) -> dict[int, date]:
    """Account → the day on which it was last given up for long disuse."""
    rows = session.execute(
        select(DormancyCase.account_id, func.max(DormancyCase.deleted_at))
        .where(DormancyCase.account_id.in_(account_ids), DormancyCase.stage == DormancyStage.DELETED)
        .group_by(DormancyCase.account_id)
    )
    return {account_id: day_of(at) for account_id, at in rows if at is not None}


def open_cases(session: Session, system_id: int) -> dict[int, DormancyCase]:
    """Account → its open case, of one system; locked, so that whoever opens an ID again and a night do not cross."""
    query = (
        select(DormancyCase).join(Account)
        .where(Account.system_id == system_id, DormancyCase.closed_at.is_(None))
        .order_by(DormancyCase.id).with_for_update(of=DormancyCase).execution_options(populate_existing=True)
    )  # fmt: skip
    return {case.account_id: case for case in session.scalars(query)}


def accounts_with_case(session: Session, system_id: int) -> set[int]:
    """The accounts of one system that have an open case."""
    query = select(DormancyCase.account_id).join(Account)
    return set(session.scalars(query.where(Account.system_id == system_id, DormancyCase.closed_at.is_(None))))


def usable_since(session: Session, account_ids: Collection[int]) -> dict[int, datetime]:
    """Account → when it last became usable: handed over, given again, opened after a stop, or its right resumed.

    Nobody can use what is stopped, so that time counts against nobody. A right that is renewed begins nothing anew.
    """
    since: dict[int, datetime] = {}
    before = aliased(Grant)
    goes_on = exists().where(before.account_id == Grant.account_id, before.ended_by_line_id == Grant.line_id)
    for some in in_chunks(account_ids):
        made = select(Account.id, func.coalesce(Account.handed_over_at, Account.created_at)).where(Account.id.in_(some))
        stopped = (
            select(AccountStop.account_id, func.max(AccountStop.until))
            .where(AccountStop.account_id.in_(some), AccountStop.until.is_not(None))
            .group_by(AccountStop.account_id)
        )
        suspended = (
            select(Grant.account_id, func.max(GrantSuspension.until))
            .join(Grant, GrantSuspension.grant_id == Grant.id)
            .where(Grant.account_id.in_(some), GrantSuspension.until.is_not(None))
            .group_by(Grant.account_id)
        )
        given = (
            select(Grant.account_id, func.min(Grant.valid_from))
            .join(Grant.entitlement)
            .where(Grant.account_id.in_(some), Grant.state == GrantState.IN_FORCE,
                   Entitlement.kind == EntitlementKind.ACCOUNT, ~goes_on)
            .group_by(Grant.account_id)
        )  # fmt: skip
        for query in (made, stopped, suspended):
            for account_id, at in session.execute(query):
                if at is not None:
                    since[account_id] = max(since.get(account_id, at), at)
        for account_id, day in session.execute(given):
            since[account_id] = max(since[account_id], start_of(day))
    return since


def main_units(session: Session, person_ids: Collection[int], day: date) -> dict[int, str]:
    """Person → the unit of their primary post on the day."""
    rows = session.execute(
        select(Employment.person_id, func.min(OrganisationUnit.code))
        .join(Assignment, Assignment.employment_id == Employment.id)
        .join(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .where(
            Employment.person_id.in_(person_ids), Assignment.primary.is_(True), holding_on(Assignment, day),
            holding_on(Employment, day),
        )
        .group_by(Employment.person_id)
    )  # fmt: skip
    return dict(rows.all())


def stopped_within(session: Session, system_id: int, since: datetime) -> int:
    """How many IDs of the system were stopped for disuse since then."""
    query = select(func.count()).select_from(DormancyCase).join(Account)
    return session.scalar(query.where(Account.system_id == system_id, DormancyCase.disabled_at > since)) or 0


def deleted_within(session: Session, system_id: int, since: datetime) -> int:
    """How many IDs of the system were deleted for disuse since then."""
    query = select(func.count()).select_from(DormancyCase).join(Account)
    return session.scalar(query.where(Account.system_id == system_id, DormancyCase.deleted_at > since)) or 0


def let_in_by_books(session: Session, account_ids: Collection[int]) -> set[int]:
    """Those of the accounts by which somebody may come in: a right in force, and no order that stops them.

    The books, not what was read last: a leave that began today is not in the directory yet.
    """
    found: set[int] = set()
    for some in in_chunks(account_ids):
        by_order = select(AccountStop.account_id).where(
            AccountStop.account_id.in_(some), AccountStop.stop_id.is_not(None), AccountStop.until.is_(None)
        )
        found |= set(session.scalars(
            select(Grant.account_id).where(
                Grant.account_id.in_(some), Grant.state == GrantState.IN_FORCE, Grant.account_id.not_in(by_order)
            )
        ))  # fmt: skip
    return found


def accounts_there(session: Session, system_id: int) -> int:
    """How many accounts of ours the system showed last."""
    return session.scalar(
        select(func.count()).select_from(Account).where(Account.system_id == system_id, Account.seen_present.is_(True))
    ) or 0  # fmt: skip


@dataclass(frozen=True)
class SystemTimes:
    """After how many days what happens to an unused ID of somebody's in a system; `own` = not as in the profile."""

    system_id: int
    name: str
    times: DormancyTimes
    own: bool


def times_by_system(session: Session, rules: DormancyRules) -> list[SystemTimes]:
    """The times that hold in every system, by its name."""
    rows = session.execute(
        select(InformationSystem.id, InformationSystem.name, InformationSystem.unused_times)
        .order_by(InformationSystem.name)
    )  # fmt: skip
    found = ((system_id, name, rules.in_system(own).times) for system_id, name, own in rows)
    return [SystemTimes(system_id, name, times, times != rules.times) for system_id, name, times in found]


@dataclass(frozen=True)
class UnusedFilter:
    """Which cases are wanted."""

    system_id: int | None = None
    stage: DormancyStage | None = None
    closed: bool = False


def cases_page(session: Session, wanted: UnusedFilter, *, asked: int | None) -> Page[DormancyCase]:
    """The cases, those whose next step comes first at the top; closed ones newest first."""
    query = select(DormancyCase).join(DormancyCase.account).where(
        DormancyCase.closed_at.is_not(None) if wanted.closed else DormancyCase.closed_at.is_(None)
    )  # fmt: skip
    if wanted.system_id is not None:
        query = query.where(Account.system_id == wanted.system_id)
    if wanted.stage is not None:
        query = query.where(DormancyCase.stage == wanted.stage)
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    number = nearest_page(asked or 1, total)
    order = (DormancyCase.closed_at.desc(),) if wanted.closed else (DormancyCase.disable_on,)
    whole = joinedload(DormancyCase.account)
    rows = session.scalars(
        query.options(whole.joinedload(Account.system), whole.joinedload(Account.person))
        .order_by(*order, DormancyCase.id).limit(ROWS_A_PAGE).offset(offset_of(number))
    )  # fmt: skip
    return Page(tuple(rows), number, total)


def own_cases(session: Session, person_id: int) -> list[DormancyCase]:
    """The open cases of somebody's own IDs, with their systems."""
    query = (
        select(DormancyCase).join(DormancyCase.account)
        .options(joinedload(DormancyCase.account).joinedload(Account.system))
        .where(Account.person_id == person_id, DormancyCase.closed_at.is_(None))
        .order_by(DormancyCase.id)
    )  # fmt: skip
    return list(session.scalars(query))
