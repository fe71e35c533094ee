"""What others have to do about the use of privileged IDs: permit, attend, stop, check its report; and what was (D6)."""

from collections.abc import Mapping
from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.errors import InvalidInput
from idm.operations.privileged import use_decisions, uses, work_reports
from idm.queries.information_systems.systems import system_names
from idm.queries.organisation.people import person_with_number
from idm.queries.privileged.use_sheets import (
    UseFilter,
    UseSheet,
    history_page,
    live_sheets,
    sheets,
    stoppable_systems,
    whole_history,
)
from idm.queries.privileged.uses import reports_to_check, uses_to_attend, uses_to_decide
from idm.vocabulary import USE_END_TITLES, USE_STATE_TITLES, UseState
from idm.wareki import parse_date
from web import current
from web.csv_files import csv_answer
from web.formats import iso_moment
from web.privileged.use_pages import use_page
from web.row_ids import row_id

blueprint = Blueprint("privileged_use_oversight", __name__)
Answer = Response | tuple[str, int]
STATES = [(state.value, title) for state, title in USE_STATE_TITLES.items()]


@blueprint.get("/privileged-uses/waiting")
def index() -> str:
    """What waits for this person: to permit, to attend, to check; and what is open now that they may stop."""
    me, now, policy = current.signed_in().person_id, current.now(), current.policy()
    with current.look() as session:
        to_decide = sheets(session, [one.id for one in uses_to_decide(session, me, policy=policy, now=now)])
        to_attend = sheets(session, [one.id for one in uses_to_attend(session, me, now=now)])
        to_check = sheets(session, [one.id for one in reports_to_check(session, me, now=now)])
        live = live_sheets(session, stoppable_systems(session, me, current.today()))
    return render_template(
        "privileged_uses/waiting.html", to_decide=to_decide, to_attend=to_attend, to_check=to_check, live=live
    )


@blueprint.post("/privileged-uses/<int:use_id>/permission")
def permit(use_id: int) -> Answer:
    """Afterwards the use opens when its time comes."""
    return _decide(use_id, permitted=True)


@blueprint.post("/privileged-uses/<int:use_id>/refusal")
def refuse(use_id: int) -> Answer:
    """Afterwards the use is refused, with the reason."""
    return _decide(use_id, permitted=False)


def _decide(use_id: int, *, permitted: bool) -> Answer:
    typed: Mapping[str, str] = request.form
    decide = use_decisions.permit if permitted else use_decisions.refuse
    try:
        with current.act(
            "privileged_use.permit" if permitted else "privileged_use.refuse", ("privileged_use", use_id)
        ) as session:
            decide(
                session, use_id, comment=typed.get("comment", ""), actor=current.actor(), policy=current.policy(),
                now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return use_page(use_id, typed=typed, mistakes=mistake.fields or {"comment": mistake.message}), 422
    flash(_("利用を許可しました。") if permitted else _("利用を却下しました。"), "success")
    return redirect(url_for("privileged_use_oversight.index"))


@blueprint.post("/privileged-uses/<int:use_id>/attendance")
def attend(use_id: int) -> Answer:
    """Afterwards it is recorded that this person is there while the contractor works."""
    with current.act("privileged_use.attend", ("privileged_use", use_id)) as session:
        uses.attend(session, use_id, actor=current.actor(), policy=current.policy(), now=current.now())
    flash(_("立会いを記録しました。作業が終わるまで、そばを離れないでください。"), "success")
    return redirect(url_for("privileged_uses.show", use_id=use_id))


@blueprint.post("/privileged-uses/<int:use_id>/stop")
def stop(use_id: int) -> Answer:
    """Afterwards the use ends at once, whoever's it is."""
    typed: Mapping[str, str] = request.form
    try:
        with current.act("privileged_use.stop", ("privileged_use", use_id)) as session:
            uses.stop(
                session, use_id, reason=typed.get("reason", ""), actor=current.actor(), policy=current.policy(),
                now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return use_page(use_id, typed=typed, mistakes=mistake.fields or {"reason": mistake.message}), 422
    flash(_("利用を止めました。すぐに、IDを無効にし、パスワードを新しくする処理をします。"), "success")
    return redirect(url_for("privileged_uses.show", use_id=use_id))


@blueprint.post("/privileged-uses/<int:use_id>/check")
def check(use_id: int) -> Answer:
    """Afterwards the work report is checked, or the report of an emergency use received."""
    with current.act("privileged_use.check_report", ("privileged_use", use_id)) as session:
        work_reports.check(session, use_id, actor=current.actor(), policy=current.policy(), now=current.now())
    flash(_("作業報告の確認を記録しました。"), "success")
    return redirect(url_for("privileged_use_oversight.index"))


@blueprint.get("/privileged-uses/history")
def history() -> str:
    """Every use, as far as the filters in the address let it through; for paper as well."""
    wanted, mistakes = _filter()
    with current.look() as session:
        page = history_page(session, wanted, asked=request.args.get("page", 1, type=row_id))
        systems = system_names(session)
    return render_template(
        "privileged_uses/history.html", page=page, wanted=wanted, typed=request.args, mistakes=mistakes,
        systems=systems, states=STATES,
    )  # fmt: skip


@blueprint.get("/privileged-uses/history.csv")
def table() -> Response:
    """The same list, to keep."""
    headings = (
        _("番号"), _("情報システム"), _("ID"), _("利用した人"), _("申し出た人"), _("緊急"), _("状態"), _("目的"),
        _("整理番号"), _("権限"), _("申出"), _("許可・却下した人"), _("代決"), _("決定"), _("立会い"), _("開始"),
        _("終了予定"), _("終了"), _("終了の理由"), _("パスワードの表示"), _("作業報告の期限"), _("作業報告"),
        _("報告日時"), _("確認した人"), _("確認日時"),
    )  # fmt: skip
    with current.look() as session:
        rows = whole_history(session, _filter()[0])
    return csv_answer("privileged-uses.csv", headings, map(_line, rows))


def _line(use: UseSheet) -> list[str]:
    moments = [
        iso_moment(one) if one is not None else ""
        for one in (use.asked_at, use.decided_at, use.opened_at, use.ends_at, use.ended_at, use.shown_at,
                    use.report_due_at, use.reported_at, use.checked_at)
    ]  # fmt: skip
    asked, decided, opened, ends, ended, shown, due, reported, checked = moments
    return [
        str(use.id), use.system_name, use.login_name, use.person, use.named_by or use.person,
        _("緊急") if use.emergency else "", USE_STATE_TITLES[use.state], use.purpose, use.ticket or "",
        "、".join(use.rights), asked, use.approver or "", use.acting_for or "", decided, use.attended_by or "", opened,
        ends, ended, USE_END_TITLES[use.end_reason] if use.end_reason is not None else "", shown, due,
        use.report or "", reported, use.checked_by or "", checked,
    ]  # fmt: skip


def _filter() -> tuple[UseFilter, dict[str, str]]:
    """What the address narrows the list to, and what is wrong with it."""
    args, mistakes = request.args, dict[str, str]()
    state, person_id = args.get("state", ""), args.get("person_id", type=row_id)
    if args.get("number", "").strip():
        try:
            with current.look() as session:
                person_id = person_with_number(session, args["number"], reader=current.reader())
        except InvalidInput as mistake:
            mistakes["number"] = mistake.message
    wanted = UseFilter(
        system_id=args.get("system", type=row_id), account_id=args.get("account", type=row_id), person_id=person_id,
        state=UseState(state) if state in set(UseState) else None, emergency=args.get("emergency") == "yes",
        without_report=args.get("report") == "missing", begins=_day("begins", mistakes), ends=_day("ends", mistakes),
    )  # fmt: skip
    return wanted, mistakes


def _day(name: str, mistakes: dict[str, str]) -> date | None:
    written = request.args.get(name, "").strip()
    if not written:
        return None
    try:
        return parse_date(written).day
    except ValueError as mistake:
        mistakes[name] = str(mistake)
        return None
