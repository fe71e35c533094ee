"""Written applications: drafted, submitted under a number, withdrawn, lapsed (FK 6-2(1)①, control A1)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Never

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.content_hash import LineContent, RequestContent, content_hash
from idm.errors import ContentChanged, InvalidInput, NotFound, NotPermitted
from idm.models.people import Person
from idm.models.requests import ApprovalStep, Request, RequestLine, RequestNumber
from idm.models.systems import Entitlement
from idm.operations.approval import approval_notices
from idm.operations.approval.admissibility import (
    is_overtaken,
    require_action_fits,
    require_admissible,
    require_may_apply,
)
from idm.policy import Policy
from idm.queries.approval.admission import Admission, admission
from idm.request_state import Event, LineState, RequestState, StepState, after, settlement
from idm.vocabulary import LineEffect, RequestAction
from idm.written_text import written

NO_REASON = "理由を書いてください"


@dataclass(frozen=True)
class WantedLine:
    """One person and one right as asked for. `valid_until` is the first day on which it no longer holds."""

    subject_id: int
    entitlement_id: int
    effect: LineEffect
    valid_from: date
    valid_until: date | None = None


def draft(
    session: Session, *, action: RequestAction, system_id: int, lines: Sequence[WantedLine], reason: str, now: datetime,
    applicant_id: int | None = None, cites_id: int | None = None, feed_run_id: int | None = None,
    published_on: date | None = None, adopts: bool = False,
) -> Request:  # fmt: skip
    """An application that nobody has submitted yet.

    Raises InvalidInput for a reason that cannot be kept, a line that is not of this system, about nobody, twice there
    or ends before it begins, and for citing what has not ended without effect.
    """
    if reason.strip():
        reason = written(reason, field="reason", empty=NO_REASON)
    _require_well_formed(session, lines, system_id)
    _require_citable(session, cites_id)
    request = Request(
        action=action, system_id=system_id, applicant_id=applicant_id, reason=reason.strip(), cites_id=cites_id,
        feed_run_id=feed_run_id, published_on=published_on, adopts=adopts, state=RequestState.DRAFT, created_at=now,
    )  # fmt: skip
    session.add(request)
    session.flush()
    request.lines.extend(
        RequestLine(
            system_id=system_id, applicant_id=applicant_id, subject_id=line.subject_id,
            entitlement_id=line.entitlement_id, effect=line.effect, valid_from=line.valid_from,
            valid_until=line.valid_until, state=LineState.PENDING,
        )
        for line in lines
    )  # fmt: skip
    session.flush()
    return request


def _require_well_formed(session: Session, lines: Sequence[WantedLine], system_id: int) -> None:
    rights, people = {line.entitlement_id for line in lines}, {line.subject_id for line in lines}
    of_system = select(Entitlement.id).where(Entitlement.id.in_(rights), Entitlement.system_id == system_id)
    if set(session.scalars(of_system)) != rights:
        _refuse("entitlements", "選んだ権限は、このシステムのものではありません。")
    if set(session.scalars(select(Person.id).where(Person.id.in_(people)))) != people:
        _refuse("subjects", "対象者が見つかりません。")
    if len({(line.subject_id, line.entitlement_id) for line in lines}) != len(lines):
        _refuse("entitlements", "同じ人の同じ権限が二度書かれています。")
    if any(line.valid_until is not None and line.valid_until <= line.valid_from for line in lines):
        _refuse("valid_until", "終了日は開始日以後にしてください。")


def _require_citable(session: Session, cites_id: int | None) -> None:
    """What is put forward anew cites what ended without effect: a returned application is final (control A1)."""
    if cites_id is None:
        return
    cited = session.get(Request, cites_id)
    undecided = (RequestState.DRAFT, RequestState.SUBMITTED)
    if cited is None or cited.state in undecided or all(line.state is LineState.APPROVED for line in cited.lines):
        _refuse("cites", "引用できるのは、差戻しなどで効力なく終わった申請だけです。")


def _refuse(field: str, problem: str) -> Never:
    raise InvalidInput(problem, fields={field: problem})


def submit(session: Session, request: Request, *, actor: Actor, policy: Policy, now: datetime) -> Request:
    """Afterwards the application has a number, cannot change any more, and waits for every seat of the route.

    The actor becomes its applicant. Raises InvalidInput, NotPermitted, ZoneNotOpen, IllegalTransition.
    """
    applicant_id = _person(actor)
    following = after(request.state, Event.SUBMIT)
    if request.applicant_id not in (None, applicant_id):
        raise NotPermitted("下書きを作った本人だけが提出できます。")
    _load_lines(session, request)
    facts = admission(session, {line.subject_id for line in request.lines}, day=day_of(now))
    _drop_overtaken(session, request, facts, actor=actor, policy=policy, now=now)
    require_complete(request)
    require_action_fits(request)
    require_may_apply(session, request, applicant_id=applicant_id, policy=policy, day=day_of(now))
    for line in request.lines:
        require_admissible(line, facts, policy=policy, day=day_of(now))
    enter(session, request, following, applicant_id=applicant_id, policy=policy, now=now)
    _open_steps(session, request, policy)
    approval_notices.submitted(session, request, policy=policy, now=now)
    _record(session, "request.submitted", request, actor=actor, now=now, policy=policy)
    return request


def enter(
    session: Session, request: Request, following: RequestState, *, applicant_id: int, policy: Policy, now: datetime
) -> None:
    """Afterwards the draft is an application of that person, numbered, hashed, and in the state that follows."""
    number = _next_number(session, day_of(now))
    _address(request, applicant_id)
    request.number, request.submitted_at, request.policy_digest = number, now, policy.digest
    request.content_hash, request.state = content_hash_of(session, request), following
    session.flush()


def _load_lines(session: Session, request: Request) -> None:
    """One reading of all lines with what they name, where hundreds of small ones would follow."""
    told = (joinedload(RequestLine.subject), joinedload(RequestLine.entitlement), selectinload(RequestLine.steps))
    session.scalars(select(RequestLine).where(RequestLine.request_id == request.id).options(*told)).all()


def _drop_overtaken(
    session: Session, request: Request, facts: Admission, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    """A personnel draft may lie for days: lines that another application has overtaken meanwhile are left out."""
    if request.feed_run_id is None:
        return
    for line in [line for line in request.lines if is_overtaken(line, facts)]:
        _drop(session, request, line, actor=actor, policy=policy, now=now)
    session.flush()


def drop_line(session: Session, request: Request, line_id: int, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards the draft is without that line. Raises IllegalTransition once it was submitted, NotFound."""
    after(request.state, Event.SUBMIT)
    line = next((line for line in request.lines if line.id == line_id), None)
    if line is None:
        raise NotFound("下書きにこの行はありません。")
    _drop(session, request, line, actor=actor, policy=policy, now=now)
    session.flush()


def _drop(
    session: Session, request: Request, line: RequestLine, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    audit.record(
        session, action="request.line_dropped", actor=actor, obj=("request", str(request.id)), now=now,
        policy_digest=policy.digest,
        payload={"subject": line.subject_id, "right": line.entitlement.code, "effect": line.effect.value},
    )  # fmt: skip
    request.lines.remove(line)
    session.delete(line)


def require_complete(request: Request) -> None:
    """Afterwards the application says what and why. Raises InvalidInput naming the fields."""
    fields = {}
    if not request.reason:
        fields["reason"] = NO_REASON
    if not request.lines:
        fields["entitlements"] = "権限を1つ以上選んでください"
    if fields:
        raise InvalidInput("申請に足りないところがあります。", fields=fields)


def withdraw(session: Session, request: Request, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards the applicant's own application is withdrawn. Raises NotPermitted once any line was approved."""
    if request.applicant_id != _person(actor):
        raise NotPermitted("申請者本人だけが取り下げることができます。")
    following = after(request.state, Event.WITHDRAW)
    if any(line.state is LineState.APPROVED for line in request.lines):
        raise NotPermitted("承認された行があるため取り下げられません。不要になった権限は抹消を申請してください。")
    _end_undecided(request, Event.WITHDRAW)
    request.state = following
    _record(session, "request.withdrawn", request, actor=actor, now=now, policy=policy)


def lapse_overdue(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> list[Request]:
    """Afterwards no application has waited longer than the profile allows; lines already decided stay decided."""
    overdue = session.scalars(
        select(Request)
        .where(
            Request.state == RequestState.SUBMITTED,
            Request.submitted_at <= now - timedelta(days=policy.applications.lapse_days),
        )
        .order_by(Request.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    for request in overdue:
        decided = any(line.state is LineState.APPROVED for line in request.lines)
        request.state = after(request.state, Event.SETTLE_APPROVED if decided else Event.LAPSE)
        _end_undecided(request, Event.LAPSE)
        approval_notices.lapsed(session, request, now=now)
        _record(session, "request.lapsed", request, actor=actor, now=now, policy=policy)
    return list(overdue)


def lapse_lines(
    session: Session, subject_id: int, entitlement_ids: Collection[int], *, actor: Actor, policy: Policy, now: datetime
) -> int:  # fmt: skip
    """Afterwards no application waits in which somebody asks for these rights for them; returns how many lines did.

    For what its holder has given back meanwhile: a decision would give it again.
    """
    waiting = (
        select(RequestLine.request_id)
        .where(
            RequestLine.subject_id == subject_id, RequestLine.entitlement_id.in_(entitlement_ids),
            RequestLine.effect == LineEffect.GRANT, RequestLine.state == LineState.PENDING,
        )
        .scalar_subquery()
    )  # fmt: skip
    found = select(Request).where(Request.state == RequestState.SUBMITTED, Request.id.in_(waiting)).order_by(Request.id)
    lapsed = 0
    for request in session.scalars(found.with_for_update().execution_options(populate_existing=True)).all():
        lines = [line for line in request.lines if line.subject_id == subject_id and line.state is LineState.PENDING]
        lines = [line for line in lines if line.entitlement_id in entitlement_ids and line.effect is LineEffect.GRANT]
        for line in lines:
            line.state = after(line.state, Event.LAPSE)
            close_pending_steps(line)
        event = settlement([line.state for line in request.lines])
        if event is not None:
            request.state = after(request.state, event)
        lapsed += len(lines)
        _record(session, "request.lapsed", request, actor=actor, now=now, policy=policy)
    return lapsed


def find(session: Session, request_id: int, *, lock: bool = False) -> Request:
    """The application; with `lock`, as it is now, and until this transaction ends. Raises NotFound."""
    query = select(Request).where(Request.id == request_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.scalar(query)
    if found is None:
        raise NotFound("申請が見つかりません。")
    return found


def content_hash_of(session: Session, request: Request) -> str:
    """The hash of what the rows say at this moment."""
    if request.applicant_id is None:
        raise ContentChanged("提出されていない申請は決裁できません。")
    content = RequestContent(request.action, request.system_id, request.applicant_id, request.reason, request.cites_id)
    columns = (
        RequestLine.subject_id, RequestLine.entitlement_id, RequestLine.effect, RequestLine.valid_from,
        RequestLine.valid_until,
    )  # fmt: skip
    lines = session.execute(select(*columns).where(RequestLine.request_id == request.id))
    return content_hash(content, [LineContent(*line) for line in lines])


def _person(actor: Actor) -> int:
    if actor.person_id is None:
        raise NotPermitted("申請は、名前のある人だけができます。")
    return actor.person_id


def _address(request: Request, applicant_id: int) -> None:
    request.applicant_id = applicant_id
    for line in request.lines:
        line.applicant_id = applicant_id


def _open_steps(session: Session, request: Request, policy: Policy) -> None:
    for line in request.lines:
        for position, seat in enumerate(policy.applications.route, start=1):
            line.steps.append(
                ApprovalStep(
                    applicant_id=request.applicant_id,
                    subject_id=line.subject_id,
                    position=position,
                    seat=seat,
                    state=StepState.PENDING,
                )
            )
    session.flush()


def _end_undecided(request: Request, event: Event) -> None:
    for line in request.lines:
        if line.state is LineState.PENDING:
            line.state = after(line.state, event)
            close_pending_steps(line)


def close_pending_steps(line: RequestLine) -> None:
    """Afterwards no step of the line waits for anyone."""
    for step in line.steps:
        if step.state is StepState.PENDING:
            step.state = after(step.state, Event.CLOSE)


def _next_number(session: Session, day: date) -> str:
    """The next number of the fiscal year (April to March), such as R8-000123: 令和8年度."""
    fiscal_year = day.year if day.month >= 4 else day.year - 1
    row = session.scalar(select(RequestNumber).where(RequestNumber.fiscal_year == fiscal_year).with_for_update())
    if row is None:
        row = RequestNumber(fiscal_year=fiscal_year, last=0)
        session.add(row)
    row.last += 1
    session.flush()
    return f"R{fiscal_year - 2018}-{row.last:06d}"


def _record(session: Session, action: str, request: Request, *, actor: Actor, now: datetime, policy: Policy) -> None:
    audit.record(
        session, action=action, actor=actor, obj=("request", str(request.id)), now=now, policy_digest=policy.digest,
        payload={
            "number": request.number, "action": request.action.value, "system": request.system.code,
            "content_hash": request.content_hash, "state": request.state.value,
            "lines": [
                {"subject": line.subject_id, "right": line.entitlement.code, "effect": line.effect.value}
                for line in request.lines
            ],
        },
    )  # fmt: skip
