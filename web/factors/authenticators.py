"""The register of authenticators: lists, one life, and what the desk and its witness do (FK 5-4(1); control B6).

A loss is reported on a page of its own (`web.factors.losses`), which everybody can open for what is theirs.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from idm.errors import InvalidInput
from idm.factors.authenticator_state import STATE_TITLES, AuthenticatorState
from idm.operations.factors import authenticator_end, authenticators, losses
from idm.permissions import Action, everywhere, may
from idm.queries.factors.authenticators import (
    AuthenticatorSheet,
    RegisterFilter,
    RegisterRow,
    authenticator_sheet,
    authenticators_of_person,
    register_page,
    rests_on,
    systems_for,
    whole_register,
)
from idm.queries.factors.losses import open_loss_of
from idm.queries.information_systems.systems import system_names
from idm.queries.organisation.person_record import person_record
from idm.queries.organisation.reach import units_reached
from idm.vocabulary import AUTHENTICATOR_TITLES, ISSUED_KINDS, THINGS, AuthenticatorKind
from web import current
from web.csv_files import csv_answer
from web.formats import iso_moment
from web.row_ids import row_id

blueprint = Blueprint("authenticators", __name__)

HEADINGS = (
    "種類", "番号", "サインイン用", "状態", "氏名", "カナ", "使われている情報システム", "交付", "使用開始", "終了",
)  # fmt: skip
KINDS = [kind for kind in AuthenticatorKind if kind in ISSUED_KINDS]


@blueprint.get("/authenticators")
def index() -> str:
    """The register, as far as this person sees it."""
    with current.look() as session:
        wanted = _wanted(session)
        asked = request.args.get("page", 1, type=row_id)
        page = register_page(session, wanted, reader=current.reader(), asked=asked)
        systems = system_names(session)
    return render_template(
        "authenticators/index.html", page=page, wanted=wanted, systems=systems, kinds=AUTHENTICATOR_TITLES,
        states=STATE_TITLES, now_args=request.args.to_dict(),
    )  # fmt: skip


@blueprint.get("/authenticators.csv")
def table() -> Response:
    """The same rows, all of them, as a file for the auditor."""
    with current.look() as session:
        rows = whole_register(session, _wanted(session), reader=current.reader())
    return csv_answer("authenticators.csv", HEADINGS, map(_cells, rows))


@blueprint.get("/authenticators/<int:authenticator_id>")
def show(authenticator_id: int) -> str:
    """One authenticator: where it is in use, what rests on it, what happened to it, and what can be done with it."""
    return _sheet_page(authenticator_id, {}, {})


@blueprint.get("/people/<int:person_id>/authenticators/new")
def new(person_id: int) -> str:
    """The form to issue one to this person, or one in the place of another."""
    return _form(person_id, {}, {})


@blueprint.post("/people/<int:person_id>/authenticators")
def issue(person_id: int) -> AnyResponse | tuple[str, int]:
    """Afterwards it stands in the register under the person's name."""
    typed = request.form
    kind = typed.get("kind", "")
    try:
        with current.act("authenticator.issue", ("person", person_id)) as session:
            person_record(session, person_id, reader=current.reader())
            if kind not in set(AuthenticatorKind):
                problem = _("種類を選んでください。")
                raise InvalidInput(problem, fields={"kind": problem})
            issued = authenticators.issue(
                session, person_id=person_id, kind=AuthenticatorKind(kind), label=typed.get("label", ""),
                replaces_id=typed.get("replaces", type=row_id), actor=current.actor(), policy=current.policy(),
                now=current.now(),
            ).id  # fmt: skip
    except InvalidInput as mistake:
        return _form(person_id, typed, mistake.fields or {"kind": mistake.message}), 422
    flash(
        _("登録簿に載せました。使えることを確かめ、本人に渡してから、使用開始を記録してください。"),
        "success",
    )
    return redirect(url_for("authenticators.show", authenticator_id=issued))


@blueprint.post("/authenticators/<int:authenticator_id>/activation")
def activate(authenticator_id: int) -> AnyResponse | tuple[str, int]:
    """Afterwards it counts in the systems that were ticked."""
    typed = request.form
    try:
        with current.act("authenticator.activate", ("authenticator", authenticator_id)) as session:
            authenticators.activate(
                session, authenticator_id, system_ids=set(typed.getlist("systems", type=row_id)),
                received="received" in typed, actor=current.actor(), policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return _sheet_page(authenticator_id, typed, mistake.fields or {"systems": mistake.message}), 422
    flash(_("使用開始を記録しました。"), "success")
    return redirect(url_for("authenticators.show", authenticator_id=authenticator_id))


@blueprint.post("/authenticators/<int:authenticator_id>/collection")
def collect(authenticator_id: int) -> AnyResponse:
    """Afterwards the desk has it, and it counts nowhere."""
    said = _("回収を記録しました。切断・破砕などで元に戻せないようにし、廃棄を記録してください。")
    return _act("collect", authenticator_id, authenticator_end.collect, said)


@blueprint.post("/authenticators/<int:authenticator_id>/destruction")
def destroy(authenticator_id: int) -> AnyResponse:
    """Afterwards this officer's name stands to its destruction."""
    said = _("廃棄を記録しました。")
    if current.policy().factors.two_names_for_destruction:
        said = _("廃棄を報告しました。立ち会った人に、その人のサインインで確認してもらってください。")
    return _act("destroy", authenticator_id, authenticator_end.destroy, said)


@blueprint.post("/authenticators/<int:authenticator_id>/witness")
def witness(authenticator_id: int) -> AnyResponse:
    """Afterwards it is destroyed, under two names."""
    return _act("witness", authenticator_id, authenticator_end.witness, _("立会いを確認し、廃棄を記録しました。"))


@blueprint.post("/authenticators/<int:authenticator_id>/denial")
def deny(authenticator_id: int) -> AnyResponse:
    """Afterwards it counts as collected again, not as destroyed."""
    said = _("廃棄されていないと記録し、「回収済み」に戻しました。")
    return _act("deny_destruction", authenticator_id, authenticator_end.deny_destruction, said)


@blueprint.post("/authenticators/<int:authenticator_id>/removal")
def remove(authenticator_id: int) -> AnyResponse | tuple[str, int]:
    """Afterwards what is lost rests on nothing in the systems that were ticked: it was removed there."""
    typed = request.form
    try:
        with current.act("authenticator.remove", ("authenticator", authenticator_id)) as session:
            authenticator_end.removed_from_product(
                session, authenticator_id, system_ids=set(typed.getlist("removed", type=row_id)),
                actor=current.actor(), policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return _sheet_page(authenticator_id, typed, mistake.fields), 422
    flash(_("登録の削除を記録しました。紛失による停止を解きました。"), "success")
    return redirect(url_for("authenticators.show", authenticator_id=authenticator_id))


@blueprint.post("/authenticators/<int:authenticator_id>/recovery")
def recover(authenticator_id: int) -> AnyResponse:
    """Afterwards what was found counts again, and what only its loss held back is back."""
    return _act("recover", authenticator_id, losses.recover, _("発見を記録しました。紛失による停止を解きました。"))


def of_person(session: Session, person_id: int) -> list[RegisterRow] | None:
    """The person's authenticators for a page about them; None for a reader who sees none of them."""
    units = _units(session)
    if person_id == current.signed_in().person_id:
        return authenticators_of_person(session, person_id)
    if not may(current.roles(), Action.SEE_AUTHENTICATORS):
        return None
    wanted = RegisterFilter(person_id=person_id, units=units)
    seen = {row.id for row in whole_register(session, wanted, reader=current.reader())}
    rows = [row for row in authenticators_of_person(session, person_id) if row.id in seen]
    return rows if rows or units is None else None


def _act(what: str, authenticator_id: int, operation: Callable[..., object], said: str) -> AnyResponse:
    with current.act(f"authenticator.{what}", ("authenticator", authenticator_id)) as session:
        operation(session, authenticator_id, actor=current.actor(), policy=current.policy(), now=current.now())
    flash(said, "success")
    return redirect(url_for("authenticators.show", authenticator_id=authenticator_id))


def _units(session: Session) -> frozenset[str] | None:
    return units_reached(session, current.signed_in().person_id, Action.SEE_AUTHENTICATORS, current.today())


def _wanted(session: Session) -> RegisterFilter:
    kind, state = request.args.get("kind", ""), request.args.get("state", "")
    return RegisterFilter(
        text=request.args.get("q", "").strip(),
        kind=AuthenticatorKind(kind) if kind in set(AuthenticatorKind) else None,
        state=AuthenticatorState(state) if state in set(AuthenticatorState) else None,
        system_id=request.args.get("system", type=row_id),
        person_id=request.args.get("person", type=row_id),
        awaiting_witness=request.args.get("witness") == "waiting",
        units=_units(session),
    )


def _cells(row: RegisterRow) -> tuple[str, ...]:
    return (
        AUTHENTICATOR_TITLES[row.kind], row.label or "", "はい" if row.own_sign_in else "", STATE_TITLES[row.state],
        row.person, row.kana, "・".join(row.systems), *map(_moment, (row.issued_at, row.activated_at, row.ended_at)),
    )  # fmt: skip


def _moment(at: datetime | None) -> str:
    return iso_moment(at) if at is not None else ""


def _form(person_id: int, typed: Mapping[str, str], mistakes: Mapping[str, str]) -> str:
    with current.look() as session:
        record = person_record(session, person_id, reader=current.reader())
        held = [one for one in authenticators_of_person(session, person_id) if not one.own_sign_in]
    asked = typed.get("replaces", request.args.get("replaces", ""))
    return render_template(
        "authenticators/new.html", record=record, typed=typed, mistakes=mistakes, replaces=asked,
        kinds=[(kind.value, AUTHENTICATOR_TITLES[kind]) for kind in KINDS],
        things=[AUTHENTICATOR_TITLES[kind] for kind in KINDS if kind in THINGS],
        replaceable=[one for one in held if one.state is not AuthenticatorState.DESTROYED],
        own=person_id == current.signed_in().person_id,
    )  # fmt: skip


def _sheet_page(authenticator_id: int, typed: Mapping[str, str], mistakes: Mapping[str, str]) -> str:
    with current.look() as session:
        sheet = authenticator_sheet(session, authenticator_id, reader=current.reader(), units=_units(session))
        systems = systems_for(session, sheet.row)
        resting = rests_on(session, authenticator_id)
        report = open_loss_of(session, authenticator_id)
        may_report = losses.may_report(session, sheet.row.person_id, actor=current.actor(), now=current.now())
    return render_template(
        "authenticators/show.html", sheet=sheet, row=sheet.row, systems=systems, resting=resting, report=report,
        typed=typed, mistakes=mistakes, may_report=may_report, may_stop=everywhere(current.roles(), Action.ORDER_STOP),
        **_offers(sheet),
        removable=[(use.system_id, use.system_name) for use in sheet.in_use],
    )  # fmt: skip


def _offers(sheet: AuthenticatorSheet) -> dict[str, object]:
    """What the page offers to this person; the operations know all the rules."""
    me, row = current.signed_in().person_id, sheet.row
    own = row.person_id == me
    keeps = may(current.roles(), Action.KEEP_AUTHENTICATORS) and not own and not row.own_sign_in
    witnesses = may(current.roles(), Action.WITNESS_DESTRUCTION) and row.awaits_witness
    return {"own": own, "keeps": keeps, "witnesses": witnesses and me not in {row.person_id, sheet.destroyed_by_id}}
