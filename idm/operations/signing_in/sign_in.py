"""Signing in: name and password, then a one-time code (FK 6-2(8), 6-2(9); KT 第57).

The one place where operations end their own transactions: an attempt is counted, durably, before the password or the
code is looked at, so that neither a refusal nor fifty attempts at once escape the limit; and no lock on the database is
held while a password is hashed or a directory is asked. A refusal never says which part was wrong, and takes the same
time for a name that nobody has: one hash, and one question to the directory where people sign in with one
(`idm.operations.signing_in.sign_in_directory`).
"""

import re
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from idm.database import Database
from idm.errors import InvalidInput, SignInRefused, SignInUnavailable
from idm.factors.one_time_codes import has_form, matching_step
from idm.keys.sealing import decrypt
from idm.models.sign_in import SignIn
from idm.operations.signing_in.second_step import Step, complete, let_in, turn_away, waiting_for
from idm.operations.signing_in.sign_in_attempts import (
    Attempt,
    by_name,
    count_attempt,
    record_failure,
    refusal,
    take_back,
)
from idm.operations.signing_in.sign_in_directory import UNAVAILABLE, Door, No, PasswordChecker, admit, ask, door_of
from idm.operations.signing_in.web_sessions import Stage, may_come_in, open_session, stage_without_code
from idm.passwords.password_hashing import hash_password, needs_rehash, verify_password
from idm.policy import Policy
from idm.ports import PasswordCheck
from idm.queries.signing_in.sign_in_accounts import existing_sign_in_of

WRONG = "利用者名またはパスワードが正しくありません。"
WRONG_CODE = "確認コードが正しくありません。認証アプリに表示されている新しいコードを入力してください。"
CODE_FORM = "確認コードは半角の数字6桁で入力してください。"

_NAME = re.compile("[a-z0-9][a-z0-9._-]{0,63}")


def canonical_name(name: str) -> str | None:
    """The one form of a sign-in name: ASCII, lower-case, no space around it. None when nobody can have it."""
    lowered = name.strip(" ").lower() if name.isascii() else ""
    return lowered if _NAME.fullmatch(lowered) else None


def totp_context(column: str, person_id: int) -> bytes:
    """The place to which a sealed secret of the second factor is bound."""
    return f"sign_ins.{column}:{person_id}".encode()


def sign_in(
    database: Database, *, name: str, password: str, source: str, policy: Policy, now: datetime,
    check_password: PasswordChecker | None = None,
) -> str:  # fmt: skip
    """Afterwards a session is open for whoever has this name and password; returns its token.

    The session may still wait for a second factor (`Stage`). `source` is the address the attempt came from;
    `check_password` asks the directory people sign in with. Raises SignInRefused, with the failure counted and
    audited, and SignInUnavailable, not counted.
    """
    canonical = canonical_name(name)
    with database.writing() as session:
        known = _with_own_password(session, canonical)
        door = door_of(session, canonical, now=now) if check_password is not None else None
        key = by_name(canonical or "", _owner(session, canonical, door))
        attempt = count_attempt(session, key, source=source, policy=policy, now=now)
    matches = verify_password(known.password_hash if known else None, password if known else "")
    answer = None
    if door is not None and check_password is not None and attempt.may_try and not matches:
        answer = ask(door, check_password, password, for_nobody=known is not None)
    shown = _Shown(canonical or "", password, matches, door, answer, source)
    with database.writing() as session:
        outcome = _outcome(session, known, shown, attempt, policy=policy, now=now)
        if isinstance(outcome, No):
            _refuse_password(session, shown, attempt, outcome, policy=policy, now=now)
    if isinstance(outcome, No):
        raise _refusal_of(outcome, attempt, now=now)
    return outcome


@dataclass(frozen=True)
class _Shown:
    """What somebody came with, and what was found of it outside any transaction."""

    name: str
    password: str = field(repr=False)
    matches: bool
    door: Door | None
    answer: PasswordCheck | None
    source: str


UNREACHED = No(SignInUnavailable.code, UNAVAILABLE, counts=False)


def _outcome(
    session: Session, known: SignIn | None, shown: _Shown, attempt: Attempt, *, policy: Policy, now: datetime
) -> str | No:
    """The token of a session, or why there is none."""
    if not attempt.may_try or (known is not None and not shown.matches):
        return No()
    if known is not None:
        admitted = _with_password_compared(session, known, shown.password, now=now)
    elif shown.door is None:
        return No()
    elif shown.answer is None:
        return UNREACHED
    else:
        admitted = admit(session, shown.door, shown.answer, name=shown.name, policy=policy, now=now)
    if isinstance(admitted, No):
        return admitted
    return _let_in(session, admitted, attempt, source=shown.source, policy=policy, now=now)


def _refuse_password(
    session: Session, shown: _Shown, attempt: Attempt, no: No, *, policy: Policy, now: datetime
) -> None:  # fmt: skip
    if not no.counts:
        take_back(session, attempt)
    record_failure(session, attempt, step=1, source=shown.source, policy=policy, now=now, code=no.code)


def _refusal_of(no: No, attempt: Attempt, *, now: datetime) -> SignInRefused | SignInUnavailable:
    if no is UNREACHED:
        return SignInUnavailable(UNAVAILABLE)
    if no.sentence is not None:
        return SignInRefused(no.sentence, code=no.code)
    return refusal(attempt, WRONG, now=now)


def verify_code(
    database: Database, *, token: str, code: str, source: str, factor_key: bytes, policy: Policy, now: datetime,
    again: bool = False,
) -> str:  # fmt: skip
    """Afterwards the session that waited for a code is replaced by a signed-in one; returns the new token.

    `again`: somebody signed in gives one more code, and their session goes on under the new token with a fresh factor.
    Raises InvalidInput when the text is no code (not counted), SignInRefused otherwise, counted and audited.
    """
    if not has_form(code):
        raise InvalidInput(CODE_FORM, fields={"code": CODE_FORM})
    new_token = None
    with database.writing() as session:
        waiting = waiting_for(session, token, source=source, policy=policy, now=now, again=again)
        if waiting.attempt.may_try and _accept_code(session, waiting.known, code, factor_key=factor_key, now=now):
            new_token = let_in(session, waiting, Step.APP, source=source, policy=policy, now=now)
        else:
            turn_away(session, waiting, source=source, policy=policy, now=now)
    if new_token is None:
        raise refusal(waiting.attempt, WRONG_CODE, now=now)
    return new_token


def _owner(session: Session, name: str | None, door: Door | None) -> int | None:
    """Whose name it is, by whichever way they sign in."""
    known = session.scalar(select(SignIn.person_id).where(SignIn.name == name))
    account = door.account if door is not None else None
    return account.person_id if known is None and account is not None else known


def _with_own_password(session: Session, name: str | None) -> SignIn | None:
    return session.scalars(select(SignIn).where(SignIn.name == name, SignIn.password_hash.is_not(None))).one_or_none()


def _with_password_compared(session: Session, seen: SignIn, password: str, *, now: datetime) -> SignIn | No:
    known = existing_sign_in_of(session, seen.person_id)
    # Changed while it was being compared: the former password opens nothing any more.
    if known.password_hash is None or known.password_hash != seen.password_hash:
        return No()
    if not may_come_in(session, known.person, now=now):
        return No()
    if needs_rehash(known.password_hash):
        known.password_hash = hash_password(password)
    return known


def _let_in(
    session: Session, known: SignIn, attempt: Attempt, *, source: str, policy: Policy, now: datetime
) -> str:  # fmt: skip
    """Afterwards a session is open, which waits for a code where one is needed."""
    if stage_without_code(session, known, policy=policy, now=now) is Stage.SIGNED_IN:
        return complete(session, known, attempt, None, source=source, policy=policy, now=now)
    take_back(session, attempt)
    return open_session(session, known, policy=policy, now=now)


def _accept_code(session: Session, known: SignIn, code: str, *, factor_key: bytes, now: datetime) -> bool:
    if known.totp_secret is None:
        return False
    secret = decrypt(factor_key, known.totp_secret, totp_context("totp_secret", known.person_id))
    step = matching_step(secret, code, now)
    return step is not None and take_step(session, known, step)


def take_step(session: Session, known: SignIn, step: int) -> bool:
    """Whether the time step is newer than every accepted one; afterwards no code of it is accepted again.

    Compare-and-swap in the database: of any number of attempts with one code, one succeeds.
    """
    taken = session.execute(
        update(SignIn)
        .where(SignIn.id == known.id, or_(SignIn.last_totp_step.is_(None), SignIn.last_totp_step < step))
        .values(last_totp_step=step)
        .returning(SignIn.id),
        execution_options={"synchronize_session": False},
    )
    return taken.one_or_none() is not None
