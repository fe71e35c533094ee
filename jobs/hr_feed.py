"""From a personnel file to an applied plan: read, plan, check the limits, apply in one transaction (control A7)."""

from dataclasses import dataclass
from datetime import date

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.feed.profile import load_feed_profile
from idm.feed.reader import Feed, read_feed
from idm.feed.row import FeedRow
from idm.operations import personnel
from idm.operations.personnel import Applied, FeedIdentity
from idm.personal_names import match_key
from idm.personnel_plan import PersonnelPlan, plan, require_within_limits
from idm.queries.configuration import feed_text_in_force, policy_in_force
from idm.queries.roll import employed_count, known_employments, people_by_match_key
from idm.unit_of_work import unit_of_work
from idm.vocabulary import SafetyAction
from jobs.installation import Installation

ACTOR = Actor.job("jobs.hr_feed")


@dataclass(frozen=True)
class FeedResult:
    """What a file would do, and what it did: `applied` is None for a rehearsal and for a file applied before."""

    feed: Feed
    plan: PersonnelPlan
    applied: Applied | None
    already_applied: bool


def import_feed(
    installation: Installation, data: bytes, *, feed_name: str, as_of: date | None, dry_run: bool
) -> FeedResult:
    """Afterwards the records say what the file says, or nothing has changed.

    Raises FeedRefused with every problem of the file, SafetyLimit, ConfigurationInvalid.
    """
    now = installation.clock()
    day = as_of or day_of(now)
    with unit_of_work(
        installation.database, actor=ACTOR, now=now, attempted="feed.apply", obj=("feed", feed_name)
    ) as session:
        policy = policy_in_force(session, now=now)
        profile = load_feed_profile(feed_text_in_force(session, feed_name, now=now), feed_name)
        feed = read_feed(data, profile)
        identity = FeedIdentity(feed_name, feed.sha256, len(feed.rows))
        keys = _match_keys(feed.rows, installation.match_secret)
        people = people_by_match_key(session, keys.values())
        same_human = {number: people[key] for number, key in keys.items() if key in people}
        personnel_plan = plan(feed.rows, known_employments(session), same_human=same_human, as_of=day)
        require_within_limits(personnel_plan, policy.safety[SafetyAction.STOP], employed_count(session, day))
        repeated = personnel.already_applied(session, identity) is not None
        applied = None
        if not dry_run and not repeated:
            applied = personnel.apply(
                session, personnel_plan, identity, match_secret=installation.match_secret, actor=ACTOR, policy=policy,
                now=now,
            )  # fmt: skip
        return FeedResult(feed, personnel_plan, applied, repeated)


def _match_keys(rows: tuple[FeedRow, ...], secret: bytes) -> dict[str, str]:
    """Staff number → the keyed hash by which a known person may be the same human."""
    return {
        row.staff_number: match_key(row.kana, row.birth_date, secret)
        for row in rows
        if row.birth_date is not None and row.kana
    }
