"""Deciding one step of one line: the seat, the separation of duties and what was shown, at this moment (A2, A4)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.employment_kind import EmploymentKind
from idm.errors import ContentChanged, DecidedMeanwhile, InvalidInput, NotFound, NotPermitted, NotSeated, Refusal
from idm.models.people import Employment
from idm.models.requests import ApprovalStep, Request, RequestLine
from idm.models.systems import Entitlement, EntitlementConflict
from idm.operations import approval_notices, grants
from idm.operations.exceptions import excepted_rules
from idm.operations.requests import close_pending_steps, content_hash_of, find
from idm.policy import Policy
from idm.queries.officers import humans, other_deciders, roles_of, seat_facts
from idm.request_state import Event, LineState, RequestState, StepState, after, settlement
from idm.routing import Seated, SeatFacts, seated
from idm.separation_of_duties import Decision, Human, require
from idm.vocabulary import LineEffect, Role

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
    following = _require_decidable(step, verdict)
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
    request_id = session.scalar(
        select(RequestLine.request_id)
        .join(ApprovalStep, ApprovalStep.line_id == RequestLine.id)
        .where(ApprovalStep.id == step_id)
    )
    if request_id is None:
        raise NotFound("決裁欄が見つかりません。")
    find(session, request_id, lock=True)
    return session.get_one(ApprovalStep, step_id, populate_existing=True)


def _require_decidable(step: ApprovalStep, verdict: Verdict) -> StepState:
    request = step.line.request
    if step.state is not StepState.PENDING and step.decider_id is not None:
        raise DecidedMeanwhile("この決裁欄はすでに決裁されています。最新の内容を確かめてください。")
    if verdict.event not in VERDICTS:
        raise InvalidInput("決裁は、承認・差戻し・却下のどれかです。", fields={"verdict": "選んでください"})
    following = after(step.state, verdict.event)
    if not verdict.comment.strip():
        raise InvalidInput("決裁の理由を書いてください。", fields={"comment": "理由を書いてください"})
    if not verdict.shown_hash == request.content_hash == content_hash_of(request):
        raise ContentChanged("表示された内容と、現在の申請の内容が異なります。もう一度内容を確かめてください。")
    return following


def _require_seat(session: Session, step: ApprovalStep, verdict: Verdict, *, person_id: int, now: datetime) -> Seated:
    """The separation rules speak first: their refusal names the rule; only then is it asked whose seat it is."""
    day = day_of(now)
    excepted = excepted_rules(session, step.line.request_id, person_id=person_id, day=day)
    facts = seat_facts(session, step, day=day)
    if "SOD-4" in excepted:
        facts = _without(facts, person_id)
    human = humans(session, [person_id])[person_id]
    require(
        Decision(
            decider=human,
            applicant=step.applicant_id,
            subject=step.subject_id,
            other_deciders=other_deciders(step),
            acting_for=_acting_for(facts, human),
            decider_audits=Role.AUDITOR in roles_of(session, person_id, day),
            decider_is_contractor=_is_contractor(session, human, now),
            conflicting_entitlements=_conflicts(session, step.line),
            approves=verdict.event is Event.APPROVE,
            excepted_rules=frozenset(excepted),
        )
    )
    for seat in seated(facts):
        if seat.person_id == person_id:
            return seat
    raise NotSeated("この決裁欄を決裁する職にありません。")


def _without(facts: SeatFacts, person_id: int) -> SeatFacts:
    return SeatFacts(
        facts.holders, facts.deputies, facts.vice_cisos, facts.cisos, facts.applicant, facts.subject,
        facts.other_deciders - {person_id},
    )  # fmt: skip


def _acting_for(facts: SeatFacts, human: Human) -> int | None:
    """Whom this human would stand in for: nobody when the seat is their own."""
    if any(holder.person_id == human.person_id for holder in facts.holders):
        return None
    for named in facts.deputies:
        if named.deputy.person_id == human.person_id:
            return named.principal
    return None


def _is_contractor(session: Session, human: Human, now: datetime) -> bool:
    day = day_of(now)
    contract = select(Employment.id).where(
        Employment.person_id.in_([human.person_id, *human.same_as]),
        Employment.kind == EmploymentKind.CONTRACTOR,
        Employment.valid_from <= day,
        or_(Employment.valid_until.is_(None), Employment.valid_until > day),
    )
    return session.scalar(contract.limit(1)) is not None


def _conflicts(session: Session, line: RequestLine) -> tuple[tuple[str, str], ...]:
    """Declared conflicts between what the line gives and what the subject, under any of their rows, already has."""
    if line.effect is not LineEffect.GRANT:
        return ()
    subject = humans(session, [line.subject_id])[line.subject_id]
    held = {
        grant.entitlement_id
        for person_id in (subject.person_id, *subject.same_as)
        for grant in grants.live_grants(session, person_id=person_id)
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
    event = settlement([line.state for line in request.lines])
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


def line_is_final(line: RequestLine) -> bool:
    """Whether nothing more can be decided on the line."""
    return line.state is not LineState.PENDING
