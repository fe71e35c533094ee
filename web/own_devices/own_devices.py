"""The register of devices that the body did not issue, and one of them with what can be done (FK 5-1(1)④; I4)."""

from collections.abc import Callable, Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.calendar_days import day_of
from idm.errors import InvalidInput, NotFound
from idm.models.own_devices import OwnDevice
from idm.operations.own_devices import applications, device_checks, endings, losses
from idm.operations.own_devices.authority import is_holder, may_keep
from idm.permissions import Action
from idm.queries.organisation.officers import humans
from idm.queries.organisation.reach import units_reached
from idm.queries.own_devices.device_sheets import (
    DeviceRow,
    DeviceSheet,
    device_page,
    device_rows,
    device_sheet,
)
from idm.queries.own_devices.permitting import reaches_unit
from idm.vocabulary import OWN_DEVICE_END_TITLES, OWN_DEVICE_STATE_TITLES, OwnDeviceState
from web import current
from web.csv_files import csv_answer
from web.own_devices.device_form import Typed, last_day
from web.row_ids import row_id

blueprint = Blueprint("own_devices", __name__)


# --- lists -----------------------------------------------------------------------------------------------------------


@blueprint.get("/own-devices")
def index() -> str:
    """The register, as far as whoever is signed in looks after people: what waits and what is in use first."""
    said = request.args.get("state", "")
    state = OwnDeviceState(said) if said in set(OwnDeviceState) else None
    with current.look() as session:
        page = device_page(
            session, current.policy().own_devices, units=_units(session), state=state,
            asked=request.args.get("page", 1, type=row_id), day=current.today(),
        )  # fmt: skip
    return render_template(
        "own_devices/index.html", page=page, today=current.today(), state=state,
        states=list(OWN_DEVICE_STATE_TITLES.items()),
    )  # fmt: skip


@blueprint.get("/own-devices/print")
def printed() -> str:
    """The same on paper."""
    with current.look() as session:
        rows = device_rows(session, current.policy().own_devices, units=_units(session), day=current.today())
    return render_template("own_devices/print.html", rows=rows, now=current.now(), today=current.today())


@blueprint.get("/own-devices.csv")
def table() -> Response:
    """The same as a list to keep."""
    headings = (
        _("番号"), _("状態"), _("氏名"), _("所属"), _("連絡先"), _("契約者の名義"), _("製造企業名"), _("機種名"),
        _("OS"), _("バージョン"), _("利用の目的"), _("取り扱う情報"), _("機密性"), _("主な利用場所"), _("通信回線"),
        _("庁内の回線への接続"), _("利用の開始日"), _("利用の最終日"), _("申請日"), _("許可した人"), _("次の定期確認"),
        _("終了の理由"), _("情報の削除"), _("確認した人"),
    )  # fmt: skip
    with current.look() as session:
        rows = device_rows(session, current.policy().own_devices, units=_units(session), day=current.today())
    return csv_answer("own-devices.csv", headings, (_line(row) for row in rows))


def _line(row: DeviceRow) -> list[str]:
    due = row.check_due
    return [
        str(row.id), OWN_DEVICE_STATE_TITLES[row.state], row.holder, row.unit, row.contact, row.contract_holder,
        row.maker, row.model, row.os, row.os_version, row.purpose, row.information, str(row.confidentiality), row.place,
        row.line, _("はい") if row.connects_inside else _("いいえ"), row.begins_on.isoformat(),
        last_day(row).isoformat(), day_of(row.asked_at).isoformat(),
        "、".join(one.by for one in row.permits if one.given), due.isoformat() if due is not None else "",
        OWN_DEVICE_END_TITLES[row.end_reason] if row.end_reason is not None else "", row.cleared_how or "",
        row.closed_by or "",
    ]  # fmt: skip


# --- one device ------------------------------------------------------------------------------------------------------


@blueprint.get("/own-devices/<int:device_id>")
def show(device_id: int) -> str:
    """One device with what can be done about it."""
    return _sheet(device_id, {}, {})


@blueprint.post("/own-devices/<int:device_id>/answer")
def answer(device_id: int) -> Response | tuple[str, int]:
    """Afterwards the office that was asked has answered."""
    said = request.form.get("answer", "")
    if said not in ("permit", "refuse"):
        return _sheet(device_id, request.form, {"answer": _("許可・不許可のどちらかを選んでください。")}), 422
    return _act(device_id, "answer", lambda session: applications.answer(
        session, device_id, permit=said == "permit", note=_typed("answer_note"), actor=current.actor(),
        policy=current.policy(), now=current.now(),
    ), _("決定を記録しました。"))  # fmt: skip


@blueprint.post("/own-devices/<int:device_id>/withdraw")
def withdraw(device_id: int) -> Response | tuple[str, int]:
    """Afterwards the application is taken back."""
    return _act(device_id, "withdraw", lambda session: applications.withdraw(
        session, device_id, actor=current.actor(), policy=current.policy(), now=current.now(),
    ), _("申請を取り下げました。"))  # fmt: skip


@blueprint.post("/own-devices/<int:device_id>/check")
def check(device_id: int) -> Response | tuple[str, int]:
    """Afterwards somebody has put their name to having looked."""
    needed = request.form.get("needed", "")
    if needed not in ("yes", "no"):
        return _sheet(device_id, request.form, {"needed": _("まだ必要かどうかを選んでください。")}), 422
    return _act(device_id, "check", lambda session: device_checks.check(
        session, device_id, still_needed=needed == "yes", comment=_typed("comment"), actor=current.actor(),
        policy=current.policy(), now=current.now(),
    ), _("定期確認を記録しました。"))  # fmt: skip


@blueprint.post("/own-devices/<int:device_id>/end")
def end(device_id: int) -> Response | tuple[str, int]:
    """Afterwards the device is not used any more."""
    return _act(device_id, "end", lambda session: endings.end(
        session, device_id, note=_typed("end_note"), actor=current.actor(), policy=current.policy(), now=current.now(),
    ), _("利用を終えました。業務の情報を消し、報告してください。"))  # fmt: skip


@blueprint.post("/own-devices/<int:device_id>/cleared")
def cleared(device_id: int) -> Response | tuple[str, int]:
    """Afterwards it is on record how the information was removed."""
    return _act(device_id, "report_cleared", lambda session: endings.report_cleared(
        session, device_id, how=_typed("cleared_how"), actor=current.actor(), policy=current.policy(),
        now=current.now(),
    ), _("情報の削除を報告しました。別の人の確認を待っています。"))  # fmt: skip


@blueprint.post("/own-devices/<int:device_id>/confirm")
def confirm(device_id: int) -> Response | tuple[str, int]:
    """Afterwards the entry is closed, or the device has to be cleared again."""
    gone = request.form.get("gone", "")
    if gone not in ("yes", "no"):
        return _sheet(device_id, request.form, {"gone": _("確認できたかどうかを選んでください。")}), 422
    return _act(device_id, "confirm", lambda session: endings.confirm(
        session, device_id, note=_typed("confirm_note"), gone=gone == "yes", actor=current.actor(),
        policy=current.policy(), now=current.now(),
    ), _("削除を確認しました。") if gone == "yes" else _("本人に差し戻しました。"))  # fmt: skip


@blueprint.post("/own-devices/<int:device_id>/loss")
def lost(device_id: int) -> Response | tuple[str, int]:
    """Afterwards everybody who has to know of the loss does."""
    return _act(device_id, "report_lost", lambda session: losses.report_lost(
        session, device_id, what=_typed("lost_what"), actor=current.actor(), policy=current.policy(),
        now=current.now(),
    ), _("紛失・盗難を届け出ました。関係する責任者に知らせました。"))  # fmt: skip


@blueprint.post("/own-devices/<int:device_id>/found")
def found_again(device_id: int) -> Response | tuple[str, int]:
    """Afterwards a lost device is back, to be cleared."""
    return _act(device_id, "find_again", lambda session: losses.found_again(
        session, device_id, actor=current.actor(), policy=current.policy(), now=current.now(),
    ), _("見つかったことを記録しました。業務の情報を消し、報告してください。"))  # fmt: skip


@blueprint.post("/own-devices/<int:device_id>/settle")
def settle(device_id: int) -> Response | tuple[str, int]:
    """Afterwards a loss has been dealt with."""
    return _act(device_id, "settle_loss", lambda session: losses.settle_loss(
        session, device_id, note=_typed("settle_note"), actor=current.actor(), policy=current.policy(),
        now=current.now(),
    ), _("紛失・盗難の後の対応を記録しました。"))  # fmt: skip


def _act(device_id: int, act: str, operation: Callable[[Session], object], done: str) -> Response | tuple[str, int]:
    with current.look() as session:
        seen(session, device_id)
    try:
        with current.act(f"own_device.{act}", ("own_device", device_id)) as session:
            operation(session)
    except InvalidInput as mistake:
        return _sheet(device_id, request.form, mistake.fields), 422
    flash(done, "success")
    return redirect(url_for("own_devices.show", device_id=device_id))


def _sheet(device_id: int, typed: Typed, mistakes: Mapping[str, str]) -> str:
    me, day = current.signed_in().person_id, current.today()
    with current.look() as session:
        sheet = seen(session, device_id)
        device = session.get_one(OwnDevice, device_id)
        own, keeps = is_holder(session, device, me), may_keep(session, device, me, day=day)
        reported = sheet.row.cleared_by_id is not None and sheet.row.cleared_by_id in own_rows(session)
        may_see = _sees(session, sheet)
    return render_template(
        "own_devices/show.html", sheet=sheet, row=sheet.row, typed=typed, mistakes=mistakes, today=day, own=own,
        keeps=keeps, reported=reported, may_answer=me in sheet.permitters, may_see=may_see,
    )  # fmt: skip


def seen(session: Session, device_id: int) -> DeviceSheet:
    """The device, where whoever asks may see it: its holder, who answers, who keeps the register. Raises NotFound."""
    sheet = device_sheet(session, device_id, current.policy(), day=current.today())
    me = current.signed_in().person_id
    if sheet.row.holder_id in own_rows(session) or me in sheet.permitters or _sees(session, sheet):
        return sheet
    raise NotFound(_("端末が見つかりません。"))


def _sees(session: Session, sheet: DeviceSheet) -> bool:
    me = current.signed_in().person_id
    return reaches_unit(session, me, Action.SEE_OWN_DEVICES, sheet.row.unit_code, current.today())


def _units(session: Session) -> frozenset[str] | None:
    """Whose devices whoever is signed in sees; None = everybody's."""
    return units_reached(session, current.signed_in().person_id, Action.SEE_OWN_DEVICES, current.today())


def own_rows(session: Session) -> frozenset[int]:
    """Every row of the human who is signed in."""
    me = current.signed_in().person_id
    return humans(session, [me])[me].rows


def _typed(field: str) -> str:
    return request.form.get(field, "")
