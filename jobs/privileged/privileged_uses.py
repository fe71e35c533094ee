"""What the clock does with the uses of privileged IDs, before anything is provisioned (D6; `idm.operations`).

In every round of the worker: unanswered requests lapse, permitted uses open, open ones end on the second, and overdue
work reports are told of. What has changed is carried out by `jobs.provision` in the same round.
"""

from datetime import timedelta

from idm.actor import Actor
from idm.operations import outbox
from idm.operations.privileged import uses, work_reports
from idm.queries.governance.configuration import policy_in_force
from idm.queries.privileged.uses import accounts_ending, reports_to_escalate, uses_to_carry_on
from jobs.installation import Installation

ACTOR = Actor.job("jobs.privileged.privileged_uses")
TRIED_AGAIN_WITHIN = timedelta(minutes=1)
"""How long the end of a use waits for its next try, however long its directory has been away."""


def run_due(installation: Installation) -> int:
    """Afterwards every use is where the clock has brought it. Returns how many moved."""
    now = installation.clock()
    with installation.database.reading() as session:
        due = uses_to_carry_on(session, policy=policy_in_force(session, now=now), now=now)
        if not due and not reports_to_escalate(session, now=now):
            return 0
    with installation.database.writing() as session:
        policy = policy_in_force(session, now=now)
        moved = uses.carry_on(session, actor=ACTOR, policy=policy, now=now)
        work_reports.escalate(session, actor=ACTOR, policy=policy, now=now)
        outbox.hurry(session, accounts_ending(session), before=now + TRIED_AGAIN_WITHIN)
    return moved
