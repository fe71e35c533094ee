"""Applies a personnel plan: people, employments, posts, absences and units, in one transaction (FK 6-2(2)①, A7).

HR never goes round the approval: rights that follow from posts become drafts, which a named HR officer submits. What
does act by itself is an end: a known 退職日 is written through to the directories at once, as their own expiry.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import iso
from idm.database import in_chunks
from idm.grant_state import GrantState
from idm.models.feeds import FeedRun, FeedSource, GaijiMapping, HeldRow, MatchCandidate, MatchQuestion
from idm.models.people import Employment, Person
from idm.models.requests import Grant, Request
from idm.models.systems import Account
from idm.operations.approval import standing
from idm.operations.governance import officers
from idm.operations.hr import post_drafts, units
from idm.operations.hr.career_rows import Units, bring_to, call_off, describe, employments_with_posts
from idm.operations.rights.accounts import schedule
from idm.personnel.career import PostFacts
from idm.personnel.plan import Changed, Joiner, PersonnelPlan
from idm.personnel.told import Held
from idm.policy import Policy
from idm.vocabulary import HeldKind


@dataclass(frozen=True)
class FeedIdentity:
    """Which file a plan was made from, which way it came, and the match keys of its people."""

    feed: str
    sha256: str
    row_count: int
    covers_all: bool = True
    source: FeedSource = FeedSource.COMMAND
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Applied:
    """What applying a plan left behind."""

    run: FeedRun
    drafts: tuple[Request, ...]
    officers_waiting: int
    approved: tuple[Request, ...] = ()
    """What a standing approval (包括承認) covered."""


def already_applied(session: Session, identity: FeedIdentity) -> FeedRun | None:
    """The run that applied exactly this file, where it is the newest of its feed and HR has answered nothing since."""
    newest = session.scalar(select(FeedRun).where(FeedRun.feed == identity.feed).order_by(FeedRun.id.desc()).limit(1))
    if newest is None or newest.sha256 != identity.sha256:
        return None
    return None if _answered_since(session, newest) else newest


def apply(
    session: Session, personnel: PersonnelPlan, identity: FeedIdentity, *, match_secret: bytes, actor: Actor,
    policy: Policy, now: datetime, batch_id: int | None = None,
) -> Applied:  # fmt: skip
    """Afterwards the records say what the file says, and what follows from it is drafted, scheduled and audited."""
    run = _run(session, personnel, identity, batch_id, now)
    generations = units.follow(session, personnel.units, as_of=personnel.as_of, now=now)
    act = _Act(session, run, generations, match_secret, actor, policy, now)
    touched = _people_follow(act, personnel)
    if identity.covers_all:
        _mark_seen(session, run)
    session.flush()
    waiting = officers.follow_posts(session, policy=policy, actor=actor, now=now)
    drafted = post_drafts.draft_for(session, personnel, touched, run=run, policy=policy, now=now)
    approved = standing.use(session, drafted, actor=actor, policy=policy, now=now)
    _reschedule(session, touched, now=now)
    _record(act)
    unconfirmed = sum(officer.confirmed_at is None for officer in waiting)
    drafts = tuple(request for request in drafted if request not in approved)
    return Applied(run, drafts, unconfirmed, approved)


@dataclass(frozen=True)
class _Act:
    """What everything done in one run is done with."""

    session: Session
    run: FeedRun
    generations: Units
    secret: bytes
    actor: Actor
    policy: Policy
    now: datetime


def _answered_since(session: Session, run: FeedRun) -> bool:
    """Whether a person has answered something that this very file was held for."""
    matched = select(MatchQuestion.id).where(MatchQuestion.feed == run.feed, MatchQuestion.answered_at > run.applied_at)
    mapped = select(GaijiMapping.id).where(GaijiMapping.feed == run.feed, GaijiMapping.decided_at > run.applied_at)
    return any(session.scalar(query.limit(1)) is not None for query in (matched, mapped))


# --- the run and what it holds ---------------------------------------------------------------------------------------


def _run(
    session: Session, personnel: PersonnelPlan, identity: FeedIdentity, batch_id: int | None, now: datetime
) -> FeedRun:
    run = FeedRun(
        feed=identity.feed, sha256=identity.sha256, source=identity.source, applied_at=now, as_of=personnel.as_of,
        row_count=identity.row_count, joiners=len(personnel.joiners), movers=len(personnel.movers),
        leavers=len(personnel.leavers), absences=len(personnel.absent), corrections=len(personnel.corrections),
        unchanged=personnel.unchanged, held=len(personnel.held), batch_id=batch_id,
    )  # fmt: skip
    session.add(run)
    session.flush()
    for held in personnel.held:
        session.add(_held_row(run, held))
        if held.kind is HeldKind.MATCH:
            _ask(session, run, held, identity, now)
    session.flush()
    return run


def _held_row(run: FeedRun, held: Held) -> HeldRow:
    return HeldRow(
        run_id=run.id, kind=held.kind, row_number=held.row_number, staff_number=held.staff_number, name=held.name,
        reason=held.reason,
    )  # fmt: skip


def _ask(session: Session, run: FeedRun, held: Held, identity: FeedIdentity, now: datetime) -> None:
    """The question to HR whether the new number belongs to somebody known; asked once."""
    key = identity.keys.get(held.staff_number)
    asked = select(MatchQuestion.id).where(
        MatchQuestion.staff_number == held.staff_number, MatchQuestion.match_key == key
    )
    if key is None or session.scalar(asked) is not None:
        return
    question = MatchQuestion(
        feed=run.feed, run_id=run.id, staff_number=held.staff_number, match_key=key, name=held.name, kana=held.kana,
        asked_at=now,
    )  # fmt: skip
    question.candidates = [MatchCandidate(person_id=person) for person in sorted(held.candidates)]
    session.add(question)


# --- people ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Done:
    """What the file did to one employment."""

    action: str
    employment: Employment
    person_id: int | None
    added: Collection[PostFacts]
    removed: Collection[PostFacts] = ()


def _people_follow(act: _Act, personnel: PersonnelPlan) -> set[int]:
    """Afterwards every employment is what the plan says, and audited. Returns the people's ids.

    Rows are read together and written together: thousands move on the first of April.
    """
    session = act.session
    employments = employments_with_posts(session, [change.known.employment_id for change in personnel.changes])
    known = _people(session, {joiner.continues for joiner in personnel.joiners if joiner.continues is not None})
    with session.no_autoflush:
        done = [_join(act, joiner, known) for joiner in personnel.joiners]
        done += [_change(act, change, employments[change.known.employment_id]) for change in personnel.changes]
    session.flush()
    for one in done:
        _record_person(act, one)
    return {one.person_id or one.employment.person_id for one in done}


def _people(session: Session, person_ids: Collection[int]) -> dict[int, Person]:
    people: dict[int, Person] = {}
    for some in in_chunks(sorted(person_ids)):
        people |= {person.id: person for person in session.scalars(select(Person).where(Person.id.in_(some)))}
    return people


def _join(act: _Act, joiner: Joiner, known: Mapping[int, Person]) -> _Done:
    """Afterwards the employment is on record."""
    career = joiner.career
    person = Person(created_at=act.now) if joiner.continues is None else known[joiner.continues]
    describe(person, career, joiner.birth_date, act.secret)
    employment = Employment(
        person=person, staff_number=career.staff_number, kind=career.kind, valid_from=career.valid_from,
        valid_until=career.valid_until, seen_in_run_id=act.run.id, published_on=career.published_on,
    )  # fmt: skip
    act.session.add(employment)
    bring_to(act.session, employment, career, act.generations, as_of=act.run.as_of)
    return _Done("feed.joined", employment, None, [period.facts for period in career.posts])


def _change(act: _Act, change: Changed, employment: Employment) -> _Done:
    """Afterwards the employment is what the file says of it."""
    person_id = change.known.person_id
    if change.career is None:
        call_off(act.session, employment)
        return _Done("feed.called_off", employment, person_id, (), change.removed)
    describe(employment.person, change.career, change.birth_date, act.secret)
    bring_to(act.session, employment, change.career, act.generations, as_of=act.run.as_of)
    return _Done(_title(change), employment, person_id, change.added, change.removed)


def _title(change: Changed) -> str:
    if change.stops_earlier:
        return "feed.left"
    return "feed.absent" if change.absences else "feed.changed"


def _mark_seen(session: Session, run: FeedRun) -> None:
    """Afterwards every employment that a file ever named, and this one did not miss, is seen in this run."""
    missing = select(HeldRow.staff_number).where(HeldRow.run_id == run.id, HeldRow.kind == HeldKind.MISSING)
    session.execute(
        update(Employment)
        .where(Employment.seen_in_run_id.is_not(None), Employment.staff_number.not_in(missing))
        .values(seen_in_run_id=run.id)
        .execution_options(synchronize_session=False)
    )


def _reschedule(session: Session, people: Collection[int], *, now: datetime) -> None:
    """Names, units and known ends are carried to every directory where these people have a right."""
    live = select(Grant.account_id).where(Grant.state != GrantState.ENDED)
    for some in in_chunks(sorted(people)):
        query = select(Account).where(Account.person_id.in_(some), Account.id.in_(live)).order_by(Account.id)
        for account in session.scalars(query):
            schedule(session, account, now=now)


# --- what is recorded ------------------------------------------------------------------------------------------------


def _record(act: _Act) -> None:
    run = act.run
    audit.record(
        act.session, action="feed.applied", actor=act.actor, obj=("feed_run", str(run.id)), now=act.now,
        policy_digest=act.policy.digest,
        payload={
            "feed": run.feed, "sha256": run.sha256, "source": run.source.value, "as_of": run.as_of.isoformat(),
            "rows": run.row_count, "joiners": run.joiners, "movers": run.movers, "leavers": run.leavers,
            "absences": run.absences, "corrections": run.corrections, "held": run.held, "batch": run.batch_id,
        },
    )  # fmt: skip


def _record_person(act: _Act, done: _Done) -> None:
    """What the file did to one person (control A7). Names and readings are not in it: the record outlives the row."""
    employment = done.employment
    audit.record(
        act.session, action=done.action, actor=act.actor, obj=("employment", str(employment.id)), now=act.now,
        policy_digest=act.policy.digest,
        payload={
            "feed_run": act.run.id, "staff_number": employment.staff_number,
            "person": done.person_id or employment.person_id, "from": employment.valid_from.isoformat(),
            "until": iso(employment.valid_until),
            "added": [f"{post.unit_code} {post.post}" for post in sorted(done.added)],
            "removed": [f"{post.unit_code} {post.post}" for post in sorted(done.removed)],
        },
    )  # fmt: skip
