"""Names under the results of the sweeps, and what failed with who took care of it (controls C2, G6)."""

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.errors import InvalidInput, NotFound
from idm.models.systems import InformationSystem
from idm.operations.sweep import sign_offs
from idm.permissions import Action, may
from idm.queries.approval.bench import Bench
from idm.queries.sweep.failures import outages, refused_work, unsent_mail
from idm.queries.sweep.sign_offs import SignOffSheet, sign_off_sheet, sign_off_sheets
from idm.vocabulary import Role
from web import current
from web.row_ids import row_id

blueprint = Blueprint("sweep_sign_offs", __name__)


@blueprint.get("/findings/sign-offs")
def index() -> str:
    """Every system with who has signed and who has not; for a deputy those whose seats are theirs now."""
    me = current.signed_in().person_id
    with current.look() as session:
        sheets = sign_off_sheets(session, current.policy().sweep, day=current.today(), person_id=me)
    shown = [sheet for sheet in sheets if _sees(sheet)]
    if not shown:
        raise NotFound(_("このページはありません。"))
    return render_template("sweep_sign_offs/index.html", sheets=shown, today=current.today(), sees_all=_sees_all())


@blueprint.get("/systems/<int:system_id>/sign-off")
def show(system_id: int) -> str:
    """What was examined, found, done and failed since the last names, and the seats."""
    return _sheet(system_id, {})


@blueprint.post("/systems/<int:system_id>/sign-off")
def sign(system_id: int) -> Response | tuple[str, int]:
    """Afterwards this person's name stands under it."""
    seat = request.form.get("seat", "")
    try:
        with current.act("sweep.sign_off", ("system", system_id)) as session:
            if seat not in set(Role):
                raise NotFound(_("この確認欄はありません。"))
            sign_offs.sign(
                session, system_id, seat=Role(seat), shown_hash=request.form.get("shown", ""),
                comment=request.form.get("comment", ""), actor=current.actor(), policy=current.policy(),
                now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return _sheet(system_id, mistake.fields), 422
    flash(_("確認を記録しました。"), "success")
    return redirect(url_for("sweep_sign_offs.show", system_id=system_id))


@blueprint.get("/findings/failures")
def failures() -> str:
    """What failed and when, and who took care of it."""
    with current.look() as session:
        page = outages(session, asked=request.args.get("page", 1, type=row_id))
        refused, unsent = refused_work(session), unsent_mail(session)
    return render_template("sweep_sign_offs/failures.html", page=page, refused=refused, unsent=unsent)


def _sheet(system_id: int, mistakes: Mapping[str, str]) -> str:
    with current.look() as session:
        sheet = _sheet_of(session, system_id)
    return render_template(
        "sweep_sign_offs/show.html", sheet=sheet, today=current.today(), mistakes=mistakes, typed=request.form,
        sees_all=_sees_all(),
    )  # fmt: skip


def _sheet_of(session: Session, system_id: int) -> SignOffSheet:
    system = session.get(InformationSystem, system_id)
    if system is not None:
        sheet = sign_off_sheet(
            session, system, current.policy().sweep, person_id=current.signed_in().person_id,
            bench=Bench.on(session, current.today()),
        )  # fmt: skip
        if _sees(sheet):
            return sheet
    raise NotFound(_("このページはありません。"))


def _sees_all() -> bool:
    return any(may(current.roles(), action) for action in (Action.SIGN_OFF_SWEEP, Action.SEE_FINDINGS))


def _sees(sheet: SignOffSheet) -> bool:
    """Whoever sees findings, and a deputy who comes to a seat of it now."""
    return _sees_all() or any(row.may is not None for row in sheet.seats)
