"""What a browser was asked about a passkey and has not answered yet: for one session, one answer, a few minutes.

A challenge is drawn at random, kept sealed, and bound to the session it was drawn for (whose token may change on the
way: a second factor given again gives it another); asking again takes its place. One drawn with an enrolment link is
not the one that is answered without, nor with another link.
"""

import os
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from idm.factors.passkey_ceremony import CHALLENGE_BYTES
from idm.keys.sealing import SealBroken, decrypt, encrypt
from idm.models.sign_in import SignInChallenge
from idm.operations.signing_in.web_sessions import SignedIn, hash_of

ANSWER_WITHIN = timedelta(minutes=5)


class Purpose(StrEnum):
    """What the answer is for."""

    ENROL = "passkey.enrol"
    SIGN_IN = "passkey.sign_in"


def draw(
    session: Session, signed_in: SignedIn, purpose: Purpose, *, factor_key: bytes, now: datetime,
    link_id: int | None = None,
) -> bytes:  # fmt: skip
    """Afterwards a fresh challenge waits for the answer of this session's browser; returns it."""
    session.execute(
        delete(SignInChallenge).where(SignInChallenge.purpose.in_(list(Purpose)), SignInChallenge.expires_at <= now)
    )
    challenge, key = os.urandom(CHALLENGE_BYTES), _key_of(signed_in, purpose)
    values = {
        "sealed": encrypt(factor_key, challenge, _context(key, link_id)), "created_at": now,
        "expires_at": now + ANSWER_WITHIN, "used_at": None,
    }  # fmt: skip
    renewed = session.execute(
        update(SignInChallenge).where(SignInChallenge.token_hash == key).values(values).returning(SignInChallenge.id)
    )
    if renewed.one_or_none() is None:
        session.add(SignInChallenge(token_hash=key, purpose=purpose, person_id=signed_in.person_id, **values))
    return challenge


def take(
    session: Session, signed_in: SignedIn, purpose: Purpose, *, factor_key: bytes, now: datetime,
    link_id: int | None = None,
) -> bytes | None:  # fmt: skip
    """The challenge that waits, for one of any number of answers at once; None for the others, and after its time."""
    key = _key_of(signed_in, purpose)
    waiting = (
        SignInChallenge.token_hash == key, SignInChallenge.person_id == signed_in.person_id,
        SignInChallenge.used_at.is_(None), SignInChallenge.expires_at > now,
    )  # fmt: skip
    sealed = session.scalar(select(SignInChallenge.sealed).where(*waiting))
    if sealed is None:
        return None
    used = session.execute(
        update(SignInChallenge)
        .where(*waiting, SignInChallenge.sealed == sealed)
        .values(used_at=now, sealed=b"")
        .returning(SignInChallenge.id),
        execution_options={"synchronize_session": False},
    )
    if used.one_or_none() is None:
        return None
    try:
        return decrypt(factor_key, sealed, _context(key, link_id))
    except SealBroken:  # drawn on another way: without a link, or with another one
        return None


def _key_of(signed_in: SignedIn, purpose: Purpose) -> str:
    return hash_of(f"{purpose}:session:{signed_in.session_id}")


def _context(key: str, link_id: int | None) -> bytes:
    return f"sign_in_challenges.sealed:{key}:link:{link_id or 0}".encode()
