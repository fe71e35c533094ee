"""Where findings stand, as conditions on rows: what `idm.oversight.finding_state` says of facts, said of many at once.

Whoever never had an answer is told by one column; only of the few that did are the answers looked at.
"""

from datetime import date

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select
from sqlalchemy.orm import Session

from idm.models.exceptions import RegisteredException
from idm.models.going_live import Justification
from idm.models.work import Finding
from idm.oversight.finding_state import FindingFacts
from idm.vocabulary import ExceptionState, FindingState


def stands(state: FindingState, day: date) -> ColumnElement[bool]:
    """Whether a finding stands there on the day."""
    if state is FindingState.REPAIRED:
        return Finding.resolved_at.is_not(None)
    still = Finding.resolved_at.is_(None)
    answers = {
        FindingState.OPEN: or_(Finding.answered_at.is_(None), ~_answered_somehow(day)),
        FindingState.JUSTIFIED: and_(Finding.answered_at.is_not(None), ~_accepted(day), _justified(day)),
        FindingState.ACCEPTED: and_(Finding.answered_at.is_not(None), _accepted(day)),
    }
    return and_(still, answers[state])


def answer_ended(day: date) -> ColumnElement[bool]:
    """Whether an open finding was answered for, and no answer holds on the day any more."""
    return and_(Finding.resolved_at.is_(None), Finding.answered_at.is_not(None), ~_answered_somehow(day))


def state_column(day: date) -> ColumnElement[str]:
    """The state of each row on the day."""
    return case(
        (Finding.resolved_at.is_not(None), literal(FindingState.REPAIRED.value)),
        (Finding.answered_at.is_(None), literal(FindingState.OPEN.value)),
        (_accepted(day), literal(FindingState.ACCEPTED.value)),
        (_justified(day), literal(FindingState.JUSTIFIED.value)),
        else_=literal(FindingState.OPEN.value),
    )


def facts_of(session: Session, finding: Finding) -> FindingFacts:
    """What is on record of one finding."""
    answered_until = session.scalar(
        select(func.max(Justification.valid_until)).where(
            Justification.finding_id == finding.id, Justification.fingerprint == (finding.fingerprint or "")
        )
    )
    exception = finding.exception
    excepted = exception is not None and exception.state is ExceptionState.PERMITTED
    accepted = finding.accepted_fingerprint == (finding.fingerprint or "")
    return FindingFacts(
        repaired=finding.resolved_at is not None, answered_until=answered_until,
        excepted_until=exception.valid_until if exception is not None and excepted else None,
        accepted_until=finding.accepted_until if accepted else None,
    )  # fmt: skip


def _answered_somehow(day: date) -> ColumnElement[bool]:
    return or_(_accepted(day), _justified(day))


def _accepted(day: date) -> ColumnElement[bool]:
    return and_(
        Finding.accepted_until.is_not(None), Finding.accepted_until > day,
        func.coalesce(Finding.accepted_fingerprint, "") == func.coalesce(Finding.fingerprint, ""),
    )  # fmt: skip


def _justified(day: date) -> ColumnElement[bool]:
    answer = (
        select(Justification.id)
        .where(
            Justification.finding_id == Finding.id, Justification.valid_until > day,
            Justification.fingerprint == func.coalesce(Finding.fingerprint, ""),
        )
        .exists()
    )  # fmt: skip
    exception = (
        select(RegisteredException.id)
        .where(
            RegisteredException.id == Finding.exception_id, RegisteredException.valid_until > day,
            RegisteredException.state == ExceptionState.PERMITTED,
        )
        .exists()
    )  # fmt: skip
    return or_(answer, and_(Finding.exception_id.is_not(None), exception))
