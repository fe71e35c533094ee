"""The keys that passwords are sealed under, as our books know them: by fingerprint, never by content (FK 6-2(3)).

A key is in use until nothing is sealed under it and a person had it replaced; nothing is sealed under a retired one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.errors import IllegalTransition
from idm.models.privileged import Rotation, VaultKey, VaultSecret
from idm.policy import Policy
from idm.vocabulary import RotationState


@dataclass(frozen=True)
class SealedValue:
    """One sealed password of the vault: whose, or of which rotation, and under which key."""

    key_id: int
    sealed: bytes
    account_id: int
    account_uuid: bytes
    rotation_id: int | None = None
    """None = it is the confirmed one."""


def key_known_by(session: Session, fingerprint: str) -> VaultKey | None:
    """The key of that fingerprint, if anything was ever sealed under it here."""
    return session.scalars(select(VaultKey).where(VaultKey.fingerprint == fingerprint)).one_or_none()


def register_key(session: Session, fingerprint: str, *, actor: Actor, policy: Policy, now: datetime) -> VaultKey:
    """The key of that fingerprint, known from now on. Raises IllegalTransition for one that was retired."""
    key = key_known_by(session, fingerprint)
    if key is None:
        key = VaultKey(fingerprint=fingerprint, created_at=now)
        session.add(key)
        session.flush()
        _record(session, "vault.key_taken", key, actor=actor, policy=policy, now=now)
    if key.retired_at is not None:
        raise IllegalTransition(
            f"金庫の鍵 {fingerprint[:16]} は退役しています。新しい鍵を置き直してから、やり直してください。"
        )
    return key


def keys_in_use(session: Session) -> list[VaultKey]:
    """The keys under which anything is sealed."""
    used = select(VaultSecret.key_id).union(select(Rotation.key_id).where(Rotation.key_id.is_not(None)))
    return list(session.scalars(select(VaultKey).where(VaultKey.id.in_(used)).order_by(VaultKey.id)))


def keys_not_retired(session: Session) -> list[VaultKey]:
    """The keys that something may be sealed under."""
    return list(session.scalars(select(VaultKey).where(VaultKey.retired_at.is_(None)).order_by(VaultKey.id)))


def require_in_use(session: Session, key_id: int) -> None:
    """Afterwards the key is in use and stays so until this transaction ends. Raises IllegalTransition."""
    key = session.get_one(VaultKey, key_id, with_for_update={"read": True}, populate_existing=True)
    if key.retired_at is not None:
        raise IllegalTransition("金庫の鍵が替えられました。新しい鍵で封をし直します。")


def retire_key(session: Session, key_id: int, *, actor: Actor, policy: Policy, now: datetime) -> bool:
    """Whether the key is retired; it is not as long as anything is sealed under it."""
    key = session.get_one(VaultKey, key_id, with_for_update=True, populate_existing=True)
    if sealed_under(session, key_id):
        return False
    if key.retired_at is None:
        key.retired_at = now
        _record(session, "vault.key_retired", key, actor=actor, policy=policy, now=now)
    return True


def give_up_key(session: Session, key: VaultKey, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards nothing is left that only a lost key opens, and the key is retired; returns how many values that was.

    The IDs are asked for anew by the clock: nobody needs an old password to set a new one.
    """
    lost = sealed_under(session, key.id)
    session.execute(delete(VaultSecret).where(VaultSecret.key_id == key.id))
    session.execute(
        update(Rotation)
        .where(Rotation.key_id == key.id)
        .values(state=RotationState.ASKED, sealed=None, key_id=None, due_at=now, claimed_until=None)
        .execution_options(synchronize_session=False)
    )
    key.retired_at = now
    audit.record(
        session, action="vault.key_lost", actor=actor, obj=("vault_key", str(key.id)), now=now,
        policy_digest=policy.digest, payload={"fingerprint": key.fingerprint, "values": lost},
    )  # fmt: skip
    return lost


def sealed_under(session: Session, key_id: int) -> int:
    """How many values are sealed under the key."""
    return sum(
        session.scalar(select(func.count()).select_from(table).where(table.key_id == key_id)) or 0
        for table in (VaultSecret, Rotation)
    )


def reseal(session: Session, old: SealedValue, sealed: bytes, *, key_id: int) -> bool:
    """Whether the value is sealed anew, under another key: not where somebody else wrote a newer one meanwhile."""
    require_in_use(session, key_id)
    table, mine = _row_of(old)
    changed = session.execute(
        update(table)
        .where(mine, table.sealed == old.sealed)
        .values(sealed=sealed, key_id=key_id)
        .execution_options(synchronize_session=False)
    )
    return bool(changed.rowcount)  # type: ignore[attr-defined]


def _row_of(value: SealedValue) -> tuple[type[VaultSecret] | type[Rotation], ColumnElement[bool]]:
    if value.rotation_id is None:
        return VaultSecret, VaultSecret.account_id == value.account_id
    return Rotation, Rotation.id == value.rotation_id


def sealed_values(session: Session, *, not_under: int, limit: int | None) -> Sequence[SealedValue]:
    """Up to that many secrets, and rotations, that are sealed under another key than this one."""
    secrets = session.scalars(select(VaultSecret).where(VaultSecret.key_id != not_under).limit(limit)).all()
    found = [SealedValue(one.key_id, one.sealed, one.account_id, one.account.uuid.bytes) for one in secrets]
    waiting = session.scalars(
        select(Rotation).where(Rotation.key_id.is_not(None), Rotation.key_id != not_under).limit(limit)
    )
    for rotation in waiting:
        if rotation.sealed is not None and rotation.key_id is not None:
            found.append(
                SealedValue(
                    rotation.key_id, rotation.sealed, rotation.account_id, rotation.account.uuid.bytes, rotation.id
                )
            )
    return found


def _record(session: Session, action: str, key: VaultKey, *, actor: Actor, policy: Policy, now: datetime) -> None:
    audit.record(
        session, action=action, actor=actor, obj=("vault_key", str(key.id)), now=now, policy_digest=policy.digest,
        payload={"fingerprint": key.fingerprint},
    )  # fmt: skip
