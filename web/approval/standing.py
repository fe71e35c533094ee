"""Standing approvals (包括承認): proposing, approving, following its uses, ending (controls A1, A4).

Opening a page decides nothing. The pages are there while the profile allows none, too: they say what to set.
"""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.errors import InvalidInput
from idm.operations.approval import standing as operations
from idm.permissions import Action, may
from idm.queries.approval.standing import (
    STATE_TITLES,
    StandingSheet,
    StandingState,
    proposable_systems,
    require_visible,
    standing_rows,
    standing_sheet,
    system_rights,
)
from idm.standing_rules import RIGHT_BAR_TITLES, seats_of
from web import current
from web.row_ids import row_id

blueprint = Blueprint("standing", __name__)

CHIPS = {
    StandingState.WAITING: "info",
    StandingState.IN_FORCE: "success",
    StandingState.LAPSING: "warning",
    StandingState.REFUSED: "error",
    StandingState.ENDED: "neutral",
}


@blueprint.get("/standing")
def index() -> str:
    """Every standing approval; or, where the profile allows none, what to set."""
    with current.look() as session:
        rows, systems = standing_rows(session), proposable_systems(session)
    return render_template(
        "standing/index.html", rows=rows, systems=systems if _may_propose() else [], titles=STATE_TITLES, chips=CHIPS,
        rule=current.policy().standing.rule, two_seats=_two_seats(), lapse_days=current.policy().standing.lapse_days,
    )  # fmt: skip


def _two_seats() -> bool:
    return seats_of(current.policy().applications.route) is not None


def _may_propose() -> bool:
    """Whether the page offers a proposal; the operation is the rule."""
    allowed = bool(current.policy().standing.rule) and _two_seats()
    return allowed and may(current.roles(), Action.PROPOSE_STANDING)


@blueprint.get("/standing/new")
def new() -> str:
    """What a proposal for one system would cover, and what not and why."""
    operations.require_on(current.policy())
    return _proposal_page(request.args.get("system", 0, type=row_id), {}, {})


def _proposal_page(system_id: int, typed: dict[str, str], mistakes: dict[str, str]) -> str:
    with current.look() as session:
        name, rights = system_rights(session, system_id, now=current.now())
    return render_template(
        "standing/new.html", system_id=system_id, system_name=name, typed=typed, mistakes=mistakes,
        covered=[right for right in rights if right.bar is None],
        not_covered=[right for right in rights if right.bar is not None], bars=RIGHT_BAR_TITLES,
        rule=current.policy().standing.rule, lapse_days=current.policy().standing.lapse_days,
    )  # fmt: skip


@blueprint.post("/standing")
def propose() -> Response | tuple[str, int]:
    """Afterwards the proposal waits for both seats of the route."""
    typed, system_id = dict(request.form), request.form.get("system", 0, type=row_id)
    try:
        with current.act("standing.propose", ("system", system_id)) as session:
            made = operations.propose(
                session, system_id, typed.get("reason", ""), actor=current.actor(), policy=current.policy(),
                now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return _proposal_page(system_id, typed, mistake.fields or {"reason": mistake.message}), 422
    flash(_("包括承認を提案しました。二つの職の承認を待っています。"), "success")
    return redirect(url_for("standing.show", standing_id=made.id))


@blueprint.get("/standing/<int:standing_id>")
def show(standing_id: int) -> str:
    """One standing approval. Opening it decides nothing."""
    return _page(standing_id, {}, {})


def _page(standing_id: int, typed: dict[str, str], mistakes: dict[str, str]) -> str:
    me = current.signed_in().person_id
    with current.look() as session:
        sheet = standing_sheet(
            session, standing_id, policy=current.policy(), now=current.now(),
            asked=request.args.get("page", 1, type=int), reader=current.reader(),
        )  # fmt: skip
        require_visible(sheet, person_id=me, roles=current.roles())
        may_end = operations.may_end(session, operations.find(session, standing_id), me, now=current.now())
    return render_template(
        "standing/show.html", sheet=sheet, titles=STATE_TITLES, chips=CHIPS, bars=RIGHT_BAR_TITLES, typed=typed,
        mistakes=mistakes, may_approve=_offers_approval(sheet, me), may_end=may_end and sheet.row.ended_at is None,
        lapse_days=current.policy().standing.lapse_days,
    )  # fmt: skip


def _offers_approval(sheet: StandingSheet, person_id: int) -> bool:
    return bool(current.policy().standing.rule) and sheet.may_approve(person_id)


@blueprint.post("/standing/<int:standing_id>/approval")
def approve(standing_id: int) -> Response:
    """Afterwards this person's seat has approved what was shown."""
    with current.act("standing.approve", ("standing", standing_id)) as session:
        approved = operations.approve(
            session, standing_id, shown_digest=request.form.get("shown_digest", ""), actor=current.actor(),
            policy=current.policy(), now=current.now(),
        )  # fmt: skip
        in_force = approved.in_force_at is not None
    told = _("承認しました。効力が生じました。") if in_force else _("承認しました。もう一つの職の承認を待っています。")
    flash(told, "success")
    return redirect(url_for("standing.show", standing_id=standing_id))


@blueprint.post("/standing/<int:standing_id>/refusal")
def refuse(standing_id: int) -> Response | tuple[str, int]:
    """Afterwards the proposal has ended without effect."""
    try:
        with current.act("standing.refuse", ("standing", standing_id)) as session:
            operations.refuse(
                session, standing_id, request.form.get("refusal_reason", ""), actor=current.actor(),
                policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return _page(standing_id, dict(request.form), {"refusal_reason": mistake.message}), 422
    flash(_("包括承認の提案を却下しました。"), "success")
    return redirect(url_for("standing.show", standing_id=standing_id))


@blueprint.post("/standing/<int:standing_id>/end")
def end(standing_id: int) -> Response | tuple[str, int]:
    """Afterwards it covers nothing any more."""
    try:
        with current.act("standing.end", ("standing", standing_id)) as session:
            operations.end(
                session, standing_id, request.form.get("end_reason", ""), actor=current.actor(),
                policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return _page(standing_id, dict(request.form), {"end_reason": mistake.message}), 422
    flash(_("包括承認を終わらせました。以後の人事異動の申請は、通常の決裁になります。"), "success")
    return redirect(url_for("standing.show", standing_id=standing_id))
