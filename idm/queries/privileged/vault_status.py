"""How the passwords in our keeping stand: last change, how it was proven, what is due, what is on its way (D4).

Never a value, sealed or not.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from idm.errors import NotFound
from idm.models.people import Person
from idm.models.privileged import PrivilegedUse, RegisteredId, Rotation, VaultKey, VaultSecret
from idm.models.systems import Account, InformationSystem
from idm.privileged_use_state import UNDER_WAY
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.queries.privileged.kept import kept_accounts
from idm.vocabulary import AccountKind, RotationReason, RotationState, VerifiedHow

OVER = (RotationState.CONFIRMED, RotationState.CANCELLED)


class Standing(StrEnum):
    """How the password of one ID stands, the most urgent first."""

    REFUSED = "refused"
    OVERDUE = "overdue"
    UNDER_WAY = "under_way"
    NOT_YET = "not_yet"
    IN_USE = "in_use"
    SEEN = "seen"
    KEPT = "kept"


STANDING_TITLES = {
    Standing.REFUSED: "変更できていません",
    Standing.OVERDUE: "変更の期限を過ぎています",
    Standing.UNDER_WAY: "変更中",
    Standing.NOT_YET: "預入れ待ち",
    Standing.IN_USE: "利用中",
    Standing.SEEN: "表示済み・未変更",
    Standing.KEPT: "預かり中",
}
URGENT = frozenset({Standing.REFUSED, Standing.OVERDUE})


@dataclass(frozen=True)
class OnItsWay:
    """A change that is not finished: what for, how far, and what the directory said."""

    rotation_id: int
    reason: RotationReason
    state: RotationState
    asked_at: datetime
    attempts: int
    error: str | None


@dataclass(frozen=True)
class KeptRow:
    """One ID whose password is in our keeping. `due_at` is when it is too old; None = it was never taken over yet."""

    account_id: int
    system_id: int
    system_name: str
    login_name: str
    kind: AccountKind
    whose: str | None
    whose_id: int | None
    confirmed_at: datetime | None
    verified_how: VerifiedHow | None
    known_since: datetime | None
    due_at: datetime | None
    on_its_way: OnItsWay | None
    used_by: str | None
    used_until: datetime | None
    standing: Standing


@dataclass(frozen=True)
class SystemStanding:
    """The kept passwords of one system, counted."""

    system_id: int
    system_name: str
    kept: int
    refused: int
    overdue: int
    under_way: int
    in_use: int
    oldest: datetime | None
    """When the oldest of them was last changed."""


@dataclass(frozen=True)
class RotationRow:
    """One change of a password as the log tells it. `asked_by` None = the product did by itself."""

    id: int
    reason: RotationReason
    state: RotationState
    asked_at: datetime
    asked_by: str | None
    sealed_at: datetime | None
    set_at: datetime | None
    confirmed_at: datetime | None
    verified_how: VerifiedHow | None
    attempts: int
    error: str | None
    use_id: int | None
    used_by: str | None


@dataclass(frozen=True)
class KeyRow:
    """A key that passwords are sealed under, by its fingerprint, and how many are."""

    fingerprint: str
    created_at: datetime
    retired_at: datetime | None
    secrets: int


def kept_rows(
    session: Session, *, rotation_days: int, now: datetime, account_ids: Collection[int] | None = None
) -> list[KeptRow]:
    """Every ID whose password we keep (or those of them that are named), by system and name."""
    kept = kept_accounts(session, account_ids)
    holder, owner, user = aliased(Person), aliased(Person), aliased(Person)
    query = (
        select(
            Account, InformationSystem.name.label("system"), holder.name.label("holder"), owner.name.label("owner"),
            owner.id.label("owner_id"), VaultSecret.confirmed_at, VaultSecret.verified_how, VaultSecret.known_since,
            Rotation, user.name.label("user"), PrivilegedUse.ends_at.label("until"),
        )
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .outerjoin(holder, Account.person_id == holder.id)
        .outerjoin(RegisteredId, (RegisteredId.account_id == Account.id) & RegisteredId.ended_at.is_(None))
        .outerjoin(owner, RegisteredId.owner_id == owner.id)
        .outerjoin(VaultSecret, VaultSecret.account_id == Account.id)
        .outerjoin(Rotation, (Rotation.account_id == Account.id) & Rotation.state.not_in(OVER))
        .outerjoin(PrivilegedUse, (PrivilegedUse.account_id == Account.id) & PrivilegedUse.state.in_(UNDER_WAY))
        .outerjoin(user, PrivilegedUse.person_id == user.id)
        .where(Account.id.in_(kept))
        .order_by(InformationSystem.name, Account.login_name)
    )  # fmt: skip
    return [_row(*found, rotation_days, now) for found in session.execute(query)]


def _row(
    account: Account, system: str, holder: str | None, owner: str | None, owner_id: int | None,
    confirmed_at: datetime | None, verified_how: VerifiedHow | None, known_since: datetime | None,
    rotation: Rotation | None, user: str | None, until: datetime | None, rotation_days: int, now: datetime,
) -> KeptRow:  # fmt: skip
    due_at = confirmed_at + timedelta(days=rotation_days) if confirmed_at is not None else None
    on_its_way = _on_its_way(rotation) if rotation is not None else None
    return KeptRow(
        account_id=account.id, system_id=account.system_id, system_name=system, login_name=account.login_name,
        kind=account.kind, whose=holder or owner, whose_id=account.person_id or owner_id, confirmed_at=confirmed_at,
        verified_how=verified_how, known_since=known_since, due_at=due_at, on_its_way=on_its_way, used_by=user,
        used_until=until,
        standing=standing_of(
            on_its_way, due_at=due_at, in_use=user is not None, seen=known_since is not None, now=now
        ),
    )  # fmt: skip


def _on_its_way(rotation: Rotation) -> OnItsWay:
    return OnItsWay(
        rotation.id, rotation.reason, rotation.state, rotation.asked_at, rotation.attempts, rotation.last_error
    )


def standing_of(
    on_its_way: OnItsWay | None, *, due_at: datetime | None, in_use: bool, seen: bool, now: datetime
) -> Standing:
    """How a password stands, by what matters most of it."""
    facts = (
        (on_its_way is not None and on_its_way.error is not None, Standing.REFUSED),
        (due_at is not None and due_at <= now, Standing.OVERDUE),
        (on_its_way is not None, Standing.UNDER_WAY),
        (due_at is None, Standing.NOT_YET),
        (in_use, Standing.IN_USE),
        (seen, Standing.SEEN),
    )
    return next((standing for holds, standing in facts if holds), Standing.KEPT)


def by_system(rows: Sequence[KeptRow]) -> list[SystemStanding]:
    """The rows counted, one line for each system."""
    grouped: dict[int, list[KeptRow]] = {}
    for row in rows:
        grouped.setdefault(row.system_id, []).append(row)
    return [_counted(of_system) for of_system in grouped.values()]


def _counted(rows: list[KeptRow]) -> SystemStanding:
    many = {standing: sum(row.standing is standing for row in rows) for standing in Standing}
    return SystemStanding(
        rows[0].system_id, rows[0].system_name, len(rows), many[Standing.REFUSED], many[Standing.OVERDUE],
        sum(row.on_its_way is not None for row in rows), sum(row.used_by is not None for row in rows),
        min((row.confirmed_at for row in rows if row.confirmed_at is not None), default=None),
    )  # fmt: skip


def kept_row(session: Session, account_id: int, *, rotation_days: int, now: datetime) -> KeptRow:
    """One ID whose password we keep. Raises NotFound."""
    found = kept_rows(session, rotation_days=rotation_days, now=now, account_ids=[account_id])
    if not found:
        raise NotFound("このIDのパスワードは預かっていません。")
    return found[0]


def rotation_log(session: Session, account_id: int, *, asked: int = 1) -> Page[RotationRow]:
    """Every change of the ID's password, newest first."""
    total = session.scalar(select(func.count()).select_from(Rotation).where(Rotation.account_id == account_id)) or 0
    number = nearest_page(asked, total)
    asker, user = aliased(Person), aliased(Person)
    query = (
        select(Rotation, asker.name.label("asker"), user.name.label("user"))
        .outerjoin(asker, Rotation.asked_by_id == asker.id)
        .outerjoin(PrivilegedUse, Rotation.use_id == PrivilegedUse.id)
        .outerjoin(user, PrivilegedUse.person_id == user.id)
        .where(Rotation.account_id == account_id)
        .order_by(Rotation.id.desc())
        .limit(ROWS_A_PAGE)
        .offset(offset_of(number))
    )
    rows = tuple(_logged(rotation, by, used_by) for rotation, by, used_by in session.execute(query))
    return Page(rows, number, total)


def _logged(rotation: Rotation, asked_by: str | None, used_by: str | None) -> RotationRow:
    return RotationRow(
        rotation.id, rotation.reason, rotation.state, rotation.asked_at, asked_by, rotation.sealed_at, rotation.set_at,
        rotation.confirmed_at, rotation.verified_how, rotation.attempts, rotation.last_error, rotation.use_id, used_by,
    )  # fmt: skip


def vault_keys(session: Session) -> list[KeyRow]:
    """The keys of the vault, newest first; what they are is nowhere."""
    sealed = select(func.count()).where(VaultSecret.key_id == VaultKey.id).scalar_subquery()
    query = select(VaultKey.fingerprint, VaultKey.created_at, VaultKey.retired_at, sealed)
    return [KeyRow(*row) for row in session.execute(query.order_by(VaultKey.id.desc()))]
