"""Applies a personnel plan: people, employments, posts and units, in one transaction (FK 6-2(2)①, control A7).

HR never goes round the approval: rights that follow from posts become drafts, which a named HR officer submits. What
does act by itself is an end: a known 退職日 is written through to the directories at once, as their own expiry.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.feed.profile import PostKind
from idm.feed.row import FeedRow
from idm.grant_state import GrantState
from idm.models.feeds import FeedRun, HeldRow
from idm.models.officers import Officer
from idm.models.people import Assignment, Employment, OrganisationUnit, Person
from idm.models.requests import Grant, Request
from idm.models.systems import Account
from idm.operations import officers, post_drafts
from idm.operations.accounts import schedule
from idm.personal_names import match_key, search_key
from idm.personnel_plan import Changed, Joiner, PersonnelPlan, PostFacts, end_of, posts_of
from idm.policy import Policy
from idm.queries.configuration import organisation_in_force


@dataclass(frozen=True)
class FeedIdentity:
    """Which file a plan was made from."""

    feed: str
    sha256: str
    row_count: int


@dataclass(frozen=True)
class Applied:
    """What applying a plan left behind."""

    run: FeedRun
    drafts: tuple[Request, ...]
    officers_waiting: int
    mynumber_lines: int


def already_applied(session: Session, identity: FeedIdentity) -> FeedRun | None:
    """The run that applied exactly this file, where it is the newest of its feed."""
    newest = session.scalar(select(FeedRun).where(FeedRun.feed == identity.feed).order_by(FeedRun.id.desc()).limit(1))
    return newest if newest is not None and newest.sha256 == identity.sha256 else None


def apply(
    session: Session, personnel: PersonnelPlan, identity: FeedIdentity, *, match_secret: bytes, actor: Actor,
    policy: Policy, now: datetime,
) -> Applied:  # fmt: skip
    """Afterwards the records say what the file says, and what follows from it is drafted, scheduled and audited."""
    run = _run(session, personnel, identity, now)
    rows = [row for joiner in personnel.joiners for row in joiner.rows]
    rows += [row for change in personnel.changes for row in change.rows]
    units = _units(session, rows, personnel.as_of, now)
    joined = [_join(session, joiner, run, units, match_secret, now) for joiner in personnel.joiners]
    for employment, joiner in zip(joined, personnel.joiners, strict=True):
        _record_person(session, "feed.joined", employment, posts_of(joiner.rows), run, actor, policy, now)
    for change in personnel.changes:
        changed = _change(session, change, units, match_secret, personnel.as_of)
        what = "feed.left" if change.stops_earlier else "feed.changed"
        _record_person(session, what, changed, change.added, run, actor, policy, now, removed=change.removed)
    _mark_seen(session, personnel, run)
    session.flush()
    waiting = officers.follow_posts(session, policy=policy, actor=actor, now=now)
    touched = {employment.person_id for employment in joined} | {c.known.person_id for c in personnel.changes}
    drafted = post_drafts.draft_for(session, personnel, joined, run=run, policy=policy, now=now)
    _reschedule(session, touched, now=now)
    _record(session, run, actor=actor, policy=policy, now=now)
    unconfirmed = sum(officer.confirmed_at is None for officer in waiting)
    return Applied(run, drafted.requests, unconfirmed, drafted.mynumber_lines)


def _run(session: Session, personnel: PersonnelPlan, identity: FeedIdentity, now: datetime) -> FeedRun:
    run = FeedRun(
        feed=identity.feed, sha256=identity.sha256, applied_at=now, as_of=personnel.as_of,
        row_count=identity.row_count, joiners=len(personnel.joiners), movers=len(personnel.movers),
        leavers=len(personnel.leavers), held=len(personnel.held),
    )  # fmt: skip
    session.add(run)
    session.flush()
    session.add_all(
        HeldRow(
            run_id=run.id,
            row_number=held.row_number,
            staff_number=held.staff_number,
            name=held.name,
            reason=held.reason,
        )
        for held in personnel.held
    )
    return run


def _units(session: Session, rows: list[FeedRow], as_of: date, now: datetime) -> dict[str, OrganisationUnit]:
    """Unit code → its present generation; a new name begins a new generation, the old one keeps its name.

    Where a file has two names for one code, its first row says which.
    """
    units = {
        unit.code: unit
        for unit in session.scalars(select(OrganisationUnit).where(OrganisationUnit.valid_until.is_(None)))
    }
    parents = {unit.code: unit.parent for unit in organisation_in_force(session, now=now).units}
    for code, row in {row.unit_code: row for row in reversed(rows)}.items():
        present = units.get(code)
        if present is not None and present.name == row.unit_name:
            continue
        begins = row.assigned_from
        if present is not None:
            begins = max(as_of, present.valid_from + timedelta(days=1))
            present.valid_until = begins
            session.flush()
        units[code] = OrganisationUnit(
            code=code, name=row.unit_name, parent_code=parents.get(code), valid_from=begins
        )  # fmt: skip
        session.add(units[code])
        session.flush()
    return units


def _join(
    session: Session, joiner: Joiner, run: FeedRun, units: dict[str, OrganisationUnit], secret: bytes, now: datetime
) -> Employment:
    primary = joiner.primary
    if joiner.continues is None:
        person = Person(created_at=now)
        session.add(person)
    else:
        person = session.get_one(Person, joiner.continues)
    _describe(person, primary, secret)
    if primary.employment_kind is None:  # such a row is held, and held rows never come here
        raise ValueError(f"row {primary.row_number} has no employment kind")
    employment = Employment(
        person=person, staff_number=primary.staff_number, kind=primary.employment_kind,
        valid_from=primary.employed_from, valid_until=end_of(joiner.rows), seen_in_run_id=run.id,
    )  # fmt: skip
    session.add(employment)
    session.flush()
    _assign(employment, joiner.rows, posts_of(joiner.rows), units, run.as_of)
    return employment


def _describe(person: Person, row: FeedRow, secret: bytes) -> None:
    person.name, person.kana, person.mail = row.name, row.kana, row.mail
    person.search_key = search_key(row.name, row.kana)
    if row.birth_date is not None and row.kana:
        person.match_key = match_key(row.kana, row.birth_date, secret)


def _assign(
    employment: Employment,
    rows: tuple[FeedRow, ...],
    posts: frozenset[PostFacts],
    units: dict[str, OrganisationUnit],
    as_of: date,
) -> None:
    for row in rows:
        (post,) = posts_of([row])
        if post not in posts:
            continue
        ended = [a.valid_until for a in employment.assignments if _facts(a) == post and a.valid_until is not None]
        if ended and as_of < max(ended) and row.assigned_from <= max(ended):
            _go_on(employment, post, max(ended))
            continue
        begins = max(row.assigned_from, employment.valid_from, *ended)
        employment.assignments.append(
            Assignment(unit=units[row.unit_code], post=row.post, primary=post.primary, valid_from=begins)
        )


def _facts(assignment: Assignment) -> PostFacts:
    return PostFacts(assignment.unit.code, assignment.post, assignment.primary)


def _go_on(employment: Employment, post: PostFacts, end: date) -> None:
    """A post whose coming end was called off is the same post as before, and so is the tenure that follows from it."""
    for assignment in employment.assignments:
        if _facts(assignment) == post and assignment.valid_until == end:
            assignment.valid_until = None


def _change(
    session: Session, change: Changed, units: dict[str, OrganisationUnit], secret: bytes, as_of: date
) -> Employment:
    employment = session.get_one(Employment, change.known.employment_id)
    _describe(employment.person, change.primary, secret)
    if change.primary.employment_kind is not None:
        employment.kind = change.primary.employment_kind
    employment.valid_from, employment.valid_until = change.valid_from, change.valid_until
    moved_on = moved_on_day(change, as_of)
    for assignment in list(employment.assignments):
        until, gone = assignment.valid_until, assignment.valid_until is None and _facts(assignment) in change.removed
        if (gone and assignment.valid_from > as_of) or (until is not None and until <= employment.valid_from):
            _call_off(session, assignment)
        elif gone:
            assignment.valid_until = max(moved_on, assignment.valid_from + timedelta(days=1))
        else:
            assignment.valid_from = max(assignment.valid_from, employment.valid_from)
    session.flush()
    _assign(employment, change.rows, change.added, units, as_of)
    return employment


def _call_off(session: Session, assignment: Assignment) -> None:
    """A post that was announced and will never begin leaves no row, nor does the tenure that would have followed."""
    for officer in session.scalars(select(Officer).where(Officer.assignment_id == assignment.id)):
        session.delete(officer)
    session.flush()
    assignment.employment.assignments.remove(assignment)
    session.delete(assignment)


def moved_on_day(change: Changed, as_of: date) -> date:
    """The day on which posts that are gone end: the 発令日 of the new own post, else of any new one, else `as_of`."""
    new = [row for row in change.rows if posts_of([row]) & change.added]
    primary = [row.assigned_from for row in new if row.post_kind is PostKind.PRIMARY]
    return min(primary or [row.assigned_from for row in new] or [as_of])


def _mark_seen(session: Session, personnel: PersonnelPlan, run: FeedRun) -> None:
    missing = {held.staff_number for held in personnel.held if held.row_number is None}
    for employment in session.scalars(select(Employment).where(Employment.staff_number.not_in(missing))):
        if employment.seen_in_run_id is not None:
            employment.seen_in_run_id = run.id


def _reschedule(session: Session, people: set[int], *, now: datetime) -> None:
    """Names, units and known ends are carried to every directory where these people have a right."""
    accounts = session.scalars(
        select(Account)
        .where(
            Account.person_id.in_(people),
            Account.id.in_(select(Grant.account_id).where(Grant.state != GrantState.ENDED)),
        )
        .order_by(Account.id)
    )
    for account in accounts:
        schedule(session, account, now=now)


def _record(session: Session, run: FeedRun, *, actor: Actor, policy: Policy, now: datetime) -> None:
    audit.record(
        session, action="feed.applied", actor=actor, obj=("feed_run", str(run.id)), now=now,
        policy_digest=policy.digest,
        payload={
            "feed": run.feed, "sha256": run.sha256, "as_of": run.as_of.isoformat(), "rows": run.row_count,
            "joiners": run.joiners, "movers": run.movers, "leavers": run.leavers, "held": run.held,
        },
    )  # fmt: skip


def _record_person(
    session: Session, action: str, employment: Employment, added: frozenset[PostFacts], run: FeedRun, actor: Actor,
    policy: Policy, now: datetime, removed: frozenset[PostFacts] = frozenset(),
) -> None:  # fmt: skip
    """What the file did to one person (control A7). Names and readings are not in it: the record outlives the row."""
    audit.record(
        session, action=action, actor=actor, obj=("employment", str(employment.id)), now=now,
        policy_digest=policy.digest,
        payload={
            "feed_run": run.id, "staff_number": employment.staff_number, "person": employment.person_id,
            "from": employment.valid_from.isoformat(),
            "until": employment.valid_until.isoformat() if employment.valid_until else None,
            "added": [f"{post.unit_code} {post.post}" for post in sorted(added)],
            "removed": [f"{post.unit_code} {post.post}" for post in sorted(removed)],
        },
    )  # fmt: skip
