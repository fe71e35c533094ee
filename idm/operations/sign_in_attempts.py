"""The limit on attempts (FK 6-2(8)): counted per sign-in name, over password and code, before either is looked at.

A name that nobody has is counted and locked like any other, so that a lock says nothing about who exists.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from math import ceil

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.errors import SignInRefused
from idm.models.sign_in import SignInAttempts
from idm.policy import Policy

SIGN_IN_PAGE = Actor(None, "サインイン画面")
"""Who acts while nobody is known yet."""

LOCKED = "SIGN-IN-LOCKED"
"""Code of the refusal while a name is locked."""

FORGOTTEN_AFTER = timedelta(days=1)
"""Failures older than this no longer count."""


@dataclass(frozen=True)
class Attempt:
    """One counted attempt. `may_try` False = the name was locked already, nothing is to be looked at."""

    name_hash: str
    count: int
    may_try: bool
    locked_until: datetime | None
    """Set when this attempt was the last one allowed, or came during a lock."""


def count_attempt(session: Session, name: str, *, policy: Policy, now: datetime) -> Attempt:
    """Afterwards one more attempt counts against the name; its caller commits before looking at the secret."""
    _forget_old(session, now=now)
    row = _row(session, _hash_of(name), now=now)
    if row.locked_until is not None and now < row.locked_until:
        return Attempt(row.name_hash, row.count, may_try=False, locked_until=row.locked_until)
    row.count = 1 if row.locked_until is not None else row.count + 1
    reached = row.count >= policy.sign_in.attempts
    row.locked_until = now + timedelta(minutes=policy.sign_in.lock_minutes) if reached else None
    row.last_at = now
    session.flush()
    return Attempt(row.name_hash, row.count, may_try=True, locked_until=row.locked_until)


def attempts_so_far(session: Session, name: str) -> Attempt:
    """This attempt after those under the name, counted nowhere: it proved itself and guessed nothing."""
    row = session.get(SignInAttempts, _hash_of(name))
    return Attempt(_hash_of(name), (row.count if row is not None else 0) + 1, may_try=True, locked_until=None)


def take_back(session: Session, attempt: Attempt) -> None:
    """Afterwards this attempt no longer counts: the password was right and a code is still to come."""
    row = session.get(SignInAttempts, attempt.name_hash, with_for_update=True)
    if row is not None:
        row.count, row.locked_until = max(row.count - 1, 0), None


def forget(session: Session, name: str) -> None:
    """Afterwards no attempt counts against the name: its owner has signed in, or enrolled anew."""
    session.execute(delete(SignInAttempts).where(SignInAttempts.name_hash == _hash_of(name)))


def record_failure(
    session: Session, person_id: int | None, attempt: Attempt, *, step: int, source: str, policy: Policy,
    now: datetime, code: str = SignInRefused.code,
) -> None:  # fmt: skip
    """The failure stands in the audit record: with the person when the name is theirs, never with what was typed."""
    audit.record(
        session, action="sign_in.attempted", code=code, actor=SIGN_IN_PAGE, now=now,
        obj=("person", person_id) if person_id else ("sign_in", "unknown"), policy_digest=policy.digest,
        payload={"step": step, "source": source, "count": attempt.count, "locked": attempt.locked_until is not None},
    )  # fmt: skip


def refusal(attempt: Attempt, message: str, *, now: datetime) -> SignInRefused:
    """The refusal to raise: `message`, or for how long the name is locked."""
    if attempt.locked_until is None:
        return SignInRefused(message)
    minutes = ceil((attempt.locked_until - now).total_seconds() / 60)
    return SignInRefused(
        f"サインインの失敗が続いたため、この利用者名を一時的に停止しました。約{minutes}分後にやり直してください。",
        code=LOCKED,
    )


def _hash_of(name: str) -> str:
    return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def _row(session: Session, name_hash: str, *, now: datetime) -> SignInAttempts:
    row = session.get(SignInAttempts, name_hash, with_for_update=True)
    if row is not None:
        return row
    try:
        with session.begin_nested():
            session.add(SignInAttempts(name_hash=name_hash, count=0, last_at=now))
    except IntegrityError:
        pass  # another attempt under this name was quicker; its row serves both
    return session.scalars(select(SignInAttempts).where(SignInAttempts.name_hash == name_hash).with_for_update()).one()


def _forget_old(session: Session, *, now: datetime) -> None:
    session.execute(delete(SignInAttempts).where(SignInAttempts.last_at < now - FORGOTTEN_AFTER))
