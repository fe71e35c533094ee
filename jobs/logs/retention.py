"""Logs whose period is over go, a piece and a transaction at a time, so that nobody waits behind it (control G3)."""

from idm.actor import Actor
from idm.operations.logs import log_retention
from idm.queries.governance.configuration import policy_in_force
from jobs.installation import Installation

ACTOR = Actor.job("jobs.logs.retention")


def erase_due(installation: Installation) -> int:
    """Afterwards no log is older than its period, but for what a hold keeps; returns how many rows went."""
    now = installation.clock()
    erased = 0
    while True:
        with installation.database.writing() as session:
            policy = policy_in_force(session, now=now)
            count = log_retention.erase_piece(session, actor=ACTOR, policy=policy, now=now)
        erased += count
        if count == 0:
            break
    with installation.database.writing() as session:
        log_retention.expire(session, actor=ACTOR, policy=policy, now=now)
    return erased
