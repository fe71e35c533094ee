"""Check-out of a kept password (control D3): a worker seals it to the browser of one open use; it is shown once.

Whoever has the database reads none: the vault's key is the worker's, the browser's key is in the browser. What was not
looked at when the use ends is emptied unread.

A row that says "open" is not enough: before a password is opened, sealed or shown, it is asked again on what the use
rests, who permitted it, and whether the record says that it began. Whoever can write rows alone gets none without
leaving a trace in that record.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, or_, select, update
from sqlalchemy.orm import Session, joinedload

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, NotFound
from idm.keys.sealing import unseal
from idm.models.audit import AuditOutcome, AuditRecord
from idm.models.privileged import PrivilegedUse, Rotation, VaultSecret
from idm.models.systems import Account, CredentialEvent, InformationSystem
from idm.operations.outbox import FIRST_WAIT_SECONDS
from idm.operations.passwords.handovers import Shown
from idm.operations.privileged.use_steps import locked_use
from idm.passwords.rotation_rules import ON_ITS_WAY
from idm.policy import Policy
from idm.queries.privileged.eligibility import basis_of_use, is_contractor
from idm.queries.privileged.kept import kept_accounts
from idm.step_up import require_fresh_factor
from idm.vocabulary import CredentialEventKind, Stage, UseState, Zone

PAUSE = timedelta(seconds=FIRST_WAIT_SECONDS * 4)
"""How long a check-out that could not be prepared waits for its next try."""


# --- a worker prepares it --------------------------------------------------------------------------------------------


def waiting(session: Session, zones: Sequence[Zone], *, now: datetime) -> list[PrivilegedUse]:
    """Open uses whose password is still to be sealed to the asking browser, with account and system; oldest first.

    Somebody's own privileged ID is opened by the worker first, and read back. While a password is on its way into the
    directory none is shown.
    """
    query = (
        select(PrivilegedUse)
        .join(Account, PrivilegedUse.account_id == Account.id)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .where(
            _open(now), PrivilegedUse.public_key.is_not(None), PrivilegedUse.sealed.is_(None),
            PrivilegedUse.shown_at.is_(None),
            or_(PrivilegedUse.check_out_due_at.is_(None), PrivilegedUse.check_out_due_at <= now),
            or_(Account.person_id.is_(None), PrivilegedUse.opened_at.is_not(None)),
            InformationSystem.zone.in_(zones), InformationSystem.stage != Stage.OBSERVE,
            exists().where(VaultSecret.account_id == PrivilegedUse.account_id), ~_changing(),
        )
        .options(joinedload(PrivilegedUse.account).joinedload(Account.system))
        .order_by(PrivilegedUse.id)
    )  # fmt: skip
    uses = list(session.scalars(query))
    kept = kept_accounts(session, {use.account_id for use in uses})
    return [use for use in uses if use.account_id in kept]


def require_permitted(session: Session, use: PrivilegedUse, *, policy: Policy, now: datetime) -> None:
    """Afterwards somebody may have the password for this use now.

    It rests on something, whoever had to permit it did, and the audit record says that it began. Raises
    IllegalTransition.
    """
    if basis_of_use(session, use, now=now) is None:
        raise IllegalTransition("利用の根拠となる権限・職・契約などがなくなったため、パスワードを渡せません。")
    asked = policy.privileged.use_approval or is_contractor(session, use.person_id, day_of(now))
    if not use.emergency and (asked or use.approval_needed) and use.approver_id is None:
        raise IllegalTransition("許可した人の記録がないため、パスワードを渡せません。利用を申し出てください。")
    begun = exists().where(
        AuditRecord.object_kind == "privileged_use", AuditRecord.object_id == str(use.id),
        AuditRecord.action == f"privileged_use.{'emergency' if use.emergency else 'opened'}",
        AuditRecord.outcome == AuditOutcome.DONE,
    )  # fmt: skip
    if not session.scalar(select(begun)):
        raise IllegalTransition("利用の開始が監査記録にないため、パスワードを渡せません。管理者に知らせてください。")


def seal(
    session: Session, use_id: int, sealed: bytes, *, public_key: bytes, confirmed_at: datetime, actor: Actor,
    policy: Policy, now: datetime,
) -> bool:  # fmt: skip
    """Whether the password waits now, sealed, for the person of the use.

    Not so where the use has ended meanwhile, its person brought another key than the one it is sealed to, or the
    password is no longer the one that was confirmed then. Raises IllegalTransition where nobody may have it any more.
    """
    use = locked_use(session, use_id)
    secret = session.get(VaultSecret, use.account_id, populate_existing=True)
    current = secret is not None and secret.confirmed_at == confirmed_at
    current = current and use.public_key == public_key and use.ends_at is not None and now < use.ends_at
    if not (current and use.state is UseState.OPEN and use.shown_at is None and use.sealed is None):
        return False
    if session.scalar(select(_changing_account(use.account_id))):
        return False
    require_permitted(session, use, policy=policy, now=now)
    use.sealed, use.sealed_at, use.check_out_error, use.check_out_due_at = sealed, now, None, None
    _record(session, "check_out.sealed", use, actor=actor, policy=policy, now=now)
    return True


def postpone(session: Session, use_id: int, why: str, *, retry_after: float | None = None, now: datetime) -> None:
    """Afterwards the use says why its password is not ready, and it is tried again in a while."""
    use = locked_use(session, use_id)
    use.check_out_error = why
    use.check_out_due_at = now + max(PAUSE, timedelta(seconds=retry_after or 0))


def any_ended(session: Session, *, now: datetime) -> bool:
    """Whether something is still sealed for a use that is over."""
    return bool(session.scalar(select(exists().where(PrivilegedUse.sealed.is_not(None), ~_open(now)))))


def empty_ended(session: Session, *, now: datetime) -> int:
    """Afterwards nothing is sealed for a use that is over, looked at or not; returns for how many there was."""
    emptied = session.execute(
        update(PrivilegedUse)
        .where(PrivilegedUse.sealed.is_not(None), ~_open(now))
        .values(sealed=None)
        .execution_options(synchronize_session=False)
    )
    return int(emptied.rowcount)  # type: ignore[attr-defined]


# --- its person looks at it ------------------------------------------------------------------------------------------


def show(
    session: Session, *, use_id: int, private_key: bytes, actor: Actor, policy: Policy, now: datetime
) -> Shown:  # fmt: skip
    """The password, for the only time; afterwards the use no longer holds it, and it is known that somebody knows it.

    Raises NotFound for anybody but the person of the use, FreshFactorNeeded, IllegalTransition when it is not ready,
    was shown, the time is over or what the use rests on is gone, SealBroken for another key.
    """
    use = locked_use(session, use_id)
    if actor.person_id is None or use.person_id != actor.person_id:
        raise NotFound("この利用は見つかりません。")
    require_fresh_factor(actor, policy=policy, now=now)
    _require_ready(session, use, now=now)
    require_permitted(session, use, policy=policy, now=now)
    password = unseal(private_key, use.sealed or b"", context(use)).decode()
    shown = session.execute(
        update(PrivilegedUse)
        .where(PrivilegedUse.id == use_id, PrivilegedUse.sealed.is_not(None), _open(now))
        .values(sealed=None, shown_at=now)
        .execution_options(synchronize_session=False)
    )
    if shown.rowcount != 1:  # type: ignore[attr-defined]
        raise IllegalTransition("このパスワードはすでに表示されたか、利用が終わりました。")
    session.refresh(use)
    session.execute(
        update(VaultSecret)
        .where(VaultSecret.account_id == use.account_id, VaultSecret.known_since.is_(None))
        .values(known_since=now)
    )
    session.add(CredentialEvent(account_id=use.account_id, kind=CredentialEventKind.CHECKED_OUT, at=now))
    _record(session, "check_out.shown", use, actor=actor, policy=policy, now=now)
    return Shown(use.account.login_name, password)


def _require_ready(session: Session, use: PrivilegedUse, *, now: datetime) -> None:
    if use.shown_at is not None:
        raise IllegalTransition(
            "このパスワードはすでに表示されました。もう一度要るときは、利用を返却して申し出てください。"
        )
    if use.state is not UseState.OPEN or use.ends_at is None or now >= use.ends_at:
        raise IllegalTransition("利用の時間が終わったか、まだ始まっていないため、パスワードを表示できません。")
    if use.sealed is None or session.scalar(select(_changing_account(use.account_id))):
        raise IllegalTransition("まだ準備ができていません。しばらくしてから画面を開き直してください。")


def context(use: PrivilegedUse) -> bytes:
    """What a sealed password is bound to: this use of this ID, no other."""
    return f"privileged_uses.sealed:{use.id}:{use.account_id}".encode()


def _open(now: datetime) -> ColumnElement[bool]:
    return (PrivilegedUse.state == UseState.OPEN) & (PrivilegedUse.ends_at > now)


def _changing() -> ColumnElement[bool]:
    return exists().where(Rotation.account_id == PrivilegedUse.account_id, _on_its_way())


def _changing_account(account_id: int) -> ColumnElement[bool]:
    return exists().where(Rotation.account_id == account_id, _on_its_way())


def _on_its_way() -> ColumnElement[bool]:
    return Rotation.state.in_(ON_ITS_WAY)


def _record(
    session: Session, action: str, use: PrivilegedUse, *, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    audit.record(
        session, action=action, actor=actor, obj=("privileged_use", str(use.id)), now=now, policy_digest=policy.digest,
        payload={
            "account": use.account_id, "login_name": use.account.login_name, "system": use.system_id,
            "person": use.person_id,
        },
    )  # fmt: skip
