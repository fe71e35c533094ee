"""The check of our own record: what stands out, and the names of those who looked (FK 6-1(6)③; control G4)."""

import re
from collections.abc import Mapping
from datetime import date, timedelta

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.errors import InvalidInput
from idm.operations.logs import log_checks
from idm.queries.logs.log_checks import log_check_page
from idm.wareki import format_wareki, parse_date
from web import current
from web.row_ids import row_id

SHOWN = re.compile(r"(\d{1,18}):(\d{1,9})", re.ASCII)
blueprint = Blueprint("log_check", __name__)


@blueprint.get("/log-check")
def index() -> str:
    """What is open, and the form for a name to it."""
    return _page({}, {})


@blueprint.post("/log-check")
def sign() -> Response | tuple[str, int]:
    """Afterwards this person's name stands to having looked."""
    try:
        up_to = _day()
        with current.act("log_check.sign", ("log_check", up_to.isoformat())) as session:
            signed = log_checks.sign(
                session, up_to=up_to, shown=_shown(), comment=request.form.get("comment", ""), actor=current.actor(),
                policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return _page(request.form, mistake.fields), 422
    flash(_("%(count)s件を確認済みにしました。", count=signed.looked_at), "success")
    if signed.left_open:
        flash(
            _("自分についての%(count)s件は、ほかの確認者が確認するまで残ります。", count=signed.left_open), "warning"
        )  # fmt: skip
    if signed.not_shown:
        flash(_("まだ見ていない%(count)s件が残っています。続けて確かめてください。", count=signed.not_shown), "warning")
    return redirect(url_for("log_check.index"))


def _shown() -> dict[int, int]:
    """What stood on the page that was sent: finding → how often it had happened."""
    return {int(found[1]): int(found[2]) for one in request.form.getlist("shown") if (found := SHOWN.fullmatch(one))}


def _day() -> date:
    try:
        return parse_date(request.form.get("up_to", "").strip()).day
    except ValueError as mistake:
        raise InvalidInput(str(mistake), fields={"up_to": str(mistake)}) from None


def _page(typed: Mapping[str, str], mistakes: Mapping[str, str]) -> str:
    policy, today = current.policy(), current.today()
    with current.look() as session:
        page = log_check_page(session, asked=request.args.get("page", 1, type=row_id))
        due = log_checks.due_on(session, policy.log_check)
        may_sign = log_checks.may_sign(session, current.signed_in().person_id, policy=policy, day=today)
    return render_template(
        "log_check/index.html", page=page, due=due, late=due is not None and due < today, may_sign=may_sign,
        typed=typed, mistakes=mistakes, yesterday=format_wareki(today - timedelta(days=1)),
        checkers=policy.log_check.checked_by,
    )  # fmt: skip
