"""Carries out what falls due by the calendar, once a day or as often as it is asked."""

from datetime import date

from idm.actor import Actor
from idm.calendar_days import day_of, start_of
from idm.errors import InvalidInput
from idm.operations.lifecycle import LifecycleResult, carry_out_due
from idm.queries.configuration import policy_in_force
from idm.unit_of_work import unit_of_work
from jobs.installation import Installation

ACTOR = Actor.job("jobs.lifecycle")


def run(installation: Installation, *, as_of: date | None = None, dry_run: bool = False) -> LifecycleResult:
    """Afterwards everything due by now, or by the day named, is decided and waits in the outbox.

    Raises InvalidInput for a day still to come, unless it is only looked at: rights do not end before their day.
    """
    now = installation.clock()
    if as_of is not None and as_of > day_of(now) and not dry_run:
        raise InvalidInput(f"{as_of} はまだ来ていません。先の日は --dry-run でだけ見られます。")
    moment = now if as_of is None else max(start_of(as_of), now) if as_of >= day_of(now) else start_of(as_of)
    if dry_run:
        with installation.database.reading() as session:
            return carry_out_due(session, actor=ACTOR, policy=policy_in_force(session, now=now), now=moment)
    with unit_of_work(
        installation.database,
        actor=ACTOR,
        now=now,
        attempted="lifecycle.run",
        obj=("lifecycle", day_of(moment).isoformat()),
    ) as session:
        return carry_out_due(session, actor=ACTOR, policy=policy_in_force(session, now=now), now=moment)
