"""The limit on attempts (FK 6-2(8)), counted before anything is looked at, one limit for each of the two steps.

The first step is counted under the name that was typed. A name that nobody has is counted and locked like any other, so
that a lock says nothing about who exists. Everything behind it (the second factor of whatever kind, giving it again,
the old password at a change) is counted under the person, by a key that no name can be: a stranger who types somebody's
name locks the first step of one way in, and neither ends a session nor stands between its owner and the second step.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from math import ceil

from sqlalchemy import delete, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.errors import SignInRefused
from idm.models.sign_in import SignIn, SignInAttempts
from idm.operations.notification.notices import notify
from idm.policy import Policy

SIGN_IN_PAGE = Actor(None, "サインイン画面")
"""Who acts while nobody is known yet."""

LOCKED = "SIGN-IN-LOCKED"
"""Code of the refusal while a name, or a person's second step, is locked."""

NAMED_SOURCES = 20
"""From so many addresses what comes during one lock is counted apart."""
AT_ONCE = 1_000
"""So many rows are told of, and forgotten, beside one attempt."""

FORGOTTEN_AFTER = timedelta(days=1)
"""Failures older than this no longer count towards a lock."""


@dataclass(frozen=True)
class Key:
    """What attempts are counted under. `person_id`: whose they are, if anybody's; `inside`: behind the first step."""

    name_hash: str
    person_id: int | None
    inside: bool


def by_name(name: str, person_id: int | None) -> Key:
    """The first step under a canonical name; "" for what is none."""
    return Key(_hash_of(name), person_id, inside=False)


def behind_first_step(person_id: int) -> Key:
    """Whatever somebody may try who has passed the first step. No canonical name has a colon."""
    return Key(_hash_of(f"2:{person_id}"), person_id, inside=True)


@dataclass(frozen=True)
class Attempt:
    """One counted attempt. `may_try` False = it came during a lock, nothing is to be looked at."""

    key: Key
    count: int
    may_try: bool
    locked_until: datetime | None
    """Set when this attempt was the last one allowed, or came during a lock."""
    locks: int

    @property
    def begins_lock(self) -> bool:
        """Whether it was the last one allowed."""
        return self.may_try and self.locked_until is not None


def count_attempt(session: Session, key: Key, *, source: str, policy: Policy, now: datetime) -> Attempt:
    """Afterwards one more attempt from that address counts; its caller commits before looking at the secret."""
    row = _row(session, key, now=now)
    forget_old(session, policy=policy, now=now, but=key)
    row.person_id = key.person_id
    row.failures += 1
    if row.locked_until is not None and now < row.locked_until:
        row.during_lock += 1
        row.lock_sources = _with_one_more(row.lock_sources, source)
        session.flush()
        return Attempt(key, row.count, may_try=False, locked_until=row.locked_until, locks=row.locks)
    _record_those_during_lock(session, row, policy=policy, now=now)
    anew = row.locked_until is not None or row.last_at < now - FORGOTTEN_AFTER
    row.count = 1 if anew else row.count + 1
    reached = row.count >= policy.sign_in.attempts
    row.locked_until = now + timedelta(minutes=policy.sign_in.lock_minutes) if reached else None
    row.locks += reached
    row.last_at = now
    session.flush()
    return Attempt(key, row.count, may_try=True, locked_until=row.locked_until, locks=row.locks)


def forget_old(session: Session, *, policy: Policy, now: datetime, but: Key | None = None) -> None:
    """Afterwards what came during locks that are over is on record, and names that are nobody's are forgotten after it.

    They go after a day, or after their lock. Rows that somebody else is at, and that of `but`, are left for the next
    time, so that nothing waits for another in a circle.
    """
    over = or_(SignInAttempts.locked_until.is_(None), SignInAttempts.locked_until <= now)
    others = SignInAttempts.name_hash != (but.name_hash if but is not None else "")
    untold = select(SignInAttempts).where(SignInAttempts.during_lock > 0, over, others)
    for row in session.scalars(untold.limit(AT_ONCE).with_for_update(skip_locked=True)).all():
        _record_those_during_lock(session, row, policy=policy, now=now)
    session.flush()
    old = select(SignInAttempts.name_hash).where(
        SignInAttempts.person_id.is_(None), SignInAttempts.last_at < now - FORGOTTEN_AFTER,
        SignInAttempts.during_lock == 0, over, others,
    )  # fmt: skip
    if names := session.scalars(old.limit(AT_ONCE).with_for_update(skip_locked=True)).all():
        session.execute(delete(SignInAttempts).where(SignInAttempts.name_hash.in_(names)))


def take_back(session: Session, attempt: Attempt) -> None:
    """Afterwards this attempt no longer counts: it was right, or nothing was judged."""
    row = session.get(SignInAttempts, attempt.key.name_hash, with_for_update=True)
    if row is not None:
        row.count, row.locked_until = max(row.count - 1, 0), None
        row.failures = max(row.failures - 1, 0)
        row.locks -= attempt.begins_lock


def forget(session: Session, known: SignIn, *, policy: Policy, now: datetime) -> int:
    """Afterwards no attempt counts against this person: they have signed in, or enrolled anew.

    Returns how many had failed since the last time, in locks and before them as well.
    """
    theirs = or_(SignInAttempts.person_id == known.person_id, SignInAttempts.name_hash == _hash_of(known.name))
    rows = session.scalars(select(SignInAttempts).where(theirs).order_by(SignInAttempts.name_hash).with_for_update())
    failures = 0
    for row in rows.all():
        row.person_id = known.person_id
        _record_those_during_lock(session, row, policy=policy, now=now)
        failures += row.failures
        session.delete(row)
    session.flush()
    return failures


def record_failure(
    session: Session, attempt: Attempt, *, step: int, source: str, policy: Policy, now: datetime,
    code: str = SignInRefused.code,
) -> None:  # fmt: skip
    """The failure stands in the audit record: with the person when the name is theirs, never with what was typed.

    What comes during a lock is only counted; how much it was, and from where, is recorded when the lock is over
    (`forget_old`). At the first lock behind the first step its owner is told: somebody has passed it (ASVS 6.3.5).
    """
    if not attempt.may_try:
        return
    audit.record(
        session, action="sign_in.attempted", code=code, actor=SIGN_IN_PAGE, now=now,
        obj=_object(attempt.key.person_id), policy_digest=policy.digest,
        payload={"step": step, "source": source, "count": attempt.count, "locked": attempt.begins_lock},
    )  # fmt: skip
    if attempt.key.inside and attempt.begins_lock and attempt.locks == 1:
        _tell(session, attempt.key, source, now=now)


def refusal(attempt: Attempt, message: str, *, now: datetime) -> SignInRefused:
    """The refusal to raise: `message`, or for how long attempts are stopped."""
    if attempt.locked_until is None:
        return SignInRefused(message)
    minutes = ceil((attempt.locked_until - now).total_seconds() / 60)
    what = "あなたの確認" if attempt.key.inside else "この利用者名"
    return SignInRefused(
        f"サインインの失敗が続いたため、{what}を一時的に停止しました。約{minutes}分後にやり直してください。",
        code=LOCKED,
    )


def _hash_of(name: str) -> str:
    return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def _object(person_id: int | None) -> tuple[str, str | int]:
    return ("person", person_id) if person_id is not None else ("sign_in", "unknown")


def _row(session: Session, key: Key, *, now: datetime) -> SignInAttempts:
    same = select(SignInAttempts).where(SignInAttempts.name_hash == key.name_hash).with_for_update()
    while True:
        row = session.scalars(same).one_or_none()
        if row is not None:
            return row
        try:
            with session.begin_nested():
                session.add(SignInAttempts(name_hash=key.name_hash, person_id=key.person_id, count=0, failures=0,
                                           during_lock=0, locks=0, last_at=now))  # fmt: skip
        except IntegrityError:
            # Another attempt under this key was quicker: its row serves both, unless it succeeded and forgot it.
            continue


def _record_those_during_lock(session: Session, row: SignInAttempts, *, policy: Policy, now: datetime) -> None:
    """Afterwards one record says how many attempts came during the lock, whoever sent them and however many."""
    if row.during_lock == 0:
        return
    audit.record(
        session, action="sign_in.refused_during_lock", code=LOCKED, actor=SIGN_IN_PAGE, now=now,
        obj=_object(row.person_id), policy_digest=policy.digest,
        payload={"attempts": row.during_lock, "sources": row.lock_sources},
    )  # fmt: skip
    row.during_lock, row.lock_sources = 0, {}


def _with_one_more(sources: dict[str, int], source: str) -> dict[str, int]:
    """How many came from where, of the first so many addresses; of any others only the sum is kept."""
    if source not in sources and len(sources) >= NAMED_SOURCES:
        return sources
    return {**sources, source: sources.get(source, 0) + 1}


def _tell(session: Session, key: Key, source: str, *, now: datetime) -> None:
    body = (
        "あなたの利用者で、サインインの最初の確認（パスワードなど）を通ったあと、次の確認の誤りが続いたため、"
        f"確認を一時的に停止しました（接続元: {source}）。自分で間違えたのでなければ、パスワードがほかの人に"
        "知られているおそれがあります。すぐにパスワードを変更し、情報システムの担当に知らせてください。"
    )
    notify(session, {key.person_id} if key.person_id is not None else set(),
           subject="サインインの確認の失敗が続きました", body=body, link="/me", now=now, urgent=True)  # fmt: skip
