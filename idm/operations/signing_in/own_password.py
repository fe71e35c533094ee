"""Changing one's own password: with the old one, counted like any other attempt (FK 5-4(3), ASVS 6.2.2, 6.2.3).

Only where the password is the product's own. As at sign-in, the attempt is counted for good before the old password is
looked at, and no lock on the database is held while one is hashed.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.database import Database
from idm.errors import IllegalTransition, SignInRefused
from idm.models.sign_in import SignIn
from idm.operations.notification.notices import notify
from idm.operations.signing_in.second_step import START_AGAIN
from idm.operations.signing_in.sign_in_attempts import (
    Attempt,
    behind_first_step,
    count_attempt,
    record_failure,
    refusal,
    take_back,
)
from idm.operations.signing_in.web_sessions import (
    SignedIn,
    Stage,
    change_token,
    end_all_sessions,
    replace_session,
    resume_session,
)
from idm.passwords.password_hashing import check_new_password, hash_password, verify_password
from idm.policy import Policy
from idm.queries.passwords.local_words import local_words
from idm.queries.signing_in.sign_in_accounts import existing_sign_in_of
from idm.vocabulary import SignInWay

WRONG = "いまのパスワードが正しくありません。"
ELSEWHERE = {
    SignInWay.DIRECTORY: (
        "パソコンのサインインと同じパスワードを使っているため、この画面では変更できません。パソコンで変更してください。"
    ),
    SignInWay.PROVIDER: (
        "外部のサインインのサービスを使っているため、この画面では変更できません。そのサービスの画面で変更してください。"
    ),
}
"""Where somebody changes their password who has none of the product's own."""


@dataclass(frozen=True)
class _Counted:
    """Whose password it is, and the attempt that counts."""

    signed_in: SignedIn
    person_id: int
    name: str
    password_hash: str
    attempt: Attempt


def kept_elsewhere(session: Session, person_id: int) -> str | None:
    """Where this person changes their password, where it is none of the product's own."""
    return ELSEWHERE.get(existing_sign_in_of(session, person_id).way)


def require_own_password(session: Session, person_id: int) -> SignIn:
    """How this person signs in, by a password of the product's own. Raises IllegalTransition, saying where else."""
    elsewhere = kept_elsewhere(session, person_id)
    if elsewhere is not None:
        raise IllegalTransition(elsewhere, code="PASSWORD-ELSEWHERE")
    return existing_sign_in_of(session, person_id)


def change_password(
    database: Database, *, token: str, old: str, new: str, source: str, policy: Policy, now: datetime
) -> str:
    """Afterwards the password is the new one and every other session of its owner is ended; returns this one's token.

    Raises SignInRefused for a wrong old password (counted and audited; the last one allowed ends the session),
    InvalidInput for a new one that may not be chosen, IllegalTransition where the password is kept elsewhere.
    """
    with database.writing() as session:
        counted = _count(session, token, source=source, policy=policy, now=now)
    if not counted.attempt.may_try or not verify_password(counted.password_hash, old):
        with database.writing() as session:
            _refuse(session, counted, source=source, policy=policy, now=now)
        raise refusal(counted.attempt, WRONG, now=now)
    with database.writing() as session:
        take_back(session, counted.attempt)
    with database.reading() as session:
        words = local_words(session, counted.person_id, name=counted.name, now=now)
    check_new_password(new, rules=policy.passwords, name=counted.name, words=words)
    hashed = hash_password(new)
    with database.writing() as session:
        return _change(session, counted, hashed, source=source, policy=policy, now=now)


def _count(session: Session, token: str, *, source: str, policy: Policy, now: datetime) -> _Counted:
    found = resume_session(session, token=token, policy=policy, now=now)
    if found is None or found.stage is not Stage.SIGNED_IN:
        raise SignInRefused(START_AGAIN)
    known = require_own_password(session, found.person_id)
    attempt = count_attempt(session, behind_first_step(found.person_id), source=source, policy=policy, now=now)
    return _Counted(found, found.person_id, known.name, known.password_hash or "", attempt)


def _refuse(session: Session, counted: _Counted, *, source: str, policy: Policy, now: datetime) -> None:
    record_failure(session, counted.attempt, step=1, source=source, policy=policy, now=now)
    if counted.attempt.locked_until is not None:
        replace_session(session, session_id=counted.signed_in.session_id, now=now)


def _change(
    session: Session, counted: _Counted, hashed: str, *, source: str, policy: Policy, now: datetime
) -> str:  # fmt: skip
    known = session.scalars(select(SignIn).where(SignIn.person_id == counted.person_id).with_for_update()).one()
    # Changed, or begun anew by a link, while it was compared: the old password was no longer theirs.
    if known.password_hash != counted.password_hash:
        raise SignInRefused(START_AGAIN)
    known.password_hash = hashed
    actor, session_id = counted.signed_in.actor, counted.signed_in.session_id
    end_all_sessions(session, person_id=counted.person_id, actor=actor, policy=policy, now=now, but=session_id)
    audit.record(
        session, action="sign_in.password_changed", actor=actor, obj=("person", counted.person_id), now=now,
        policy_digest=policy.digest, payload={"name": counted.name, "source": source},
    )  # fmt: skip
    body = (
        "あなたのパスワードが変更され、ほかの端末でのサインインは終了しました。"
        "心当たりがないときは、すぐに情報システムの担当に知らせてください。"
    )
    notify(session, {counted.person_id}, subject="パスワードが変更されました", body=body, link="/me", now=now,
           urgent=True)  # fmt: skip
    return change_token(session, session_id=session_id, now=now)
