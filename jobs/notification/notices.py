"""What the clock asks of notices every minute: digests, applications that nobody decides, addresses that refuse."""

from idm.actor import Actor
from idm.operations.approval import undecided
from idm.operations.notification import digests, refused_addresses
from idm.queries.governance.configuration import policy_in_force
from jobs.installation import Installation

ACTOR = Actor.job("jobs.notification.notices")


def run_due(installation: Installation) -> None:
    """Afterwards every notice that the clock asks for waits to be sent, each once; some people per transaction."""
    now = installation.clock()
    with installation.database.writing() as session:
        policy = policy_in_force(session, now=now)
        undecided.remind(session, actor=ACTOR, policy=policy, now=now)
        refused_addresses.tell(session, now=now)
    gathered = 1
    while gathered:
        with installation.database.writing() as session:
            gathered = digests.gather(session, policy=policy, now=now)
