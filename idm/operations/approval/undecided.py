"""Applications that nobody decides: brought to mind of their deciders, then told to the next in line, once per step.

One notice a person and run, with numbers of applications and never a name: who is told may not be who may read them.
Telling somebody seats nobody: who decides follows from the office, as always (`idm.routing`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.database import in_chunks
from idm.models.requests import ApprovalStep, Request
from idm.notice_times import levels_due
from idm.operations.notification.notices import notify
from idm.policy import Policy
from idm.queries.approval.seats import open_steps, seatings
from idm.queries.organisation.officers import holders
from idm.request_state import RequestState, StepState
from idm.working_days import working_days

REMINDER = "【承認依頼】決裁されていない申請があります"
ESCALATION = "【承認の遅れ】決裁されていない申請があります"
REMINDER_WORDS = "次の申請が、あなたの決裁を待っています。内容を確かめて決裁してください。"
ESCALATION_WORDS = "次の申請が、期間を過ぎても決裁されていません。決裁が進むように手配してください。"
SHOWN = 30


def remind(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards everybody who has to know of an undecided application does, each level once; returns how many
    applications went up a level. In working hours only: nobody could decide any sooner.
    """
    days = working_days(policy.calendar)
    if not days.within_hours(now, policy.calendar):
        return 0
    day, rules = day_of(now), policy.notices
    raised: dict[int, tuple[Request, int]] = {}
    for request in _undecided(session, len(rules.escalate_to)):
        assert request.submitted_at is not None  # noqa: S101  # the database says so
        level = levels_due(day_of(request.submitted_at), day, rules, days)
        if level > request.reminded_level:
            raised[request.id] = (request, level)
    if not raised:
        return 0
    first = [request for request, _ in raised.values() if request.reminded_level == 0]
    reminded = _deciders(session, first, now)
    escalated = _next_in_line(session, raised.values(), policy, now)
    _tell(session, reminded, REMINDER, REMINDER_WORDS, "/approvals", now)
    _tell(session, escalated, ESCALATION, ESCALATION_WORDS, "/requests", now)
    _move_up(session, raised)
    audit.record(
        session, action="request.reminded", actor=actor, obj=("requests", "undecided"), now=now,
        policy_digest=policy.digest,
        payload={"requests": len(raised), "told": len(reminded.keys() | escalated.keys()),
                 "levels": {str(request_id): level for request_id, (_, level) in raised.items()}},
    )  # fmt: skip
    return len(raised)


def _undecided(session: Session, levels: int) -> Sequence[Request]:
    """What waits, and is not known yet to every level."""
    query = select(Request).where(Request.state == RequestState.SUBMITTED, Request.reminded_level <= levels)
    return session.scalars(query.order_by(Request.id).with_for_update(skip_locked=True)).all()


def _deciders(session: Session, requests: Iterable[Request], now: datetime) -> dict[int, list[str]]:
    """Person → the numbers of the applications with a step that they may decide now."""
    numbers = {request.id: request.number or "" for request in requests}
    theirs: dict[int, list[str]] = defaultdict(list)
    for some in in_chunks(numbers):
        waiting = open_steps(
            session, ApprovalStep.state == StepState.PENDING, Request.state == RequestState.SUBMITTED,
            Request.id.in_(some),
        )  # fmt: skip
        found = seatings(session, waiting, day=day_of(now))
        may = {(seat.person_id, step.request_id) for step in waiting for seat in found[step.step_id].seated}
        for person_id, request_id in sorted(may):
            theirs[person_id].append(numbers[request_id])
    return theirs


def _next_in_line(
    session: Session, raised: Iterable[tuple[Request, int]], policy: Policy, now: datetime
) -> dict[int, list[str]]:
    """Person → the numbers of the applications they are told of as the next in line; nobody of their own."""
    theirs: dict[int, list[str]] = defaultdict(list)
    for request, level in raised:
        roles = policy.notices.escalate_to[max(request.reminded_level - 1, 0) : level - 1]
        concerned = {request.applicant_id, *(line.subject_id for line in request.lines)}
        people = {person for role in roles for person in holders(session, role, None, day_of(now))}
        for person_id in sorted(people - concerned):
            theirs[person_id].append(request.number or "")
    return theirs


def _tell(
    session: Session, theirs: Mapping[int, Sequence[str]], subject: str, words: str, link: str, now: datetime
) -> None:
    for person_id, numbers in sorted(theirs.items()):
        listed = "\n".join(f"・{number}" for number in numbers[:SHOWN])
        rest = f"\n・ほか {len(numbers) - SHOWN} 件" if len(numbers) > SHOWN else ""
        notify(
            session, [person_id], subject=f"{subject}（{len(numbers)}件）", body=f"{words}\n{listed}{rest}",
            link=link, now=now, asks=True,
        )  # fmt: skip


def _move_up(session: Session, raised: Mapping[int, tuple[Request, int]]) -> None:
    """By statement, not by row: what is brought to mind does not overtake somebody who decides at this moment."""
    by_level: dict[int, list[int]] = defaultdict(list)
    for request_id, (_, level) in raised.items():
        by_level[level].append(request_id)
    for level, ids in by_level.items():
        for some in in_chunks(ids):
            changed = update(Request).where(Request.id.in_(some)).values(reminded_level=level)
            session.execute(changed.execution_options(synchronize_session=False))
