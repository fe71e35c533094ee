"""What a campaign of access reviews would look at: the rights in it, their last use, and who else has them (A10)."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, contains_eager

from idm.database import in_chunks
from idm.grant_state import GrantState
from idm.models.requests import Grant
from idm.models.systems import Account
from idm.models.work import Finding, SweepRun
from idm.oversight.sweep_checks import CHECKS, SweepCheck
from idm.personnel.unit_tree import with_those_below
from idm.policy import DormancyRules
from idm.queries.organisation.units import parents
from idm.queries.reviews.review_lines import posts_on
from idm.reviews.review_rows import BY_SWEEP
from idm.reviews.review_rules import Peers
from idm.vocabulary import FindingKind, ReviewScope

LIVE = (GrantState.IN_FORCE, GrantState.SUSPENDED)
"""What is looked at: a right that has yet to begin was decided just now."""

OF_SOMEBODY = Account.person_id.is_not(None)
"""Rights of IDs that are somebody's; registered IDs have owners and ends of their own."""


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


def candidates(session: Session, wanted: Wanted, *, rules: DormancyRules, day: date) -> list[Candidate]:
    """The rights that a campaign of this scope would look at on the day, by unit and holder: the order of its lines."""
    posts = posts_on(session, day)
    peers = Peers.of(posts)
    grants = list(session.scalars(_grants(wanted)))
    if wanted.scope is ReviewScope.UNIT and wanted.unit_code is not None:
        units = with_those_below(frozenset({wanted.unit_code}), parents(session)) | {wanted.unit_code}
        grants = [one for one in grants if posts.get(one.account.person_id or 0, ("", ""))[0] in units]
    uses = _last_uses(session, {one.account for one in grants}, rules)
    holding = _holding(session, {one.entitlement_id for one in grants})
    found = []
    for grant in grants:
        holder_id = grant.account.person_id or 0
        used_at, source = uses.get(grant.account_id, (None, None))
        have, there = peers.alike(holder_id, holding[grant.entitlement_id])
        found.append(Candidate(grant, holder_id, used_at, source, have, there))
    return sorted(found, key=lambda one: (posts.get(one.holder_id, ("", ""))[0], one.holder_id, one.grant.id))


def _grants(wanted: Wanted) -> Select[Grant]:
    query = (
        select(Grant)
        .join(Grant.account)
        .join(Grant.entitlement)
        .where(Grant.state.in_(LIVE), OF_SOMEBODY)
        .options(contains_eager(Grant.account).joinedload(Account.system), contains_eager(Grant.entitlement))
        .order_by(Grant.id)
    )
    if wanted.scope is ReviewScope.SYSTEM:
        query = query.where(Account.system_id == wanted.system_id)
    if wanted.scope is ReviewScope.ENTITLEMENT:
        query = query.where(Grant.entitlement_id == wanted.entitlement_id)
    return query


def _last_uses(
    session: Session, accounts: Collection[Account], rules: DormancyRules
) -> dict[int, tuple[datetime | None, str | None]]:  # fmt: skip
    """Account → what the latest sweep knows of its use, and where that was read; what it cannot know is not in it."""
    found: dict[int, tuple[datetime | None, str | None]] = {}
    for some in in_chunks({account.id for account in accounts}):
        findings = session.scalars(
            select(Finding).where(
                Finding.kind.in_(CHECKS[SweepCheck.LAST_USE].kinds),
                Finding.account_id.in_(some),
                Finding.resolved_at.is_(None),
            )
        )
        for finding in findings:
            found[finding.account_id or 0] = _said(finding)
    looked = _looked_at(session, {account.system_id for account in accounts})
    settled = timedelta(days=max(one.never_used_days for one in (rules.times, *rules.by_kind.values())))
    for account in accounts:
        run = looked.get(account.system_id)
        if run is not None and account.seen_present and account.created_at + settled <= run.started_at:
            found.setdefault(account.id, (run.finished_at, BY_SWEEP))
    return found


def _said(finding: Finding) -> tuple[datetime | None, str | None]:
    if finding.kind is FindingKind.LAST_USE_UNKNOWN:
        return None, None
    at, source = finding.details.get("last_used_at"), finding.details.get("source")
    return datetime.fromisoformat(at) if isinstance(at, str) else None, str(source) if source else None


def _looked_at(session: Session, system_ids: Collection[int]) -> dict[int, SweepRun]:
    """System → its latest sweep, where that looked at the use of IDs."""
    latest = select(func.max(SweepRun.id)).where(SweepRun.system_id.in_(system_ids)).group_by(SweepRun.system_id)
    runs = session.scalars(select(SweepRun).where(SweepRun.id.in_(latest), SweepRun.failure.is_(None)))
    blind = set(session.scalars(
        select(Finding.system_id).where(
            Finding.kind == FindingKind.NOT_CHECKED, Finding.subject_key == f"check:{SweepCheck.LAST_USE.value}",
            Finding.resolved_at.is_(None),
        )
    ))  # fmt: skip
    return {run.system_id: run for run in runs if run.system_id not in blind}


def _holding(session: Session, entitlement_ids: Collection[int]) -> dict[int, set[int]]:
    """Right → the people who have it."""
    found: dict[int, set[int]] = defaultdict(set)
    for some in in_chunks(entitlement_ids):
        rows = session.execute(
            select(Grant.entitlement_id, Account.person_id)
            .join(Account, Grant.account_id == Account.id)
            .where(Grant.entitlement_id.in_(some), Grant.state.in_(LIVE), OF_SOMEBODY)
        )
        for entitlement_id, person_id in rows:
            found[entitlement_id].add(person_id or 0)
    return found
