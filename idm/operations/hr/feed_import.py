"""One personnel file, from bytes to an applied plan: read, compare, ask the limits, apply (control A7).

Every way in (command, upload, drop folder) comes through here, so that all of them do and refuse the same. `prepare`
changes nothing: it is the rehearsal and the preview.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.feed.event_row import EventRow
from idm.feed.profile import FIELDS, FeedProfile, load_feed_profile
from idm.feed.reader import Feed, read_feed
from idm.feed.row import FeedRow
from idm.models.feeds import FeedRun, FeedSource, GaijiMapping, MatchQuestion
from idm.models.safety import RunKind
from idm.names.personal_names import match_key
from idm.operations.hr import accepted_lines, feed_notices, personnel, safety
from idm.operations.hr.accepted_lines import Acceptance, Source
from idm.operations.hr.personnel import Applied, FeedIdentity
from idm.operations.hr.safety import Assessment
from idm.personnel.career import PostFacts
from idm.personnel.plan import Identities, PersonnelPlan, plan, stopping
from idm.personnel.safety_limits import Touched
from idm.personnel.snapshot import SnapshotScope
from idm.personnel.told import Told
from idm.policy import Policy
from idm.queries.governance.configuration import feed_text_in_force
from idm.queries.hr.roll import known_employments, people_by_match_key
from idm.vocabulary import SafetyAction


@dataclass(frozen=True)
class Prepared:
    """What a file would do. `assessment` says which limits it would pass, `repeated` which run did just this.

    `feed` has the rows that were read: those that stand as they were accepted before are counted, not read again.
    """

    feed: Feed
    identity: FeedIdentity
    plan: PersonnelPlan
    touched: tuple[Touched, ...]
    assessment: Assessment
    repeated: FeedRun | None
    acceptance: Acceptance | None = None


@dataclass(frozen=True)
class Compared:
    """What a file says of the records, before anybody asks whether it may."""

    feed: Feed
    identity: FeedIdentity
    plan: PersonnelPlan
    acceptance: Acceptance | None


def prepare(
    session: Session, data: bytes, *, feed_name: str, as_of: date, match_secret: bytes, policy: Policy, now: datetime
) -> Prepared:
    """What the file would do on the day. Raises FeedRefused with every problem of the file, ConfigurationInvalid."""
    found = compare(session, data, feed_name=feed_name, as_of=as_of, match_secret=match_secret, now=now)
    touched = touched_by(found.plan, policy)
    assessment = safety.assess(
        session, touched, kind=RunKind.FEED, day=as_of, feed=feed_name, sha256=found.feed.sha256, policy=policy,
        now=now,
    )  # fmt: skip
    repeated = personnel.already_applied(session, found.identity)
    return Prepared(found.feed, found.identity, found.plan, touched, assessment, repeated, found.acceptance)


def compare(
    session: Session, data: bytes, *, feed_name: str, as_of: date, match_secret: bytes, now: datetime
) -> Compared:
    """The file laid over the records as they are. Raises FeedRefused, ConfigurationInvalid."""
    text = feed_text_in_force(session, feed_name, now=now)
    profile = load_feed_profile(text, feed_name)
    source = Source(feed_name, text, profile, gaiji_of(session, feed_name), match_secret, as_of)
    lines = accepted_lines.lines_in(session, data, source)
    reading = accepted_lines.read_differences(session, lines, source) if lines is not None else None
    feed = reading.feed if reading is not None else read_feed(data, profile, source.gaiji)
    known = reading.known if reading is not None else known_employments(session)
    keys = _match_keys(feed, match_secret)
    told = Told(feed.rows, feed.events, feed.covers_all, _scope(profile))
    found = plan(told, known, identities=_identities(session, keys), as_of=as_of)
    acceptance = None
    if lines is not None:
        quiet = reading.quiet if reading is not None else {}
        acceptance = accepted_lines.acceptance(lines, source, feed, known, found, quiet)
    count = len(lines.file.rows) if lines is not None else len(feed.rows) + len(feed.events)
    identity = FeedIdentity(feed_name, feed.sha256, count, covers_all=feed.covers_all, keys=keys)
    return Compared(feed, identity, reading.completed(found) if reading is not None else found, acceptance)


def carry_out(
    session: Session, prepared: Prepared, *, source: FeedSource, match_secret: bytes, actor: Actor, policy: Policy,
    now: datetime,
) -> Applied | None:  # fmt: skip
    """Afterwards the records say what the file says, and HR is told; None where they already did.

    Raises SafetyLimit, and then nothing has changed. Both are called in one transaction: nobody else has
    changed the records in between.
    """
    if prepared.repeated is not None:
        return None
    identity = replace(prepared.identity, source=source)
    batch = safety.require_within_limits(
        session, prepared.touched, kind=RunKind.FEED, day=prepared.plan.as_of, feed=identity.feed,
        sha256=identity.sha256, policy=policy, now=now,
    )  # fmt: skip
    safety.count(session, prepared.touched, kind=RunKind.FEED, batch=batch, now=now)
    applied = personnel.apply(
        session, prepared.plan, identity, match_secret=match_secret, actor=actor, policy=policy, now=now,
        batch_id=batch.id if batch is not None else None,
    )  # fmt: skip
    if prepared.acceptance is not None:
        accepted_lines.accept(session, prepared.acceptance)
    feed_notices.tell_applied(session, applied.run, drafts=len(applied.drafts), now=now)
    return applied


def touched_by(personnel_plan: PersonnelPlan, policy: Policy) -> tuple[Touched, ...]:
    """Whose access the plan would end sooner or suspend: what the limits count."""
    touched = [(SafetyAction.STOP, change) for change in stopping(personnel_plan)]
    touched += [
        (SafetyAction.SUSPEND, change)
        for change in personnel_plan.absent
        if any(absence.kind in policy.personnel.suspending_absences for absence in change.absences)
    ]
    return tuple(Touched(action, c.before.staff_number, _unit(c.before.primary)) for action, c in touched)


def _unit(post: PostFacts | None) -> str:
    return post.unit_code if post is not None else ""


def gaiji_of(session: Session, feed_name: str) -> Mapping[str, str]:
    """What the private-use characters of the feed stand for, as HR decided."""
    rows = session.execute(
        select(GaijiMapping.character, GaijiMapping.replacement).where(
            GaijiMapping.feed == feed_name, GaijiMapping.replaced_at.is_(None)
        )
    )
    return dict(rows.all())


def _scope(profile: FeedProfile) -> SnapshotScope:
    """What the file's silence means: which columns it has, and whether it speaks of days to come."""
    carried = frozenset(field for field in FIELDS if getattr(profile.columns, field))
    return SnapshotScope(announces=profile.announces, carries=carried)


def _match_keys(feed: Feed, secret: bytes) -> dict[str, str]:
    """Staff number → the keyed hash by which a known person may be the same human."""
    lines: list[FeedRow | EventRow] = [*feed.rows, *feed.events]
    return {
        line.staff_number: match_key(line.kana, line.birth_date, secret)
        for line in lines
        if line.birth_date is not None and line.kana
    }


def _identities(session: Session, keys: Mapping[str, str]) -> Identities:
    people = people_by_match_key(session, keys.values())
    answered = session.scalars(select(MatchQuestion).where(MatchQuestion.answered_at.is_not(None)))
    return Identities(
        keys=keys,
        same_human={number: people[key] for number, key in keys.items() if key in people},
        answers={q.staff_number: q.person_id for q in answered if keys.get(q.staff_number) == q.match_key},
    )
