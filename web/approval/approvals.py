"""Deciding: what waits for the person signed in, what they decided, the decision itself, and exceptions by the CISO.

Opening a page decides nothing: only a form that was sent from one of our pages does.
"""

import re
from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.errors import InvalidInput, Refusal
from idm.operations.approval import permitted_exceptions
from idm.operations.approval.decisions import Verdict, decide_lines
from idm.operations.approval.requests import find
from idm.permissions import Action, may, require
from idm.queries.approval.approvals import decided_page, held_requests, pending_for
from idm.queries.approval.requests import request_rows
from idm.queries.privileged.caps import CAP_RULE, outlook_of_request, requests_above_caps
from idm.request_state import Event
from web import current
from web.approval.requests import (
    Typed,
    cap_candidates,
    exception_candidates,
    refused_on,
    sheet_page,
    visible_sheet,
    waiting_for,
)
from web.row_ids import row_id

blueprint = Blueprint("approvals", __name__)

VERDICT = re.compile(r"verdict-(\d{1,9})", re.ASCII)
"""The field of one line's decision names the step."""
REST = "rest"
SKIP = "skip"
DAYS_CHOICES = (1, 3, 7, 14, 30)


@blueprint.get("/approvals")
def index() -> str:
    """What waits for this person, the one that lapses first on top."""
    me, day = current.signed_in().person_id, current.today()
    with current.look() as session:
        rows = pending_for(session, me, day=day, lapse_days=current.policy().applications.lapse_days)
        permits = may(current.roles(), Action.PERMIT_EXCEPTION)
        held = {*held_requests(session, day=day), *requests_above_caps(session, day=day)} if permits else set()
        held_rows = request_rows(session, sorted(held))
    return render_template("approvals/index.html", rows=rows, held_rows=held_rows, today=day)


@blueprint.get("/approvals/history")
def history() -> str:
    """What this person decided, the latest first."""
    with current.look() as session:
        page = decided_page(session, current.signed_in().person_id, asked=request.args.get("page", 1, type=int))
    return render_template("approvals/history.html", page=page)


@blueprint.post("/requests/<int:request_id>/decide")
def decide(request_id: int) -> Response | tuple[str, int]:
    """Afterwards every chosen line is decided, or none is."""
    typed = dict(request.form)
    try:
        with current.act("request.decide", ("request", request_id)) as session:
            sheet = visible_sheet(session, request_id)
            mine = [waiting.step.step_id for waiting in waiting_for(sheet, current.signed_in().person_id)]
            decided = decide_lines(
                session, request_id=request_id, verdicts=_verdicts(mine), actor=current.actor(),
                policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        errors = mistake.fields or {"verdict": mistake.message}
        return sheet_page(request_id, Typed(typed, errors)), 422
    except Refusal as refusal:
        return refused_on(request_id, refusal)
    flash(_("申請 %(number)s を決裁しました（%(count)s行）。", number=sheet.number, count=len(decided)), "success")
    return redirect(url_for("approvals.index"))


def _verdicts(mine: list[int]) -> dict[int, Verdict]:
    """Step id → what was chosen for it: by its own line, or for all the rest of one's lines."""
    named = ((VERDICT.fullmatch(name), value) for name, value in request.form.items())
    chosen = {int(found[1]): value for found, value in named if found}
    rest = request.form.get(REST, "")
    if rest:
        chosen = {step_id: chosen.get(step_id) or rest for step_id in (*mine, *(set(chosen) - set(mine)))}
    shown, comment = request.form.get("shown_hash", ""), request.form.get("comment", "")
    decided = {step_id: value for step_id, value in chosen.items() if value not in ("", SKIP)}
    mistakes = {}
    if not decided or not set(decided.values()) <= set(Event):
        mistakes["verdict"] = _("承認・差戻し・却下のどれかを選んでください")
    if not comment.strip():
        mistakes["comment"] = _("決裁の理由を書いてください")
    if mistakes:
        raise InvalidInput(_("決裁の内容を確認してください。"), fields=mistakes)
    return {step_id: Verdict(Event(value), comment, shown) for step_id, value in decided.items()}


@blueprint.post("/requests/<int:request_id>/exceptions")
def permit_exception(request_id: int) -> Response | tuple[str, int]:
    """Afterwards the CISO has permitted an exception for this application.

    One person may decide two steps of it (SOD-4), or become a holder of a privileged ID above the cap (D1-CAP).
    """
    rule = CAP_RULE if request.form.get("exception_rule") == CAP_RULE else "SOD-4"
    try:
        with current.act("exception.permit", ("request", request_id)) as session:
            require(current.roles(), Action.PERMIT_EXCEPTION)
            beneficiary, days = _exception_form(_candidates(session, request_id, rule))
            permitted_exceptions.permit(
                session, find(session, request_id), rule=rule, beneficiary_id=beneficiary,
                reason=request.form.get("exception_reason", ""), days=days, actor=current.actor(),
                policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        errors = {f"exception_{name}": message for name, message in mistake.fields.items()}
        return sheet_page(request_id, Typed(dict(request.form), errors)), 422
    except Refusal as refusal:
        return refused_on(request_id, refusal)
    flash(_EXCEPTED[rule](), "success")
    return redirect(url_for("requests.show", request_id=request_id))


_EXCEPTED: dict[str, Callable[[], str]] = {
    "SOD-4": lambda: _("例外措置を許可しました。許可された人は、この申請のもう一つの決裁欄も決裁できます。"),
    CAP_RULE: lambda: _("例外措置を許可しました。この申請は、上限を超えて承認できます。"),
}


def _candidates(session: Session, request_id: int, rule: str) -> dict[int, str]:
    sheet = visible_sheet(session, request_id)
    if rule != CAP_RULE:
        return exception_candidates(sheet)
    return cap_candidates(sheet, outlook_of_request(session, request_id, day=current.today()))


def _exception_form(candidates: dict[int, str]) -> tuple[int, int]:
    """Who may, and for how many days. Raises InvalidInput."""
    beneficiary = request.form.get("exception_beneficiary", type=row_id)
    days = request.form.get("exception_days", type=int)
    mistakes = {}
    if beneficiary not in candidates:
        mistakes["beneficiary"] = _("許可する人を選んでください")
    if days not in DAYS_CHOICES:
        mistakes["days"] = _("許可する日数を選んでください")
    if not request.form.get("exception_reason", "").strip():
        mistakes["reason"] = _("例外を許可する理由を書いてください")
    if mistakes:
        raise InvalidInput(_("例外措置の内容を確認してください。"), fields=mistakes)
    return beneficiary or 0, days or 0
