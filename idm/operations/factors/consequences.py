"""What follows from every event in the life of an authenticator, always both and always in this order (control B6)."""

from datetime import datetime

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.operations.factors import factor_gate, lost_card
from idm.operations.factors.lost_card import Followed
from idm.policy import Policy


def follow(session: Session, person_id: int, *, actor: Actor, policy: Policy, now: datetime) -> Followed:
    """Afterwards what this person may do is what their authenticators allow: nothing rests on a lost one, and the gate
    has judged them anew. Returns what a loss stopped, or stops no more."""
    followed = lost_card.follow(session, [person_id], actor=actor, policy=policy, now=now)
    factor_gate.apply_to_people(session, [person_id], actor=actor, policy=policy, now=now)
    return followed
