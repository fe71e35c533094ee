"""A personnel file handed to the command line or found in a folder: one transaction, one result (control A7)."""

from dataclasses import dataclass
from datetime import date, datetime

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import FeedRefused, Refusal, SafetyLimit
from idm.models.feeds import FeedSource
from idm.operations.hr import feed_import, feed_notices
from idm.operations.hr.feed_import import Prepared
from idm.operations.hr.personnel import Applied
from idm.queries.governance.configuration import policy_in_force
from idm.unit_of_work import unit_of_work
from jobs.installation import Installation

ACTOR = Actor.job("jobs.hr.hr_feed")


@dataclass(frozen=True)
class FeedResult:
    """What a file would do, and what it did: `applied` is None for a rehearsal and for a file applied before."""

    prepared: Prepared
    applied: Applied | None


def import_feed(
    installation: Installation, data: bytes, *, feed_name: str, as_of: date | None, dry_run: bool,
    source: FeedSource = FeedSource.COMMAND,
) -> FeedResult:  # fmt: skip
    """Afterwards the records say what the file says, or nothing has changed; HR is told of either.

    Raises FeedRefused with every problem of the file, SafetyLimit, ConfigurationInvalid. A rehearsal is not stopped by
    a limit: it says which one it would pass, and HR is told nothing.
    """
    now = installation.clock()
    day = as_of or day_of(now)
    try:
        return _import(installation, data, feed_name=feed_name, day=day, dry_run=dry_run, source=source, now=now)
    except (FeedRefused, SafetyLimit) as refusal:
        if not dry_run:
            _tell(installation, refusal, feed_name=feed_name, source=source, now=now)
        raise


def refuse(installation: Installation, refusal: Refusal, *, feed_name: str, source: FeedSource) -> None:
    """Afterwards it is audited, and HR knows, that a file was refused before it was read."""
    now = installation.clock()
    try:
        with unit_of_work(installation.database, actor=ACTOR, now=now, attempted="feed.apply", obj=("feed", feed_name)):
            raise refusal
    except Refusal:
        _tell(installation, refusal, feed_name=feed_name, source=source, now=now)


def _import(
    installation: Installation, data: bytes, *, feed_name: str, day: date, dry_run: bool, source: FeedSource,
    now: datetime,
) -> FeedResult:  # fmt: skip
    with unit_of_work(
        installation.database, actor=ACTOR, now=now, attempted="feed.apply", obj=("feed", feed_name)
    ) as session:
        policy = policy_in_force(session, now=now)
        prepared = feed_import.prepare(
            session, data, feed_name=feed_name, as_of=day, match_secret=installation.match_secret, policy=policy,
            now=now,
        )  # fmt: skip
        if dry_run:
            return FeedResult(prepared, None)
        applied = feed_import.carry_out(
            session, prepared, source=source, match_secret=installation.match_secret, actor=ACTOR, policy=policy,
            now=now,
        )  # fmt: skip
        return FeedResult(prepared, applied)


def _tell(
    installation: Installation, refusal: Refusal, *, feed_name: str, source: FeedSource, now: datetime
) -> None:  # fmt: skip
    with installation.database.writing() as session:
        feed_notices.tell_refused(session, feed_name, source, refusal, now=now)
