"""Recovery codes: shown once, kept as slow hashes, each good for one sign-in (ASVS 6.5.1, 6.5.2; decision 0015).

A code stands in for the second factor after the password. It is never a fresh factor: whoever holds a sheet of paper
neither decides what matters most nor changes anybody's factors.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.database import Database
from idm.errors import IllegalTransition, InvalidInput
from idm.factors.recovery_code_text import canonical, in_groups, new_codes
from idm.models.sign_in import RecoveryCode
from idm.operations.notification.notices import notify
from idm.operations.signing_in.own_factors import PAGE, void_codes
from idm.operations.signing_in.second_step import Step, Waiting, let_in, turn_away, waiting_for
from idm.operations.signing_in.sign_in_attempts import refusal
from idm.operations.signing_in.web_sessions import SignedIn, Stage, resume_session
from idm.passwords.password_hashing import hash_password, verify_password
from idm.policy import Policy
from idm.queries.signing_in.own_factors import own_factors, unused_codes
from idm.queries.signing_in.sign_in_accounts import existing_sign_in_of
from idm.step_up import require_fresh_factor

CODE_FORM = "回復用コードは、英数字4文字ずつ4組（例: ABCD-2345-EFGH-6789）です。控えを見て入力し直してください。"
WRONG = "この回復用コードは使えません。控えのうち、まだ使っていないコードを入力してください。"


@dataclass(frozen=True)
class NewCodes:
    """A set that nobody has kept yet: what is shown, and what may be kept."""

    shown: tuple[str, ...]
    hashes: tuple[str, ...]

    def __repr__(self) -> str:
        return "NewCodes()"


def draw_codes() -> NewCodes:
    """A fresh set, hashed: outside any transaction, because it takes its time."""
    codes = new_codes()
    return NewCodes(tuple(in_groups(one) for one in codes), tuple(hash_password(one) for one in codes))


def may_have_codes(session: Session, *, signed_in: SignedIn, policy: Policy, now: datetime) -> None:
    """Nothing, where this person may be given a set. Raises FreshFactorNeeded, IllegalTransition without a factor."""
    if not own_factors(session, signed_in.person_id).some:
        raise IllegalTransition("回復用コードは、認証アプリかパスキーを登録した人だけが作れます。")
    require_fresh_factor(signed_in.actor, policy=policy, now=now)


def keep_codes(session: Session, codes: NewCodes, *, signed_in: SignedIn, policy: Policy, now: datetime) -> None:
    """Afterwards these are the person's recovery codes, and none of before works.

    Raises what `may_have_codes` raises.
    """
    may_have_codes(session, signed_in=signed_in, policy=policy, now=now)
    void_codes(session, signed_in.person_id, now=now)
    session.add_all(RecoveryCode(person_id=signed_in.person_id, code_hash=one, made_at=now) for one in codes.hashes)
    audit.record(
        session, action="sign_in.recovery_codes_made", actor=signed_in.actor, obj=("person", signed_in.person_id),
        now=now, policy_digest=policy.digest, payload={"codes": len(codes.hashes)},
    )  # fmt: skip
    body = (
        "サインインの回復用コードが新しく作られました。以前のコードは使えません。"
        "心当たりがないときは、すぐに情報システムの担当に知らせてください。"
    )
    notify(session, [signed_in.person_id], subject="回復用コードが作られました", body=body, link=PAGE, now=now,
           urgent=True)  # fmt: skip


def sign_in_with_recovery_code(
    database: Database, *, token: str, typed: str, source: str, policy: Policy, now: datetime
) -> str:
    """Afterwards the session that waited is replaced by a signed-in one, and the code is used up; returns the token.

    Raises InvalidInput when the text is no code (not counted), SignInRefused otherwise, counted and audited.
    """
    code = canonical(typed)
    if code is None:
        raise InvalidInput(CODE_FORM, fields={"recovery_code": CODE_FORM})
    with database.writing() as session:
        waiting = waiting_for(session, token, source=source, policy=policy, now=now)
        hashes = [(row.id, row.code_hash) for row in session.scalars(unused_codes(waiting.known.person_id))]
    # No lock is held while hashes are compared.
    tried = hashes if waiting.attempt.may_try else []
    found = next((code_id for code_id, hashed in tried if verify_password(hashed, code)), None)
    new_token = None
    with database.writing() as session:
        waits = _waits_still(session, token, policy=policy, now=now)
        if found is not None and waits and _use_up(session, found, now=now):
            new_token = _let_in(session, waiting, source=source, policy=policy, now=now)
        else:
            turn_away(session, waiting, source=source, policy=policy, now=now)
    if new_token is None:
        raise refusal(waiting.attempt, WRONG, now=now)
    return new_token


def _waits_still(session: Session, token: str, *, policy: Policy, now: datetime) -> bool:
    """Whether nobody has finished or ended this sign-in while hashes were compared."""
    found = resume_session(session, token=token, policy=policy, now=now)
    return found is not None and found.stage is Stage.CODE_NEEDED


def _use_up(session: Session, code_id: int, *, now: datetime) -> bool:
    """Whether the code was still unused; afterwards it is used. Of any number of attempts at once, one succeeds."""
    used = session.execute(
        update(RecoveryCode)
        .where(RecoveryCode.id == code_id, RecoveryCode.used_at.is_(None), RecoveryCode.replaced_at.is_(None))
        .values(used_at=now)
        .returning(RecoveryCode.id),
        execution_options={"synchronize_session": False},
    )
    return used.one_or_none() is not None


def _let_in(session: Session, waiting: Waiting, *, source: str, policy: Policy, now: datetime) -> str:
    person_id = waiting.known.person_id
    left = own_factors(session, person_id).codes
    actor = Actor(person_id, waiting.signed_in.person_name)
    audit.record(
        session, action="sign_in.recovery_code_used", actor=actor, obj=("person", person_id), now=now,
        policy_digest=policy.digest, payload={"left": left},
    )  # fmt: skip
    body = (
        f"あなたの回復用コードでサインインがありました。使えるコードは、残り{left}個です。"
        "心当たりがないときは、すぐに情報システムの担当に知らせてください。"
    )
    notify(session, [person_id], subject="回復用コードが使われました", body=body, link=PAGE, now=now,
           urgent=True)  # fmt: skip
    here = replace(waiting, known=existing_sign_in_of(session, person_id))
    return let_in(session, here, Step.RECOVERY_CODE, source=source, policy=policy, now=now)
