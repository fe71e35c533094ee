"""Planned batches: HR plans from a rehearsal, another person looks at the list and permits or refuses (control A7)."""

from collections.abc import Mapping
from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.errors import InvalidInput
from idm.models.safety import RunKind
from idm.operations.hr import planned_batches, safety
from idm.permissions import Action, may
from idm.personnel.due_changes import DUE_TITLES, Due
from idm.queries.hr.planned_batches import (
    KIND_TITLES,
    STATE_TITLES,
    BatchState,
    batch_sheet,
    counted_by_unit,
    digest_of,
    items_of,
)
from idm.queries.hr.planned_batches import planned_batches as all_batches
from idm.queries.rights.due import moment_of
from idm.queries.rights.rehearsal import rehearsal
from idm.vocabulary import SAFETY_ACTION_TITLES
from idm.wareki import parse_date
from web import current

blueprint = Blueprint("batches", __name__)

CHIPS = {BatchState.WAITING: "warning", BatchState.PERMITTED: "success", BatchState.REFUSED: "error"}
WORDS: dict[str, object] = {
    "kinds": KIND_TITLES, "states": STATE_TITLES, "chips": CHIPS, "actions": SAFETY_ACTION_TITLES, "dues": DUE_TITLES,
}  # fmt: skip


@blueprint.get("/batches")
def index() -> str:
    """Every batch, newest first."""
    with current.look() as session:
        found = all_batches(session)
    may_propose = may(current.roles(), Action.PROPOSE_BATCH)
    return render_template("batches/index.html", batches=found, may_propose=may_propose, **WORDS)


@blueprint.get("/batches/new")
def new() -> str | tuple[str, int]:
    """The rehearsal of a day, and the form that proposes it."""
    typed = request.args.get("day", "").strip()
    if not typed:
        return _rehearsal_page(None, {}, {})
    try:
        return _rehearsal_page(parse_date(typed).day, {"day": typed}, {})
    except ValueError as mistake:
        return _rehearsal_page(None, {"day": typed}, {"day": str(mistake)}), 422


@blueprint.post("/batches")
def propose() -> Response | tuple[str, int]:
    """Afterwards the list that was shown waits for permission."""
    typed = request.form
    try:
        day = date.fromisoformat(typed.get("day", ""))
    except ValueError:
        return _rehearsal_page(None, typed, {"day": _("日付を入れてください。")}), 422
    try:
        with current.act("batch.propose", ("lifecycle", day.isoformat())) as session:
            made = planned_batches.propose_for_day(
                session, day, shown=typed.get("shown", ""), reason=typed.get("reason", ""), actor=current.actor(),
                policy=current.policy(), now=current.now(),
            ).id  # fmt: skip
    except InvalidInput as mistake:
        return _rehearsal_page(day, typed, mistake.fields or {"reason": mistake.message}), 422
    flash(_("一括処理を計画しました。許可する人に知らせました。"), "success")
    return redirect(url_for("batches.show", batch_id=made))


@blueprint.get("/batches/<int:batch_id>")
def show(batch_id: int) -> str:
    """One batch: whom it lists, and the form that answers it."""
    return _sheet_page(batch_id, {}, {})


@blueprint.post("/batches/<int:batch_id>/permission")
def permit(batch_id: int) -> Response | tuple[str, int]:
    """Afterwards the batch is permitted as it was shown."""
    try:
        with current.act("batch.permit", ("batch", batch_id)) as session:
            planned_batches.permit(
                session, batch_id, shown=request.form.get("shown", ""), comment=request.form.get("comment", ""),
                actor=current.actor(), policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return _sheet_page(batch_id, request.form, mistake.fields), 422
    flash(_("一括処理を許可しました。"), "success")
    return redirect(url_for("batches.show", batch_id=batch_id))


@blueprint.post("/batches/<int:batch_id>/refusal")
def refuse(batch_id: int) -> Response | tuple[str, int]:
    """Afterwards the batch lets nobody pass."""
    try:
        with current.act("batch.refuse", ("batch", batch_id)) as session:
            planned_batches.refuse(
                session, batch_id, reason=request.form.get("comment", ""), actor=current.actor(),
                policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return _sheet_page(batch_id, request.form, mistake.fields), 422
    flash(_("一括処理を不許可としました。"), "success")
    return redirect(url_for("batches.show", batch_id=batch_id))


def _rehearsal_page(day: date | None, typed: Mapping[str, str], mistakes: Mapping[str, str]) -> str:
    if day is None:
        return render_template("batches/new.html", day=None, typed=typed, mistakes=mistakes, **WORDS)
    with current.look() as session:
        policy, now = current.policy(), current.now()
        found = rehearsal(session, day, policy=policy, now=now)
        at = moment_of(day, now=now)
        assessment = safety.assess(
            session, found.touched, kind=RunKind.LIFECYCLE, policy=policy, now=at,
            day=safety.day_to_run_under(session, day, now=at),
        )  # fmt: skip
        pairs = [(one.action, one.staff_number) for one in found.touched]
        items = items_of(session, pairs, day)
        batch_id = assessment.batch.id if assessment.batch is not None else None
    counted = {due: found.people_by_due[due] for due in Due if due in found.people_by_due}
    return render_template(
        "batches/new.html", day=day, counted=counted, items=items, by_unit=counted_by_unit(items), typed=typed,
        excesses=assessment.excesses, batch_id=batch_id, shown=digest_of(pairs), mistakes=mistakes, **WORDS,
    )  # fmt: skip


def _sheet_page(batch_id: int, typed: Mapping[str, str], mistakes: Mapping[str, str]) -> str:
    with current.look() as session:
        sheet = batch_sheet(session, batch_id)
    waiting = sheet.row.state is BatchState.WAITING
    own = sheet.row.proposed_by_id == current.signed_in().person_id
    return render_template(
        "batches/show.html", sheet=sheet, typed=typed, mistakes=mistakes, own=own,
        may_answer=waiting and not own and may(current.roles(), Action.PERMIT_BATCH),
        over=safety.is_over(sheet.row.day, now=current.now()), days_to_use=safety.DAYS_TO_USE, **WORDS,
    )  # fmt: skip
