"""The check of our own record by itself: once a day after the hour, and made up for when it was missed (control G4)."""

from datetime import datetime, time

from sqlalchemy import func, select

from idm.actor import Actor
from idm.calendar_days import TOKYO, day_of
from idm.database import Database
from idm.models.log_checks import LogCheck
from idm.operations.logs import log_checks
from idm.operations.sweep.findings import Found
from idm.policy import Policy
from idm.queries.governance.configuration import policy_in_force
from jobs.installation import Installation

ACTOR = Actor.job("jobs.logs.log_check")
NIGHTLY_AT = time(2, 0)


def run_due(installation: Installation) -> bool:
    """Whether the day's check was due: now it is done."""
    now = installation.clock()
    if not _is_due(installation, now):
        return False
    with installation.database.reading() as session:
        policy = policy_in_force(session, now=now)
    check(installation.database, actor=ACTOR, policy=policy, now=now)
    return True


def check(database: Database, *, actor: Actor, policy: Policy, now: datetime) -> LogCheck:
    """Afterwards everything that is sealed has been examined, piece by piece, and what was found is on record.

    Only the end writes: nobody waits for the database while a record of years is read.
    """
    with database.reading() as session:
        part = log_checks.unchecked(session, now=now)
    found: list[Found] = []
    for piece in part.pieces:
        with database.reading() as session:
            found += log_checks.look(session, part, piece, policy=policy)
    with database.writing() as session:
        return log_checks.record(session, part, found, actor=actor, policy=policy, now=now)


def _is_due(installation: Installation, now: datetime) -> bool:
    with installation.database.reading() as session:
        last = session.scalar(select(func.max(LogCheck.at)))
    return now.astimezone(TOKYO).time() >= NIGHTLY_AT and (last is None or day_of(last) < day_of(now))
