"""Second factors for the product's own sign-in: in the register from the code that confirmed them to their withdrawal.

Whatever is withdrawn works no more from that moment, in the same transaction: an app's secret is gone, a passkey counts
no more, the other sessions of its owner are ended, and its owner is told (ASVS 6.3.7). Where the last one was lost or
copied, the password opens nothing any more: whoever knows it could otherwise enrol in the owner's place. An enrolment
link is the way back, which for those who decide two officers issue (decisions 0009 and 0015).
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, NotFound
from idm.factors.authenticator_state import AuthenticatorEvent, AuthenticatorState, after
from idm.models.authenticators import Authenticator
from idm.models.sign_in import RecoveryCode, SignIn
from idm.operations.notification.notices import notify
from idm.operations.signing_in.web_sessions import end_all_sessions
from idm.policy import Policy
from idm.queries.approval.deciders import needs_second_factor
from idm.queries.signing_in.own_factors import own_authenticators, own_factors
from idm.queries.signing_in.sign_in_accounts import sign_in_of
from idm.step_up import require_fresh_factor
from idm.vocabulary import AUTHENTICATOR_TITLES, AuthenticatorKind

LAST_ONE = "LAST-FACTOR"
"""Code: a role demands a second factor, and this is the only one."""
PAGE = "/me"


class Because(StrEnum):
    """Why a second factor is withdrawn."""

    LOST = "lost"
    COPIED = "copied"
    """A passkey's counter went back: somebody else has it too."""
    REMOVED = "removed"
    REPLACED = "replaced"


_TAKEN_AWAY = frozenset({Because.LOST, Because.COPIED})
"""Not by its owner's wish: whoever comes with the password alone afterwards may be anybody."""
_WORDS = {
    Because.LOST: "紛失の報告を受けて、使えないようにしました。",
    Because.COPIED: "同じ鍵が複製されて使われた疑いがあるため、使えないようにしました。",
    Because.REMOVED: "登録を取り消しました。",
    Because.REPLACED: "新しい登録と入れ替えたため、使えなくなりました。",
}


def register(
    session: Session, *, person_id: int, kind: AuthenticatorKind, label: str | None, replaces: Authenticator | None,
    now: datetime,
) -> Authenticator:  # fmt: skip
    """Afterwards what this person has just confirmed stands in the register, in use, issued by nobody."""
    authenticator = Authenticator(
        person_id=person_id, kind=kind, label=label, own_sign_in=True, state=AuthenticatorState.ACTIVE, issued_at=now,
        activated_at=now, activated_by_id=person_id, replaces_id=replaces.id if replaces is not None else None,
    )  # fmt: skip
    session.add(authenticator)
    session.flush()
    return authenticator


def withdraw(
    session: Session, authenticator: Authenticator, *, actor: Actor, policy: Policy, now: datetime,
    because: Because = Because.LOST, keep_session: int | None = None,
) -> None:  # fmt: skip
    """Afterwards this second factor works no more, its owner's other sessions are ended, and they are told.

    `keep_session` is the one in which they act. Raises IllegalTransition when it is none of the own sign-in, or over.
    """
    if not authenticator.own_sign_in:
        raise IllegalTransition("サインインのために本人が登録したものではありません。")
    _withdraw(session, authenticator.person_id, [authenticator], because, actor=actor, policy=policy, now=now)
    end_all_sessions(session, person_id=authenticator.person_id, actor=actor, policy=policy, now=now, but=keep_session)


def withdraw_all(
    session: Session, person_id: int, *, because: Because, actor: Actor, policy: Policy, now: datetime
) -> list[Authenticator]:
    """Afterwards the person has no second factor, no recovery code and no session; returns what they had."""
    rows = own_authenticators(session, person_id)
    # What waits for its first code goes as well: it was shown to whoever knew the password.
    session.execute(update(SignIn).where(SignIn.person_id == person_id).values(totp_secret=None, totp_pending=None))
    _withdraw(session, person_id, rows, because, actor=actor, policy=policy, now=now)
    end_all_sessions(session, person_id=person_id, actor=actor, policy=policy, now=now)
    return rows


def remove(
    session: Session, authenticator_id: int, *, actor: Actor, policy: Policy, now: datetime, keep_session: int
) -> None:
    """Afterwards the actor's own second factor is withdrawn. A fresh factor is asked for.

    Raises NotFound where it is not theirs, FreshFactorNeeded, and IllegalTransition for the last one of somebody from
    whom a role demands one.
    """
    # Two removals at once must not both find another one left.
    session.scalars(select(SignIn.id).where(SignIn.person_id == actor.person_id).with_for_update()).one_or_none()
    authenticator = session.get(Authenticator, authenticator_id)
    if authenticator is None or not authenticator.own_sign_in or authenticator.person_id != actor.person_id:
        raise NotFound("この認証要素は見つかりません。")
    require_fresh_factor(actor, policy=policy, now=now)
    demanded = needs_second_factor(session, authenticator.person_id, policy=policy, day=day_of(now))
    if demanded and _is_last(session, authenticator):
        raise IllegalTransition(
            "あなたの役割では二つ目の認証が必要なため、最後の一つは取り消せません。先に別のものを追加してください。",
            code=LAST_ONE,
        )
    withdraw(session, authenticator, actor=actor, policy=policy, now=now, because=Because.REMOVED,
             keep_session=keep_session)  # fmt: skip


def _is_last(session: Session, authenticator: Authenticator) -> bool:
    return {row.id for row in own_authenticators(session, authenticator.person_id)} <= {authenticator.id}


def _withdraw(
    session: Session, person_id: int, rows: Iterable[Authenticator], because: Because, *, actor: Actor, policy: Policy,
    now: datetime,
) -> None:  # fmt: skip
    """Afterwards these work no more; the recovery codes neither, where nothing is left that they could stand in for."""
    sign_in = sign_in_of(session, person_id)
    titles = []
    for row in rows:
        _end(session, row, sign_in, because, actor=actor, policy=policy, now=now)
        titles.append(title_of(row))
    session.flush()
    if not own_factors(session, person_id).some:
        void_codes(session, person_id, now=now)
        if sign_in is not None and because in _TAKEN_AWAY:
            sign_in.factor_lost_at = now
    if titles:
        _tell(session, person_id, titles, because, now=now)


def _end(
    session: Session, row: Authenticator, sign_in: SignIn | None, because: Because, *, actor: Actor, policy: Policy,
    now: datetime,
) -> None:  # fmt: skip
    row.state = after(row.state, AuthenticatorEvent.WITHDRAW)
    row.ended_at = row.ended_at or now
    if row.kind is AuthenticatorKind.TOTP and sign_in is not None:
        sign_in.totp_secret = sign_in.totp_pending = None
    audit.record(
        session, action="sign_in.factor_withdrawn", actor=actor, obj=("person", row.person_id), now=now,
        policy_digest=policy.digest,
        payload={"authenticator": row.id, "kind": row.kind.value, "because": because.value},
    )  # fmt: skip


def void_codes(session: Session, person_id: int, *, now: datetime) -> None:
    """Afterwards no recovery code of the person works."""
    session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.person_id == person_id, RecoveryCode.used_at.is_(None), RecoveryCode.replaced_at.is_(None)
        )
        .values(replaced_at=now)
    )  # fmt: skip


def title_of(authenticator: Authenticator) -> str:
    """What its owner calls it: 「パスキー（執務室のパソコン）」."""
    title = AUTHENTICATOR_TITLES[authenticator.kind]
    return f"{title}（{authenticator.label}）" if authenticator.label else title


def _tell(session: Session, person_id: int, titles: list[str], because: Because, *, now: datetime) -> None:
    body = (
        f"サインインの二つ目の認証（{'、'.join(titles)}）は、{_WORDS[because]}"
        "心当たりがないときは、すぐに情報システムの担当に知らせてください。"
    )
    notify(session, [person_id], subject="サインインの二つ目の認証が変わりました", body=body, link=PAGE, now=now,
           urgent=True)  # fmt: skip
