"""Hand-over of a temporary password (仮パスワードの交付; control E3; FK 6-2(9)②).

The account stays disabled until the profile's hand-over officer asks. A worker then sets a random must-change password,
enables, reads back and seals the password to that one hand-over: the database keeps only a public key, the private key
is in the officer's browser. It is shown once, on the screen or as a notice to be closed; the receipt is recorded. In a
closed zone the worker there prints it instead, and it is in no database. From the moment the target has taken it the
profile's hours run (`idm.operations.passwords.temporary_passwords`; E2).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.errors import IllegalTransition, InvalidInput, NotFound
from idm.factors.factor_gate import LETS_IN, VERDICT_TITLES
from idm.grant_state import GrantState
from idm.keys.sealing import KEY_BYTES, unseal
from idm.models.requests import Grant
from idm.models.systems import Account, CredentialEvent, Entitlement, Handover
from idm.operations.passwords.credential_desk import Desk, officer_at, require_uninvolved
from idm.operations.rights.accounts import schedule
from idm.permissions import Action
from idm.policy import Policy
from idm.queries.factors.factor_gate import live_grants, verdicts
from idm.step_up import matters_most, require_fresh_factor
from idm.vocabulary import (
    BY_HAND,
    AccountKind,
    CredentialEventKind,
    EntitlementKind,
    HandoverWay,
    Stage,
    VerifiedBy,
)
from idm.written_text import written

DESK = Desk(
    Action.HAND_OVER,
    nameless="交付は、名前のある人だけができます。",
    contractor="委託事業者は仮パスワードを交付できません。",
    own="自分の仮パスワードを自分で交付することはできません。",
    approver="この権限を承認した人は仮パスワードを交付できません。",
)


@dataclass(frozen=True)
class Shown:
    """A temporary password on its way to one pair of eyes."""

    login_name: str
    password: str

    def __repr__(self) -> str:
        return f"Shown(login_name={self.login_name!r})"


NEVER_HANDED_OVER = frozenset({AccountKind.PRIVILEGED, AccountKind.SHARED, AccountKind.SERVICE})
"""Their passwords are the vault's, and are checked out for one use."""


def ask(
    session: Session, *, account_id: int, public_key: bytes | None, way: HandoverWay = HandoverWay.SCREEN,
    actor: Actor, policy: Policy, now: datetime,
) -> Handover:  # fmt: skip
    """Afterwards a worker will set a new temporary password: sealed to this hand-over, or printed inside its zone.

    Whatever password the account had opens it no more from then on. Raises NotPermitted, SeparationOfDuties (an
    approver of the right, the person themself), InvalidInput, FreshFactorNeeded where the account has a right that
    matters most.
    """
    account, officer_id = _at_desk(session, account_id, actor=actor, now=now)
    if account.system.connector == BY_HAND:
        raise InvalidInput("この情報システムの仮パスワードは、手作業の指示書により作業者が設定して渡します。")
    _require_key_of(way, public_key)
    _require_ready(session, account, policy=policy, now=now)
    _require_fresh(session, account, actor=actor, policy=policy, now=now)
    close_open(session, account_id, now)
    handover = Handover(
        account_id=account.id, system_id=account.system_id, subject_id=account.person_id, officer_id=officer_id,
        asked_at=now, public_key=public_key, way=way,
    )  # fmt: skip
    session.add(handover)
    schedule(session, account, now=now)
    session.flush()
    _record(session, "handover.asked", handover, actor=actor, policy=policy, now=now)
    return handover


def ask_by_hand(session: Session, *, account_id: int, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards a work order asks somebody to set a new temporary password where nothing but hands can.

    For a password that was forgotten; the first one is part of the order that opens the account. Raises as `ask`.
    """
    account, _ = _at_desk(session, account_id, actor=actor, now=now)
    if account.system.connector != BY_HAND:
        raise InvalidInput("この情報システムの仮パスワードは、画面から交付します。")
    if account.system.stage is Stage.OBSERVE:
        raise InvalidInput("観察の段階の情報システムのため、指示書を出せません。システムの管理者に頼んでください。")
    _require_in_force(session, account)
    if account.handed_over_at is None:
        raise InvalidInput("仮パスワードの設定は、すでに手作業の指示書になっています。指示書を確かめてください。")
    _require_fresh(session, account, actor=actor, policy=policy, now=now)
    account.handed_over_at = None
    schedule(session, account, now=now)
    audit.record(
        session, action="handover.asked_by_hand", actor=actor, obj=("account", str(account.id)), now=now,
        policy_digest=policy.digest,
        payload={"system": account.system_id, "login_name": account.login_name, "subject": account.person_id},
    )  # fmt: skip


def is_by_hand(session: Session, account_id: int) -> bool:
    """Whether only hands change anything in the account's system; False for one that is not there."""
    account = session.get(Account, account_id)
    return account is not None and account.system.connector == BY_HAND


def _at_desk(session: Session, account_id: int, *, actor: Actor, now: datetime) -> tuple[Account, int]:
    """The account, and the officer who may hand it over."""
    officer_id = officer_at(DESK, session, actor=actor, now=now)
    account = session.get(Account, account_id)
    if account is None or account.person_id is None:
        raise NotFound("利用者IDが見つかりません。")
    require_uninvolved(DESK, session, account, officer_id)
    if account.kind in NEVER_HANDED_OVER:
        raise InvalidInput(
            "特権ID・共用ID・サービスIDのパスワードは、交付しません。保管庫で管理し、利用のたびに払い出します。"
        )
    return account, officer_id


def _require_key_of(way: HandoverWay, public_key: bytes | None) -> None:
    length = len(public_key) if public_key is not None else None
    if length != (KEY_BYTES if way is HandoverWay.SCREEN else None):
        raise InvalidInput("交付のための鍵の形が正しくありません。画面を開き直してください。")


def _require_fresh(session: Session, account: Account, *, actor: Actor, policy: Policy, now: datetime) -> None:
    if _opens_what_matters_most(session, account):
        require_fresh_factor(actor, policy=policy, now=now)


def show(
    session: Session, *, handover_id: int, private_key: bytes, actor: Actor, policy: Policy, now: datetime
) -> Shown:
    """The temporary password, for the only time; afterwards the database no longer holds it.

    Raises NotFound, IllegalTransition when it is not ready or was already shown, NotPermitted for an officer who is one
    no longer, SealBroken for another key.
    """
    officer_at(DESK, session, actor=actor, now=now)
    handover = _own(session, handover_id, actor)
    if handover.sealed is None:
        message = "この仮パスワードはすでに表示されました。" if handover.shown_at else "まだ準備ができていません。"
        raise IllegalTransition(f"{message}必要なら交付をやり直してください。")
    if handover.change_by is not None and handover.change_by <= now:
        raise IllegalTransition("変更の期限を過ぎたため、この仮パスワードは表示できません。交付をやり直してください。")
    password = unseal(private_key, handover.sealed, context(handover)).decode()
    emptied = session.execute(
        update(Handover)
        .where(Handover.id == handover_id, Handover.sealed.is_not(None))
        .values(sealed=None, shown_at=now)
        .execution_options(synchronize_session=False)
    )
    if emptied.rowcount != 1:  # type: ignore[attr-defined]
        raise IllegalTransition("この仮パスワードはすでに表示されました。")
    session.refresh(handover)
    session.add(
        CredentialEvent(
            account_id=handover.account_id, kind=CredentialEventKind.HANDED_OVER, at=now, handover_id=handover.id
        )
    )
    _record(session, "handover.shown", handover, actor=actor, policy=policy, now=now)
    return Shown(handover.account.login_name, password)


def receive(
    session: Session, *, handover_id: int, received_by: str = "", actor: Actor, policy: Policy, now: datetime
) -> None:
    """Afterwards it is recorded that the person received it, or who took the closed notice to them (`received_by`).

    Raises IllegalTransition before it was shown, or twice; InvalidInput for a name that cannot be written.
    """
    handover = _own(session, handover_id, actor)
    if handover.shown_at is None or handover.received_at is not None:
        raise IllegalTransition("受領を記録できる状態ではありません。")
    taken_by = written(received_by, field="received_by", empty="") if received_by.strip() else None
    handover.received_at, handover.received_by = now, taken_by
    _record(
        session, "handover.received", handover, actor=actor, policy=policy, now=now,
        received_by=taken_by or "本人",
    )  # fmt: skip


def seal(
    session: Session, handover: Handover, sealed: bytes, *, set_time: datetime | None = None, actor: Actor,
    policy: Policy, now: datetime,
) -> None:  # fmt: skip
    """Afterwards the password that the target took waits, sealed, for its hand-over; the account counts as opened.

    From now on the hours run in which it has to be changed (E2). `set_time`: what the target says of when it was set.
    """
    handover.sealed = sealed
    _issued(session, handover, set_time=set_time, policy=policy, now=now)
    _record(session, "handover.sealed", handover, actor=actor, policy=policy, now=now)


def printed(
    session: Session, handover: Handover, *, set_time: datetime | None, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    """Afterwards the notice with the password that the target took lies in its zone; nothing of it is here."""
    _issued(session, handover, set_time=set_time, policy=policy, now=now)
    handover.shown_at = now
    session.add(
        CredentialEvent(
            account_id=handover.account_id, kind=CredentialEventKind.HANDED_OVER, at=now, handover_id=handover.id
        )
    )
    _record(session, "handover.printed", handover, actor=actor, policy=policy, now=now)


def _issued(
    session: Session, handover: Handover, *, set_time: datetime | None, policy: Policy, now: datetime
) -> None:  # fmt: skip
    handover.sealed_at, handover.set_time = now, set_time
    handover.change_by = now + timedelta(hours=policy.passwords.temporary_hours)
    handover.account.handed_over_at = handover.account.handed_over_at or now
    session.add(
        CredentialEvent(
            account_id=handover.account_id, kind=CredentialEventKind.ISSUED, at=now, handover_id=handover.id
        )
    )


def context(handover: Handover) -> bytes:
    """What a sealed password is bound to: this hand-over of this account, no other."""
    return f"handovers.sealed:{handover.id}:{handover.account_id}".encode()


def _require_ready(session: Session, account: Account, *, policy: Policy, now: datetime) -> None:
    _require_let_in(session, account, policy=policy, now=now)
    _require_in_force(session, account)
    if not account.seen_present:
        raise InvalidInput("利用者IDがまだディレクトリに作成されていません。しばらくしてからやり直してください。")


def _require_in_force(session: Session, account: Account) -> None:
    in_force = session.scalar(
        select(Grant.id).where(Grant.account_id == account.id, Grant.state == GrantState.IN_FORCE).limit(1)
    )
    if in_force is None or not _has_account_right(session, account):
        raise InvalidInput("有効な権限がないため、仮パスワードを交付できません。")


def _require_let_in(session: Session, account: Account, *, policy: Policy, now: datetime) -> None:
    """A card needs no password; and what is held back by the gate is handed over once the gate is open (B1, E3).

    Whoever was in once may have another password while the reading is old; nobody comes in for the first time on it.
    """
    gated = [one for one in live_grants(session, [account.id], now=now) if one.gated]
    itself = [one for one in gated if one.opens]
    if itself and (account.system.verification or {}).get("by") == VerifiedBy.SMART_CARD:
        raise InvalidInput(
            "この利用者IDは、スマートカードだけでサインインします。仮パスワードはありません。"
            "カードを交付し、使用開始を登録してください。"
        )
    verdict = verdicts(session, [account.id], policy=policy, now=now)[account.id]
    if any(one.held for one in itself):
        raise InvalidInput(
            f"{VERDICT_TITLES[verdict]}。二つの種類の認証要素がこの情報システムで確かめられるまで、"
            "利用者IDは止めてあり、仮パスワードを交付できません。認証要素の登録を確かめてください。"
        )
    first = account.handed_over_at is None and any(one.in_effect for one in gated)
    if first and verdict not in LETS_IN:
        raise InvalidInput(
            f"{VERDICT_TITLES[verdict]}。新しい人に仮パスワードを交付できるのは、ディレクトリを照合するか、"
            "製品の登録者一覧を取り込んで、二要素認証を確かめ直したあとです。情報システムの管理者に頼んでください。"
        )


def _has_account_right(session: Session, account: Account) -> bool:
    grants = session.scalars(select(Grant).where(Grant.account_id == account.id, Grant.state == GrantState.IN_FORCE))
    return any(grant.entitlement.kind is EntitlementKind.ACCOUNT for grant in grants)


def _opens_what_matters_most(session: Session, account: Account) -> bool:
    """Whether the temporary password opens a My Number system, a privileged right or access from outside."""
    rights = session.execute(
        select(Entitlement.privileged, Entitlement.external_access)
        .join(Grant, Grant.entitlement_id == Entitlement.id)
        .where(Grant.account_id == account.id, Grant.state != GrantState.ENDED)
    ).all()
    zone = account.system.zone
    return any(matters_most(zone, privileged=privileged, external_access=outside) for privileged, outside in rights)


def close_open(session: Session, account_id: int, now: datetime) -> None:
    """Afterwards no hand-over of the account is under way: what was not received is given up, and not shown any more.

    A worker that has just set one of these passwords finds it closed, and seals nothing.
    """
    open_ones = session.scalars(
        select(Handover)
        .where(Handover.account_id == account_id, Handover.received_at.is_(None), Handover.closed_at.is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    for handover in open_ones:
        handover.closed_at, handover.sealed = now, None
    session.flush()


def _own(session: Session, handover_id: int, actor: Actor) -> Handover:
    handover = session.get(Handover, handover_id)
    if handover is None or handover.officer_id != actor.person_id or handover.closed_at is not None:
        raise NotFound("この交付は見つかりません。")
    return handover


def _record(
    session: Session, action: str, handover: Handover, *, actor: Actor, policy: Policy, now: datetime, **more: str
) -> None:  # fmt: skip
    audit.record(
        session, action=action, actor=actor, obj=("handover", str(handover.id)), now=now, policy_digest=policy.digest,
        payload={
            "account": handover.account_id, "subject": handover.subject_id, "officer": handover.officer_id,
            "way": handover.way.value, **more,
        },
    )  # fmt: skip
