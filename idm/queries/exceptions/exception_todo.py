"""What of the register of exceptions waits for somebody (FK 8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.models.exceptions import RegisteredException
from idm.oversight.exception_state import check_due, in_force
from idm.permissions import Action, everywhere, may
from idm.policy import Policy
from idm.queries.approval.bench import Bench
from idm.queries.exceptions.answering import answering
from idm.queries.exceptions.coverage import last_checks, unneeded
from idm.queries.organisation.officers import humans, roles_of
from idm.vocabulary import ExceptionState


@dataclass(frozen=True)
class ExceptionTodo:
    """How many wait for an answer, for the report of this person, for an overdue check; how many of theirs expired,
    and how many are to be ended because a check found them no longer needed."""

    to_answer: int = 0
    to_report: int = 0
    to_check: int = 0
    expired: int = 0
    to_end: int = 0

    @property
    def number(self) -> int:
        """How many there are in all."""
        return self.to_answer + self.to_report + self.to_check + self.expired + self.to_end


def exception_todo(session: Session, person_id: int, *, policy: Policy, now: datetime) -> ExceptionTodo:
    """What waits for the person now. What they asked for themselves waits for somebody else."""
    roles = roles_of(session, person_id, day_of(now))
    own = humans(session, [person_id])[person_id].rows
    waiting = select(RegisteredException).where(
        or_(
            RegisteredException.state.in_((ExceptionState.ASKED, ExceptionState.PERMITTED)),
            (RegisteredException.state == ExceptionState.EXPIRED) & RegisteredException.asked_by_id.in_(own),
        )
    )
    found = session.scalars(waiting).all()
    renewed = {one.renews_id for one in found}
    theirs = [one for one in found if one.asked_by_id in own]
    others = [one for one in found if one.asked_by_id not in own]
    return ExceptionTodo(
        to_answer=_to_answer(session, person_id, [one for one in found if _answerable(one)], day_of(now)),
        to_report=sum(one.state is ExceptionState.ASKED and _unreported(one) for one in theirs),
        to_check=_overdue_checks(session, others, policy, now) if may(roles, Action.CHECK_EXCEPTIONS) else 0,
        expired=sum(one.state is ExceptionState.EXPIRED and one.id not in renewed for one in theirs),
        to_end=_to_end(session, found, own, all_of_them=everywhere(roles, Action.END_EXCEPTION)),
    )


def _to_end(session: Session, found: Sequence[RegisteredException], own: frozenset[int], *, all_of_them: bool) -> int:
    """What somebody asked for themselves; the CISO has what nobody ended though they were reminded."""
    if not any(one.state is ExceptionState.PERMITTED for one in found):
        return 0
    return sum(
        one.asked_by_id in own or (all_of_them and one.escalated_level > 1) for one, _check in unneeded(session)
    )  # fmt: skip


def _unreported(one: RegisteredException) -> bool:
    return one.acted_at is not None and one.reported_at is None


def _answerable(one: RegisteredException) -> bool:
    return one.state is ExceptionState.ASKED and not _unreported(one)


def _to_answer(session: Session, person_id: int, asked: list[RegisteredException], day: date) -> int:
    if not asked:
        return 0
    bench = Bench.on(session, day)
    return sum(person_id in answering(session, one, bench) for one in asked)


def _overdue_checks(session: Session, others: list[RegisteredException], policy: Policy, now: datetime) -> int:
    checks = last_checks(session)
    overdue = 0
    for one in others:
        last = checks.get(one.id)
        permitted = day_of(one.answered_at or one.asked_at)
        due = check_due(permitted, day_of(last.checked_at) if last is not None else None, policy.exceptions)
        overdue += in_force(one.state, one.valid_from, one.valid_until, day_of(now)) and due < day_of(now)
    return overdue
