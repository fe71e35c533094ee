"""Lists of user IDs: which there are, how one compares with the books, and the newest that counts (controls A9, C1)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from idm.calendar_days import day_of, start_of
from idm.errors import NotFound
from idm.lists.listing import Listed
from idm.lists.listing_comparison import Booked, Compared, Verdict, compare
from idm.lists.printed_list import name_key
from idm.models.people import Person
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.models.work_orders import OPEN_STATES, ListedAccount, Listing, WorkOrder, WorkOrderState
from idm.queries.rights.account_facts import account_facts
from idm.vocabulary import BY_HAND


@dataclass(frozen=True)
class ListedSystem:
    """One system without an interface, and the newest list of it that counts."""

    system_id: int
    name: str
    listed: bool
    """Whether the organisation file says what its list looks like."""
    newest: Listing | None


def listed_systems(session: Session, system_ids: Collection[int]) -> list[ListedSystem]:
    """Those of the systems that have no interface, by name."""
    systems = session.scalars(
        select(InformationSystem)
        .where(InformationSystem.id.in_(system_ids), InformationSystem.connector == BY_HAND)
        .order_by(InformationSystem.name)
    )
    return [
        ListedSystem(system.id, system.name, system.listing is not None, newest_listing(session, system.id))
        for system in systems
    ]


def newest_listing(session: Session, system_id: int) -> Listing | None:
    """The newest list of the system that was taken over."""
    return session.scalar(
        select(Listing)
        .where(Listing.system_id == system_id, Listing.taken_at.is_not(None))
        .order_by(Listing.as_of.desc(), Listing.id.desc())
        .limit(1)
    )


def find_listing(session: Session, listing_id: int, *, lock: bool = False) -> Listing:
    """The list with its lines; with `lock`, as it is now, and until this transaction ends. Raises NotFound."""
    query = select(Listing).where(Listing.id == listing_id)
    query = query.options(selectinload(Listing.accounts), joinedload(Listing.system))
    if lock:
        query = query.with_for_update(of=Listing).execution_options(populate_existing=True)
    found = session.scalar(query)
    if found is None:
        raise NotFound("この一覧は見つかりません。取り消されたか、新しい一覧に置き換わっています。")
    return found


def moment_of(listing: Listing) -> datetime:
    """The moment the list speaks of: the end of its day, or its upload where that came first."""
    return min(start_of(listing.as_of + timedelta(days=1)), listing.uploaded_at)


def as_listed(row: ListedAccount) -> Listed:
    """A stored line as it was read."""
    groups = frozenset(row.groups) if row.groups is not None else None
    return Listed(row.line, row.login_name, row.display_name, row.employee_number, row.enabled, row.last_used, groups)


def comparison(session: Session, listing: Listing, *, now: datetime) -> tuple[Compared, ...]:
    """The list beside the books of this moment, line by line."""
    rights = {
        name: title
        for name, title in session.execute(
            select(Entitlement.target_name, Entitlement.name).where(Entitlement.system_id == listing.system_id)
        )
        if name is not None
    }
    return compare((as_listed(row) for row in listing.accounts), _booked(session, listing, now), rights)


def counts_of(compared: Collection[Compared]) -> dict[Verdict, int]:
    """How many lines of each verdict."""
    return {verdict: sum(one.verdict is verdict for one in compared) for verdict in Verdict}


def _booked(session: Session, listing: Listing, now: datetime) -> list[Booked]:
    accounts = session.execute(
        select(Account, Person.name, Person.work_name)
        .outerjoin(Person, Account.person_id == Person.id)
        .where(Account.system_id == listing.system_id)
        .order_by(Account.login_name)
    ).all()
    facts = account_facts(session, [account.id for account, *_ in accounts], now=now)
    in_hand = accounts_in_hand(session, listing)
    return [
        Booked(
            account.id, account.login_name, work_name or name, facts[account.id].attributes.employee_number,
            bool(account.seen_present), bool(account.seen_enabled), frozenset(account.seen_groups or ()),
            in_hand=account.id in in_hand,
        )
        for account, name, work_name in accounts
    ]  # fmt: skip


def accounts_in_hand(session: Session, listing: Listing) -> frozenset[int]:
    """Accounts of which the list cannot speak: work is open, or was done on its day or after and then confirmed."""
    since = start_of(listing.as_of)
    rows = session.scalars(
        select(WorkOrder.account_id).where(
            WorkOrder.system_id == listing.system_id,
            WorkOrder.state.in_(OPEN_STATES)
            | and_(WorkOrder.state == WorkOrderState.CONFIRMED, WorkOrder.done_at >= since),
        )
    )
    return frozenset(rows)


@dataclass(frozen=True)
class Missing:
    """Of the `of` accounts that our books have and the list can speak of: those it lacks, and whose they are."""

    accounts: int
    people: int
    of: int


def spoken_of(session: Session, listing: Listing, *, lock: bool = False) -> list[tuple[Account, ListedAccount | None]]:
    """Every account the list can speak of, with its line (None: it is not there); with `lock`, until the end.

    It does not speak of accounts that are in hand or were read later than it was made.
    """
    query = select(Account).where(Account.system_id == listing.system_id).order_by(Account.id)
    if lock:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    moment, in_hand = moment_of(listing), accounts_in_hand(session, listing)
    lines = {row.login_key: row for row in listing.accounts}
    found = [(account, lines.get(name_key(account.login_name))) for account in session.scalars(query)]
    return [
        (account, row)
        for account, row in found
        if account.id not in in_hand
        and not (account.seen_at is not None and account.seen_at > moment)
        and (row is not None or account.seen_present)
    ]


def missing_of(spoken: Iterable[tuple[Account, ListedAccount | None]]) -> Missing:
    """How many of the accounts that our books have are not on the list."""
    ours = [(account, row) for account, row in spoken if account.seen_present]
    gone = [account for account, row in ours if row is None]
    people = {account.person_id for account in gone if account.person_id is not None}
    return Missing(accounts=len(gone), people=len(people), of=len(ours))


def age_in_days(listing: Listing, now: datetime) -> int:
    """How many days ago the list was made."""
    return (day_of(now) - listing.as_of).days


def listings_of(session: Session, system_ids: Collection[int], *, most: int = 50) -> list[Listing]:
    """The lists of the systems that were taken over, newest first."""
    query = select(Listing).where(Listing.system_id.in_(system_ids), Listing.taken_at.is_not(None))
    ordered = query.options(joinedload(Listing.system)).order_by(Listing.taken_at.desc(), Listing.id.desc())
    return list(session.scalars(ordered.limit(most)))


def taken_before(session: Session, system_id: int, as_of: date, sha256: str) -> bool:
    """Whether exactly this file was taken over for that day."""
    query = select(func.count()).select_from(Listing).where(
        Listing.system_id == system_id, Listing.as_of == as_of, Listing.sha256 == sha256, Listing.taken_at.is_not(None)
    )  # fmt: skip
    return bool(session.scalar(query))
