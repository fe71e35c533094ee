"""What the sweeps found, one of them from close with what is done about it, and the sweeps themselves (C1, C3, A9)."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.errors import InvalidInput
from idm.operations.sweep import finding_answers, finding_care, risk_acceptance
from idm.operations.sweep.findings import ANSWERABLE, COMPARED
from idm.oversight.finding_state import NEVER_ANSWERED
from idm.permissions import Action, may
from idm.queries.information_systems.systems import system_names
from idm.queries.organisation.reach import systems_reached
from idm.queries.sweep.finding_leads import APPLIED
from idm.queries.sweep.findings import (
    FindingFilter,
    FindingSheet,
    finding_sheet,
    findings_page,
    open_counts,
    sweep_page,
)
from idm.vocabulary import FindingKind, FindingState, RequestAction
from idm.wareki import parse_date
from web import current
from web.row_ids import row_id
from web.sweep.finding_advice import ADVICE
from web.sweep.finding_ways import ways_from

blueprint = Blueprint("findings", __name__)

STATES = {
    "": FindingState.OPEN, "answered": FindingState.JUSTIFIED, "accepted": FindingState.ACCEPTED,
    "resolved": FindingState.REPAIRED,
}  # fmt: skip
"""What an address calls a state → the state."""
EVERYWHERE = "none"
"""What an address says instead of a system's id."""
Typed = Mapping[str, str]


def wanted_findings() -> FindingFilter:
    """Which findings the address asks for; whatever it says that means nothing is left out."""
    kind = request.args.get("kind", "")
    return FindingFilter(
        kind=FindingKind(kind) if kind in set(FindingKind) else None,
        system_id=request.args.get("system", type=row_id), everywhere=request.args.get("system") == EVERYWHERE,
        state=STATES.get(request.args.get("state", ""), FindingState.OPEN), day=current.today(),
        owner=current.signed_in().person_id if request.args.get("mine") else None,
        late=bool(request.args.get("late")),
        kinds=current.policy().findings.urgent if request.args.get("urgent") else None,
    )  # fmt: skip


@blueprint.get("/findings")
def index() -> str:
    """Findings as they stand today: open, answered for, accepted, or history."""
    wanted = wanted_findings()
    with current.look() as session:
        page = findings_page(session, wanted, reader=current.reader(), asked=request.args.get("page", 1, type=row_id))
        counts, systems = open_counts(session, day=current.today()), system_names(session)
    return render_template(
        "findings/index.html", page=page, wanted=wanted, counts=counts, systems=systems, kinds=list(FindingKind),
        states=STATES, asked=request.args.to_dict(), may_see_people=may(current.roles(), Action.SEE_PEOPLE),
    )  # fmt: skip


@blueprint.get("/findings/<int:finding_id>")
def show(finding_id: int) -> str:
    """One finding: what it says, whose it is, what putting it right would do, who answered for it, its history."""
    return _sheet(finding_id, {}, {})


@blueprint.post("/findings/<int:finding_id>/repair")
def repair(finding_id: int) -> Response | tuple[str, int]:
    """Afterwards a worker brings the account to what is approved."""
    return _act(
        finding_id, "repair", finding_answers.repair,
        _("是正を頼みました。承認された内容へ戻し、次の点検で解消を確かめます。"), lambda _typed: {},
    )  # fmt: skip


@blueprint.post("/findings/<int:finding_id>/justification")
def justify(finding_id: int) -> Response | tuple[str, int]:
    """Afterwards this person answers for the finding until a day."""
    return _act(
        finding_id, "justify", finding_answers.justify,
        _("正当化を記録しました。期限が過ぎると、また未対応に戻ります。"),
        lambda typed: {"reason": typed.get("reason", ""), "until": _day_after(typed, "until")},
    )  # fmt: skip


@blueprint.post("/findings/<int:finding_id>/acceptance")
def accept_risk(finding_id: int) -> Response | tuple[str, int]:
    """Afterwards the CISO accepts the risk until a day."""
    return _act(
        finding_id, "accept_risk", risk_acceptance.accept,
        _("リスクの受容を記録しました。期限が過ぎるか、内容が変わると、また未対応に戻ります。"),
        lambda typed: {"reason": typed.get("accept_reason", ""), "until": _day_after(typed, "accept_until")},
    )  # fmt: skip


@blueprint.post("/findings/<int:finding_id>/acceptance/end")
def take_back(finding_id: int) -> Response | tuple[str, int]:
    """Afterwards the risk is accepted no longer."""
    return _act(
        finding_id, "take_back", risk_acceptance.take_back, _("受容をやめました。新しい期限で未対応に戻りました。"),
        lambda typed: {"reason": typed.get("back_reason", "")},
    )  # fmt: skip


@blueprint.post("/findings/<int:finding_id>/owner")
def assign(finding_id: int) -> Response | tuple[str, int]:
    """Afterwards the finding is somebody's by name, or its office's again."""
    return _act(
        finding_id, "assign", finding_care.assign, _("担当者を変更しました。"),
        lambda typed: {"to": _person(typed.get("owner", ""))},
    )  # fmt: skip


@blueprint.post("/findings/<int:finding_id>/due")
def move_due(finding_id: int) -> Response | tuple[str, int]:
    """Afterwards there is another last day for an answer."""
    return _act(
        finding_id, "move_due", finding_care.move_due, _("期限を変更しました。"),
        lambda typed: {"due": _day(typed, "due"), "reason": typed.get("due_reason", "")},
    )  # fmt: skip


@blueprint.post("/findings/<int:finding_id>/notes")
def add_note(finding_id: int) -> Response | tuple[str, int]:
    """Afterwards the note is in the history."""
    return _act(
        finding_id, "note", finding_care.add_note, _("経過を記録しました。"),
        lambda typed: {"text": typed.get("note", "")},
    )  # fmt: skip


@blueprint.get("/findings/sweeps")
def sweeps() -> str:
    """Every sweep, newest first."""
    system_id = request.args.get("system", type=row_id)
    with current.look() as session:
        page = sweep_page(session, system_id=system_id, asked=request.args.get("page", 1, type=row_id))
        systems = system_names(session)
    return render_template("findings/sweeps.html", page=page, systems=systems, system_id=system_id)


def _act(
    finding_id: int, act: str, operation: Callable[..., object], done: str,
    said: Callable[[Typed], Mapping[str, object]],
) -> Response | tuple[str, int]:  # fmt: skip
    """Does what the form asks with what it says; what cannot be read is told at its field."""
    typed = request.form
    try:
        with current.act(f"finding.{act}", ("finding", finding_id)) as session:
            operation(
                session, finding_id, actor=current.actor(), policy=current.policy(), now=current.now(), **said(typed)
            )
    except InvalidInput as mistake:
        return _sheet(finding_id, typed, mistake.fields or {"note": mistake.message}), 422
    flash(done, "success")
    return redirect(url_for("findings.show", finding_id=finding_id))


def _person(text: str) -> int | None:
    """Who was chosen; None for nobody. Raises InvalidInput."""
    if not text:
        return None
    try:
        return row_id(text)
    except ValueError:
        problem = _("一覧から選んでください。")
        raise InvalidInput(problem, fields={"owner": problem}) from None


def _day(typed: Typed, field: str) -> date:
    """The day that was typed. Raises InvalidInput."""
    try:
        return parse_date(typed.get(field, "")).day
    except ValueError as mistake:
        raise InvalidInput(str(mistake), fields={field: str(mistake)}) from None


def _day_after(typed: Typed, field: str) -> date:
    """The first day after the last day that was typed. Raises InvalidInput."""
    return _day(typed, field) + timedelta(days=1)


def _sheet(finding_id: int, typed: Typed, mistakes: Mapping[str, str]) -> str:
    me, roles, policy = current.signed_in().person_id, current.roles(), current.policy()
    with current.look() as session:
        sheet = finding_sheet(session, finding_id, reader=current.reader(), day=current.today())
        never = NEVER_ANSWERED.get(sheet.row.kind)
        ways = ways_from(session, sheet, never=never is not None)
        cares = _cares_for(sheet, systems_reached(session, me, Action.CARE_FOR_FINDING, current.today()))
    return render_template(
        "findings/show.html", sheet=sheet, row=sheet.row, typed=typed, mistakes=mistakes,
        may_repair=may(roles, Action.REPAIR_FINDING), may_justify=may(roles, Action.JUSTIFY_FINDING),
        may_accept=may(roles, Action.ACCEPT_RISK), may_care=cares, never=never, ways=ways,
        removes=APPLIED.get(sheet.row.kind) is RequestAction.REMOVE,
        may_see_exceptions=may(roles, Action.SEE_EXCEPTIONS),
        own=sheet.holder_id == me, mine=me in sheet.own, compared=sheet.row.kind in COMPARED,
        answerable=sheet.row.kind in ANSWERABLE, days=policy.reconciliation.justify_days,
        accept_days=policy.findings.accept_longest_days,
        latest=finding_care.latest_day(sheet.row.kind, sheet.row.first_seen_at, policy=policy, now=current.now()),
        advice=ADVICE[sheet.row.kind],
    )  # fmt: skip


def _cares_for(sheet: FindingSheet, reached: frozenset[int]) -> bool:
    """Whether somebody who reaches these systems may care for it; what is of no system needs to reach everything."""
    me = current.signed_in().person_id
    return sheet.row.system_id in reached if sheet.row.system_id is not None else me in dict(sheet.candidates)
