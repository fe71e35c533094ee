"""What approved lines bring about, whole: rights begin and end, and none begins in force for somebody who is away.

Nor behind the gate: what needs two kinds of factor is decided, and held back until they are shown (controls B1, B2).
Nor where its holder has lost what they prove themselves with there (control B6).
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.grant_state import GrantState, SuspensionReason
from idm.models.requests import RequestLine
from idm.operations.factors import lost_card
from idm.operations.rights import grants
from idm.operations.rights.suspensions import hold_back_new, suspend
from idm.personnel.due_changes import standing
from idm.policy import Policy
from idm.queries.rights.due import services_of


def take_effect(session: Session, lines: Sequence[RequestLine], *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards what the lines of one application asked for is decided; the directory follows through the outbox.

    A right that somebody on leave is given today waits, suspended, for their return (control A7).
    """
    given = grants.take_effect(session, lines, actor=actor, policy=policy, now=now)
    begun = [grant for grant in given if grant.state is GrantState.IN_FORCE]
    people = {grant.account.person_id for grant in begun if grant.account.person_id is not None}
    services = services_of(session, policy.personnel.suspending_absences, people)
    for grant in begun:
        if standing(services.get(grant.account.person_id or 0, ()), day_of(now)).absent:
            suspend(session, grant, SuspensionReason.LEAVE, actor=actor, policy=policy, now=now)
    hold_back_new(session, given, actor=actor, policy=policy, now=now)
    lost_card.follow(
        session, {grant.account.person_id for grant in given if grant.account.person_id is not None}, actor=actor,
        policy=policy, now=now,
    )  # fmt: skip
