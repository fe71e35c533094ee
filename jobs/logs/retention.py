"""Logs whose period is over go, a piece and a transaction at a time, so that nobody waits behind it (control G3)."""

from collections.abc import Callable

from idm.actor import Actor
from idm.operations.logs import log_retention
from idm.operations.signing_in import sign_in_attempts
from idm.queries.governance.configuration import policy_in_force
from jobs.installation import Installation

ACTOR = Actor.job("jobs.logs.retention")


def erase_due(installation: Installation) -> int:
    """Afterwards no log is older than its period, but for what a hold keeps; returns how many rows went.

    What came during locks that are over is on record first.
    """
    now = installation.clock()
    with installation.database.writing() as session:
        sign_in_attempts.forget_old(session, policy=policy_in_force(session, now=now), now=now)
    erased = _in_pieces(installation, log_retention.erase_piece)
    _in_pieces(installation, log_retention.expire_piece)
    return erased


def _in_pieces(installation: Installation, piece: Callable[..., int]) -> int:
    """Afterwards nothing of it is left to do; returns how many rows that were."""
    now, done = installation.clock(), 0
    while True:
        with installation.database.writing() as session:
            policy = policy_in_force(session, now=now)
            count = piece(session, actor=ACTOR, policy=policy, now=now)
        done += count
        if count == 0:
            return done
