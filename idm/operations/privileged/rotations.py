"""Changing a kept password: asked, sealed, set, proven, confirmed; each step is committed before the next (D4).

`idm.passwords.rotation_rules` says when, and what a proof is. Nothing here sees a password: what comes in is sealed,
and only a worker can open it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, or_, select, update
from sqlalchemy.orm import Session, joinedload

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.database import in_chunks
from idm.errors import NotFound, NotPermitted, SeparationOfDuties
from idm.models.privileged import PrivilegedUse, Rotation, VaultSecret
from idm.models.systems import Account, CredentialEvent, InformationSystem
from idm.operations.information_systems.system_scope import require_for_system
from idm.operations.notification.notices import notify
from idm.operations.outbox import wait_before
from idm.operations.privileged.vault_keys import require_in_use
from idm.passwords.rotation_rules import OVER, goes_before
from idm.permissions import Action
from idm.policy import Policy
from idm.queries.organisation.officers import contracted, holders, humans
from idm.queries.privileged.kept import kept_accounts
from idm.queries.privileged.rotations import due_by_clock, waits_for_its_user
from idm.step_up import require_fresh_factor
from idm.vocabulary import (
    CredentialEventKind,
    Role,
    RotationReason,
    RotationState,
    Stage,
    UseState,
    VerifiedHow,
    Zone,
)

LEASE = timedelta(minutes=10)
SAFE_LEFT = timedelta(minutes=5)
"""With less than this left of its lease, a worker begins nothing more: another one may be at it soon."""
SOON = timedelta(minutes=1)
"""How long the change of a password that somebody still knows waits for its next try at the most."""
BY_A_PERSON = frozenset({RotationReason.BY_HAND, RotationReason.SUSPECTED})


@dataclass(frozen=True)
class NewValue:
    """A password as the vault keeps it: sealed, under which key."""

    sealed: bytes
    key_id: int


# --- asking ----------------------------------------------------------------------------------------------------------


def ask(
    session: Session,
    account_ids: Collection[int],
    reason: RotationReason,
    *,
    use_id: int | None = None,
    actor: Actor,
    policy: Policy,
    now: datetime,
) -> int:
    """Afterwards a worker will replace the passwords of those of these IDs that are in our keeping; returns how many.

    One that is asked for already is not doubled; it goes on with the more urgent reason, and at once.
    """
    kept = kept_accounts(session, account_ids)
    standing = _open_ones(session, kept)
    for account_id in sorted(kept):
        rotation = standing.get(account_id)
        if rotation is None:
            _begin(session, account_id, reason, use_id=use_id, actor=actor, policy=policy, now=now)
        else:
            _hurry(session, rotation, reason, use_id=use_id, actor=actor, policy=policy, now=now)
    session.flush()
    return len(kept)


def ask_by_hand(
    session: Session, account_id: int, *, suspected: bool = False, actor: Actor, policy: Policy, now: datetime
) -> None:
    """Afterwards a worker will replace this ID's password: at once where it may have leaked, whoever works with it.

    Raises NotFound, NotPermitted, SeparationOfDuties (SOD-7: no contractor changes one, FK 6-2(3)④), FreshFactorNeeded.
    """
    account = session.get(Account, account_id)
    if account is None or not kept_accounts(session, [account_id]):
        raise NotFound("パスワードを預かっているIDが見つかりません。")
    if actor.person_id is None:
        raise NotPermitted("預かっているパスワードの変更は、名前のある人だけが求められます。")
    day = day_of(now)
    require_for_system(session, account.system, Action.ROTATE_KEPT, person_id=actor.person_id, day=day)
    if contracted(session, humans(session, [actor.person_id])[actor.person_id].rows, day):
        raise SeparationOfDuties("委託事業者は、特権IDのパスワードを変更できません。（SOD-7）", code="SOD-7")
    require_fresh_factor(actor, policy=policy, now=now)
    reason = RotationReason.SUSPECTED if suspected else RotationReason.BY_HAND
    ask(session, [account_id], reason, actor=actor, policy=policy, now=now)


def _begin(
    session: Session, account_id: int, reason: RotationReason, *, use_id: int | None, actor: Actor, policy: Policy,
    now: datetime,
) -> None:  # fmt: skip
    account = session.get_one(Account, account_id)
    rotation = Rotation(
        account_id=account_id, system_id=account.system_id, reason=reason, asked_at=now, use_id=use_id,
        asked_by_id=actor.person_id if reason in BY_A_PERSON else None, state=RotationState.ASKED, due_at=now,
        attempts=0, account=account,
    )  # fmt: skip
    session.add(rotation)
    session.flush()
    _record(session, "rotation.asked", rotation, actor=actor, policy=policy, now=now)


def _hurry(
    session: Session, rotation: Rotation, reason: RotationReason, *, use_id: int | None, actor: Actor, policy: Policy,
    now: datetime,
) -> None:  # fmt: skip
    """A value on its way is one that nobody has seen: it serves the newer reason as well."""
    rotation.due_at = min(rotation.due_at, now)
    rotation.use_id = rotation.use_id or use_id
    if not goes_before(reason, rotation.reason):
        return
    rotation.reason = reason
    if reason in BY_A_PERSON:
        rotation.asked_by_id = actor.person_id
    _record(session, "rotation.asked", rotation, actor=actor, policy=policy, now=now)


def _open_ones(session: Session, account_ids: Collection[int]) -> dict[int, Rotation]:
    """Account → its rotation that is not over, ours until this transaction ends."""
    query = select(Rotation).where(Rotation.state.not_in(OVER)).with_for_update()
    chunks = in_chunks(sorted(account_ids))
    return {
        one.account_id: one for chunk in chunks for one in session.scalars(query.where(Rotation.account_id.in_(chunk)))
    }


# --- a worker's steps ------------------------------------------------------------------------------------------------


def systems_with_due(session: Session, zones: Sequence[Zone], *, now: datetime) -> list[int]:
    """The systems in these zones for which a rotation is due. Where a system is only observed, none is (A18)."""
    query = (
        select(Rotation.system_id)
        .join(InformationSystem, Rotation.system_id == InformationSystem.id)
        .where(_due(now), InformationSystem.zone.in_(zones), InformationSystem.stage != Stage.OBSERVE)
        .distinct()
    )
    return sorted(session.scalars(query))


def claim(
    session: Session, system_id: int, *, worker: str, limit: int, actor: Actor, policy: Policy, now: datetime
) -> list[Rotation]:  # fmt: skip
    """Up to `limit` due rotations of the system, this worker's for the time of a lease; with their accounts.

    That the directory may now be changed for them is on record, in one entry for all: without it nothing is begun.
    """
    due = session.scalars(
        select(Rotation)
        .where(Rotation.system_id == system_id, _due(now))
        .options(joinedload(Rotation.account))
        .order_by(Rotation.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Rotation)
    ).all()
    for rotation in due:
        rotation.claimed_by, rotation.claimed_until = worker, now + LEASE
        rotation.attempts += 1
    if due:
        audit.record(
            session, action="rotation.begun", actor=actor, obj=("system", system_id), now=now,
            policy_digest=policy.digest, payload={"accounts": sorted(rotation.account_id for rotation in due)},
        )  # fmt: skip
    return list(due)


def _due(now: datetime) -> ColumnElement[bool]:
    free = or_(Rotation.claimed_until.is_(None), Rotation.claimed_until <= now)
    return Rotation.state.not_in(OVER) & (Rotation.due_at <= now) & free & ~waits_for_its_user()


def mine(session: Session, rotation_ids: Iterable[int], *, worker: str) -> dict[int, Rotation]:
    """Those of these rotations that are still this worker's and not over, as they are now, until this transaction ends.

    Of the others nothing is recorded: whoever has them now knows more. Their accounts are locked first, as every step
    of a use does, so that nothing waits for another in a circle.
    """
    ids = list(rotation_ids)
    accounts = select(Account.id).where(Account.id.in_(select(Rotation.account_id).where(Rotation.id.in_(ids))))
    session.execute(accounts.order_by(Account.id).with_for_update(key_share=True)).all()
    rows = session.scalars(
        select(Rotation)
        .where(Rotation.id.in_(ids), Rotation.claimed_by == worker, Rotation.state.not_in(OVER))
        .options(joinedload(Rotation.account))
        .with_for_update(of=Rotation)
        .execution_options(populate_existing=True)
    )
    return {one.id: one for one in rows}


def put_on_its_way(
    session: Session, rotation: Rotation, value: NewValue, *, changed_before: datetime | None, now: datetime
) -> None:
    """Afterwards the value is in our books, and the directory may be told of it.

    `changed_before`: when the directory says that the password was last changed. Raises IllegalTransition for a key
    that was retired meanwhile.
    """
    require_in_use(session, value.key_id)
    rotation.state, rotation.sealed, rotation.key_id = RotationState.SEALED, value.sealed, value.key_id
    rotation.sealed_at, rotation.changed_before = now, changed_before


def mark_set(rotation: Rotation, *, now: datetime) -> None:
    """Afterwards our books say that the directory has answered that it took the value."""
    rotation.state, rotation.set_at = RotationState.SET, now


def confirm(
    session: Session,
    rotation: Rotation,
    value: NewValue,
    how: VerifiedHow,
    *,
    warning: str | None = None,
    actor: Actor,
    policy: Policy,
    now: datetime,
) -> None:  # fmt: skip
    """Afterwards the value is the one we keep, nobody has seen it, and the one before it is gone.

    What was sealed of the one before for a check-out that nobody looked at yet is emptied; it is prepared anew.
    `warning`: what is still not as it should be, for the log.
    """
    require_in_use(session, value.key_id)
    secret = session.get(VaultSecret, rotation.account_id, with_for_update=True, populate_existing=True)
    if secret is None:
        secret = VaultSecret(account_id=rotation.account_id)
        session.add(secret)
    secret.sealed, secret.key_id = value.sealed, value.key_id
    secret.confirmed_at, secret.verified_how, secret.known_since = now, how, None
    rotation.state, rotation.sealed, rotation.key_id = RotationState.CONFIRMED, None, None
    rotation.confirmed_at, rotation.verified_how = now, how
    rotation.claimed_until, rotation.last_error = None, warning
    session.execute(
        update(PrivilegedUse)
        .where(PrivilegedUse.account_id == rotation.account_id, PrivilegedUse.sealed.is_not(None))
        .values(sealed=None, sealed_at=None)
    )
    session.add(CredentialEvent(account_id=rotation.account_id, kind=CredentialEventKind.ROTATED, at=now))
    _record(session, "rotation.confirmed", rotation, actor=actor, policy=policy, now=now)
    session.flush()


def try_again(
    session: Session,
    rotation: Rotation,
    why: str,
    *,
    retry_after: float | None = None,
    give_value_up: bool = False,
    actor: Actor,
    policy: Policy,
    now: datetime,
) -> None:  # fmt: skip
    """Afterwards the rotation waits for its next try, longer from time to time; it is never given up.

    `give_value_up`: the directory has not got the value and never will; the next try makes another.
    """
    said_before = rotation.last_error
    rotation.last_error, rotation.claimed_until = why, None
    rotation.due_at = now + _wait(session, rotation, retry_after)
    if give_value_up:
        rotation.state, rotation.sealed, rotation.key_id = RotationState.ASKED, None, None
    if why != said_before or give_value_up:
        _record(session, "rotation.failed", rotation, actor=actor, policy=policy, now=now)


def _wait(session: Session, rotation: Rotation, retry_after: float | None) -> timedelta:
    """Never long while somebody knows the password whose use is over: it lets them in until it is changed."""
    wait = wait_before(rotation.attempts, retry_after)
    account_id = rotation.account_id
    known = exists().where(VaultSecret.account_id == account_id, VaultSecret.known_since.is_not(None))
    in_use = exists().where(PrivilegedUse.account_id == account_id, PrivilegedUse.state == UseState.OPEN)
    soon = session.scalar(select(known & ~in_use))
    return min(wait, max(SOON, timedelta(seconds=retry_after or 0))) if soon else wait


def tell(session: Session, rotation: Rotation, what: str, *, now: datetime) -> None:
    """Afterwards the managers of the system, and the chief, will read what a person must do about this ID."""
    system = session.get_one(InformationSystem, rotation.system_id)
    day = day_of(now)
    people = {*holders(session, Role.SYSTEM, system.manager_unit_code, day), *holders(session, Role.CHIEF, None, day)}
    notify(
        session, people, now=now, link=f"/vault/{rotation.account_id}", urgent=True,
        subject=f"【預かりパスワード】{system.name}：対応が必要です",
        body=f"「{system.name}」の「{rotation.account.login_name}」について。\n{what}",
    )  # fmt: skip


def follow_the_clock(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards every password is asked for that is to be taken into our keeping or has grown old, and no rotation is
    left that is for nothing: its ID is gone, or not in our keeping any more."""
    due = due_by_clock(session, policy=policy, now=now)
    ask(session, due.first, RotationReason.FIRST, actor=actor, policy=policy, now=now)
    ask(session, due.by_age, RotationReason.INTERVAL, actor=actor, policy=policy, now=now)
    for rotation in session.scalars(select(Rotation).where(Rotation.id.in_(due.gone)).with_for_update()):
        rotation.state, rotation.sealed, rotation.key_id = RotationState.CANCELLED, None, None
        rotation.claimed_until = None
        _record(session, "rotation.cancelled", rotation, actor=actor, policy=policy, now=now)


def _record(session: Session, action: str, rotation: Rotation, *, actor: Actor, policy: Policy, now: datetime) -> None:
    audit.record(
        session, action=action, actor=actor, obj=("rotation", str(rotation.id)), now=now, policy_digest=policy.digest,
        payload={
            "account": rotation.account_id, "login_name": rotation.account.login_name, "system": rotation.system_id,
            "reason": rotation.reason.value, "state": rotation.state.value, "use": rotation.use_id,
            "attempt": rotation.attempts, "verified": rotation.verified_how.value if rotation.verified_how else None,
            "error": rotation.last_error,
        },
    )  # fmt: skip
