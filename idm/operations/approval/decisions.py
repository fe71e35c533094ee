"""Deciding steps of an application: the seat, the separation of duties and what was shown, at this moment (A2, A4).

Any number of steps of one application are decided in one act: their facts are read once, each step is judged by itself,
and one that is refused refuses the act.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.orm.attributes import set_committed_value

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import ContentChanged, DecidedMeanwhile, InvalidInput, NotFound, NotPermitted, Refusal
from idm.models.requests import ApprovalStep, Request, RequestLine
from idm.operations.approval import approval_notices
from idm.operations.approval.admissibility import require_no_contractor, require_still_possible
from idm.operations.approval.judgement import Judgement
from idm.operations.approval.requests import close_pending_steps, content_hash_of, find
from idm.operations.rights.taking_effect import take_effect
from idm.policy import Policy
from idm.queries.approval.admission import admission
from idm.request_state import Event, RequestState, StepState, after, settlement
from idm.step_up import matters_most, require_fresh_factor
from idm.written_text import written

STEPS = cast(Table, ApprovalStep.__table__)
VERDICTS = (Event.APPROVE, Event.RETURN, Event.REJECT)


@dataclass(frozen=True)
class Verdict:
    """What somebody says on one step, and the hash of what they were shown."""

    event: Event
    comment: str
    shown_hash: str


def decide(
    session: Session, *, step_id: int, verdict: Verdict, actor: Actor, policy: Policy, now: datetime
) -> ApprovalStep:
    """Afterwards the step is decided, and whatever hung on it alone has happened, in this transaction.

    Raises SeparationOfDuties, NotSeated, ContentChanged, DecidedMeanwhile, IllegalTransition, ZoneNotOpen, NotFound,
    InvalidInput, FreshFactorNeeded for a right that matters most (`idm.step_up`).
    """
    request_id = session.scalar(
        select(RequestLine.request_id)
        .join(ApprovalStep, ApprovalStep.line_id == RequestLine.id)
        .where(ApprovalStep.id == step_id)
    )
    if request_id is None:
        raise NotFound("決裁欄が見つかりません。")
    (step,) = decide_lines(
        session, request_id=request_id, verdicts={step_id: verdict}, actor=actor, policy=policy, now=now
    )
    return step


def decide_lines(
    session: Session, *, request_id: int, verdicts: Mapping[int, Verdict], actor: Actor, policy: Policy, now: datetime
) -> list[ApprovalStep]:
    """Afterwards every one of these steps of the application is decided (step id → verdict), in one act.

    Raises what `decide` raises, with the line in the message where there are several; then none of them is decided.
    """
    if actor.person_id is None:
        raise NotPermitted("決裁は、名前のある人だけができます。")
    if not verdicts:
        raise InvalidInput("決裁する行を選んでください。", fields={"verdict": "1行以上選んでください"})
    request = find(session, request_id, lock=True)
    steps = _steps_as_they_are(session, request)
    actual_hash = content_hash_of(session, request)
    judgement = Judgement.of(session, request, person_id=actor.person_id, now=now)
    facts = admission(session, {line.subject_id for line in request.lines}, day=day_of(now))
    rows = []
    for step_id, verdict in verdicts.items():
        step = steps.get(step_id)
        if step is None:
            raise NotFound("この申請に、その決裁欄はありません。")
        with _naming(step.line, several=len(verdicts) > 1):
            following = _require_decidable(step, verdict, actual_hash)
            rows.append(_decision(step, following, verdict, judgement, now))
            if verdict.event is Event.APPROVE:
                require_still_possible(step.line, facts, policy=policy, day=day_of(now))
                if step.line.applicant_id is not None:
                    require_no_contractor(session, [step.line], step.line.applicant_id, day_of(now))
            _require_fresh_factor(step.line, actor, policy=policy, now=now)
    _compare_and_swap(session, rows)
    request.last_decision_at = now
    steps = _steps_as_they_are(session, request)
    decided = [(steps[step_id], verdict) for step_id, verdict in verdicts.items()]
    _follow(session, decided, actor=actor, policy=policy, now=now)
    _settle(session, request, now=now)
    for step, _ in decided:
        _record(session, step, actor=actor, policy=policy, now=now)
    return [step for step, _ in decided]


def _steps_as_they_are(session: Session, request: Request) -> dict[int, ApprovalStep]:
    """The application's steps by id, read anew: what this session read before it had the lock may be old."""
    lines = session.scalars(
        select(RequestLine)
        .where(RequestLine.request_id == request.id)
        .options(selectinload(RequestLine.steps), joinedload(RequestLine.subject), joinedload(RequestLine.entitlement))
        .execution_options(populate_existing=True)
    ).all()
    for line in lines:
        for step in line.steps:
            set_committed_value(step, "line", line)
    return {step.id: step for line in lines for step in line.steps}


@contextmanager
def _naming(line: RequestLine, *, several: bool) -> Iterator[None]:
    """A refusal of one of several lines says which."""
    try:
        yield
    except Refusal as refusal:
        if several:
            refusal.message = f"{line.subject.name} さんの「{line.entitlement.name}」の行: {refusal.message}"
        raise


def _require_decidable(step: ApprovalStep, verdict: Verdict, actual_hash: str) -> StepState:
    if step.state is not StepState.PENDING and step.decider_id is not None:
        raise DecidedMeanwhile("この決裁欄はすでに決裁されています。最新の内容を確かめてください。")
    if verdict.event not in VERDICTS:
        raise InvalidInput("決裁は、承認・差戻し・却下のどれかです。", fields={"verdict": "選んでください"})
    following = after(step.state, verdict.event)
    if not verdict.shown_hash == step.line.request.content_hash == actual_hash:
        raise ContentChanged("表示された内容と、現在の申請の内容が異なります。もう一度内容を確かめてください。")
    return following


def _decision(
    step: ApprovalStep, following: StepState, verdict: Verdict, judgement: Judgement, now: datetime
) -> dict[str, object]:
    """The columns of one decision that no rule forbids."""
    seat = judgement.seat_of(step, approves=verdict.event is Event.APPROVE)
    return {
        "step": step.id, "state": following, "decider_id": seat.person_id, "rung": seat.rung.value,
        "acting_for_id": seat.acting_for, "decided_at": now, "shown_hash": verdict.shown_hash,
        "comment": written(verdict.comment, field="comment", empty="決裁の理由を書いてください。"),
        "exception_id": judgement.exception_used(step),
    }  # fmt: skip


def _require_fresh_factor(line: RequestLine, actor: Actor, *, policy: Policy, now: datetime) -> None:
    right = line.entitlement
    if matters_most(line.request.system.zone, privileged=right.privileged, external_access=right.external_access):
        require_fresh_factor(actor, policy=policy, now=now)


def _compare_and_swap(session: Session, rows: Sequence[dict[str, object]]) -> None:
    """Writes each decision only where its step still waits: of two at once, exactly one succeeds."""
    columns: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "step"}
    waiting = (STEPS.c.id == bindparam("step"), STEPS.c.state == StepState.PENDING)
    changed = session.connection().execute(update(STEPS).where(*waiting).values(columns), list(rows))
    if changed.rowcount != len(rows):
        raise DecidedMeanwhile("この決裁欄は、たった今ほかの人が決裁しました。")


def _follow(
    session: Session, decided: Sequence[tuple[ApprovalStep, Verdict]], *, actor: Actor, policy: Policy, now: datetime
) -> None:
    """Lines end with what ends them; those whose last step was approved take effect together."""
    for step, verdict in decided:
        if verdict.event is not Event.APPROVE:
            step.line.state = after(step.line.state, verdict.event)
            close_pending_steps(step.line)
    lines = dict.fromkeys(step.line for step, _ in decided)
    approved = [line for line in lines if all(step.state is StepState.APPROVED for step in line.steps)]
    for line in approved:
        line.state = after(line.state, Event.APPROVE)
    take_effect(session, approved, actor=actor, policy=policy, now=now)


def _settle(session: Session, request: Request, *, now: datetime) -> None:
    event = settlement(session.scalars(select(RequestLine.state).where(RequestLine.request_id == request.id)).all())
    if event is None or request.state is not RequestState.SUBMITTED:
        return
    request.state = after(request.state, event)
    session.flush()
    approval_notices.settled(session, request, now=now)


def _record(session: Session, step: ApprovalStep, *, actor: Actor, policy: Policy, now: datetime) -> None:
    line = step.line
    audit.record(
        session, action=f"step.{step.state.value}", actor=actor, obj=("request", str(line.request_id)), now=now,
        policy_digest=policy.digest,
        payload={
            "number": line.request.number, "line": line.id, "step": step.id, "seat": step.seat.value,
            "rung": step.rung, "acting_for": step.acting_for_id, "comment": step.comment,
            "shown_hash": step.shown_hash, "exception": step.exception_id, "line_state": line.state.value,
        },
    )  # fmt: skip
