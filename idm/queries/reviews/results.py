"""The result of a campaign, as it stands for good once the campaign is closed (control A10)."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.database import in_chunks
from idm.grant_state import GrantState
from idm.models.people import Person
from idm.models.reviews import ReviewLine
from idm.queries.reviews.review_lines import lines_of, rows_of
from idm.reviews.review_rows import ReviewRow
from idm.vocabulary import ReviewDecision


@dataclass(frozen=True)
class ResultLine:
    """One line as the result sheet has it. `reviewer` is who is asked; `decided_by` None with a decision = nobody."""

    row: ReviewRow
    decision: ReviewDecision | None
    reason: str | None
    reviewer: str | None
    decided_by: str | None
    acting_for: str | None
    decided_at: datetime | None
    done_at: datetime | None
    """When the right was taken away because of the answer."""
    ended: bool
    """It ended before anybody answered."""


def result_lines(
    session: Session, campaign_id: int, *, day: date, offset: int = 0, limit: int | None = None
) -> list[ResultLine]:  # fmt: skip
    """Lines of the campaign with what was said of them, in their order (by unit and holder).

    What was decided on, and everything of a closed campaign, is told as it stood then; the rest as it is on the day.
    """
    lines = lines_of(session, campaign_id, offset=offset, limit=limit)
    rows = rows_of(session, [line for line in lines if line.shown is None], day=day)
    names = _names(session, lines)
    return [
        ResultLine(
            ReviewRow(**line.shown) if line.shown is not None else rows[line.id], line.decision, line.reason,
            names.get(line.reviewer_id or 0), names.get(line.decided_by_id or 0), names.get(line.acting_for_id or 0),
            line.decided_at, line.done_at, _ended(line),
        )
        for line in lines
    ]  # fmt: skip


def result_digest(session: Session, campaign_id: int) -> str:
    """SHA-256 over every line of the campaign as its result is stored: what was shown, what was said, by whom, when."""
    stored = select(
        ReviewLine.id, ReviewLine.shown, ReviewLine.ended_unanswered, ReviewLine.decision, ReviewLine.reason,
        ReviewLine.reviewer_id, ReviewLine.decided_by_id, ReviewLine.acting_for_id, ReviewLine.shown_at,
        ReviewLine.decided_at, ReviewLine.by_file, ReviewLine.done_at,
    ).where(ReviewLine.campaign_id == campaign_id).order_by(ReviewLine.id)  # fmt: skip
    found = sha256()
    for row in session.execute(stored):
        found.update(json.dumps(list(row), default=str, ensure_ascii=False, sort_keys=True).encode() + b"\n")
    return found.hexdigest()


def _ended(line: ReviewLine) -> bool:
    if line.campaign.closed_at is not None:
        return line.ended_unanswered
    return line.decision is None and line.grant.state is GrantState.ENDED


def _names(session: Session, lines: Sequence[ReviewLine]) -> dict[int, str]:
    ids = {one for line in lines for one in _people(line) if one is not None}
    found: dict[int, str] = {}
    for some in in_chunks(ids):
        found |= dict(session.execute(select(Person.id, Person.name).where(Person.id.in_(some))).all())
    return found


def _people(line: ReviewLine) -> Iterable[int | None]:
    return line.reviewer_id, line.decided_by_id, line.acting_for_id
