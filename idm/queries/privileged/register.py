"""The register of privileged IDs (特権ID登録簿): who holds which, why, until when, and how many (D1, D10)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from idm.calendar_days import day_of
from idm.directory.own_service_account import Named, ServiceAccount, is_own
from idm.errors import NotFound
from idm.grant_state import GrantState
from idm.models.privileged import HolderCount, PrivilegedUse, RegisteredId
from idm.models.requests import Grant, Request, RequestLine
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.policy import Policy
from idm.publication import Reader
from idm.queries.information_systems.own_service_accounts import own_service_accounts
from idm.queries.organisation.person_cards import PersonCard, person_cards
from idm.queries.privileged.caps import Cap, caps_of
from idm.queries.privileged.shared_ids import users_on
from idm.vocabulary import AccountKind, EntitlementKind, Zone

TREND_DAYS = 366
"""How far back the trend is shown: a year and a day, so that the same day of last year is in it."""


@dataclass(frozen=True)
class HeldPrivilege:
    """One right on a privileged ID, and the application behind it."""

    entitlement_id: int
    name: str
    kind: EntitlementKind
    state: GrantState
    valid_from: date
    valid_until: date | None
    reason: str
    request_id: int
    request_number: str


@dataclass(frozen=True)
class OwnId:
    """Somebody's own privileged ID with its rights. `unused`: so long that it is proposed for removal (D1)."""

    account_id: int
    system_id: int
    login_name: str
    person: PersonCard
    rights: tuple[HeldPrivilege, ...]
    last_used_at: datetime | None
    unused: bool

    @property
    def valid_until(self) -> date | None:
        """When the ID itself ends; None = it has no end."""
        ends = [right.valid_until for right in self.rights if right.kind is EntitlementKind.ACCOUNT]
        return ends[0] if ends else max((right.valid_until for right in self.rights if right.valid_until), default=None)


@dataclass(frozen=True)
class Registered:
    """An ID that is nobody's own: proposed, in the register, or no more. `own_service`: the product's own (D10)."""

    id: int
    system_id: int
    system_name: str
    account_id: int | None
    login_name: str
    kind: AccountKind
    purpose: str
    owner: PersonCard
    kept: bool
    protected: bool
    valid_until: date | None
    proposed_by: PersonCard
    proposed_at: datetime
    accepted_by: PersonCard | None
    accepted_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    last_used_at: datetime | None
    own_service: bool
    expired: bool
    unused: bool = False
    users: tuple[PersonCard, ...] = ()
    """Who is on the list of a shared ID (A13)."""

    @property
    def waiting(self) -> bool:
        """Whether it waits for somebody to accept it."""
        return self.accepted_at is None and self.ended_at is None

    @property
    def live(self) -> bool:
        """Whether it stands in the register."""
        return self.accepted_at is not None and self.ended_at is None


@dataclass(frozen=True)
class TrendPoint:
    """How many of a kind had a holder from a day on, and how many might have had."""

    day: date
    holders: int
    most: int | None


@dataclass(frozen=True)
class SystemRegister:
    """Everything the register has of one system. `own_service`: what we speak to it as, where no row names it."""

    system_id: int
    name: str
    zone: Zone
    caps: tuple[Cap, ...]
    own: tuple[OwnId, ...]
    registered: tuple[Registered, ...]
    waiting: tuple[Registered, ...]
    service_account: str | None

    @property
    def unused(self) -> int:
        """How many are proposed for removal."""
        return sum(one.unused for one in self.own) + sum(one.unused for one in self.registered)


def register(
    session: Session, *, policy: Policy, now: datetime, reader: Reader, system_id: int | None = None
) -> list[SystemRegister]:
    """The whole register, systems by name, or of one system. Raises NotFound for one that is not there."""
    query = select(InformationSystem).order_by(InformationSystem.name, InformationSystem.id)
    systems = session.scalars(query if system_id is None else query.where(InformationSystem.id == system_id)).all()
    if system_id is not None and not systems:
        raise NotFound("この情報システムは見つかりません。")
    ids, caps = [system.id for system in systems], caps_of(session)
    own = _own_ids(session, ids, policy=policy, now=now, reader=reader)
    registered = _registered(session, ids, policy=policy, now=now, reader=reader)
    return [
        SystemRegister(
            system.id, system.name, system.zone, tuple(caps[system.id].values()), tuple(own[system.id]),
            tuple(one for one in registered[system.id] if one.live),
            tuple(one for one in registered[system.id] if one.waiting), system.service_account,
        )
        for system in systems
    ]  # fmt: skip


def registered_row(
    session: Session, registered_id: int, *, policy: Policy, now: datetime, reader: Reader
) -> Registered:
    """One ID that is nobody's own, ended ones too. Raises NotFound."""
    found = session.get(RegisteredId, registered_id)
    if found is None:
        raise NotFound("この登録は見つかりません。")
    (row,) = _rows(session, [found], policy=policy, now=now, reader=reader)
    return row


def trend(session: Session, system_id: int, *, day: date) -> Mapping[AccountKind, tuple[TrendPoint, ...]]:
    """Kind → how its number of holders went over the last year: the first day, each day on which it changed, the last.

    A kind that nobody ever held, and that may be held without limit, is left out.
    """
    rows = session.scalars(
        select(HolderCount)
        .where(HolderCount.system_id == system_id, HolderCount.day > day - timedelta(days=TREND_DAYS))
        .order_by(HolderCount.day)
    )
    found: dict[AccountKind, list[TrendPoint]] = defaultdict(list)
    for row in rows:
        found[row.kind].append(TrendPoint(row.day, row.holders, row.most))
    return {
        kind: _changes(points)
        for kind, points in found.items()
        if any(point.holders or point.most is not None for point in points)
    }


def _changes(points: Sequence[TrendPoint]) -> tuple[TrendPoint, ...]:
    last = points[-1]
    changed = [
        point
        for before, point in zip([None, *points], points, strict=False)
        if before is None or (before.holders, before.most) != (point.holders, point.most)
    ]
    return (*changed, *([last] if changed[-1].day != last.day else []))


# --- people's own -----------------------------------------------------------------------------------------------------


def _own_ids(
    session: Session, system_ids: Collection[int], *, policy: Policy, now: datetime, reader: Reader
) -> dict[int, list[OwnId]]:
    rows = session.execute(
        select(Account, Grant, Entitlement, Request.id, Request.number, Request.reason)
        .join(Grant, Grant.account_id == Account.id)
        .join(Entitlement, Grant.entitlement_id == Entitlement.id)
        .join(RequestLine, Grant.line_id == RequestLine.id)
        .join(Request, RequestLine.request_id == Request.id)
        .where(
            Account.kind == AccountKind.PRIVILEGED, Account.person_id.is_not(None), Account.system_id.in_(system_ids),
            Grant.state != GrantState.ENDED,
        )
        .order_by(Account.login_name, Entitlement.kind, Entitlement.id, Grant.id)
    ).all()  # fmt: skip
    accounts = {account.id: account for account, *_ in rows}
    rights: dict[int, list[HeldPrivilege]] = defaultdict(list)
    for account, grant, right, request_id, number, reason in rows:
        rights[account.id].append(
            HeldPrivilege(
                right.id, right.name, right.kind, grant.state, grant.valid_from, grant.valid_until, reason, request_id,
                number or "",
            )
        )  # fmt: skip
    used = _last_uses(session, accounts)
    day = day_of(now)
    cards = person_cards(session, {one.person_id or 0 for one in accounts.values()}, day=day, reader=reader)
    found: dict[int, list[OwnId]] = defaultdict(list)
    for account in accounts.values():
        begun = min(right.valid_from for right in rights[account.id])
        found[account.system_id].append(
            OwnId(
                account.id, account.system_id, account.login_name, cards[account.person_id or 0],
                tuple(rights[account.id]), used.get(account.id), _is_unused(used.get(account.id), begun, policy, day),
            )
        )  # fmt: skip
    return found


def _last_uses(session: Session, account_ids: Collection[int]) -> dict[int, datetime]:
    """Account → when it was last opened for somebody's work, by our uses."""
    rows = session.execute(
        select(PrivilegedUse.account_id, func.max(PrivilegedUse.opened_at))
        .where(PrivilegedUse.account_id.in_(account_ids), PrivilegedUse.opened_at.is_not(None))
        .group_by(PrivilegedUse.account_id)
    )
    return {account_id: opened_at for account_id, opened_at in rows if opened_at is not None}


def _is_unused(last_used_at: datetime | None, since: date, policy: Policy, day: date) -> bool:
    """Whether it was not used for the profile's days, counted from when it could be."""
    last = max(day_of(last_used_at), since) if last_used_at is not None else since
    return (day - last).days >= policy.privileged.unused_days


# --- nobody's own -----------------------------------------------------------------------------------------------------


def _registered(
    session: Session, system_ids: Collection[int], *, policy: Policy, now: datetime, reader: Reader
) -> dict[int, list[Registered]]:
    query = (
        select(RegisteredId)
        .where(RegisteredId.system_id.in_(system_ids), RegisteredId.ended_at.is_(None))
        .options(joinedload(RegisteredId.found), joinedload(RegisteredId.system))
        .order_by(RegisteredId.kind, RegisteredId.id)
    )
    found: dict[int, list[Registered]] = defaultdict(list)
    for row in _rows(session, session.scalars(query).all(), policy=policy, now=now, reader=reader):
        found[row.system_id].append(row)
    return found


def _rows(
    session: Session, found: Sequence[RegisteredId], *, policy: Policy, now: datetime, reader: Reader
) -> list[Registered]:
    day = day_of(now)
    users = users_on(session, day, [one.account_id for one in found if one.account_id is not None], now=now)
    people = {person for one in found for person in (one.owner_id, one.proposed_by_id, one.accepted_by_id) if person}
    people = people.union(*users.values())
    cards = person_cards(session, people, day=day, reader=reader)
    used = _last_uses(session, [one.account_id for one in found if one.account_id is not None])
    services = own_service_accounts(session)
    rows = [_row(one, cards, used.get(one.account_id or 0), services, policy, day) for one in found]
    return [replace(row, users=_by_kana(users.get(row.account_id or 0, ()), cards)) for row in rows]


def _by_kana(people: Iterable[int], cards: Mapping[int, PersonCard]) -> tuple[PersonCard, ...]:
    return tuple(sorted((cards[person] for person in people), key=lambda card: (card.kana, card.person_id)))


def _row(
    one: RegisteredId, cards: Mapping[int, PersonCard], last_used_at: datetime | None,
    services: Sequence[ServiceAccount], policy: Policy, day: date,
) -> Registered:  # fmt: skip
    live = one.accepted_at is not None and one.ended_at is None
    # A service uses its password without asking us: what we do not see is not disuse.
    seen = one.kept and one.kind is not AccountKind.SERVICE
    return Registered(
        one.id, one.system_id, one.system.name, one.account_id, one.found.login_name, one.kind, one.purpose,
        cards[one.owner_id], one.kept, one.found.protected, one.valid_until, cards[one.proposed_by_id],
        one.proposed_at, cards.get(one.accepted_by_id or 0), one.accepted_at, one.ended_at, one.end_reason,
        last_used_at, is_own(Named(one.system.connector, one.found.external_id, one.found.login_name), services),
        live and one.valid_until is not None and one.valid_until <= day,
        live and seen and one.accepted_at is not None and _is_unused(
            last_used_at, day_of(one.accepted_at), policy, day
        ),
    )  # fmt: skip
