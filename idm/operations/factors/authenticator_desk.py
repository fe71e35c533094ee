"""What every act on the register of authenticators has in common: who stands at the desk, what is found, what is said.

Everything here asks for a second factor given a moment ago (control B3), but the report of a loss: stopping never waits
(`idm.operations.factors.losses`).
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.errors import NotFound
from idm.models.authenticators import Authenticator
from idm.models.people import Person
from idm.models.requests import ApprovalStep, RequestLine
from idm.models.systems import Account
from idm.operations.factors import lost_card
from idm.operations.notification.notices import notify
from idm.operations.passwords.credential_desk import (
    Desk,
    officer_at,
    require_another,
    require_none_of,
    require_uninvolved,
)
from idm.permissions import Action
from idm.policy import Policy
from idm.request_state import LineState
from idm.step_up import require_fresh_factor
from idm.vocabulary import LineEffect

DESK = Desk(
    Action.KEEP_AUTHENTICATORS,
    nameless="認証要素の登録は、名前のある人だけができます。",
    contractor="委託事業者は、認証要素の交付・使用開始・回収・廃棄をすることができません。",
    own="自分の認証要素を自分で扱うことはできません。ほかの担当者に頼んでください。",
    approver="この人の権限を承認した人は、その情報システムで使う認証要素の使用を開始できません。",
)


def locked(session: Session, authenticator_id: int) -> Authenticator:
    """The authenticator as it is now, with its owner's accounts, kept so until the transaction ends. Raises NotFound.

    Rows are locked in the order in which decisions on rights lock them: accounts first.
    """
    owner = session.scalar(select(Authenticator.person_id).where(Authenticator.id == authenticator_id))
    if owner is None:
        raise NotFound("認証要素が見つかりません。")
    lost_card.lock(session, owner)
    query = select(Authenticator).where(Authenticator.id == authenticator_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def at_desk(
    session: Session, authenticator_id: int, *, actor: Actor, policy: Policy, now: datetime
) -> tuple[Authenticator, int]:
    """The authenticator, and the person id of the officer who may act on it at the desk.

    Raises FreshFactorNeeded, NotPermitted, SeparationOfDuties, NotFound.
    """
    officer_id = officer_at(DESK, session, actor=actor, now=now)
    require_fresh_factor(actor, policy=policy, now=now)
    authenticator = locked(session, authenticator_id)
    require_another(DESK, session, authenticator.person_id, officer_id)
    return authenticator, officer_id


def require_uninvolved_in(session: Session, person_id: int, system_ids: set[int], officer_id: int) -> None:
    """Afterwards the officer decided on no right of the person in these systems, not even on one that waits for others.

    Whoever acts here first may not decide afterwards (`idm.queries.approval.confirmers`).
    Raises SeparationOfDuties (SOD-4).
    """
    query = select(Account).where(Account.person_id == person_id, Account.system_id.in_(system_ids))
    for account in session.scalars(query.order_by(Account.id)):
        require_uninvolved(DESK, session, account, officer_id)
    waiting = select(ApprovalStep.decider_id).join(RequestLine, ApprovalStep.line_id == RequestLine.id)
    deciders = session.scalars(
        waiting.where(
            RequestLine.subject_id == person_id, RequestLine.system_id.in_(system_ids),
            RequestLine.effect == LineEffect.GRANT, RequestLine.state == LineState.PENDING,
        )
    )  # fmt: skip
    agreed = frozenset(decider for decider in deciders if decider is not None)
    require_none_of(DESK, session, agreed, officer_id)


def tell_owner(session: Session, authenticator: Authenticator, what: str, *, now: datetime) -> None:
    """Afterwards its owner knows what was done in their name, and whom to ask if they know nothing of it."""
    notify(
        session, [authenticator.person_id], now=now, link="/me", urgent=True,
        subject=f"【認証要素】{authenticator.title}：{what}",
        body=f"あなたの認証要素「{authenticator.title}」について、{what}の記録がされました。\n"
             "心当たりがないときは、すぐに「自分の記録」から紛失を届け出てください。",
    )  # fmt: skip


def record(
    session: Session, action: str, authenticator: Authenticator, *, actor: Actor, policy: Policy, now: datetime,
    **details: object,
) -> None:  # fmt: skip
    """Afterwards the audit says what happened to the authenticator, with the name of its owner."""
    audit.record(
        session, action=action, actor=actor, obj=("authenticator", str(authenticator.id)), now=now,
        policy_digest=policy.digest,
        payload={
            "person": authenticator.person_id, "owner": name_of(session, authenticator.person_id),
            "kind": authenticator.kind.value, "label": authenticator.label, "state": authenticator.state.value,
            **details,
        },
    )  # fmt: skip


def name_of(session: Session, person_id: int | None) -> str | None:
    """The name as it is today; the record keeps it when the row is gone."""
    return None if person_id is None else session.get_one(Person, person_id).name
