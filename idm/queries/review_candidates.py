"""What a campaign of access reviews would look at: the rights in it, their last use, and who else has them (A10)."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, contains_eager

from idm.database import in_chunks
from idm.grant_state import GrantState
from idm.models.requests import Grant
from idm.models.systems import Account
from idm.models.work import Finding
from idm.personnel.unit_tree import with_those_below
from idm.queries.review_lines import posts_on
from idm.queries.units import parents
from idm.review_rules import Peers
from idm.vocabulary import FindingKind, ReviewScope

LIVE = (GrantState.IN_FORCE, GrantState.SUSPENDED)
"""What is looked at: a right that has yet to begin was decided just now."""


@dataclass(frozen=True)
class Wanted:
    """What a campaign goes by. One of the three is given; by unit, None is the whole organisation."""

    scope: ReviewScope
    system_id: int | None = None
    unit_code: str | None = None
    entitlement_id: int | None = None


@dataclass(frozen=True)
class Candidate:
    """One right that a campaign would look at, with what its reviewer is told beside it."""

    grant: Grant
    holder_id: int
    last_used_at: datetime | None
    last_use_source: str | None
    """None = the last use is unknown; a source without a moment = it was never used."""
    alike_holding: int
    alike: int


def candidates(session: Session, wanted: Wanted, *, day: date) -> list[Candidate]:
    """The rights that a campaign of this scope would look at on the day, by right."""
    posts = posts_on(session, day)
    peers = Peers.of(posts)
    grants = list(session.scalars(_grants(wanted)))
    if wanted.scope is ReviewScope.UNIT and wanted.unit_code is not None:
        units = with_those_below(frozenset({wanted.unit_code}), parents(session)) | {wanted.unit_code}
        grants = [one for one in grants if posts.get(one.account.person_id or 0, ("", ""))[0] in units]
    uses = _last_uses(session, {one.account_id for one in grants})
    holding = _holding(session, {one.entitlement_id for one in grants})
    found = []
    for grant in grants:
        holder_id = grant.account.person_id or 0
        used_at, source = uses.get(grant.account_id, (None, None))
        have, there = peers.alike(holder_id, holding[grant.entitlement_id])
        found.append(Candidate(grant, holder_id, used_at, source, have, there))
    return found


def _grants(wanted: Wanted) -> Select[Grant]:
    query = (
        select(Grant)
        .join(Grant.account)
        .join(Grant.entitlement)
        .where(Grant.state.in_(LIVE), Account.person_id.is_not(None))
        .options(contains_eager(Grant.account).joinedload(Account.system), contains_eager(Grant.entitlement))
        .order_by(Grant.id)
    )
    if wanted.scope is ReviewScope.SYSTEM:
        query = query.where(Account.system_id == wanted.system_id)
    if wanted.scope is ReviewScope.ENTITLEMENT:
        query = query.where(Grant.entitlement_id == wanted.entitlement_id)
    return query


def _last_uses(session: Session, account_ids: Collection[int]) -> dict[int, tuple[datetime | None, str | None]]:
    """Account → when it was used last and where the latest sweep read that; what it did not say is not in it."""
    found: dict[int, tuple[datetime | None, str | None]] = {}
    for some in in_chunks(account_ids):
        findings = session.scalars(
            select(Finding).where(
                Finding.kind.in_((FindingKind.DORMANT, FindingKind.NEVER_USED)),
                Finding.account_id.in_(some),
                Finding.resolved_at.is_(None),
            )
        )
        for finding in findings:
            at, source = finding.details.get("last_used_at"), finding.details.get("source")
            moment = datetime.fromisoformat(at) if isinstance(at, str) else None
            found[finding.account_id or 0] = (moment, str(source) if source else None)
    return found


def _holding(session: Session, entitlement_ids: Collection[int]) -> dict[int, set[int]]:
    """Right → the people who have it."""
    found: dict[int, set[int]] = defaultdict(set)
    for some in in_chunks(entitlement_ids):
        rows = session.execute(
            select(Grant.entitlement_id, Account.person_id)
            .join(Account, Grant.account_id == Account.id)
            .where(Grant.entitlement_id.in_(some), Grant.state.in_(LIVE), Account.person_id.is_not(None))
        )
        for entitlement_id, person_id in rows:
            found[entitlement_id].add(person_id or 0)
    return found
