"""Carries out what falls due by the calendar, once a day or as often as it is asked."""

from datetime import date

from idm.actor import Actor
from idm.calendar_days import start_of
from idm.operations.lifecycle import LifecycleResult, carry_out_due
from idm.queries.configuration import policy_in_force
from idm.unit_of_work import unit_of_work
from jobs.installation import Installation

ACTOR = Actor.job("jobs.lifecycle")


def run(installation: Installation, *, as_of: date | None = None) -> LifecycleResult:
    """Afterwards everything due by now is decided and waits in the outbox.

    `as_of` may name a day that has come; a day still to come is for rehearsals, which the caller must not commit.
    """
    now = installation.clock()
    moment = now if as_of is None else min(now, start_of(as_of))
    with unit_of_work(
        installation.database, actor=ACTOR, now=now, attempted="lifecycle.run", obj=("lifecycle", str(moment.date()))
    ) as session:
        return carry_out_due(session, actor=ACTOR, policy=policy_in_force(session, now=now), now=moment)
