"""Reports of lost authenticators: made in two clicks by whoever it concerns, followed up by the security officer (B6).

The form asks for nothing that somebody may not have at hand: no fresh factor, no reason. It says what it stops.
"""

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.errors import InvalidInput, NotFound
from idm.factors.authenticator_state import AuthenticatorState
from idm.models.authenticators import Authenticator
from idm.operations.factors import losses
from idm.operations.factors.loss_notices import by_stopping
from idm.permissions import Action, may
from idm.queries.factors.authenticators import AuthenticatorSheet, authenticator_sheet, rests_on
from idm.queries.factors.losses import loss_page, loss_row, possible_outcomes
from idm.queries.organisation.reach import units_reached
from idm.queries.stops.loss_progress import loss_progress
from idm.stopping import STOPPED_TITLES
from idm.vocabulary import LOSS_OUTCOME_TITLES, LossOutcome
from web import current
from web.row_ids import row_id
from web.stops.live import kept_fresh

blueprint = Blueprint("losses", __name__)

REPORTABLE = (AuthenticatorState.ISSUED, AuthenticatorState.ACTIVE, AuthenticatorState.COLLECTED)


@blueprint.get("/authenticators/<int:authenticator_id>/loss")
def new(authenticator_id: int) -> str:
    """The form: what it stops, and one button."""
    return _form(authenticator_id, {}, {})


@blueprint.post("/authenticators/<int:authenticator_id>/loss")
def report(authenticator_id: int) -> Response | tuple[str, int]:
    """Afterwards it is lost, and what rests on it is stopped."""
    try:
        with current.act("authenticator.report_loss", ("authenticator", authenticator_id)) as session:
            followed = losses.report_loss(
                session, authenticator_id, circumstances=request.form.get("circumstances", ""),
                actor=current.actor(), policy=current.policy(), now=current.now(),
            )  # fmt: skip
            stopped = by_stopping(followed.stopped)
    except InvalidInput as mistake:
        return _form(authenticator_id, request.form, mistake.fields), 422
    flash(_("紛失の届出を受け付けました。所属の課長と情報セキュリティ責任者に知らせました。"), "success")
    for how, rights in stopped.items():
        flash(f"{STOPPED_TITLES[how]}{_('（%(rights)s）', rights='、'.join(rights))}", "warning")
    return redirect(url_for("losses.progress", authenticator_id=authenticator_id))


@blueprint.get("/authenticators/<int:authenticator_id>/loss/progress")
def progress(authenticator_id: int) -> Response:
    """How far the stop has come, for whoever may report it; looks again by itself while something is under way."""
    with current.look() as session:
        row = _reportable(session, authenticator_id).row
        sheet = loss_progress(session, authenticator_id)
    return kept_fresh(
        render_template("losses/progress.html", row=row, sheet=sheet, at=current.now(), back=_back(row.person_id)),
        url_for("losses.progress", authenticator_id=authenticator_id), under_way=sheet.under_way,
    )  # fmt: skip


def _back(owner_id: int) -> str:
    if owner_id == current.signed_in().person_id:
        return url_for("me.index", _anchor="authenticators")
    return url_for("people.show", person_id=owner_id, _anchor="authenticators")


@blueprint.get("/losses")
def index() -> str:
    """The reports whose follow-up is open, or those that are closed."""
    is_open = request.args.get("state") != "closed"
    with current.look() as session:
        page = loss_page(
            session, is_open=is_open, reader=current.reader(), units=_units(session),
            asked=request.args.get("page", 1, type=row_id),
        )  # fmt: skip
    return render_template(
        "losses/index.html", page=page, is_open=is_open, outcomes=LOSS_OUTCOME_TITLES,
        days=current.policy().factors.follow_up_days,
    )  # fmt: skip


@blueprint.get("/losses/<int:report_id>")
def show(report_id: int) -> str:
    """One report: what it stopped, and how its follow-up ended or can end."""
    return _page(report_id, {}, {})


@blueprint.post("/losses/<int:report_id>/closure")
def close(report_id: int) -> Response | tuple[str, int]:
    """Afterwards the follow-up is done."""
    typed = request.form
    outcome = typed.get("outcome", "")
    try:
        with current.act("loss.close", ("loss_report", report_id)) as session:
            if outcome not in set(LossOutcome):
                problem = _("結果を選んでください。")
                raise InvalidInput(problem, fields={"outcome": problem})
            losses.close_loss(
                session, report_id, outcome=LossOutcome(outcome), note=typed.get("note", ""), actor=current.actor(),
                policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return _page(report_id, typed, mistake.fields), 422
    flash(_("事後処理の完了を記録しました。"), "success")
    return redirect(url_for("losses.show", report_id=report_id))


def _form(authenticator_id: int, typed: Mapping[str, str], mistakes: Mapping[str, str]) -> str:
    with current.look() as session:
        sheet = _reportable(session, authenticator_id)
        resting = rests_on(session, authenticator_id)
    return render_template(
        "losses/new.html", sheet=sheet, row=sheet.row, resting=resting, typed=typed, mistakes=mistakes,
        own=sheet.row.person_id == current.signed_in().person_id,
        possible=sheet.row.state in REPORTABLE,
    )  # fmt: skip


def _reportable(session: Session, authenticator_id: int) -> AuthenticatorSheet:
    """The authenticator, for somebody who may report its loss. Raises NotFound."""
    sheet = authenticator_sheet(session, authenticator_id, reader=current.reader())
    if not losses.may_report(session, sheet.row.person_id, actor=current.actor(), now=current.now()):
        raise NotFound(_("認証要素が見つかりません。"))
    return sheet


def _units(session: Session) -> frozenset[str] | None:
    return units_reached(session, current.signed_in().person_id, Action.SEE_AUTHENTICATORS, current.today())


def _page(report_id: int, typed: Mapping[str, str], mistakes: Mapping[str, str]) -> str:
    with current.look() as session:
        row = loss_row(session, report_id, reader=current.reader(), units=_units(session))
        resting = rests_on(session, row.authenticator_id)
        possible = possible_outcomes(session, session.get_one(Authenticator, row.authenticator_id))
    me = current.signed_in().person_id
    return render_template(
        "losses/show.html", row=row, resting=[one for one in resting if one.lost], typed=typed, mistakes=mistakes,
        outcomes=LOSS_OUTCOME_TITLES, choices=[(one.value, LOSS_OUTCOME_TITLES[one]) for one in LossOutcome
                                               if one in possible],
        may_close=may(current.roles(), Action.CLOSE_LOSS), involved=me in {row.owner_id, row.reported_by_id},
    )  # fmt: skip
