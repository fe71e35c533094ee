"""Sessions of signed-in browsers: opened after sign-in, resumed at every request, ended in time (FK 6-2(6)②, 6-2(8)).

The browser holds a random token, the database its SHA-256. Nothing about a person is kept in the session: whether they
still belong to the organisation and which roles they hold is read anew at every request, so that losing either acts at
once (KT 第66).
"""

import os
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.models.people import Person
from idm.models.sign_in import SignIn, WebSession
from idm.policy import Policy
from idm.queries.approval.deciders import needs_second_factor
from idm.queries.organisation.officers import roles_of
from idm.queries.signing_in.own_factors import own_factors
from idm.queries.signing_in.provider_identities import is_linked
from idm.queries.signing_in.sign_in_accounts import existing_sign_in_of, has_account
from idm.queries.stops.holding import is_stopped, person_is_stopped
from idm.vocabulary import Role, SignInWay

NOTED_EVERY = timedelta(seconds=30)
"""How exactly the last use of a session is kept; not every request needs a write."""


class Stage(StrEnum):
    """How far a browser has come."""

    CODE_NEEDED = "code_needed"
    FACTOR_NEEDED = "factor_needed"
    """A second factor is demanded (by a role held or deputised, or because the last one was lost) and none enrolled."""
    SIGNED_IN = "signed_in"


@dataclass(frozen=True)
class SignedIn:
    """Who a session belongs to, and how far they have come. Only `SIGNED_IN` opens pages."""

    session_id: int
    person_id: int
    person_name: str
    name: str
    stage: Stage
    roles: frozenset[Role]
    has_second_factor: bool
    second_factor_at: datetime | None
    previous_sign_in_at: datetime | None
    previous_sign_out_at: datetime | None
    failures_before: int
    note_is_due: bool

    @property
    def actor(self) -> Actor:
        """This person as the audit record names them."""
        return Actor(self.person_id, self.person_name, self.second_factor_at)


def new_token() -> str:
    """A random token of 256 bits, for a cookie or a link."""
    return urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")


def hash_of(token: str) -> str:
    """What the database keeps of a token. (A random token needs no slow hash.)"""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def belongs(session: Session, person: Person, *, now: datetime) -> bool:
    """Whether the person has an employment or an office on the day of `now`."""
    return person.employed_on(day_of(now)) or bool(roles_of(session, person.id, day_of(now)))


def may_come_in(session: Session, person: Person, *, now: datetime) -> bool:
    """Whether the person belongs here and no order stops them everywhere (control H5)."""
    return belongs(session, person, now=now) and not person_is_stopped(session, person.id)


def open_session(
    session: Session, sign_in: SignIn, *, policy: Policy, now: datetime, second_factor: bool = False, failures: int = 0,
    recovery_code: bool = False, until: datetime | None = None,
) -> str:  # fmt: skip
    """Afterwards a session of this person is open; returns its token, for one browser and nowhere else.

    `failures` is how many attempts failed since the sign-in before. `recovery_code`: one stood in for the second
    factor, which opens pages but is never a fresh factor. `until`: when the one it takes the place of would have ended.
    """
    token = new_token()
    opened = WebSession(
        token_hash=hash_of(token), person_id=sign_in.person_id, created_at=now, last_seen_at=now,
        expires_at=until if until is not None else now + timedelta(hours=policy.sign_in.absolute_hours),
        second_factor_at=now if second_factor else None, recovery_code_at=now if recovery_code else None,
        failures_before=failures,
    )  # fmt: skip
    if (
        second_factor
        or recovery_code
        or stage_without_code(session, sign_in, policy=policy, now=now) is Stage.SIGNED_IN
    ):
        _close_forgotten(session, sign_in, policy=policy, now=now)
        opened.previous_sign_in_at, opened.previous_sign_out_at = sign_in.last_signed_in_at, sign_in.last_signed_out_at
        sign_in.last_signed_in_at = now
    session.add(opened)
    return token


def stage_without_code(session: Session, sign_in: SignIn, *, policy: Policy, now: datetime) -> Stage:
    """How far the password alone brings this person, by what is enrolled and demanded at this moment."""
    if own_factors(session, sign_in.person_id).some:
        return Stage.CODE_NEEDED
    demanded = sign_in.factor_lost_at is not None or needs_second_factor(
        session, sign_in.person_id, policy=policy, day=day_of(now)
    )
    return Stage.FACTOR_NEEDED if demanded else Stage.SIGNED_IN


def resume_session(session: Session, *, token: str, policy: Policy, now: datetime) -> SignedIn | None:
    """Who comes with this token; None when it is unknown, ended, idle too long, too old, or its person has
    left or is stopped.

    Changes nothing: where `note_is_due`, the caller follows with `note_use`.
    """
    found = session.execute(
        select(WebSession, SignIn)
        .join(SignIn, SignIn.person_id == WebSession.person_id)
        .where(WebSession.token_hash == hash_of(token), WebSession.ended_at.is_(None), ~is_stopped(SignIn.person_id))
    ).one_or_none()
    if found is None:
        return None
    web, sign_in = found
    if _end_of(web, policy) <= now or not _may_still(session, sign_in, now=now):
        return None
    stage = stage_without_code(session, sign_in, policy=policy, now=now)
    return SignedIn(
        session_id=web.id,
        person_id=sign_in.person_id,
        person_name=sign_in.person.name,
        name=sign_in.name,
        stage=Stage.SIGNED_IN if web.second_factor_at or web.recovery_code_at else stage,
        roles=roles_of(session, sign_in.person_id, day_of(now)),
        has_second_factor=stage is Stage.CODE_NEEDED,
        second_factor_at=web.second_factor_at,
        previous_sign_in_at=web.previous_sign_in_at,
        previous_sign_out_at=web.previous_sign_out_at,
        failures_before=web.failures_before,
        note_is_due=now - web.last_seen_at >= NOTED_EVERY,
    )


def note_use(session: Session, *, session_id: int, now: datetime) -> None:
    """Afterwards the session's idle time counts from `now`."""
    session.execute(
        update(WebSession)
        .where(WebSession.id == session_id, WebSession.ended_at.is_(None), WebSession.last_seen_at < now)
        .values(last_seen_at=now)
    )


def replace_session(session: Session, *, session_id: int, now: datetime) -> None:
    """Afterwards this session is ended because another takes its place; that is no sign-out."""
    session.execute(update(WebSession).where(WebSession.id == session_id).values(ended_at=now))


def renew_factor(session: Session, *, session_id: int, now: datetime) -> str:
    """Afterwards the session's second factor is of this moment and the token it had opens nothing; returns the new one.

    How long it lasts does not change.
    """
    token = new_token()
    session.execute(
        update(WebSession)
        .where(WebSession.id == session_id, WebSession.ended_at.is_(None))
        .values(token_hash=hash_of(token), second_factor_at=now, last_seen_at=now)
    )
    return token


def change_token(session: Session, *, session_id: int, now: datetime) -> str:
    """Afterwards the token that the session had opens nothing; returns the new one. Nothing else of it changes."""
    token = new_token()
    session.execute(
        update(WebSession)
        .where(WebSession.id == session_id, WebSession.ended_at.is_(None))
        .values(token_hash=hash_of(token), last_seen_at=now)
    )
    return token


def end_session(session: Session, *, session_id: int, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards the session is ended, and its end is the person's last sign-out. Ending it again changes nothing."""
    web = session.get(WebSession, session_id)
    if web is None or web.ended_at is not None:
        return
    _end(session, web, at=now)
    audit.record(
        session, action="sign_in.session_ended", actor=actor, obj=("person", web.person_id), now=now,
        policy_digest=policy.digest,
    )  # fmt: skip


def end_left_behind(session: Session, *, brought: str | None, token: str, policy: Policy, now: datetime) -> None:
    """Afterwards the session that a browser `brought` is ended, where it goes on in another one (ASVS 7.2.4).

    Nobody has its cookie any more who should.
    """
    if brought is None or brought == token:
        return
    former = resume_session(session, token=brought, policy=policy, now=now)
    if former is not None:
        end_session(session, session_id=former.session_id, actor=former.actor, policy=policy, now=now)


def end_all_sessions(
    session: Session, *, person_id: int, actor: Actor, policy: Policy, now: datetime, but: int | None = None
) -> int:
    """Afterwards the person is signed in nowhere `but` in the session of that id; returns how many others were open."""
    open_ones = session.scalars(
        select(WebSession).where(
            WebSession.person_id == person_id, WebSession.ended_at.is_(None), WebSession.id != (but or 0)
        )
    ).all()
    for web in open_ones:
        _end(session, web, at=min(now, _end_of(web, policy)))
    if open_ones:
        audit.record(
            session, action="sign_in.all_sessions_ended", actor=actor, obj=("person", person_id), now=now,
            policy_digest=policy.digest, payload={"sessions": len(open_ones)},
        )  # fmt: skip
    return len(open_ones)


def _may_still(session: Session, sign_in: SignIn, *, now: datetime) -> bool:
    """Whether its person may be signed in: who came with the directory's password, as long as they have that account;
    who came by a provider, as long as they are linked to the one in force.

    So what suspends the account ends the session at its next request, before the directory has heard of it.
    """
    if sign_in.way is SignInWay.DIRECTORY and not has_account(session, sign_in.person_id, day_of(now)):
        return False
    if sign_in.way is SignInWay.PROVIDER and not is_linked(session, sign_in.person_id, now=now):
        return False
    return belongs(session, sign_in.person, now=now)


def _end_of(web: WebSession, policy: Policy) -> datetime:
    """When the session ends by itself."""
    return min(web.last_seen_at + policy.idle, web.expires_at)


def _close_forgotten(session: Session, sign_in: SignIn, *, policy: Policy, now: datetime) -> None:
    """Afterwards sessions of this person that ran out have the moment at which they did as their end."""
    for web in session.scalars(
        select(WebSession).where(WebSession.person_id == sign_in.person_id, WebSession.ended_at.is_(None))
    ):
        if _end_of(web, policy) <= now:
            _end(session, web, at=_end_of(web, policy))


def _end(session: Session, web: WebSession, *, at: datetime) -> None:
    web.ended_at = at
    sign_in = existing_sign_in_of(session, web.person_id)
    if sign_in.last_signed_out_at is None or sign_in.last_signed_out_at < at:
        sign_in.last_signed_out_at = at
