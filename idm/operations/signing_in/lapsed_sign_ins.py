"""A leaver's sign-in ends for good: who comes back enrols anew, by a link (control B8, FK 5-4(3)).

At the end of an employment nobody signs in any more. What they signed in with would wake up with the next employment,
years later and perhaps in other hands, if it were kept.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.models.people import Employment
from idm.models.sign_in import SignIn
from idm.operations.signing_in.own_factors import Because, withdraw_all
from idm.operations.signing_in.web_sessions import belongs
from idm.policy import Policy
from idm.queries.signing_in.provider_identities import identity_of


def end_of_leavers(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards whoever has not belonged here for the profile's `delete_after_days` has no sign-in; returns how many.

    Gone are the password, every second factor and recovery code, and the identity at a provider.
    """
    before = now - timedelta(days=policy.personnel.delete_after_days)
    employed = select(Employment.person_id).where(
        Employment.valid_until.is_(None) | (Employment.valid_until > day_of(before))
    )
    kept = session.scalars(select(SignIn).where(SignIn.person_id.not_in(employed)).order_by(SignIn.id)).all()
    gone = [one for one in kept if not _came_since(one, before) and not _belongs(session, one, before, now)]
    for sign_in in gone:
        _end(session, sign_in, actor=actor, policy=policy, now=now)
    return len(gone)


def _came_since(sign_in: SignIn, before: datetime) -> bool:
    return sign_in.last_signed_in_at is not None and sign_in.last_signed_in_at > before


def _belongs(session: Session, sign_in: SignIn, before: datetime, now: datetime) -> bool:
    return any(belongs(session, sign_in.person, now=moment) for moment in (before, now))


def _end(session: Session, sign_in: SignIn, *, actor: Actor, policy: Policy, now: datetime) -> None:
    person_id, said = sign_in.person_id, {"name": sign_in.name, "way": sign_in.way.value}
    withdraw_all(session, person_id, because=Because.REMOVED, actor=actor, policy=policy, now=now)
    identity = identity_of(session, person_id)
    if identity is not None:
        identity.ended_at = now
    session.delete(sign_in)
    session.flush()
    audit.record(
        session, action="sign_in.ended", actor=actor, obj=("person", person_id), now=now,
        policy_digest=policy.digest, payload=said,
    )  # fmt: skip
