"""The help desk asks whether a directory keeps an account locked, and has it opened again (B6, FK 6-2(9)).

A page never talks to a directory: what is asked is a row, a worker answers it within seconds, and an answer that does
not come in time is none. Nobody asks for themself, and who decided on the account's rights does not open it either,
as with the hand-over of passwords.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from idm import audit
from idm.actor import Actor
from idm.errors import IllegalTransition, InvalidInput, NotFound
from idm.models.help_desk import UnlockRequest
from idm.models.systems import Account, InformationSystem
from idm.operations.passwords.credential_desk import Desk, officer_at, require_uninvolved
from idm.permissions import Action
from idm.policy import Policy
from idm.ports import Lockout
from idm.step_up import require_fresh_factor_for
from idm.vocabulary import BY_HAND, Zone

ANSWERED_WITHIN = timedelta(minutes=10)
"""What waited longer is not carried out any more: the person at the desk has gone."""

DESK = Desk(
    Action.UNLOCK_ACCOUNT,
    nameless="ロックの確認と解除は、名前のある人だけができます。",
    contractor="委託事業者はロックを解除できません。",
    own="自分の利用者IDのロックを自分で調べたり解除したりすることはできません。",
    approver="この利用者IDの権限を承認した人は、ロックを解除できません。",
)

TOO_LATE = (
    "時間内に処理されませんでした。処理プログラム（idm work）が動いているかを情報システムの担当に確かめてください。"
)


@dataclass(frozen=True)
class Answer:
    """What the directory said: before anything was done, and last; or why there is no answer."""

    before: Lockout | None = None
    after: Lockout | None = None
    failure: str | None = None


def ask(
    session: Session, *, account_id: int, unlock: bool, actor: Actor, policy: Policy, now: datetime
) -> UnlockRequest:
    """Afterwards a worker will look whether the account is locked and, with `unlock`, open it.

    Raises NotFound, NotPermitted, SeparationOfDuties, InvalidInput (never seen on its target, no interface),
    IllegalTransition while an earlier question waits, FreshFactorNeeded for opening.
    """
    officer_id = officer_at(DESK, session, actor=actor, now=now)
    account = session.get(Account, account_id)
    if account is None or account.person_id is None:
        raise NotFound("利用者IDが見つかりません。")
    require_uninvolved(DESK, session, account, officer_id)
    if account.external_id is None or not account.seen_present:
        raise InvalidInput("利用者IDがディレクトリで確認されていないため、ロックの状態を調べられません。")
    if account.system.connector == BY_HAND:
        raise InvalidInput("このシステムは手作業で管理しているため、ロックの状態を調べられません。")
    if unlock:
        require_fresh_factor_for(account.system.zone, actor, policy=policy, now=now)
    _close_forgotten(session, account_id, actor=actor, policy=policy, now=now)
    request = UnlockRequest(
        account_id=account.id, system_id=account.system_id, subject_id=account.person_id, officer_id=officer_id,
        unlock=unlock, asked_at=now,
    )  # fmt: skip
    session.add(request)
    session.flush()
    _record(session, "lock.asked", request, actor=actor, policy=policy, now=now)
    return request


def waiting(session: Session, zones: Sequence[Zone]) -> list[UnlockRequest]:
    """What is asked of the systems in these zones and not answered yet, oldest first, with account and system."""
    query = (
        select(UnlockRequest)
        .join(InformationSystem, UnlockRequest.system_id == InformationSystem.id)
        .where(UnlockRequest.answered_at.is_(None), InformationSystem.zone.in_(zones))
        .options(joinedload(UnlockRequest.account).joinedload(Account.system))
        .order_by(UnlockRequest.id)
    )
    return list(session.scalars(query))


def is_too_late(request: UnlockRequest, *, now: datetime) -> bool:
    """Whether it waited so long that nobody may be waiting for it any more."""
    return now - request.asked_at > ANSWERED_WITHIN


def answer(
    session: Session, request_id: int, given: Answer, *, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    """Afterwards the question is answered. A second answer (another worker's) changes nothing."""
    request = session.get_one(UnlockRequest, request_id, with_for_update=True, populate_existing=True)
    if request.answered_at is not None:
        return
    request.answered_at, request.failure = now, given.failure
    if given.before is not None:
        last = given.after or given.before
        request.was_locked, request.locked, request.locked_until = given.before.locked, last.locked, last.until
    _record(session, "lock.answered", request, actor=actor, policy=policy, now=now)


def _close_forgotten(session: Session, account_id: int, *, actor: Actor, policy: Policy, now: datetime) -> None:
    open_one = session.scalars(
        select(UnlockRequest).where(UnlockRequest.account_id == account_id, UnlockRequest.answered_at.is_(None))
    ).one_or_none()
    if open_one is None:
        return
    if not is_too_late(open_one, now=now):
        raise IllegalTransition("この利用者IDについては、いまディレクトリに問い合わせ中です。数秒お待ちください。")
    answer(session, open_one.id, Answer(failure=TOO_LATE), actor=actor, policy=policy, now=now)


def _record(
    session: Session, action: str, request: UnlockRequest, *, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    audit.record(
        session, action=action, actor=actor, obj=("unlock_request", str(request.id)), now=now,
        policy_digest=policy.digest,
        payload={
            "account": request.account_id, "subject": request.subject_id, "officer": request.officer_id,
            "unlock": request.unlock, "was_locked": request.was_locked, "locked": request.locked,
            "failure": request.failure,
        },
    )  # fmt: skip
