"""Applications: the list, one application, its printed form, and taking it back (control A1)."""

from dataclasses import dataclass, field

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.calendar_days import day_of
from idm.errors import FreshFactorNeeded, IllegalTransition, NotFound, Refusal
from idm.grant_state import GrantState
from idm.operations.approval import requests as operations
from idm.permissions import Action, may
from idm.queries.approval.approvals import stuck_at
from idm.queries.approval.request_sheet import LineRow, RequestSheet, StepRow, request_sheet, require_visible
from idm.queries.approval.requests import RequestFilter, request_page, systems_by_name
from idm.queries.approval.seats import Bar
from idm.queries.approval.timeline import timeline
from idm.queries.factors.gate_outlook import gate_outlook
from idm.queries.organisation.person_cards import PersonCard
from idm.queries.privileged.caps import CapOutlook, outlook_of_request
from idm.request_state import LineState, RequestState
from idm.routing import Seated
from idm.vocabulary import LineEffect
from web import current, refusals
from web.approval import request_words
from web.row_ids import row_id

blueprint = Blueprint("requests", __name__)
request_words.offer(blueprint)


@dataclass(frozen=True)
class Waiting:
    """One line that waits for the person who looks, and the step of it that they may decide."""

    line: LineRow
    step: StepRow
    seat: Seated


@dataclass(frozen=True)
class Typed:
    """What was typed into a form of the page and could not be accepted, with the mistakes by field."""

    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/requests")
def index() -> str:
    """The list: one's own, or all for those who may see all."""
    may_see_all = may(current.roles(), Action.SEE_ALL_REQUESTS)
    everyone = may_see_all and request.args.get("of", "all") == "all"
    wanted = RequestFilter(
        about=None if everyone else current.signed_in().person_id,
        state=_chosen_state(),
        system_id=request.args.get("system", type=row_id),
        text=request.args.get("q", ""),
    )
    with current.look() as session:
        page = request_page(session, wanted, reader=current.reader(), asked=request.args.get("page", 1, type=int))
        stuck = stuck_at(session, [row.id for row in page.rows], day=current.today())
        systems = systems_by_name(session)
    states = [state for state in RequestState if state is not RequestState.DRAFT]
    return render_template(
        "requests/index.html", page=page, stuck=stuck, systems=systems, states=states, wanted=wanted,
        everyone=everyone, may_see_all=may_see_all,
    )  # fmt: skip


def _chosen_state() -> RequestState | None:
    chosen = request.args.get("state", "")
    return RequestState(chosen) if chosen in set(RequestState) else None


@blueprint.get("/requests/<int:request_id>")
def show(request_id: int) -> str:
    """One application. Opening it decides nothing."""
    return sheet_page(request_id)


def sheet_page(request_id: int, typed: Typed | None = None) -> str:
    """The page of one application, with what was typed and could not be accepted."""
    with current.look() as session:
        sheet = visible_sheet(session, request_id)
        events = timeline(session, request_id)
        gate = gate_outlook(session, to_take_effect(sheet), policy=current.policy(), now=current.now())
        cap = outlook_of_request(session, request_id, day=current.today()) if sheet.undecided else None
    me = current.signed_in().person_id
    return render_template(
        "requests/show.html", sheet=sheet, events=events, gate=gate, typed=typed or Typed(),
        waiting=waiting_for(sheet, me), one_route=_one_route(sheet), candidates=exception_candidates(sheet),
        cap=cap, cap_candidates=cap_candidates(sheet, cap), cap_excepted=_named(sheet, cap),
        lapses_on=request_words.lapse_day(day_of(sheet.submitted_at)) if sheet.submitted_at else None,
        may_withdraw=may_withdraw(sheet), correctable=correctable(sheet),
        may_permit=may(current.roles(), Action.PERMIT_EXCEPTION) and not _is_about(sheet, me),
        may_see_standing=may(current.roles(), Action.SEE_SYSTEMS),
    )  # fmt: skip


def _named(sheet: RequestSheet, cap: CapOutlook | None) -> list[str]:
    """Whom the CISO has excepted from the cap, by name."""
    excepted = cap.excepted if cap is not None else ()
    return [card.name for card in sheet.subjects if card.person_id in excepted]


def to_take_effect(sheet: RequestSheet) -> list[tuple[int, int]]:
    """The person and the right of each line that gives, and has not come to nothing."""
    return [
        (line.subject.person_id, line.entitlement_id)
        for line in sheet.lines
        if line.effect is LineEffect.GRANT
        and (line.state is LineState.PENDING or any(g.state is not GrantState.ENDED for g in line.grants))
    ]


def visible_sheet(session: Session, request_id: int) -> RequestSheet:
    """The submitted application, for whoever may see it. Raises NotFound for everybody else and for a draft."""
    require_visible(
        session, request_id, person_id=current.signed_in().person_id, roles=current.roles(), day=current.today()
    )
    sheet = request_sheet(session, request_id, day=current.today(), reader=current.reader())
    if sheet.state is RequestState.DRAFT:
        raise NotFound(_("申請が見つかりません。"))
    return sheet


def waiting_for(sheet: RequestSheet, person_id: int) -> list[Waiting]:
    """The lines this person may decide now, with the first step of each that is theirs."""
    found = []
    for line in sheet.lines:
        for step in line.steps:
            seat = step.seating.seat_of(person_id) if step.seating is not None else None
            if seat is not None:
                found.append(Waiting(line, step, seat))
                break
    return found


def _one_route(sheet: RequestSheet) -> tuple[StepRow, ...] | None:
    """The steps of the first line, when every line stands exactly so; None when the lines differ."""

    def stand(line: LineRow) -> list[object]:
        return [
            (s.seat, s.state, s.decider, s.acting_for, s.rung, s.decided_at, s.comment, s.seating) for s in line.steps
        ]

    if all(stand(line) == stand(sheet.lines[0]) for line in sheet.lines):
        return sheet.lines[0].steps
    return None


def exception_candidates(sheet: RequestSheet) -> dict[int, str]:
    """Who would hold an undecided step, were it not for their other decision (SOD-4); nobody may permit themselves."""
    return {
        person_id: sheet.names[person_id]
        for line in sheet.lines
        for step in line.steps
        if step.seating is not None
        for person_id, bar in step.seating.barred
        if bar is Bar.OTHER_STEP and person_id != current.signed_in().person_id
    }


def cap_candidates(sheet: RequestSheet, outlook: CapOutlook | None) -> dict[int, str]:
    """Whom the cap of privileged IDs keeps from becoming a holder by this application (D1)."""
    cards = {card.person_id: card.name for card in sheet.subjects}
    return {person_id: cards[person_id] for person_id in (outlook.barred if outlook is not None else ())}


def _is_applicant(sheet: RequestSheet) -> bool:
    return sheet.applicant is not None and sheet.applicant.person_id == current.signed_in().person_id


def ended_in_vain(sheet: RequestSheet) -> list[LineRow]:
    """The lines of a settled application that had no effect: what they asked can be put forward anew."""
    return [line for line in sheet.lines if line.state not in (LineState.PENDING, LineState.APPROVED)]


def correctable(sheet: RequestSheet) -> list[PersonCard]:
    """The people for whom the reader may put their own settled application forward anew, in a new one that cites it."""
    if sheet.undecided or not _is_applicant(sheet):
        return []
    return list({line.subject.person_id: line.subject for line in ended_in_vain(sheet)}.values())


def _is_about(sheet: RequestSheet, person_id: int) -> bool:
    return _is_applicant(sheet) or any(card.person_id == person_id for card in sheet.subjects)


def may_withdraw(sheet: RequestSheet) -> bool:
    """Whether the page offers to take the application back; the operation is the rule."""
    approved = any(line.state is LineState.APPROVED for line in sheet.lines)
    return sheet.undecided and not approved and _is_applicant(sheet)


@blueprint.get("/requests/<int:request_id>/received")
def received(request_id: int) -> str:
    """What somebody reads right after submitting: the number, and what happens next."""
    with current.look() as session:
        sheet = visible_sheet(session, request_id)
    return render_template("requests/received.html", sheet=sheet, filed=_must_be_filed())


@blueprint.get("/requests/<int:request_id>/print")
def printed(request_id: int) -> str:
    """The application as a form to print and file (申請書)."""
    with current.look() as session:
        sheet = visible_sheet(session, request_id)
    address = current.site().settings.base_url.rstrip("/") + url_for("requests.show", request_id=request_id)
    return render_template(
        "requests/print.html", sheet=sheet, filed=_must_be_filed(), rule=_form_rule(), address=address,
        one_route=_one_route(sheet),
    )  # fmt: skip


def _must_be_filed() -> bool:
    """Whether the electronic form is also printed and filed, because no rule makes it 書面 yet."""
    return not _form_rule()


def _form_rule() -> str:
    """The rule that makes the electronic form 書面; empty where there is none."""
    return current.policy().applications.electronic_form_rule


@blueprint.get("/requests/<int:request_id>/withdraw")
def confirm_withdrawal(request_id: int) -> str:
    """Asks once more before taking an application back."""
    with current.look() as session:
        sheet = visible_sheet(session, request_id)
    if not may_withdraw(sheet):
        raise IllegalTransition(_("この申請は、取り下げることができません。"))
    return render_template("requests/withdraw.html", sheet=sheet)


@blueprint.post("/requests/<int:request_id>/withdraw")
def withdraw(request_id: int) -> Response:
    """Afterwards the application is taken back."""
    try:
        with current.act("request.withdraw", ("request", request_id)) as session:
            visible_sheet(session, request_id)
            found = operations.find(session, request_id, lock=True)
            operations.withdraw(session, found, actor=current.actor(), policy=current.policy(), now=current.now())
    except Refusal as refusal:
        return refused_on(request_id, refusal)
    flash(_("申請 %(number)s を取り下げました。", number=found.number), "success")
    return redirect(url_for("requests.show", request_id=request_id))


def refused_on(request_id: int, refusal: Refusal) -> Response:
    """The page of a refusal about an application: its sentence, its code and the way back to the application."""
    status, _template = refusals.page_of(refusal)
    if isinstance(refusal, NotFound | FreshFactorNeeded):
        raise refusal
    return make_response(render_template("requests/refused.html", refusal=refusal, request_id=request_id), status)
