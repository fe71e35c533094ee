"""One application as its page and its printed form show it: what is asked, who decides, and what came of it."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from idm.calendar_days import day_of
from idm.content_hash import LineContent, RequestContent, content_hash
from idm.errors import NotFound
from idm.models.people import Person
from idm.models.requests import ApprovalStep, Request, RequestLine
from idm.models.systems import Entitlement, EntitlementConflict
from idm.permissions import Action, may
from idm.publication import Reader, visible
from idm.queries.approval.seats import Seating, open_steps, seatings
from idm.queries.approval.standing import StandingMark, mark_of
from idm.queries.approval.standing_facts import approvers_of_uses
from idm.queries.organisation.person_cards import PersonCard, person_cards
from idm.queries.organisation.publication import hidden_requests, shown_rights
from idm.queries.rights.held_rights import HeldRight, live_rights, rights_of_lines
from idm.request_state import LineState, RequestState, StepState
from idm.routing import Rung
from idm.vocabulary import EntitlementKind, LineEffect, RequestAction, Role, Zone


@dataclass(frozen=True)
class StepRow:
    """One seat's decision on one line. `seating` says who may decide now; None once it is decided or closed."""

    step_id: int
    seat: Role
    state: StepState
    decider: str | None
    decider_post: str | None
    """Unit and post of whoever decided, by their names on the day of the decision."""
    rung: Rung | None
    acting_for: str | None
    decided_at: datetime | None
    comment: str
    by_exception: bool
    seating: Seating | None


@dataclass(frozen=True)
class LineRow:
    """One decidable line. `grants` are what it gave or took; `conflicts` the rights that forbid it beside them."""

    line_id: int
    subject: PersonCard
    entitlement_id: int
    right_name: str
    kind: EntitlementKind
    privileged: bool
    external_access: bool
    effect: LineEffect
    valid_from: date
    valid_until: date | None
    state: LineState
    steps: tuple[StepRow, ...]
    grants: tuple[HeldRight, ...]
    conflicts: tuple[str, ...]


@dataclass(frozen=True)
class RequestSheet:
    """One application. `shown_hash` is the hash of exactly what stands in these rows.

    `held_now` maps a subject to what they have in the system at this moment; `names` names everyone who is seated or
    barred from a seat.
    """

    request_id: int
    number: str
    action: RequestAction
    system_id: int
    system_name: str
    zone: Zone
    applicant: PersonCard | None
    reason: str
    cites: tuple[int, str] | None
    corrected_by: tuple[tuple[int, str], ...]
    feed_run_id: int | None
    adopts: bool
    state: RequestState
    created_at: datetime
    submitted_at: datetime | None
    shown_hash: str
    lines: tuple[LineRow, ...]
    held_now: dict[int, tuple[HeldRight, ...]]
    names: dict[int, str]
    standing: StandingMark | None = None
    """The standing approval that decided in the place of steps."""

    @property
    def undecided(self) -> bool:
        """Whether the application still waits for a decision."""
        return self.state is RequestState.SUBMITTED

    @property
    def subjects(self) -> tuple[PersonCard, ...]:
        """The people it is about, each once."""
        return tuple({line.subject.person_id: line.subject for line in self.lines}.values())


def request_sheet(session: Session, request_id: int, *, day: date, reader: Reader | None = None) -> RequestSheet:
    """The application as it stands; who may decide is judged on the day. Raises NotFound.

    Of what stands beside it, only what `reader` (without one, everybody) sees is shown.
    """
    reads = reader or Reader(day)
    request = session.get(Request, request_id)
    if request is None:
        raise NotFound("申請が見つかりません。")
    lines = _line_rows(session, request_id)
    cards = _cards(session, request, lines, reads)
    seats = _seatings(session, request, day)
    given = _given(session, lines, reads) if request.state is not RequestState.DRAFT else {}
    held = live_rights(session, {line.subject_id for line, _ in lines})
    steps, conflicts = _step_rows(session, request_id, seats), _conflicts(session, lines, held)
    rows = tuple(
        LineRow(
            line.id, cards[line.subject_id], right.id, right.name, right.kind, right.privileged,
            right.external_access, line.effect, line.valid_from, line.valid_until, line.state, tuple(steps[line.id]),
            tuple(given.get(line.id, ())), conflicts.get(line.id, ()),
        )
        for line, right in lines
    )  # fmt: skip
    return RequestSheet(
        request_id=request.id,
        number=request.number or "",
        action=request.action,
        system_id=request.system_id,
        system_name=request.system.name,
        zone=request.system.zone,
        applicant=cards.get(request.applicant_id or 0),
        reason=request.reason,
        cites=(request.cites.id, request.cites.number or "") if request.cites is not None else None,
        corrected_by=_corrections(session, request_id),
        feed_run_id=request.feed_run_id,
        adopts=request.adopts,
        state=request.state,
        created_at=request.created_at,
        submitted_at=request.submitted_at,
        shown_hash=_hash_of_rows(request, rows),
        lines=rows,
        held_now=_in_system(shown_rights(session, held, reads), request.system_id),
        names=_names(session, seats.values()),
        standing=mark_of(session, request_id),
    )


Line = tuple[RequestLine, Entitlement]


def _line_rows(session: Session, request_id: int) -> list[Line]:
    rows = session.execute(
        select(RequestLine, Entitlement)
        .join(Entitlement, RequestLine.entitlement_id == Entitlement.id)
        .where(RequestLine.request_id == request_id)
        .order_by(RequestLine.id)
    )
    return [(line, right) for line, right in rows]


def _cards(session: Session, request: Request, lines: Sequence[Line], reader: Reader) -> dict[int, PersonCard]:
    """People as they were on the day of submission: last year's form goes on showing last year's unit.

    Whoever is shown an unpublished application is shown the appointment it follows from.
    """
    people = {line.subject_id for line, _ in lines} | {request.applicant_id or 0}
    asked_on = reader.day if request.submitted_at is None else day_of(request.submitted_at)
    reads = reader if reader.sees(request.published_on) else replace(reader, may_see=True)
    return person_cards(session, people, day=asked_on, reader=reads)


def _hash_of_rows(request: Request, rows: Sequence[LineRow]) -> str:
    """The hash of what is shown, from what is shown: whoever decides sends it back."""
    content = RequestContent(
        request.action, request.system_id, request.applicant_id or 0, request.reason, request.cites_id
    )
    return content_hash(
        content,
        [LineContent(r.subject.person_id, r.entitlement_id, r.effect, r.valid_from, r.valid_until) for r in rows],
    )


def _corrections(session: Session, request_id: int) -> tuple[tuple[int, str], ...]:
    rows = session.execute(
        select(Request.id, Request.number)
        .where(Request.cites_id == request_id, Request.state != RequestState.DRAFT)
        .order_by(Request.id)
    )
    return tuple((found, number or "") for found, number in rows)


def _seatings(session: Session, request: Request, day: date) -> dict[int, Seating]:
    if request.state is not RequestState.SUBMITTED:
        return {}
    waiting = open_steps(session, RequestLine.request_id == request.id, ApprovalStep.state == StepState.PENDING)
    return seatings(session, waiting, day=day)


def _step_rows(session: Session, request_id: int, seats: dict[int, Seating]) -> dict[int, list[StepRow]]:
    decider, principal = aliased(Person), aliased(Person)
    rows = session.execute(
        select(ApprovalStep, decider.name, principal.name)
        .join(RequestLine, ApprovalStep.line_id == RequestLine.id)
        .outerjoin(decider, ApprovalStep.decider_id == decider.id)
        .outerjoin(principal, ApprovalStep.acting_for_id == principal.id)
        .where(RequestLine.request_id == request_id)
        .order_by(ApprovalStep.line_id, ApprovalStep.position)
    )
    steps = [(step, decider_name, principal_name) for step, decider_name, principal_name in rows]
    posts = _posts_of_deciders(session, [step for step, *_ in steps])
    found: dict[int, list[StepRow]] = defaultdict(list)
    for step, decider_name, principal_name in steps:
        found[step.line_id].append(_step_row(step, decider_name, principal_name, posts.get(step.id), seats))
    return found


def _posts_of_deciders(session: Session, steps: Sequence[ApprovalStep]) -> dict[int, str]:
    """Step id → unit and post of whoever decided it, as they were on the day of the decision."""
    on: dict[date, set[int]] = defaultdict(set)
    decided = [(s.id, s.decider_id, day_of(s.decided_at)) for s in steps if s.decider_id and s.decided_at]
    for _, decider_id, day in decided:
        on[day].add(decider_id)
    cards = {day: person_cards(session, people, day=day) for day, people in on.items()}
    posts = {step_id: cards[day][decider_id] for step_id, decider_id, day in decided}
    return {step_id: f"{card.unit} {card.post}" for step_id, card in posts.items() if card.unit and card.post}


def _step_row(
    step: ApprovalStep, decider: str | None, principal: str | None, post: str | None, seats: dict[int, Seating]
) -> StepRow:
    return StepRow(
        step_id=step.id,
        seat=step.seat,
        state=step.state,
        decider=decider,
        decider_post=post,
        rung=Rung(step.rung) if step.rung is not None else None,
        acting_for=principal,
        decided_at=step.decided_at,
        comment=step.comment or "",
        by_exception=step.exception_id is not None,
        seating=seats.get(step.id),
    )


def _given(session: Session, lines: Sequence[Line], reader: Reader) -> dict[int, list[HeldRight]]:
    found: dict[int, list[HeldRight]] = defaultdict(list)
    ids = {line.id for line, _ in lines}
    for right in shown_rights(session, rights_of_lines(session, ids), reader):
        for line_id in {right.line_id, right.ended_by_line_id} & ids:
            found[line_id or 0].append(right)
    return found


def _in_system(held: Sequence[HeldRight], system_id: int) -> dict[int, tuple[HeldRight, ...]]:
    found: dict[int, list[HeldRight]] = defaultdict(list)
    for right in held:
        if right.system_id == system_id:
            found[right.person_id].append(right)
    return {person_id: tuple(rights) for person_id, rights in found.items()}


def _conflicts(session: Session, lines: Sequence[Line], held: Sequence[HeldRight]) -> dict[int, tuple[str, ...]]:
    """Line id → names of the rights, held or asked for beside it, that must not be held with its own (SOD-8)."""
    pairs = {frozenset((pair.first_id, pair.second_id)) for pair in session.scalars(select(EntitlementConflict))}
    beside: dict[int, dict[int, str]] = defaultdict(dict)
    for has in held:
        beside[has.person_id][has.entitlement_id] = has.right_name
    for line, right in lines:
        if line.effect is LineEffect.GRANT and line.state in (LineState.PENDING, LineState.APPROVED):
            beside[line.subject_id][right.id] = right.name
    return {
        line.id: tuple(name for other, name in beside[line.subject_id].items() if frozenset((other, right.id)) in pairs)
        for line, right in lines
        if line.effect is LineEffect.GRANT and line.state is LineState.PENDING
    }


def _names(session: Session, found: Collection[Seating]) -> dict[int, str]:
    people = {seat.person_id for seating in found for seat in seating.seated}
    people |= {seat.acting_for for seating in found for seat in seating.seated if seat.acting_for is not None}
    people |= {person_id for seating in found for person_id, _ in seating.barred}
    rows = session.execute(select(Person.id, Person.name).where(Person.id.in_(people)))
    return dict(rows.all())


def require_visible(session: Session, request_id: int, *, person_id: int, roles: frozenset[Role], day: date) -> None:
    """Afterwards this person may see the application: as applicant, subject, decider, seated, or by their role.

    Whoever gave the standing approval that approved it counts as decider.
    Raises NotFound for everyone else, as if there were none; a draft is seen by those who submit drafts. An unpublished
    one (内示) is seen neither by its subjects nor by role, but by those who may see unpublished appointments.
    """
    request = session.get(Request, request_id)
    if request is None or not _visible(session, request, person_id, roles, day):
        raise NotFound("申請が見つかりません。")


def _visible(session: Session, request: Request, person_id: int, roles: frozenset[Role], day: date) -> bool:
    open_to_all = visible(request.published_on, day, may(roles, Action.SEE_UNPUBLISHED))
    if request.state is RequestState.DRAFT:
        return open_to_all and may(roles, Action.SUBMIT_DRAFT)
    if not open_to_all:
        return request.id not in hidden_requests(session, Reader(day, person_id))
    request_id = request.id
    if may(roles, Action.SEE_ALL_REQUESTS) or person_id in approvers_of_uses(session, [request_id]):
        return True
    concerned = (
        select(RequestLine.id)
        .join(Request, RequestLine.request_id == Request.id)
        .outerjoin(ApprovalStep, ApprovalStep.line_id == RequestLine.id)
        .where(
            RequestLine.request_id == request_id,
            or_(
                Request.applicant_id == person_id,
                RequestLine.subject_id == person_id,
                ApprovalStep.decider_id == person_id,
            ),
        )
    )
    if session.scalar(concerned.limit(1)) is not None:
        return True
    # A step that closed undecided still shows itself to its seat: the notice that asked for it has a link here.
    undecided = open_steps(session, RequestLine.request_id == request_id)
    return any(seating.seat_of(person_id) for seating in seatings(session, undecided, day=day).values())
