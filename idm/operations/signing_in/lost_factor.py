"""Somebody who has just given their password says that their second factor is lost (FK 5-4(1)①ウ; control B6).

Everything of theirs stops at that moment, with nothing asked but the password: stopping never waits. Nothing here leads
back. The way back is an enrolment link, for those who decide from two officers (decisions 0009 and 0015).
"""

from datetime import datetime

from sqlalchemy.orm import Session

from idm import audit
from idm.calendar_days import day_of
from idm.errors import IllegalTransition
from idm.operations.factors.losses import report_loss
from idm.operations.notification.notices import notify
from idm.operations.signing_in.own_factors import Because, withdraw_all
from idm.operations.signing_in.web_sessions import SignedIn, Stage
from idm.policy import Policy
from idm.queries.organisation.officers import holders
from idm.queries.signing_in.own_factors import own_authenticators
from idm.vocabulary import Role


def report_own_factor_lost(
    session: Session, *, signed_in: SignedIn, circumstances: str, policy: Policy, now: datetime
) -> int:
    """Afterwards none of this person's second factors and recovery codes works, and they are signed in nowhere.

    Each factor has an open report of loss; desk, security officers and the person are told. Returns how many factors
    there were. Raises IllegalTransition for anybody who is not waiting for the second step, InvalidInput.
    """
    if signed_in.stage is not Stage.CODE_NEEDED:
        raise IllegalTransition("二つ目の認証の確認を待っているときだけ、この画面から紛失を届け出られます。")
    rows = own_authenticators(session, signed_in.person_id)
    for row in rows:
        report_loss(
            session, row.id, circumstances=circumstances, actor=signed_in.actor, policy=policy, now=now
        )  # fmt: skip
    withdraw_all(
        session, signed_in.person_id, because=Because.LOST, actor=signed_in.actor, policy=policy, now=now
    )  # fmt: skip
    audit.record(
        session, action="sign_in.factor_lost", actor=signed_in.actor, obj=("person", signed_in.person_id), now=now,
        policy_digest=policy.digest, payload={"authenticators": [row.id for row in rows]},
    )  # fmt: skip
    _tell_desk(session, signed_in, now=now)
    return len(rows)


def _tell_desk(session: Session, signed_in: SignedIn, *, now: datetime) -> None:
    desk = set(holders(session, Role.HANDOVER, None, day_of(now))) - {signed_in.person_id}
    body = (
        f"{signed_in.person_name} さんが、サインインの画面で、二つ目の認証の紛失を届け出ました。"
        "この人は、新しい登録用リンクを受け取るまでサインインできません。本人であることを確かめてから発行してください。"
    )
    link = f"/people/{signed_in.person_id}"
    notify(session, desk, subject="【紛失】サインインの二つ目の認証", body=body, link=link, now=now, urgent=True)
