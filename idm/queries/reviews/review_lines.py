"""The rights of one access review: what is shown of each, and who is asked about it at this moment (control A10)."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager, joinedload

from idm.calendar_days import day_of, end_to_last_day
from idm.database import in_chunks
from idm.grant_state import GrantState
from idm.models.people import Assignment, Employment, OrganisationUnit
from idm.models.periods import holding_on
from idm.models.requests import ApprovalStep, Grant
from idm.models.reviews import ReviewCampaign, ReviewLine
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.personnel.unit_tree import upwards
from idm.policy import ReviewRules
from idm.queries.approval.bench import Bench
from idm.queries.organisation.person_cards import PersonCard, person_cards
from idm.queries.organisation.units import parents
from idm.request_state import StepState
from idm.reviews.review_rows import ReviewRow, alike_text, last_use_text, version_of
from idm.reviews.review_rules import ReviewFacts, may_answer, office_of
from idm.routing import Seated
from idm.vocabulary import ReviewDecision, ReviewScope, Role

NOBODY = 0
"""No person's id."""


@dataclass(frozen=True)
class ReviewedRight:
    """One right as far as it matters who is asked about it."""

    holder_id: int
    privileged: bool
    manager_unit_code: str
    line_id: int
    """The line of the application that gave it."""


@dataclass(frozen=True)
class ReviewBench:
    """Everybody who may be asked on one day, and where people work; read once for any number of rights."""

    bench: Bench
    above: dict[str, str | None]
    posts: dict[int, tuple[str, str]]
    approvers: dict[int, frozenset[int]]
    """Line of an application → who approved it; empty where the profile lets them review it."""
    seats: dict[tuple[Role, str, bool], tuple[tuple[Seated, ...], frozenset[int]]] = field(default_factory=dict)
    """Office, unit, past the last day → who may answer for whoever is none of those who could be asked; and these."""

    @classmethod
    def on(cls, session: Session, rights: Collection[ReviewedRight], *, rules: ReviewRules, day: date) -> "ReviewBench":
        """As it sits on the day, for these rights."""
        approvers = {} if rules.approver_may_review else _approvers(session, {right.line_id for right in rights})
        return cls(Bench.on(session, day), parents(session), posts_on(session, day), approvers)

    def facts(self, right: ReviewedRight, scope: ReviewScope) -> ReviewFacts:
        """Who is who for that right in a campaign of this scope."""
        return self._facts(*self._office(right, scope), right.holder_id, self.approvers.get(right.line_id, frozenset()))

    def _office(self, right: ReviewedRight, scope: ReviewScope) -> tuple[Role, str]:
        office = office_of(scope, privileged=right.privileged)
        unit = right.manager_unit_code if office is Role.SYSTEM else self.posts.get(right.holder_id, ("", ""))[0]
        return office, unit

    def _facts(self, office: Role, unit: str, holder_id: int, approvers: frozenset[int]) -> ReviewFacts:
        units = [unit] if office is Role.SYSTEM else upwards(unit, self.above)
        return self.bench.review_facts(office, units, holder_id, approvers)

    def asked(self, line: ReviewLine) -> tuple[Seated, ...]:
        """Who may answer for the line now; empty = nobody."""
        return self.asked_about(right_of(line.grant), line.campaign.scope, line.campaign.escalated_on is not None)

    def asked_about(self, right: ReviewedRight, scope: ReviewScope, escalated: bool) -> tuple[Seated, ...]:
        """The same of a right; `escalated`: the last day is over.

        Judged once for each office, and by itself only where holder or approvers are among those who could be asked.
        """
        office, unit = self._office(right, scope)
        if (office, unit, escalated) not in self.seats:
            anybodys = self._facts(office, unit, NOBODY, frozenset())
            self.seats[office, unit, escalated] = may_answer(anybodys, escalated=escalated), anybodys.people
        seats, people = self.seats[office, unit, escalated]
        if people.isdisjoint((right.holder_id, *self.approvers.get(right.line_id, ()))):
            return seats
        return may_answer(self.facts(right, scope), escalated=escalated)


def right_of(grant: Grant) -> ReviewedRight:
    """The grant as far as it matters who is asked about it."""
    account = grant.account
    return ReviewedRight(
        account.person_id or 0, grant.entitlement.privileged, account.system.manager_unit_code, grant.line_id
    )  # fmt: skip


def posts_on(session: Session, day: date) -> dict[int, tuple[str, str]]:
    """Person → unit and post of the primary post on the day; of several the one that was recorded first."""
    rows = session.execute(
        select(Employment.person_id, OrganisationUnit.code, Assignment.post)
        .join(Assignment, Assignment.employment_id == Employment.id)
        .join(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .where(Assignment.primary, holding_on(Assignment, day), holding_on(Employment, day))
        .order_by(Assignment.id.desc())
    )
    return {person_id: (code, post) for person_id, code, post in rows}


def _approvers(session: Session, line_ids: Collection[int]) -> dict[int, frozenset[int]]:
    found: dict[int, set[int]] = defaultdict(set)
    for some in in_chunks(line_ids):
        rows = session.execute(
            select(ApprovalStep.line_id, ApprovalStep.decider_id, ApprovalStep.acting_for_id).where(
                ApprovalStep.line_id.in_(some), ApprovalStep.state == StepState.APPROVED
            )
        )
        for line_id, *people in rows:
            found[line_id] |= {person for person in people if person is not None}
    return {line_id: frozenset(people) for line_id, people in found.items()}


def lines_of(
    session: Session, campaign_id: int, *, line_ids: Collection[int] | None = None, waiting: bool = False,
    undecided: bool = False, lock: bool = False, offset: int = 0, limit: int | None = None,
) -> list[ReviewLine]:  # fmt: skip
    """The campaign's lines with all that is asked of them, by line; with `waiting` only those that need an answer, with
    `undecided` those that have none, needed or not."""
    query = (
        select(ReviewLine)
        .join(ReviewLine.grant)
        .join(ReviewLine.campaign)
        .where(ReviewLine.campaign_id == campaign_id)
        .options(
            contains_eager(ReviewLine.campaign),
            contains_eager(ReviewLine.grant).options(
                joinedload(Grant.entitlement), joinedload(Grant.account).joinedload(Account.system)
            ),
        )
        .order_by(ReviewLine.id)
    )
    if line_ids is not None:
        query = query.where(ReviewLine.id.in_(line_ids))
    if undecided:
        query = query.where(ReviewLine.decision.is_(None))
    if limit is not None:
        query = query.offset(offset).limit(limit)
    if waiting:
        query = query.where(ReviewLine.decision.is_(None), Grant.state != GrantState.ENDED)
    if lock:
        query = query.with_for_update(of=ReviewLine).execution_options(populate_existing=True)
    return list(session.scalars(query))


def waiting_of(
    session: Session, person_id: int, *, rules: ReviewRules, day: date, campaign_id: int | None = None
) -> dict[int, list[int]]:  # fmt: skip
    """Open campaign → its lines that this person may answer now, whether or not it was they who were asked first."""
    query = (
        select(
            ReviewLine.id, ReviewCampaign.id, ReviewCampaign.scope, ReviewCampaign.escalated_on, ReviewLine.holder_id,
            Entitlement.privileged, InformationSystem.manager_unit_code, Grant.line_id,
        )
        .join(ReviewLine.campaign)
        .join(ReviewLine.grant)
        .join(Grant.account)
        .join(Account.system)
        .join(Grant.entitlement)
        .where(
            ReviewLine.decision.is_(None), Grant.state != GrantState.ENDED, ReviewCampaign.closed_at.is_(None),
            ReviewLine.holder_id != person_id,
        )
        .order_by(ReviewCampaign.id, ReviewLine.id)
    )  # fmt: skip
    if campaign_id is not None:
        query = query.where(ReviewCampaign.id == campaign_id)
    rows = [(line, campaign, scope, late is not None, ReviewedRight(holder, privileged, unit, given_by))
            for line, campaign, scope, late, holder, privileged, unit, given_by in session.execute(query)]  # fmt: skip
    found: dict[int, list[int]] = defaultdict(list)
    if rows:
        bench = ReviewBench.on(session, [right for *_, right in rows], rules=rules, day=day)
        for line, campaign, scope, late, right in rows:
            if any(seat.person_id == person_id for seat in bench.asked_about(right, scope, late)):
                found[campaign].append(line)
    return dict(found)


def rows_of(session: Session, lines: Sequence[ReviewLine], *, day: date) -> dict[int, ReviewRow]:
    """Line → what is shown of it on the day."""
    cards: dict[int, PersonCard] = {}
    for some in in_chunks({line.holder_id for line in lines}):
        cards |= person_cards(session, some, day=day)
    return {line.id: _row(line, cards[line.holder_id]) for line in lines}


def _row(line: ReviewLine, card: PersonCard) -> ReviewRow:
    grant = line.grant
    return ReviewRow(
        line_id=str(line.id),
        version=version_of(grant.id, grant.line_id, grant.state, grant.valid_from, grant.valid_until),
        unit=card.unit or "", post=card.post or "", staff_number=card.staff_number or "", name=card.name,
        system=grant.account.system.name, right=grant.entitlement.name, login_name=grant.account.login_name,
        until=_until(grant),
        last_use=last_use_text(_day(line.last_used_at), line.last_use_source),
        alike=alike_text(line.alike_holding, line.alike),
    )  # fmt: skip


def still_to_change(session: Session, system_id: int) -> list[ReviewLine]:
    """The lines of the system's rights that need changing, as somebody said, and are as they were shown then.

    A right is changed when it ends or gets another last day; that it rests meanwhile changes nothing.
    """
    query = (
        select(ReviewLine)
        .join(ReviewLine.grant)
        .join(Grant.account)
        .where(
            Account.system_id == system_id, ReviewLine.decision == ReviewDecision.CHANGE,
            Grant.state != GrantState.ENDED,
        )
        .order_by(ReviewLine.id)
    )  # fmt: skip
    return [line for line in session.scalars(query) if line.shown is None or line.shown["until"] == _until(line.grant)]


def _until(grant: Grant) -> str:
    last = end_to_last_day(grant.valid_until)
    return last.isoformat() if last else "期限なし"


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else day_of(moment)


def campaign_of(session: Session, campaign_id: int, *, lock: bool = False) -> ReviewCampaign | None:
    """The campaign; locked and read anew where it is about to change."""
    if not lock:
        return session.get(ReviewCampaign, campaign_id)
    return session.get(ReviewCampaign, campaign_id, with_for_update=True, populate_existing=True)
