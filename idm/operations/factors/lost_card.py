"""What rests on a lost authenticator is stopped, and nothing else (FK 5-4(1)②; control B6).

One sentence says all of it: the rights of a person in a system are held back for a lost card exactly as long as a lost
authenticator of theirs is in use there. Whoever reports, recovers, replaces or collects one changes that, and follows
with `follow`; whoever is given a right while something is lost gets it held back by the same call.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, joinedload

from idm.actor import Actor
from idm.database import in_chunks
from idm.factors.authenticator_state import AuthenticatorState
from idm.grant_state import SuspensionReason
from idm.models.authenticators import Authenticator, AuthenticatorUse
from idm.models.requests import Grant, GrantSuspension
from idm.models.systems import Account
from idm.operations.rights import suspensions
from idm.operations.rights.grants import live_grants_of
from idm.policy import Policy

REASON = SuspensionReason.LOST_CARD


@dataclass(frozen=True)
class Followed:
    """The grants that were stopped, and those of which this reason was lifted (others may still hold them back)."""

    stopped: tuple[Grant, ...] = ()
    lifted: tuple[Grant, ...] = ()


def lock(session: Session, person_id: int) -> None:
    """Afterwards nobody else decides on what this person has, until the transaction ends.

    Whoever is given a right locks the account as well: neither misses what the other does.
    """
    query = select(Account.id).where(Account.person_id == person_id).order_by(Account.id)
    session.execute(query.with_for_update(key_share=True))


def follow(
    session: Session, person_ids: Collection[int], *, actor: Actor, policy: Policy, now: datetime
) -> Followed:  # fmt: skip
    """Afterwards every live grant of these people is held back for a lost card, or not, as what they lost says."""
    session.flush()
    stopped: list[Grant] = []
    lifted: list[Grant] = []
    for some in in_chunks(sorted(person_ids)):
        lost, held = _lost_places(session, some), _held(session, some)
        if not lost and not held:
            continue
        query = live_grants_of(some).options(joinedload(Grant.account), joinedload(Grant.entitlement))
        for grant in session.scalars(query):
            place = (grant.account.person_id or 0, grant.account.system_id)
            if place in lost and grant.id not in held:
                suspensions.suspend(session, grant, REASON, actor=actor, policy=policy, now=now)
                stopped.append(grant)
            elif grant.id in held and place not in lost:
                suspensions.resume(session, grant, REASON, actor=actor, policy=policy, now=now)
                lifted.append(grant)
    return Followed(tuple(stopped), tuple(lifted))


def _lost_places(session: Session, person_ids: Collection[int]) -> frozenset[tuple[int, int]]:
    """(person, system) wherever a lost authenticator is in use."""
    rows = session.execute(
        select(Authenticator.person_id, AuthenticatorUse.system_id)
        .join(AuthenticatorUse, AuthenticatorUse.authenticator_id == Authenticator.id)
        .where(
            Authenticator.person_id.in_(person_ids), Authenticator.state == AuthenticatorState.LOST,
            AuthenticatorUse.until.is_(None),
        )
    )  # fmt: skip
    return frozenset((person_id, system_id) for person_id, system_id in rows)


def _held(session: Session, person_ids: Collection[int]) -> frozenset[int]:
    """The grants of these people that are held back for a lost card."""
    open_reason = exists().where(
        GrantSuspension.grant_id == Grant.id, GrantSuspension.reason == REASON, GrantSuspension.until.is_(None)
    )
    return frozenset(session.scalars(live_grants_of(person_ids).with_only_columns(Grant.id).where(open_reason)))
