"""Passwords that may have leaked: reported in two clicks by whoever it concerns; how long each took (control E6).

The form asks for nothing that somebody may not have at hand: no fresh factor, no reason. It says what it stops.
"""

from collections.abc import Mapping

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.errors import InvalidInput, NotFound
from idm.operations.passwords import leaks
from idm.permissions import Action, may
from idm.queries.organisation.reach import units_reached
from idm.queries.passwords.leaks import leak_page, leakable
from web import current
from web.row_ids import row_id

blueprint = Blueprint("leaks", __name__)


@blueprint.get("/people/<int:person_id>/leak")
def new(person_id: int) -> str:
    """The form: what it stops, and one button."""
    return _form(person_id, None, {})


@blueprint.post("/people/<int:person_id>/leak")
def report(person_id: int) -> Response | tuple[str, int]:
    """Afterwards nobody comes in with these passwords; whoever reported their own is signed out with everybody else."""
    chosen = frozenset(request.form.getlist("account_id", type=row_id))
    try:
        with current.act("credential.report_leak", ("person", person_id)) as session:
            leakable(session, person_id, reader=current.reader())
            done = leaks.report(
                session, leaks.Wanted(person_id, chosen, "own_password" in request.form),
                note=request.form.get("note", ""), actor=current.actor(), policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return _form(person_id, chosen, mistake.fields), 422
    effects = leaks.effects(done.ids)
    if person_id == current.signed_in().person_id:
        return make_response(render_template("leaks/reported.html", done=done, effects=effects))
    flash(_("漏えいのおそれの届出を受け付けました。所属の課長と情報セキュリティ責任者に知らせました。"), "success")
    for effect, named in effects.items():
        flash(f"{effect}（{'、'.join(named)}）", "warning")
    return redirect(url_for("leaks.index"))


@blueprint.get("/leaks")
def index() -> str:
    """The reports: what is not replaced yet first, and how long it took."""
    with current.look() as session:
        page = leak_page(
            session, reader=current.reader(), units=units_shown(session),
            asked=request.args.get("page", 1, type=row_id),
        )  # fmt: skip
    return render_template("leaks/index.html", page=page)


def units_shown(session: Session) -> frozenset[str] | None:
    """Of whose people this person is shown it; None = of everybody's: who audits, or reports for everybody."""
    if may(current.roles(), Action.SEE_AUDIT):
        return None
    return units_reached(session, current.signed_in().person_id, Action.REPORT_LEAK, current.today())


def _form(person_id: int, chosen: frozenset[int] | None, mistakes: Mapping[str, str]) -> str:
    with current.look() as session:
        found = leakable(session, person_id, reader=current.reader())
        if not leaks.may_report(session, person_id, actor=current.actor(), now=current.now()):
            raise NotFound(_("この人は見つかりません。"))
    return render_template(
        "leaks/new.html", found=found, chosen=chosen, mistakes=mistakes,
        note=request.form.get("note", ""), own=person_id == current.signed_in().person_id,
    )  # fmt: skip
