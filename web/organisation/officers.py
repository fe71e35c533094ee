"""Who holds which role, confirming somebody's tenure, and deputies (control A16; FK 1-2, MT 2)."""

from collections.abc import Mapping
from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.calendar_days import last_day_to_end
from idm.errors import InvalidInput
from idm.operations.governance import officers
from idm.permissions import PERMISSIONS, Action, may
from idm.queries.organisation.people import person_with_number
from idm.queries.organisation.tenures import Standing, TenureRow, deputy_rows, tenure_rows
from idm.vocabulary import Role
from idm.wareki import parse_date
from web import current

blueprint = Blueprint("officers", __name__)


@blueprint.get("/officers")
def index() -> str:
    """Who holds which role today, and what waits for a second person."""
    return _page({}, {})


@blueprint.post("/officers/<int:officer_id>/confirmation")
def confirm(officer_id: int) -> Response:
    """Afterwards the tenure counts."""
    with current.act("officer.confirm", ("officer", officer_id)) as session:
        confirmed = officers.confirm(
            session, officer_id, actor=current.actor(), policy=current.policy(), now=current.now()
        )
        name, role = confirmed.person.name, current.policy().title_of(confirmed.role)
    flash(_("%(name)sさんの「%(role)s」への就任を確認しました。", name=name, role=role), "success")
    return redirect(url_for("officers.index"))


@blueprint.post("/deputies")
def name_deputy() -> Response | tuple[str, int]:
    """Afterwards a deputy of this person is named, and waits for the CISO."""
    typed = request.form
    try:
        with current.act("deputy.name", ("person", current.signed_in().person_id)) as session:
            role, valid_from, valid_until = _deputation(typed)
            deputy_id = person_with_number(session, typed.get("staff_number", ""), reader=current.reader())
            named = officers.name_deputy(
                session, role=role, deputy_id=deputy_id, valid_from=valid_from, valid_until=valid_until,
                actor=current.actor(), policy=current.policy(), now=current.now(),
            )  # fmt: skip
            name = named.deputy.name
    except InvalidInput as mistake:
        return _page(typed, _at_our_fields(mistake)), 422
    flash(_("%(name)sさんを代決者に指名しました。CISOが承認すると有効になります。", name=name), "success")
    return redirect(url_for("officers.index"))


@blueprint.post("/deputies/<int:deputy_id>/acceptance")
def accept_deputy(deputy_id: int) -> Response:
    """Afterwards the deputy counts for the period named."""
    with current.act("deputy.accept", ("deputy", deputy_id)) as session:
        accepted = officers.accept_deputy(
            session, deputy_id, actor=current.actor(), policy=current.policy(), now=current.now()
        )
        name = accepted.deputy.name
    flash(_("%(name)sさんを代決者として承認しました。", name=name), "success")
    return redirect(url_for("officers.index"))


def _at_our_fields(mistake: InvalidInput) -> dict[str, str]:
    """The mistakes by the names of the form's fields: people write a last day, not an end."""
    fields = mistake.fields or {"staff_number": mistake.message}
    return {"last_day" if name == "valid_until" else name: message for name, message in fields.items()}


def _deputation(typed: Mapping[str, str]) -> tuple[Role, date, date]:
    """Role, first day and end that were typed. Raises InvalidInput with every mistake."""
    mistakes: dict[str, str] = {}
    days: dict[str, date] = {}
    for field, label in (("valid_from", _("始まる日")), ("last_day", _("終わる日"))):
        written = typed.get(field, "").strip()
        try:
            days[field] = parse_date(written).day
        except ValueError as mistake:
            told = str(mistake) if written else _("日付を入れてください。")
            mistakes[field] = _("%(label)s：%(told)s", label=label, told=told)
    if typed.get("role") not in set(Role):
        mistakes["role"] = _("職を選んでください")
    if mistakes:
        raise InvalidInput(_("入力内容を確認してください。"), fields=mistakes)
    end = last_day_to_end(days["last_day"])
    return Role(typed["role"]), days["valid_from"], end or days["last_day"]


def _page(typed: Mapping[str, str], mistakes: Mapping[str, str]) -> str:
    with current.look() as session:
        tenures = tenure_rows(session, current.today(), reader=current.reader())
        deputies = deputy_rows(session, current.today())
    me = current.signed_in().person_id
    return render_template(
        "officers/index.html",
        current_tenures=_standing(tenures, Standing.CURRENT, Standing.COMING),
        waiting=_standing(tenures, Standing.WAITING), past=_standing(tenures, Standing.OVER),
        deputies=[deputy for deputy in deputies if deputy.standing is not Standing.OVER],
        past_deputies=[deputy for deputy in deputies if deputy.standing is Standing.OVER],
        vacant=_vacant(tenures), own_roles=sorted(current.roles() & PERMISSIONS[Action.NAME_DEPUTY]), me=me,
        may_confirm=may(current.roles(), Action.CONFIRM_OFFICER),
        may_accept=may(current.roles(), Action.ACCEPT_DEPUTY), typed=typed, mistakes=mistakes,
    )  # fmt: skip


def _standing(tenures: list[TenureRow], *standings: Standing) -> list[TenureRow]:
    return [tenure for tenure in tenures if tenure.standing in standings]


def _vacant(tenures: list[TenureRow]) -> list[Role]:
    """The roles that nobody holds today."""
    held = {tenure.role for tenure in tenures if tenure.standing is Standing.CURRENT}
    return [role for role in Role if role not in held]
