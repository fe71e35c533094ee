"""How long logs are kept, what there is of them, and what holds them longer (FK 6-1(6); control G3)."""

from collections.abc import Callable, Mapping
from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.calendar_days import day_of
from idm.errors import InvalidInput
from idm.operations.logs import log_retention
from idm.oversight.log_retention import erased_before
from idm.permissions import Action, may
from idm.queries.logs.log_tables import figures, holds
from idm.wareki import parse_date
from web import current

blueprint = Blueprint("retention", __name__)


@blueprint.get("/retention")
def index() -> str:
    """The logs, their periods, and the holds."""
    return _page({}, {})


@blueprint.post("/retention/holds")
def order() -> Response | tuple[str, int]:
    """Afterwards nothing that the hold covers is erased."""
    try:
        from_day = _day()
        with current.act("hold.order", ("hold", "new")) as session:
            log_retention.order_hold(
                session, reason=request.form.get("reason", ""), from_day=from_day, actor=current.actor(),
                policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return _page(request.form, mistake.fields), 422
    flash(_("消去を止めました。"), "success")
    return redirect(url_for("retention.index"))


@blueprint.post("/retention/holds/<int:hold_id>/ask-to-lift")
def ask_to_lift(hold_id: int) -> Response:
    """Afterwards the hold waits for a second name."""
    return _act(hold_id, "hold.ask_to_lift", log_retention.ask_to_lift, _("解除を求めました。もう一人が解除します。"))


@blueprint.post("/retention/holds/<int:hold_id>/keep")
def keep(hold_id: int) -> Response:
    """Afterwards nobody has asked to lift the hold."""
    return _act(hold_id, "hold.keep", log_retention.keep, _("保存を続けます。"))


@blueprint.post("/retention/holds/<int:hold_id>/lift")
def lift(hold_id: int) -> Response:
    """Afterwards the hold is over."""
    return _act(hold_id, "hold.lift", log_retention.lift, _("保存の指示を解除しました。"))


def _act(hold_id: int, attempted: str, operation: Callable[..., object], done: str) -> Response:
    with current.act(attempted, ("hold", hold_id)) as session:
        operation(session, hold_id, actor=current.actor(), policy=current.policy(), now=current.now())
    flash(done, "success")
    return redirect(url_for("retention.index"))


def _day() -> date | None:
    text = request.form.get("from_day", "").strip()
    if not text:
        return None
    try:
        return parse_date(text).day
    except ValueError as mistake:
        raise InvalidInput(str(mistake), fields={"from_day": str(mistake)}) from None


def _page(typed: Mapping[str, str], mistakes: Mapping[str, str]) -> str:
    rules, now = current.policy().records, current.now()
    with current.look() as session:
        logs, known = figures(session, now), holds(session)
    before = erased_before(current.today(), rules.logs_months, [one.from_day for one in known if one.lifted_at is None])
    return render_template(
        "retention/index.html", logs=logs, holds=known, months=rules.logs_months, years=rules.records_years,
        before=day_of(before) if before is not None else None, typed=typed, mistakes=mistakes,
        may_hold=may(current.roles(), Action.HOLD_RECORDS), me=current.signed_in().person_id,
    )  # fmt: skip
