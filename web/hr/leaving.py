"""What leavers give back: the open checklists, and one checklist to settle (FK 5-1(1)⑧; control A15)."""

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.errors import InvalidInput
from idm.models.leaving import ReturnState
from idm.operations.rights import leaving
from idm.queries.rights.leaving import checklist_sheet, checklists, settled_units
from web import current

blueprint = Blueprint("leaving", __name__)

CHIPS = {
    ReturnState.OPEN: "warning", ReturnState.RETURNED: "success", ReturnState.LOST: "error",
    ReturnState.NOT_HELD: "neutral",
}  # fmt: skip
DONE_SHOWN = 100
ANSWERS = [(state.value, leaving.STATE_TITLES[state]) for state in ReturnState if state is not ReturnState.OPEN]


@blueprint.get("/leaving")
def index() -> str:
    """The open checklists of the people this person answers for, and those that are done."""
    with current.look() as session:
        units = settled_units(session, current.signed_in().person_id, current.today())
        waiting = checklists(session, units=units)
        done = checklists(session, units=units, done=True)
    return render_template(
        "leaving/index.html", waiting=waiting, done=done[: -DONE_SHOWN - 1 : -1], today=current.today()
    )


@blueprint.get("/leaving/<int:checklist_id>")
def show(checklist_id: int) -> str:
    """One checklist."""
    return _page(checklist_id, {}, {})


@blueprint.post("/leaving/<int:checklist_id>/items/<int:item_id>")
def settle(checklist_id: int, item_id: int) -> Response | tuple[str, int]:
    """Afterwards it is recorded what became of the thing."""
    typed = request.form
    answer = typed.get("state", "")
    try:
        with current.act("leaving.settle", ("leaving", checklist_id)) as session:
            state = ReturnState(answer) if answer in set(ReturnState) else ReturnState.OPEN
            item = leaving.settle(
                session, item_id, state, typed.get("note", ""), actor=current.actor(), policy=current.policy(),
                now=current.now(),
            )  # fmt: skip
            title = item.title
    except InvalidInput as mistake:
        return _page(checklist_id, typed, _at_item(item_id, mistake)), 422
    flash(_("「%(title)s」を記録しました。", title=title), "success")
    return redirect(url_for("leaving.show", checklist_id=checklist_id))


@blueprint.post("/leaving/<int:checklist_id>/items/<int:item_id>/notes")
def correct(checklist_id: int, item_id: int) -> Response | tuple[str, int]:
    """Afterwards the thing carries one more note."""
    try:
        with current.act("leaving.correct", ("leaving", checklist_id)) as session:
            leaving.correct(
                session, item_id, request.form.get("note", ""), actor=current.actor(), policy=current.policy(),
                now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return _page(checklist_id, request.form, _at_item(item_id, mistake)), 422
    flash(_("注記を書き足しました。"), "success")
    return redirect(url_for("leaving.show", checklist_id=checklist_id))


def _at_item(item_id: int, mistake: InvalidInput) -> dict[str, str]:
    return {f"{name}-{item_id}": message for name, message in mistake.fields.items()}


def _page(checklist_id: int, typed: Mapping[str, str], mistakes: Mapping[str, str]) -> str:
    with current.look() as session:
        units = settled_units(session, current.signed_in().person_id, current.today())
        sheet = checklist_sheet(session, checklist_id, units=units)
    return render_template(
        "leaving/show.html", sheet=sheet, typed=typed, mistakes=mistakes, titles=leaving.STATE_TITLES, chips=CHIPS,
        answers=ANSWERS, own=sheet.row.person_id == current.signed_in().person_id, today=current.today(),
    )  # fmt: skip
