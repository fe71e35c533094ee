"""Violations: reported, guided, and where that did not help decided on (FK 10; controls H4, J5)."""

from collections.abc import Callable, Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.errors import InvalidInput, NotFound
from idm.operations.stops import violations
from idm.permissions import Action, may
from idm.queries.factors.authenticators import units_of_owner
from idm.queries.organisation.officers import humans
from idm.queries.organisation.reach import units_reached
from idm.queries.passwords.leaks import leakable
from idm.queries.stops.orders import ViolationRow, violation_report, violation_reports
from web import current
from web.row_ids import row_id

blueprint = Blueprint("violations", __name__)

Answer = str | Response | tuple[str, int]


@blueprint.get("/violations")
def index() -> str:
    """The reports that this person may see: everybody's, or those of the people whom they manage; never of theirs."""
    with current.look() as session:
        me, today = current.signed_in().person_id, current.today()
        everybody = may(current.roles(), Action.SEE_AUDIT)
        page = violation_reports(
            session, asked=request.args.get("page", 1, type=row_id), without=humans(session, [me])[me].rows, day=today,
            units=None if everybody else units_reached(session, me, Action.REPORT_VIOLATION, today),
        )  # fmt: skip
    return render_template("violations/index.html", page=page)


@blueprint.get("/violations/<int:violation_id>")
def show(violation_id: int) -> str:
    """One report, and what comes next."""
    return _sheet(violation_id)


@blueprint.get("/violations/new/<int:person_id>")
def new(person_id: int) -> str:
    """The form for a report about this person."""
    return _form(person_id)


@blueprint.post("/violations/new/<int:person_id>")
def report(person_id: int) -> Answer:
    """Afterwards the section manager knows of it."""
    typed: Mapping[str, str] = request.form
    try:
        with current.act("violation.report", ("person", person_id)) as session:
            found = violations.report(
                session, person_id, what=typed.get("what", ""), clause=typed.get("clause", ""), actor=current.actor(),
                policy=current.policy(), now=current.now(),
            ).id  # fmt: skip
    except InvalidInput as mistake:
        return _form(person_id, typed, mistake.fields), 422
    flash(_("違反の報告を記録し、所属の課長に知らせました。"), "success")
    return redirect(url_for("violations.show", violation_id=found))


@blueprint.post("/violations/<int:violation_id>/guidance")
def guide(violation_id: int) -> Answer:
    """Afterwards the guidance is on record."""
    return _act("violation.handle", violation_id, _("指導を記録しました。"), lambda session: violations.guide(
        session, violation_id, guidance=request.form.get("guidance", ""), actor=current.actor(),
        policy=current.policy(), now=current.now(),
    ))  # fmt: skip


@blueprint.post("/violations/<int:violation_id>/guidance-failed")
def failed(violation_id: int) -> Answer:
    """Afterwards the officers whom the profile names may decide."""
    said = _("改善されなかったことを記録し、停止を決める人に知らせました。")
    return _act("violation.handle", violation_id, said, lambda session: violations.guidance_failed(
        session, violation_id, note=request.form.get("note", ""), actor=current.actor(), policy=current.policy(),
        now=current.now(),
    ))  # fmt: skip


@blueprint.post("/violations/<int:violation_id>/closed")
def close(violation_id: int) -> Answer:
    """Afterwards nothing more comes of it."""
    return _act("violation.handle", violation_id, _("違反の報告を終わりにしました。"), lambda session: violations.close(
        session, violation_id, note=request.form.get("closing_note", ""), actor=current.actor(),
        policy=current.policy(), now=current.now(),
    ))  # fmt: skip


@blueprint.post("/violations/<int:violation_id>/stop")
def stop(violation_id: int) -> Answer:
    """Afterwards the person is let in nowhere."""
    try:
        with current.act("violation.stop", ("violation", violation_id)) as session:
            order = violations.stop_for(
                session, violation_id, reason=request.form.get("reason", ""), actor=current.actor(),
                policy=current.policy(), now=current.now(),
            ).id  # fmt: skip
    except InvalidInput as mistake:
        return _sheet(violation_id, request.form, mistake.fields), 422
    flash(_("停止命令を出し、CISOと所属の課長に知らせました。"), "success")
    if may(current.roles(), Action.SEE_STOPS):
        return redirect(url_for("stops.progress", stop_id=order))
    return redirect(url_for("violations.show", violation_id=violation_id))


def _act(attempted: str, violation_id: int, said: str, act: Callable[[Session], object]) -> Answer:
    try:
        with current.act(attempted, ("violation", violation_id)) as session:
            act(session)
    except InvalidInput as mistake:
        return _sheet(violation_id, request.form, mistake.fields), 422
    flash(said, "success")
    return redirect(url_for("violations.show", violation_id=violation_id))


def _seen(session: Session, person_id: int) -> bool:
    """Whether reports about that person are this one's to see; nobody sees those about themselves."""
    me = current.signed_in().person_id
    if humans(session, [me])[me].is_one_of(frozenset({person_id})):
        return False
    if may(current.roles(), Action.SEE_AUDIT):
        return True
    units = units_reached(session, me, Action.REPORT_VIOLATION, current.today())
    return units is None or not units.isdisjoint(units_of_owner(session, person_id, current.today()))


def _sheet(
    violation_id: int, typed: Mapping[str, str] | None = None, mistakes: Mapping[str, str] | None = None
) -> str:  # fmt: skip
    with current.look() as session:
        row = violation_report(session, violation_id)
        if row is None or not _seen(session, row.person_id):
            raise NotFound(_("この違反の報告は見つかりません。"))
        handles = row.closed_at is None and violations.may_handle(
            session, row.person_id, actor=current.actor(), now=current.now()
        )
        guides = handles and violations.may_guide(session, row.person_id, actor=current.actor(), now=current.now())
    return render_template(
        "violations/show.html", row=row, handles=handles, guides=guides, may_stop=_may_stop(row),
        may_see_stops=may(current.roles(), Action.SEE_STOPS), typed=typed or {}, mistakes=mistakes or {},
    )  # fmt: skip


def _may_stop(row: ViolationRow) -> bool:
    named = not current.roles().isdisjoint(current.policy().stops.violation_decided_by)
    due = row.guidance_failed_at is not None and row.closed_at is None and row.stop_id is None
    another = row.guidance_failed_by_id != current.signed_in().person_id
    return due and named and another and may(current.roles(), Action.STOP_FOR_VIOLATION)


def _form(person_id: int, typed: Mapping[str, str] | None = None, mistakes: Mapping[str, str] | None = None) -> str:
    with current.look() as session:
        person = leakable(session, person_id, reader=current.reader())
        if not violations.may_handle(session, person_id, actor=current.actor(), now=current.now()):
            raise NotFound(_("この人は見つかりません。"))
    return render_template("violations/new.html", person=person, typed=typed or {}, mistakes=mistakes or {})
