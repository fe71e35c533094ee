"""What findings need between two nights: what covers them, what has ended, who has to know (controls C1, J1)."""

from idm.actor import Actor
from idm.operations.sweep import finding_notices
from idm.operations.sweep.finding_following import follow
from idm.queries.governance.configuration import policy_in_force
from jobs.installation import Installation

ACTOR = Actor.job("jobs.sweep.finding_care")


def run_due(installation: Installation) -> None:
    """Afterwards what exceptions cover and what is open again is on record, and whoever has to know of findings does:
    of what is covered or answered for nobody is told."""
    now = installation.clock()
    with installation.database.writing() as session:
        policy = policy_in_force(session, now=now)
        follow(session, actor=ACTOR, policy=policy, now=now)
        finding_notices.tell_urgent(session, actor=ACTOR, policy=policy, now=now)
        finding_notices.escalate(session, actor=ACTOR, policy=policy, now=now)
