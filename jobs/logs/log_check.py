"""The check of our own record by itself: once a day after the hour, and made up for when it was missed (control G4)."""

from datetime import datetime, time

from sqlalchemy import func, select

from idm.actor import Actor
from idm.calendar_days import TOKYO, day_of
from idm.models.log_checks import LogCheck
from idm.operations.logs import log_checks
from idm.queries.governance.configuration import policy_in_force
from jobs.installation import Installation

ACTOR = Actor.job("jobs.logs.log_check")
NIGHTLY_AT = time(2, 0)


def run_due(installation: Installation) -> bool:
    """Whether the day's check was due: now it is done."""
    now = installation.clock()
    if not _is_due(installation, now):
        return False
    with installation.database.writing() as session:
        log_checks.check(session, actor=ACTOR, policy=policy_in_force(session, now=now), now=now)
    return True


def _is_due(installation: Installation, now: datetime) -> bool:
    with installation.database.reading() as session:
        last = session.scalar(select(func.max(LogCheck.at)))
    return now.astimezone(TOKYO).time() >= NIGHTLY_AT and (last is None or day_of(last) < day_of(now))
