"""Personnel files as HR sees them: what the last ones did, what is held, and the drafts that wait (control A7).

A file decides nothing: its drafts become applications only in the name of an HR officer who has looked at them.
"""

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.errors import NotFound, Refusal
from idm.operations import personnel_drafts
from idm.operations.requests import find, submit
from idm.permissions import Action, may
from idm.queries.feed_runs import drafts, feed_run, last_runs, waiting_rows
from idm.queries.request_sheet import RequestSheet, request_sheet, require_visible
from idm.request_state import RequestState
from web import current, refusals
from web.permitted import only_for
from web.row_ids import row_id

blueprint = Blueprint("hr", __name__)

only_for(blueprint, Action.SEE_FEED)

RUNS_SHOWN = 10


@blueprint.get("/hr")
def index() -> str:
    """The last files, the rows they hold, and the drafts that wait."""
    with current.look() as session:
        runs, held = last_runs(session, RUNS_SHOWN), waiting_rows(session)
        waiting = drafts(session)
    return render_template(
        "hr/index.html", runs=runs, held=held, drafts=waiting, may_submit=may(current.roles(), Action.SUBMIT_DRAFT)
    )


@blueprint.get("/hr/drafts/<int:request_id>")
def draft(request_id: int) -> str:
    """One draft with its lines."""
    return _draft_page(request_id)


def _draft_page(request_id: int, refusal: Refusal | None = None) -> str:
    with current.look() as session:
        sheet = _draft_sheet(session, request_id)
        run = feed_run(session, sheet.feed_run_id) if sheet.feed_run_id is not None else None
    return render_template("hr/draft.html", sheet=sheet, run=run, refusal=refusal)


def _draft_sheet(session: Session, request_id: int) -> RequestSheet:
    """The draft, for those who submit drafts. Raises NotFound for everybody else and once it was submitted."""
    require_visible(
        session, request_id, person_id=current.signed_in().person_id, roles=current.roles(), day=current.today()
    )
    sheet = request_sheet(session, request_id, day=current.today())
    if sheet.state is not RequestState.DRAFT:
        raise NotFound(_("この下書きはすでに提出されています。申請の一覧から探してください。"))
    return sheet


@blueprint.post("/hr/drafts/<int:request_id>/drop")
def drop(request_id: int) -> Response:
    """Afterwards the draft is without the lines that were ticked."""
    try:
        with current.act("request.drop_lines", ("request", request_id)) as session:
            _draft_sheet(session, request_id)
            left = personnel_drafts.drop_lines(
                session, find(session, request_id, lock=True), request.form.getlist("line", type=row_id),
                actor=current.actor(), policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except NotFound:
        raise
    except Refusal as refusal:
        return make_response(_draft_page(request_id, refusal), refusals.page_of(refusal)[0])
    if not left:
        flash(_("すべての行を除いたため、下書きはなくなりました。"), "success")
        return redirect(url_for("hr.index"))
    flash(_("選んだ行を下書きから除きました。"), "success")
    return redirect(url_for("hr.draft", request_id=request_id))


@blueprint.post("/hr/drafts/<int:request_id>/submit")
def submit_draft(request_id: int) -> Response:
    """Afterwards the draft is an application of the person signed in."""
    try:
        with current.act("request.submit", ("request", request_id)) as session:
            _draft_sheet(session, request_id)
            submit(
                session, find(session, request_id, lock=True), actor=current.actor(), policy=current.policy(),
                now=current.now(),
            )  # fmt: skip
    except NotFound:
        raise
    except Refusal as refusal:
        return make_response(_draft_page(request_id, refusal), refusals.page_of(refusal)[0])
    return redirect(url_for("requests.received", request_id=request_id))
