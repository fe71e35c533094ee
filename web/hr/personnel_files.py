"""Personnel files as HR sees them: what the last ones did, what is held, and the drafts that wait (control A7).

A file decides nothing: its drafts become applications only in the name of an HR officer who has looked at them.
"""

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.errors import NotFound, Refusal
from idm.operations.approval.requests import find, submit
from idm.operations.hr import personnel_drafts
from idm.operations.hr.feed_notices import SOURCE_TITLES
from idm.permissions import Action, may
from idm.queries.approval.request_sheet import RequestSheet, request_sheet, require_visible
from idm.queries.factors.gate_outlook import gate_outlook
from idm.queries.hr.feed_answers import open_question_count, unmapped_signs
from idm.queries.hr.feed_runs import HeldRowView, drafts, feed_run, last_run_of_each_feed, last_runs, waiting_rows
from idm.queries.hr.feed_uploads import waiting_uploads
from idm.queries.hr.pushed_people import waiting_feeds
from idm.request_state import RequestState
from idm.vocabulary import HeldKind
from web import current, refusals
from web.approval.requests import to_take_effect
from web.row_ids import row_id

blueprint = Blueprint("hr", __name__)


RUNS_SHOWN = 10
HELD_SHOWN = 100
HELD_TITLES = {
    HeldKind.ROW: lazy_gettext("行の内容を確かめる人"),
    HeldKind.MISSING: lazy_gettext("ファイルにない人"),
    HeldKind.MATCH: lazy_gettext("登録されている人と同じか分からない人"),
    HeldKind.GAIJI: lazy_gettext("外字のある人"),
    HeldKind.DOUBT: lazy_gettext("記録と合わない人"),
}
HELD_HELP = {
    HeldKind.ROW: lazy_gettext("人事システムの側で行を直し、次のファイルで届けてください。"),
    HeldKind.MISSING: lazy_gettext(
        "退職したときは退職日を、誤りのときは行を、次のファイルで届けてください。それまで在職のまま扱います。"
    ),
    HeldKind.MATCH: lazy_gettext("「同じ人かどうかの確認」で答えてから、同じファイルをもう一度取り込んでください。"),
    HeldKind.GAIJI: lazy_gettext("「外字の対応表」に文字を登録してから、同じファイルをもう一度取り込んでください。"),
    HeldKind.DOUBT: lazy_gettext("理由を読み、人事システムとこのシステムのどちらの記録が正しいかを確かめてください。"),
}  # fmt: skip
"""What whoever is held is called, and what to do."""


@blueprint.get("/hr")
def index() -> str:
    """What the last file of each feed did, what waits for whom, and the drafts that wait."""
    roles = current.roles()
    may_upload, may_answer = may(roles, Action.UPLOAD_FEED), may(roles, Action.ANSWER_FEED)
    with current.look() as session:
        runs, latest = last_runs(session, RUNS_SHOWN), last_run_of_each_feed(session)
        held = waiting_rows(session, names=may(roles, Action.SEE_UNPUBLISHED))
        waiting = drafts(session, reader=current.reader())
        uploads = waiting_uploads(session, now=current.now()) if may_upload else []
        pushed = waiting_feeds(session)
        questions = open_question_count(session)
        signs = len(unmapped_signs(session))
    return render_template(
        "hr/index.html", runs=runs, latest=latest, held=_by_kind(held), held_count=len(held), drafts=waiting,
        uploads=uploads, questions=questions, signs=signs, shown=HELD_SHOWN, held_titles=HELD_TITLES,
        sources=SOURCE_TITLES, may_submit=may(roles, Action.SUBMIT_DRAFT), may_upload=may_upload,
        may_answer=may_answer, pushed=pushed,
    )  # fmt: skip


def _by_kind(held: list[HeldRowView]) -> list[tuple[HeldKind, LazyString, LazyString, list[HeldRowView]]]:
    """Kind, its title, what to do, and its rows; kinds without a row are left out."""
    found = [(kind, [row for row in held if row.kind is kind]) for kind in HeldKind]
    return [(kind, HELD_TITLES[kind], HELD_HELP[kind], rows) for kind, rows in found if rows]


@blueprint.get("/hr/drafts/<int:request_id>")
def draft(request_id: int) -> str:
    """One draft with its lines."""
    return _draft_page(request_id)


def _draft_page(request_id: int, refusal: Refusal | None = None) -> str:
    with current.look() as session:
        sheet = _draft_sheet(session, request_id)
        run = feed_run(session, sheet.feed_run_id) if sheet.feed_run_id is not None else None
        gate = gate_outlook(session, to_take_effect(sheet), policy=current.policy(), now=current.now())
    return render_template("hr/draft.html", sheet=sheet, run=run, refusal=refusal, gate=gate)


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
