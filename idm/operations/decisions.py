"""Deciding one step of one line: the seat, the separation of duties and what was shown, at this moment (A2, A4)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of, overlap
from idm.errors import ContentChanged, DecidedMeanwhile, InvalidInput, NotFound, NotPermitted, NotSeated, Refusal
from idm.models.requests import ApprovalStep, Request, RequestLine
from idm.models.systems import Entitlement, EntitlementConflict
from idm.operations import approval_notices, grants
from idm.operations.exceptions import excepted_rules
from idm.operations.requests import close_pending_steps, content_hash_of, find
from idm.policy import Policy
from idm.queries.officers import auditing, contracted, humans, other_deciders, seat_facts
from idm.request_state import Event, RequestState, StepState, after, settlement
from idm.routing import Seated, SeatFacts, seated
from idm.separation_of_duties import Decision, Human, require
from idm.vocabulary import LineEffect

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

    Raises SeparationOfDuties, NotSeated, ContentChanged, DecidedMeanwhile, IllegalTransition, InvalidInput.
    """
    if actor.person_id is None:
        raise NotPermitted("決裁は、名前のある人だけができます。")
    step = _find_locked(session, step_id)
    following = _require_decidable(session, step, verdict)
    seat = _require_seat(session, step, verdict, person_id=actor.person_id, now=now)
    _compare_and_swap(session, step, following, verdict, seat, now)
    _follow(session, step.line, verdict.event, actor=actor, policy=policy, now=now)
    _settle(session, step.line.request, now=now)
    _record(session, step, actor=actor, policy=policy, now=now)
    return step


def decide_lines(
    session: Session, *, request_id: int, verdicts: Mapping[int, Verdict], actor: Actor, policy: Policy, now: datetime
) -> list[ApprovalStep]:
    """Afterwards every one of these steps of the application is decided (step id → verdict), in one act.

    Raises what `decide` raises, with the line in the message where there are several; then none of them is decided.
    """
    if not verdicts:
        raise InvalidInput("決裁する行を選んでください。", fields={"verdict": "1行以上選んでください"})
    decided = []
    for step_id, verdict in verdicts.items():
        line = session.scalar(
            select(RequestLine)
            .join(ApprovalStep, ApprovalStep.line_id == RequestLine.id)
            .where(ApprovalStep.id == step_id, RequestLine.request_id == request_id)
        )
        if line is None:
            raise NotFound("この申請に、その決裁欄はありません。")
        try:
            decided.append(decide(session, step_id=step_id, verdict=verdict, actor=actor, policy=policy, now=now))
        except Refusal as refusal:
            if len(verdicts) > 1:
                refusal.message = f"{line.subject.name} さんの「{line.entitlement.name}」の行: {refusal.message}"
            raise
    return decided


def _find_locked(session: Session, step_id: int) -> ApprovalStep:
    found = session.execute(
        select(RequestLine.request_id, RequestLine.id)
        .join(ApprovalStep, ApprovalStep.line_id == RequestLine.id)
        .where(ApprovalStep.id == step_id)
    ).one_or_none()
    if found is None:
        raise NotFound("決裁欄が見つかりません。")
    request_id, line_id = found
    find(session, request_id, lock=True)
    # What this session read before it had the lock may be old: somebody else may have decided meanwhile.
    fresh = {"populate_existing": True}
    session.scalars(select(RequestLine).where(RequestLine.id == line_id), execution_options=fresh).one()
    steps = session.scalars(select(ApprovalStep).where(ApprovalStep.line_id == line_id), execution_options=fresh)
    return next(step for step in steps.all() if step.id == step_id)


def _require_decidable(session: Session, step: ApprovalStep, verdict: Verdict) -> StepState:
    request = step.line.request
    if step.state is not StepState.PENDING and step.decider_id is not None:
        raise DecidedMeanwhile("この決裁欄はすでに決裁されています。最新の内容を確かめてください。")
    if verdict.event not in VERDICTS:
        raise InvalidInput("決裁は、承認・差戻し・却下のどれかです。", fields={"verdict": "選んでください"})
    following = after(step.state, verdict.event)
    if not verdict.comment.strip():
        raise InvalidInput("決裁の理由を書いてください。", fields={"comment": "理由を書いてください"})
    if not verdict.shown_hash == request.content_hash == content_hash_of(session, request):
        raise ContentChanged("表示された内容と、現在の申請の内容が異なります。もう一度内容を確かめてください。")
    return following


def _require_seat(session: Session, step: ApprovalStep, verdict: Verdict, *, person_id: int, now: datetime) -> Seated:
    """The separation rules speak first: their refusal names the rule; only then is it asked whose seat it is."""
    day = day_of(now)
    excepted = excepted_rules(session, step.line.request_id, person_id=person_id, day=day)
    facts = seat_facts(session, step, day=day)
    if "SOD-4" in excepted:
        facts = replace(facts, other_deciders=facts.other_deciders - {person_id})
    human = humans(session, [person_id])[person_id]
    seat = next((seat for seat in seated(facts) if seat.person_id == person_id), None)
    require(
        Decision(
            decider=human,
            applicant=step.applicant_id,
            subject=step.subject_id,
            other_deciders=other_deciders(step),
            acting_for=_acting_for(facts, person_id, seat),
            decider_audits=bool(auditing(session, human.rows, day)),
            decider_is_contractor=bool(contracted(session, human.rows, day)),
            conflicting_entitlements=_conflicts(session, step.line),
            approves=verdict.event is Event.APPROVE,
            excepted_rules=frozenset(excepted),
        )
    )
    if seat is None:
        raise NotSeated("この決裁欄を決裁する職にありません。")
    return seat


def _acting_for(facts: SeatFacts, person_id: int, seat: Seated | None) -> Human | None:
    """Whom this person stands in for; where no seat is theirs, whom they would, so that the refusal names the rule."""
    principal = seat.acting_for if seat is not None else None
    if seat is None and all(holder.person_id != person_id for holder in facts.holders):
        named = (named.principal for named in facts.deputies if named.deputy.person_id == person_id)
        principal = next(named, None)
    return next((holder for holder in facts.holders if holder.person_id == principal), None)


def _conflicts(session: Session, line: RequestLine) -> tuple[tuple[str, str], ...]:
    """Declared conflicts between what the line gives and what the subject, under any row, holds on a day of it."""
    if line.effect is not LineEffect.GRANT:
        return ()
    held = {
        grant.entitlement_id
        for person_id in humans(session, [line.subject_id])[line.subject_id].rows
        for grant in grants.live_grants(session, person_id=person_id)
        if overlap(line.valid_from, line.valid_until, grant.valid_from, grant.valid_until)
    }
    return tuple(_conflict_names(session, line.entitlement_id, held))


def _conflict_names(session: Session, asked: int, held: set[int]) -> Iterable[tuple[str, str]]:
    pairs = session.scalars(
        select(EntitlementConflict).where(
            or_(EntitlementConflict.first_id == asked, EntitlementConflict.second_id == asked)
        )
    )
    for pair in pairs:
        other = pair.second_id if pair.first_id == asked else pair.first_id
        if other in held:
            yield session.get_one(Entitlement, asked).name, session.get_one(Entitlement, other).name


def _compare_and_swap(
    session: Session, step: ApprovalStep, following: StepState, verdict: Verdict, seat: Seated, now: datetime
) -> None:
    """Writes the decision only where the step still waits: of two at once, exactly one succeeds."""
    request = step.line.request
    changed = session.execute(
        update(ApprovalStep)
        .where(ApprovalStep.id == step.id, ApprovalStep.state == StepState.PENDING)
        .values(
            state=following,
            decider_id=seat.person_id,
            rung=seat.rung.value,
            acting_for_id=seat.acting_for,
            decided_at=now,
            shown_hash=verdict.shown_hash,
            comment=verdict.comment.strip(),
            exception_id=_exception_used(session, step, seat, now),
        )
        .execution_options(synchronize_session=False)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise DecidedMeanwhile("この決裁欄は、たった今ほかの人が決裁しました。")
    request.last_decision_at = now
    session.refresh(step)


def _exception_used(session: Session, step: ApprovalStep, seat: Seated, now: datetime) -> int | None:
    if seat.person_id not in other_deciders(step):
        return None
    return excepted_rules(session, step.line.request_id, person_id=seat.person_id, day=day_of(now)).get("SOD-4")


def _follow(session: Session, line: RequestLine, event: Event, *, actor: Actor, policy: Policy, now: datetime) -> None:
    if event is not Event.APPROVE:
        line.state = after(line.state, event)
        close_pending_steps(line)
    elif all(step.state is StepState.APPROVED for step in line.steps):
        line.state = after(line.state, Event.APPROVE)
        grants.take_effect(session, line, actor=actor, policy=policy, now=now)


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
