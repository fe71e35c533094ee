"""Access reviews as pages list them: campaigns, who has answered how, one's own lines, and the result (control A10)."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, case, func, select, true
from sqlalchemy.orm import Session, aliased

from idm.database import in_chunks
from idm.errors import NotFound
from idm.grant_state import GrantState
from idm.models.people import Person
from idm.models.requests import Grant
from idm.models.reviews import ReviewCampaign, ReviewLine
from idm.models.systems import Entitlement, InformationSystem
from idm.permissions import Action, everywhere
from idm.policy import ReviewRules
from idm.queries.organisation.officers import roles_of
from idm.queries.organisation.reach import systems_reached
from idm.queries.organisation.units import unit_names_on
from idm.queries.reviews.review_lines import lines_of, rows_of, waiting_of
from idm.reviews.review_rows import ReviewRow
from idm.reviews.review_rules import Answer, Pace, pace
from idm.step_up import matters_most
from idm.vocabulary import ReviewDecision, ReviewScope

CLOSED_SHOWN = 100


@dataclass(frozen=True)
class CampaignRow:
    """One campaign and how far it has come. `settled`: lines whose right ended before anybody answered."""

    campaign_id: int
    title: str
    scope: ReviewScope
    target: str
    opened_at: datetime
    opened_by: str | None
    """None = the calendar."""
    answer_until: date
    escalated_on: date | None
    closed_at: datetime | None
    closed_by: str | None
    closing_asked_at: datetime | None
    """When somebody wanted more taken away than one person may."""
    closing_asked_by: str | None
    withdrawal_asked_at: datetime | None
    withdrawal_asked_by: str | None
    withdrawal_reason: str | None
    withdrawn: bool
    result_digest: str | None
    """SHA-256 over the result as it stood at the closing."""
    total: int
    answered: int
    removed: int
    changed: int
    waiting: int

    @property
    def settled(self) -> int:
        """Lines that needed no answer, or, once it is closed, never got one."""
        return self.total - self.answered - self.waiting


@dataclass(frozen=True)
class ReviewerRow:
    """One reviewer: what still waits for them, and how they answered. `person_id` None = nobody may be asked."""

    person_id: int | None
    name: str
    waiting: int
    pace: Pace
    removed: int
    changed: int
    by_file: int
    last_at: datetime | None


@dataclass(frozen=True)
class LineToAnswer:
    """One line that waits for somebody, as they are shown it. `careful`: never answered in bulk."""

    line_id: int
    row: ReviewRow
    careful: bool
    fresh_factor: bool


def campaigns(session: Session, *, day: date, reader_id: int | None = None) -> list[CampaignRow]:
    """The open campaigns, newest first, and the last hundred closed ones; to a reader those within their reach."""
    within = _within_reach(session, reader_id, day)
    running = select(ReviewCampaign.id).where(ReviewCampaign.closed_at.is_(None), within)
    over = (
        select(ReviewCampaign.id)
        .where(ReviewCampaign.closed_at.is_not(None), within)
        .order_by(ReviewCampaign.id.desc())
        .limit(CLOSED_SHOWN)
    )
    return campaign_rows(session, [*session.scalars(running), *session.scalars(over)], day=day)


def _within_reach(session: Session, reader_id: int | None, day: date) -> ColumnElement[bool]:
    """A manager of systems sees the campaigns over these and their rights; None reads for the command line."""
    if reader_id is None or everywhere(roles_of(session, reader_id, day), Action.SEE_REVIEWS):
        return true()
    systems = systems_reached(session, reader_id, Action.SEE_REVIEWS, day)
    rights = select(Entitlement.id).where(Entitlement.system_id.in_(systems))
    return ReviewCampaign.system_id.in_(systems) | ReviewCampaign.entitlement_id.in_(rights)


def campaign_rows(session: Session, ids: Collection[int], *, day: date) -> list[CampaignRow]:
    """These campaigns, open ones first, newest first."""
    opener, closer, asker, giver_up = aliased(Person), aliased(Person), aliased(Person), aliased(Person)
    query = (
        select(
            ReviewCampaign, InformationSystem.name, Entitlement.name, opener.name, closer.name, asker.name,
            giver_up.name,
        )
        .outerjoin(InformationSystem, ReviewCampaign.system_id == InformationSystem.id)
        .outerjoin(Entitlement, ReviewCampaign.entitlement_id == Entitlement.id)
        .outerjoin(opener, ReviewCampaign.opened_by_id == opener.id)
        .outerjoin(closer, ReviewCampaign.closed_by_id == closer.id)
        .outerjoin(asker, ReviewCampaign.closing_asked_by_id == asker.id)
        .outerjoin(giver_up, ReviewCampaign.withdrawal_asked_by_id == giver_up.id)
        .where(ReviewCampaign.id.in_(ids))
        .order_by(ReviewCampaign.closed_at.is_not(None), ReviewCampaign.id.desc())
    )  # fmt: skip
    counted, names = _counted(session, ids), unit_names_on(session, day)
    found = []
    for one, system, right, opened_by, closed_by, asked_by, given_up_by in session.execute(query):
        total, answered, removed, changed, waiting = counted[one.id]
        unit = names.get(one.unit_code, one.unit_code) if one.unit_code else "組織全体"
        target = {ReviewScope.SYSTEM: system, ReviewScope.ENTITLEMENT: right, ReviewScope.UNIT: unit}[one.scope]
        found.append(CampaignRow(
            one.id, one.title, one.scope, target or "", one.opened_at, opened_by, one.answer_until, one.escalated_on,
            one.closed_at, closed_by, one.closing_asked_at, asked_by, one.withdrawal_asked_at, given_up_by,
            one.withdrawal_reason, one.withdrawn, one.result_digest, total, answered, removed, changed,
            0 if one.closed_at else waiting,
        ))  # fmt: skip
    return found


def _counted(session: Session, campaign_ids: Collection[int]) -> dict[int, Sequence[int]]:
    """Campaign → its lines: all, answered, not needed, to be changed, waiting."""
    rows = session.execute(
        select(
            ReviewLine.campaign_id, func.count(ReviewLine.id),
            _sum(ReviewLine.decision.is_not(None)), _sum(ReviewLine.decision == ReviewDecision.REMOVE),
            _sum(ReviewLine.decision == ReviewDecision.CHANGE),
            _sum(ReviewLine.decision.is_(None) & (Grant.state != GrantState.ENDED)),
        )
        .join(ReviewLine.grant)
        .where(ReviewLine.campaign_id.in_(campaign_ids))
        .group_by(ReviewLine.campaign_id)
    )  # fmt: skip
    return {campaign_id: counted for campaign_id, *counted in rows}


def campaign_row(session: Session, campaign_id: int, *, day: date, reader_id: int | None = None) -> CampaignRow:
    """One campaign. Raises NotFound, also where it is not within the reader's reach."""
    asked = select(ReviewCampaign.id).where(ReviewCampaign.id == campaign_id, _within_reach(session, reader_id, day))
    row = next(iter(campaign_rows(session, session.scalars(asked).all(), day=day)), None)
    if row is None:
        raise NotFound("この棚卸しは見つかりません。")
    return row


def reviewer_rows(session: Session, campaign_id: int) -> list[ReviewerRow]:
    """Who is asked and who has answered, those with the most to do first."""
    waiting = _waiting_by_reviewer(session, campaign_id)
    answered: dict[int, list[_Answered]] = defaultdict(list)
    decided = select(
        ReviewLine.decided_by_id, ReviewLine.decision, ReviewLine.shown_at, ReviewLine.decided_at, ReviewLine.by_file
    ).where(ReviewLine.campaign_id == campaign_id, ReviewLine.decided_by_id.is_not(None))
    for decided_by, decision, shown_at, decided_at, by_file in session.execute(decided):
        if decided_by is not None and decision is not None and shown_at is not None and decided_at is not None:
            answered[decided_by].append(_Answered(Answer(decision, shown_at, decided_at), by_file))
    people = {person for person in (*waiting, *answered) if person is not None}
    names = dict(session.execute(select(Person.id, Person.name).where(Person.id.in_(people))).all())
    rows = [
        _reviewer(person, names, waiting.get(person, 0), answered.get(person or 0, []))
        for person in {*waiting, *answered}
    ]
    return sorted(rows, key=lambda row: (-row.waiting, row.name))


class _Answered(NamedTuple):
    answer: Answer
    by_file: bool


def _waiting_by_reviewer(session: Session, campaign_id: int) -> dict[int | None, int]:
    """Who is asked (None = nobody may be) → how many lines of theirs had no answer, and wait while it is open."""
    rows = session.execute(
        select(ReviewLine.reviewer_id, _sum(ReviewCampaign.closed_at.is_(None)))
        .join(ReviewLine.campaign)
        .join(ReviewLine.grant)
        .where(
            ReviewLine.campaign_id == campaign_id, ReviewLine.decision.is_(None),
            ReviewLine.ended_unanswered.is_(False),
            ReviewCampaign.closed_at.is_not(None) | (Grant.state != GrantState.ENDED),
        )
        .group_by(ReviewLine.reviewer_id)
    )  # fmt: skip
    return dict(rows.all())


def _reviewer(
    person_id: int | None, names: dict[int, str], waiting: int, answered: Sequence[_Answered]
) -> ReviewerRow:  # fmt: skip
    counted = Counter(one.answer.decision for one in answered)
    return ReviewerRow(
        person_id, names.get(person_id or 0, ""), waiting, pace(one.answer for one in answered),
        counted[ReviewDecision.REMOVE], counted[ReviewDecision.CHANGE], sum(one.by_file for one in answered),
        max((one.answer.decided_at for one in answered), default=None),
    )  # fmt: skip


def to_answer(
    session: Session, campaign_id: int, person_id: int, *, rules: ReviewRules, day: date
) -> list[LineToAnswer]:  # fmt: skip
    """The lines that this person may answer now, by unit and name."""
    ids = waiting_of(session, person_id, rules=rules, day=day, campaign_id=campaign_id).get(campaign_id, [])
    own = [line for some in in_chunks(ids) for line in lines_of(session, campaign_id, line_ids=some)]
    rows = rows_of(session, own, day=day)
    found = [_to_answer(line, rows[line.id]) for line in own]
    return sorted(found, key=lambda one: (one.row.unit, one.row.staff_number, one.line_id))


def _to_answer(line: ReviewLine, row: ReviewRow) -> LineToAnswer:
    right = line.grant.entitlement
    zone = line.grant.account.system.zone
    matters = matters_most(zone, privileged=right.privileged, external_access=right.external_access)
    return LineToAnswer(line.id, row, right.privileged, matters)


def has_answered(session: Session, campaign_id: int, person_id: int) -> int:
    """How many lines of the campaign this person has answered."""
    own = (ReviewLine.campaign_id == campaign_id, ReviewLine.decided_by_id == person_id)
    return session.scalar(select(func.count()).select_from(ReviewLine).where(*own)) or 0


def asked_of(session: Session, person_id: int) -> dict[int, int]:
    """Open campaign → how many of its lines this person was asked about and that wait; those of deputies apart."""
    rows = session.execute(
        select(ReviewLine.campaign_id, func.count())
        .join(ReviewLine.campaign)
        .join(ReviewLine.grant)
        .where(
            ReviewLine.reviewer_id == person_id, ReviewLine.decision.is_(None), ReviewCampaign.closed_at.is_(None),
            Grant.state != GrantState.ENDED,
        )
        .group_by(ReviewLine.campaign_id)
    )  # fmt: skip
    return dict(rows.all())


def rights_in(session: Session, system_ids: Collection[int]) -> list[tuple[int, str]]:
    """The rights of these systems by id, as a list to choose from names them."""
    rows = session.execute(
        select(Entitlement.id, InformationSystem.name, Entitlement.name)
        .join(Entitlement.system)
        .where(InformationSystem.id.in_(system_ids))
        .order_by(InformationSystem.name, Entitlement.id)
    )
    return [(right_id, f"{system}　{right}") for right_id, system, right in rows]


def _sum(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)
