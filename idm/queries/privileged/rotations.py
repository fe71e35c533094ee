"""Which kept passwords are to be replaced by the clock, and which should have been (control D4)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from idm.models.privileged import PrivilegedUse, Rotation, VaultSecret
from idm.models.systems import Account, InformationSystem
from idm.passwords.rotation_rules import NEVER_WAITS, ON_ITS_WAY, OVER, SPREAD, due_by_age
from idm.policy import Policy
from idm.queries.privileged.kept import kept_accounts
from idm.vocabulary import RotationReason, RotationState, Stage, UseState

DONE_WITHIN = timedelta(hours=24)
"""What was asked for longer ago, and waits for nobody, is overdue."""


@dataclass(frozen=True)
class DueByClock:
    """Accounts whose password is taken into our keeping now; those that are too old; rotations that are for nothing."""

    first: frozenset[int]
    by_age: frozenset[int]
    gone: frozenset[int]

    def __bool__(self) -> bool:
        return bool(self.first or self.by_age or self.gone)


@dataclass(frozen=True)
class OverdueRotation:
    """A password that should have been replaced by now. `since`: from when on; `error`: what stands in the way."""

    account_id: int
    system_id: int
    login_name: str
    reason: RotationReason
    since: datetime
    error: str | None


def due_by_clock(session: Session, *, policy: Policy, now: datetime) -> DueByClock:
    """What the clock asks for at this moment, where nothing is under way yet."""
    days = policy.privileged.rotation_days
    candidates = session.execute(
        select(Account.id, Account.uuid, VaultSecret.confirmed_at)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .outerjoin(VaultSecret, VaultSecret.account_id == Account.id)
        .where(
            Account.id.in_(kept_accounts(session)), _is_there(), InformationSystem.stage != Stage.OBSERVE,
            ~exists().where(Rotation.account_id == Account.id, Rotation.state.not_in(OVER)),
            or_(VaultSecret.confirmed_at.is_(None), VaultSecret.confirmed_at <= now - _youngest(days)),
        )
    ).all()  # fmt: skip
    first = {account_id for account_id, _, confirmed_at in candidates if confirmed_at is None}
    by_age = {
        account_id
        for account_id, uuid, confirmed_at in candidates
        if confirmed_at is not None and due_by_age(confirmed_at, uuid.bytes, rotation_days=days) <= now
    }
    return DueByClock(frozenset(first), frozenset(by_age), _for_nothing(session))


def _is_there() -> ColumnElement[bool]:
    """On its target, as far as is known: a registered ID is read back by no run of ours."""
    seen = or_(Account.seen_present.is_(True), Account.person_id.is_(None) & Account.seen_present.is_not(False))
    return Account.external_id.is_not(None) & seen


def _youngest(rotation_days: int) -> timedelta:
    return timedelta(days=rotation_days) * (1 - 1 / SPREAD)


def _for_nothing(session: Session) -> frozenset[int]:
    """Rotations whose ID is gone, or is not in our keeping any more; one on its way is brought to its end."""
    rows = session.execute(
        select(Rotation.id, Rotation.account_id, Rotation.state, Account.seen_present)
        .join(Account, Rotation.account_id == Account.id)
        .where(Rotation.state.not_in(OVER))
    ).all()
    kept = kept_accounts(session, {account_id for _, account_id, _, _ in rows})
    return frozenset(
        rotation_id
        for rotation_id, account_id, state, present in rows
        if present is False or (account_id not in kept and state not in ON_ITS_WAY)
    )


def waits_for_its_user() -> ColumnElement[bool]:
    """Whether a rotation waits until whoever has the password, or is about to see it, gives it back.

    One on its way is brought to its end, and one that takes the password from somebody waits for nobody.
    """
    in_hand = exists().where(
        PrivilegedUse.account_id == Rotation.account_id, PrivilegedUse.state == UseState.OPEN,
        or_(PrivilegedUse.sealed.is_not(None), PrivilegedUse.shown_at.is_not(None)),
    )  # fmt: skip
    return (Rotation.state == RotationState.ASKED) & Rotation.reason.not_in(NEVER_WAITS) & in_hand


def overdue(session: Session, *, policy: Policy, now: datetime) -> list[OverdueRotation]:
    """Passwords that are older than the profile lets them be, and changes that were asked for and did not happen.

    One that waits for whoever works with it is not overdue for that, until it is too old.
    """
    days = timedelta(days=policy.privileged.rotation_days)
    rows = session.execute(
        select(Account, VaultSecret.confirmed_at, Rotation, waits_for_its_user())
        .outerjoin(VaultSecret, VaultSecret.account_id == Account.id)
        .outerjoin(Rotation, (Rotation.account_id == Account.id) & Rotation.state.not_in(OVER))
        .where(
            Account.id.in_(kept_accounts(session)), _is_there(),
            or_(VaultSecret.confirmed_at <= now - days, Rotation.asked_at <= now - DONE_WITHIN),
        )
        .order_by(Account.id)
    )  # fmt: skip
    found = []
    for account, confirmed_at, rotation, waits in rows:
        since = _since(confirmed_at, rotation, days, waits=bool(waits), now=now)
        if since is not None:
            reason = rotation.reason if rotation is not None else RotationReason.INTERVAL
            error = rotation.last_error if rotation is not None else None
            found.append(OverdueRotation(account.id, account.system_id, account.login_name, reason, since, error))
    return found


def _since(
    confirmed_at: datetime | None, rotation: Rotation | None, days: timedelta, *, waits: bool, now: datetime
) -> datetime | None:
    moments = [] if confirmed_at is None else [confirmed_at + days]
    if rotation is not None and not waits:
        moments.append(rotation.asked_at + DONE_WITHIN)
    return min((moment for moment in moments if moment <= now), default=None)
