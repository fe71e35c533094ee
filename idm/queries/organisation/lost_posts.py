"""Which privileged rights rest on a post that their holder has no longer (KT 第66, control D7).

A right rests on the unit and the post that its holder had on its first day; where none was
on record by then, on the first that the daily run finds. On a day on which nobody can show that post for them it is
lost: whatever its period says, and whether or not the move is published yet. Where one post ends and the same begins
anew, nothing is lost; nor where the organisation file names the post that came in its place, and the holder went along.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Exists, and_, exists, select
from sqlalchemy.orm import Session

from idm.grant_state import GrantState
from idm.models.people import Assignment, Employment, OrganisationUnit
from idm.models.periods import holding_on
from idm.models.requests import Grant
from idm.models.systems import Account
from idm.personnel.post_succession import HeldPost, Post, Succession, succession
from idm.queries.governance.configuration import organisation_in_force


@dataclass(frozen=True)
class JudgedPosts:
    """The rights whose post their holder has no longer: those that end, and those that rest on its successor now."""

    lost: frozenset[int]
    moved: Mapping[int, Succession]


def _resting(day: date) -> ColumnElement[bool]:
    """Whether a right, joined with its account, is live, has begun by the day, and rests on somebody's post."""
    return and_(
        Grant.state != GrantState.ENDED, Grant.rests_on_post.is_not(None), Grant.valid_from <= day,
        Account.person_id.is_not(None),
    )  # fmt: skip


def _has_post(day: date) -> Exists:
    return exists().where(
        Employment.person_id == Account.person_id, Assignment.employment_id == Employment.id,
        Assignment.unit_id == OrganisationUnit.id, OrganisationUnit.code == Grant.rests_on_unit,
        Assignment.post == Grant.rests_on_post, holding_on(Assignment, day), holding_on(Employment, day),
    ).correlate(Account, Grant)  # fmt: skip


def judged_posts(
    session: Session, day: date, people: Collection[int] | None = None, *, now: datetime
) -> JudgedPosts:  # fmt: skip
    """The live rights whose holder has their post no longer on the day; of everybody, or of the people named.

    Judged by the organisation file in force at `now`.
    """
    query = (
        select(Grant.id, Account.person_id, Grant.rests_on_unit, Grant.rests_on_post)
        .join(Account, Grant.account_id == Account.id)
        .where(_resting(day), ~_has_post(day))
    )
    if people is not None:
        query = query.where(Account.person_id.in_(people))
    gone = session.execute(query).all()
    successors = organisation_in_force(session, now=now).successors if gone else ()
    held = _held_posts(session, {person or 0 for _, person, _, _ in gone}) if successors else {}
    found = {
        grant_id: succession(Post(unit or "", title or ""), held.get(person or 0, ()), successors, day)
        for grant_id, person, unit, title in gone
    }
    moved = {grant_id: one for grant_id, one in found.items() if one is not None}
    return JudgedPosts(frozenset(found.keys() - moved.keys()), moved)


def _held_posts(session: Session, people: Collection[int]) -> dict[int, Sequence[HeldPost]]:
    """Person → every post that they ever had or will have; none outlasts its employment."""
    rows = session.execute(
        select(
            Employment.person_id, OrganisationUnit.code, Assignment.post, Assignment.valid_from,
            Employment.valid_from, Assignment.valid_until, Employment.valid_until,
        )
        .join(Employment, Assignment.employment_id == Employment.id)
        .join(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .where(Employment.person_id.in_(people))
    )  # fmt: skip
    held: dict[int, list[HeldPost]] = defaultdict(list)
    for person, unit, title, begins, employed_from, *ends in rows:
        end = min((one for one in ends if one is not None), default=None)
        held[person].append(HeldPost(Post(unit, title), max(begins, employed_from), end))
    return dict(held)


def post_to_rest_on(session: Session, person_id: int, manager_unit_code: str, day: date) -> Post | None:
    """The post that somebody's privileged right rests on from the day on; None = no post is on record for it.

    Of several, one in the unit that manages the system comes first, then the primary one, then the oldest.
    """
    rows = session.execute(
        select(OrganisationUnit.code, Assignment.post, Assignment.primary, Assignment.valid_from)
        .join(Assignment, Assignment.unit_id == OrganisationUnit.id)
        .join(Employment, Assignment.employment_id == Employment.id)
        .where(Employment.person_id == person_id, holding_on(Assignment, day), holding_on(Employment, day))
        .order_by(Assignment.id)
    ).all()
    posts = sorted(rows, key=lambda row: (row[0] != manager_unit_code, not row[2], row[3]))
    return Post(posts[0][0], posts[0][1]) if posts else None


def lost_on(session: Session, grant: Grant) -> date | None:
    """The first day on which the post that a right rests on was no longer its holder's; None = no end is on record."""
    ends = session.execute(
        select(Assignment.valid_until, Employment.valid_until)
        .join(Employment, Assignment.employment_id == Employment.id)
        .join(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .where(
            Employment.person_id == grant.account.person_id, OrganisationUnit.code == grant.rests_on_unit,
            Assignment.post == grant.rests_on_post,
        )
    )  # fmt: skip
    known = [min((end for end in pair if end is not None), default=None) for pair in ends]
    return max((end for end in known if end is not None), default=None)
