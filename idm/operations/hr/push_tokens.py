"""Tokens by which other systems push people to us: made, used, withdrawn (controls A7, D10).

A token is worth as much as a personnel file: it can let people in and have people leave, within the safety limits, and
can give nobody any right. It is shown once, kept as a hash, good for one feed, and always has an end.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import InvalidInput, NotFound, PushTokenRefused, TooManyPushes
from idm.feed.profile import load_feed_profile
from idm.feed.pushed_line import require_for_pushes
from idm.models.pushes import PushToken
from idm.operations.hr import feed_notices
from idm.operations.signing_in.web_sessions import hash_of
from idm.policy import Policy
from idm.queries.governance.configuration import feed_text_in_force
from idm.wareki import format_wareki
from idm.written_text import written

PREFIX = "idm_"
"""So that scanners of leaked secrets can know one."""
LONGEST_DAYS = 400
MOST_IN_A_MINUTE = 300
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class MadeToken:
    """A new token: `secret` is shown once and is nowhere else."""

    token_id: int
    secret: str

    def __repr__(self) -> str:
        return f"MadeToken({self.token_id})"


def make(
    session: Session, *, feed: str, name: str, days: int, actor: Actor, policy: Policy, now: datetime
) -> MadeToken:
    """Afterwards a system may push people into that feed for so many days, and HR knows that it may.

    Raises InvalidInput, ConfigurationInvalid where no such feed is in force or none that people can be pushed into.
    """
    said = written(name, field="name", empty="どのシステムに渡すトークンかを、名前で書いてください。")
    if not 1 <= days <= LONGEST_DAYS:
        message = f"期間は1日から{LONGEST_DAYS}日までにしてください。"
        raise InvalidInput(message, fields={"days": message})
    require_for_pushes(load_feed_profile(feed_text_in_force(session, feed, now=now), feed), feed)
    secret = PREFIX + secrets.token_urlsafe(32)
    made = PushToken(feed=feed, name=said, token_hash=hash_of(secret), made_at=now, ends_at=now + timedelta(days=days))
    session.add(made)
    session.flush()
    _record(session, "push_token.made", made, actor=actor, policy=policy, now=now)
    ends = format_wareki(day_of(made.ends_at))
    feed_notices.tell_of_token(
        session, f"「{said}」が、{feed} として職員を送れるようになりました（{ends} まで）。", now=now
    )
    return MadeToken(made.id, secret)


def withdraw(session: Session, token_id: int, *, actor: Actor, policy: Policy, now: datetime) -> PushToken:
    """Afterwards nothing can be pushed by it any more. Raises NotFound."""
    found = session.get(PushToken, token_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound(f"トークン {token_id} はありません。")
    if found.withdrawn_at is None:
        found.withdrawn_at = now
        _record(session, "push_token.withdrawn", found, actor=actor, policy=policy, now=now)
        feed_notices.tell_of_token(session, f"「{found.name}」は、{found.feed} として送れなくなりました。", now=now)
    return found


def use(session: Session, secret: str | None, *, now: datetime) -> PushToken:
    """The token that somebody came with, and that it was used now. Raises PushTokenRefused, TooManyPushes."""
    found = None
    if secret and secret.startswith(PREFIX):
        query = select(PushToken).where(PushToken.token_hash == hash_of(secret))
        found = session.scalars(query.with_for_update()).first()
    if found is None or found.withdrawn_at is not None or found.ends_at <= now:
        raise PushTokenRefused("トークンが正しくないか、期限が過ぎています。")
    if found.minute_began_at is None or now >= found.minute_began_at + MINUTE:
        found.minute_began_at, found.minute_count = now, 0
    if found.minute_count >= MOST_IN_A_MINUTE:
        raise TooManyPushes(f"1分間に{MOST_IN_A_MINUTE}回を超えています。時間をおいて送ってください。")
    found.minute_count += 1
    found.last_used_at = now
    return found


def _record(session: Session, action: str, token: PushToken, *, actor: Actor, policy: Policy, now: datetime) -> None:
    payload = {"feed": token.feed, "name": token.name, "ends_at": token.ends_at.isoformat()}
    audit.record(
        session, action=action, actor=actor, obj=("push_token", token.id), now=now, payload=payload,
        policy_digest=policy.digest,
    )  # fmt: skip
