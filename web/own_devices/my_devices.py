"""The devices of whoever is signed in, and their application for one (MC 5.1, FK 5-1(1)④; control I4)."""

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.errors import InvalidInput, NotFound
from idm.operations.own_devices import applications
from idm.queries.organisation.people import units_on
from idm.queries.outsiders.outside_scope import units_of_person
from idm.queries.own_devices.device_sheets import devices_of
from web import current
from web.own_devices.device_form import Typed, typed_again, wanted_device
from web.own_devices.own_devices import own_rows, seen
from web.row_ids import row_id

blueprint = Blueprint("my_devices", __name__)


@blueprint.get("/me/devices")
def index() -> str:
    """The devices of whoever is signed in."""
    with current.look() as session:
        rows = devices_of(session, current.policy().own_devices, own_rows(session), day=current.today())
    return render_template("own_devices/mine.html", rows=rows, today=current.today())


@blueprint.get("/own-devices/new")
def new() -> str:
    """The form: of a device, or of a further period of one's own (`replaces`)."""
    before = request.args.get("replaces", type=row_id)
    if before is None:
        return _form({}, {})
    with current.look() as session:
        sheet = seen(session, before)
        if sheet.row.holder_id not in own_rows(session):
            raise NotFound(_("端末が見つかりません。"))
    return _form(typed_again(sheet.row, current.today()), {})


@blueprint.post("/own-devices")
def ask() -> Response | tuple[str, int]:
    """Afterwards the application waits for the first office."""
    wanted, unreadable = wanted_device(request.form, current.policy().own_devices)
    try:
        with current.act("own_device.ask", ("person", current.signed_in().person_id)) as session:
            made = applications.ask(
                session, wanted, actor=current.actor(), policy=current.policy(), now=current.now()
            ).id  # fmt: skip
    except InvalidInput as mistake:
        return _form(request.form, {**mistake.fields, **unreadable}), 422
    flash(_("端末の利用を申請しました。許可されるまで、業務に使えません。"), "success")
    return redirect(url_for("own_devices.show", device_id=made))


def _form(typed: Typed, mistakes: Mapping[str, str]) -> str:
    me, day = current.signed_in().person_id, current.today()
    with current.look() as session:
        own = units_of_person(session, me, day)
        units = [(unit.code, unit.name) for unit in units_on(session, day) if unit.code in own]
    return render_template(
        "own_devices/new.html", typed=typed, mistakes=mistakes, units=units, rules=current.policy().own_devices,
        chosen_unit=units[0][0] if len(units) == 1 else typed.get("unit", ""),
    )  # fmt: skip
