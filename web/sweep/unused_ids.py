"""Unused IDs on their way: which are warned of, stopped, held back, and those let in again (control C1)."""

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.errors import InvalidInput
from idm.operations.sweep import dormancy_cases
from idm.permissions import Action, may
from idm.queries.organisation.reach import systems_reached
from idm.queries.sweep.unused_ids import UnusedFilter, cases_page, times_by_system
from web import current
from web.row_ids import row_id

blueprint = Blueprint("unused_ids", __name__)


@blueprint.get("/findings/unused-ids")
def index() -> str:
    """The cases of one system or of all, open or closed, with what happens next and when."""
    return _list({})


@blueprint.post("/findings/unused-ids/<int:case_id>/reopening")
def reopen(case_id: int) -> Response | tuple[str, int]:
    """Afterwards the ID lets its holder in again."""
    try:
        with current.act("unused_id.reopen", ("dormancy", case_id)) as session:
            dormancy_cases.reopen(
                session, case_id, reason=request.form.get("reason", ""), actor=current.actor(),
                policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return _list({case_id: mistake.message}), 422
    flash(_("再開しました。ディレクトリへの反映が終わると、また使えるようになります。"), "success")
    return redirect(url_for("unused_ids.index"))


def _list(mistakes: Mapping[int, str]) -> str:
    wanted = UnusedFilter(
        system_id=request.args.get("system", type=row_id), closed=request.args.get("state") == "closed"
    )
    me = current.signed_in().person_id
    with current.look() as session:
        page = cases_page(session, wanted, asked=request.args.get("page", 1, type=row_id))
        all_times = times_by_system(session, current.policy().dormancy)
        reached = systems_reached(session, me, Action.REPAIR_FINDING, current.today())
    return render_template(
        "unused_ids/index.html", page=page, wanted=wanted, all_times=all_times, reached=reached, me=me,
        mistakes=mistakes, typed=request.form.get("reason", ""), may_see_people=may(current.roles(), Action.SEE_PEOPLE),
    )  # fmt: skip
