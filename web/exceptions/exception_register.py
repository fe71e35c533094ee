"""The register of exceptions (例外措置台帳): asked, answered, ended, checked, on paper and as a list (FK 8; H1 to H3).

What the CISO permits for one application (two seats of one person, the cap) is answered on the page of the application;
it is told of here too.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.calendar_days import TOKYO, day_of, end_to_last_day, last_day_to_end
from idm.errors import InvalidInput
from idm.models.exceptions import RegisteredException
from idm.operations.exceptions import register
from idm.operations.exceptions.register import WantedException
from idm.oversight.exception_state import OPEN
from idm.oversight.finding_state import NEVER_ANSWERED
from idm.permissions import Action, may
from idm.queries.approval.bench import Bench
from idm.queries.exceptions.answering import answering
from idm.queries.exceptions.coverage import Target, target_of
from idm.queries.exceptions.exception_sheets import (
    ExceptionRow,
    account_named,
    application_exceptions,
    checks_of,
    exception_page,
    exception_row,
    exception_rows,
    systems_to_name,
)
from idm.queries.organisation.people import person_with_number, units_on
from idm.vocabulary import (
    EXCEPTION_SCOPE_TITLES,
    EXCEPTION_STATE_TITLES,
    FINDING_TITLES,
    ExceptionScope,
    ExceptionState,
    FindingKind,
)
from idm.wareki import format_wareki, parse_date
from web import current
from web.csv_files import csv_answer
from web.row_ids import row_id

blueprint = Blueprint("exceptions", __name__)

Typed = Mapping[str, str]
FILLED_IN = ("emergency", "scope", "system", "login_name", "staff_number", "unit", "finding_kind", "clause", "what")
"""What the address of the form may fill in, so that another page (a finding) can lead to it."""


@blueprint.get("/exceptions")
def index() -> str:
    """The register: what is open first; and what was permitted for single applications."""
    wanted = request.args.get("state", "")
    state = ExceptionState(wanted) if wanted in set(ExceptionState) else None
    with current.look() as session:
        page = exception_page(
            session, reader=current.reader(), policy=current.policy(), now=current.now(), state=state,
            asked=request.args.get("page", 1, type=row_id),
        )  # fmt: skip
        single = application_exceptions(session, reader=current.reader())
    return render_template(
        "exceptions/index.html", page=page, single=single, today=current.today(), now=current.now(), state=state,
        states=list(EXCEPTION_STATE_TITLES.items()), may_ask=may(current.roles(), Action.ASK_EXCEPTION),
    )  # fmt: skip


@blueprint.get("/exceptions/print")
def printed() -> str:
    """The whole register on paper."""
    with current.look() as session:
        rows = exception_rows(session, reader=current.reader(), policy=current.policy(), now=current.now())
        single = application_exceptions(session, reader=current.reader())
    return render_template("exceptions/print.html", rows=rows, single=single, now=current.now())


@blueprint.get("/exceptions.csv")
def table() -> Response:
    """The whole register as a list to keep."""
    headings = (
        _("番号"), _("状態"), _("条項"), _("対象"), _("内容"), _("理由"), _("代替措置"), _("対象の点検結果"),
        _("始まり"),
        _("最終日"), _("申請した人"), _("申請日"), _("答えた人"), _("答えた日"), _("答え"), _("緊急の措置の日時"),
        _("報告の日時"), _("最後の確認"),
    )  # fmt: skip
    with current.look() as session:
        rows = exception_rows(session, reader=current.reader(), policy=current.policy(), now=current.now())
    return csv_answer("exceptions.csv", headings, (_line(row) for row in rows))


@blueprint.get("/exceptions/new")
def new() -> str:
    """The form: of a new one, an emergency (`emergency`), or one that goes on with another (`renews`)."""
    before = request.args.get("renews", type=row_id)
    if before is None:
        return _form({name: request.args[name] for name in FILLED_IN if name in request.args}, {})
    with current.look() as session:
        row = exception_row(
            session, before, reader=current.reader(), policy=current.policy(), now=current.now()
        )  # fmt: skip
    first = max(row.valid_until, current.today())
    return _form(
        {
            "renews": str(row.id), "clause": row.clause, "what": row.what, "reason": row.reason,
            "compensating_control": row.compensating_control, "first_day": format_wareki(first),
        }, {},
    )  # fmt: skip


@blueprint.post("/exceptions")
def ask() -> Response | tuple[str, int]:
    """Afterwards the exception waits for the CISO."""
    typed = request.form
    try:
        with current.act("registered_exception.ask", ("person", current.signed_in().person_id)) as session:
            asked = register.ask(
                session, _wanted(session, typed), actor=current.actor(), policy=current.policy(), now=current.now()
            )
            made = asked.id
    except InvalidInput as mistake:
        return _form(typed, _at_fields(mistake)), 422
    flash(_("例外措置を申請し、CISOに知らせました。許可されるまで、効力はありません。"), "success")
    return redirect(url_for("exceptions.show", exception_id=made))


@blueprint.get("/exceptions/<int:exception_id>")
def show(exception_id: int) -> str:
    """One exception with what can be done about it."""
    return _sheet(exception_id, {}, {})


@blueprint.post("/exceptions/<int:exception_id>/report")
def report(exception_id: int) -> Response | tuple[str, int]:
    """Afterwards the CISO has the report of the emergency."""
    return _act(exception_id, "report", register.report, _("CISOに報告しました。"), text=_typed("report"))


@blueprint.post("/exceptions/<int:exception_id>/answer")
def answer(exception_id: int) -> Response | tuple[str, int]:
    """Afterwards the CISO has permitted or refused it."""
    said = request.form.get("answer", "")
    if said not in ("permit", "refuse"):
        return _sheet(exception_id, request.form, {"answer": _("許可・不許可のどちらかを選んでください。")}), 422
    done = _("例外措置を許可しました。") if said == "permit" else _("例外措置を許可しないこととしました。")
    return _act(exception_id, "answer", register.answer, done, permit=said == "permit", note=_typed("answer_note"))


@blueprint.post("/exceptions/<int:exception_id>/end")
def end(exception_id: int) -> Response | tuple[str, int]:
    """Afterwards it covers nothing any more."""
    return _act(exception_id, "end", register.end, _("例外措置を終えました。"), note=_typed("end_note"))


@blueprint.post("/exceptions/<int:exception_id>/check")
def check(exception_id: int) -> Response | tuple[str, int]:
    """Afterwards somebody has put their name to having looked."""
    needed = request.form.get("needed", "")
    if needed not in ("yes", "no"):
        return _sheet(exception_id, request.form, {"needed": _("まだ必要かどうかを選んでください。")}), 422
    return _act(
        exception_id, "check", register.check, _("定期確認を記録しました。"), still_needed=needed == "yes",
        comment=_typed("comment"),
    )  # fmt: skip


def _act(
    exception_id: int, act: str, operation: Callable[..., object], done: str, **more: object
) -> Response | tuple[str, int]:
    try:
        with current.act(f"registered_exception.{act}", ("exception", exception_id)) as session:
            operation(session, exception_id, actor=current.actor(), policy=current.policy(), now=current.now(), **more)
    except InvalidInput as mistake:
        return _sheet(exception_id, request.form, _at_fields(mistake)), 422
    flash(done, "success")
    return redirect(url_for("exceptions.show", exception_id=exception_id))


def _sheet(exception_id: int, typed: Typed, mistakes: Mapping[str, str]) -> str:
    with current.look() as session:
        row = exception_row(
            session, exception_id, reader=current.reader(), policy=current.policy(), now=current.now()
        )  # fmt: skip
        checks = checks_of(session, exception_id)
        exception, bench = session.get_one(RegisteredException, exception_id), Bench.on(session, current.today())
        may_answer = current.signed_in().person_id in answering(session, exception, bench)
    roles, me = current.roles(), current.signed_in().person_id
    return render_template(
        "exceptions/show.html", row=row, checks=checks, typed=typed, mistakes=mistakes, today=current.today(),
        now=current.now(), own=row.asked_by_id == me, may_ask=may(roles, Action.ASK_EXCEPTION),
        may_answer=may_answer, may_check=may(roles, Action.CHECK_EXCEPTIONS),
        may_end=may(roles, Action.END_EXCEPTION) and row.state in OPEN | {ExceptionState.EXPIRED},
    )  # fmt: skip


def _form(typed: Typed, mistakes: Mapping[str, str]) -> str:
    kinds = [(kind.value, title) for kind, title in FINDING_TITLES.items() if kind not in NEVER_ANSWERED]
    with current.look() as session:
        before = _before(session, typed)
        systems = systems_to_name(session)
        # A unit to come would tell of an appointment that is not published.
        units = [(unit.code, unit.name) for unit in units_on(session, current.today())]
    return render_template(
        "exceptions/new.html", typed=typed, mistakes=mistakes, before=before, systems=systems, units=units, kinds=kinds,
        scopes=list(EXCEPTION_SCOPE_TITLES.items()), longest=current.policy().exceptions.longest_days,
        hours=current.policy().exceptions.emergency_report_hours,
    )  # fmt: skip


def _before(session: Session, typed: Typed) -> ExceptionRow | None:
    """The one that is gone on with."""
    renews = _number(typed, "renews")
    if renews is None:
        return None
    return exception_row(session, renews, reader=current.reader(), policy=current.policy(), now=current.now())


def _wanted(session: Session, typed: Typed) -> WantedException:
    """What was typed. Raises InvalidInput, NotFound for another one that nobody has."""
    emergency = typed.get("emergency") == "yes"
    acted_at = _moment(typed) if emergency else None
    first = day_of(acted_at) if acted_at is not None else _day(typed, "first_day")
    until = last_day_to_end(_day(typed, "last_day"))
    before = _before(session, typed)
    target = _target(session, typed) if before is None else target_of(session, before.id)
    return WantedException(
        clause=typed.get("clause", ""), what=typed.get("what", ""), reason=typed.get("reason", ""),
        compensating_control=typed.get("compensating_control", ""), valid_from=first, valid_until=until or first,
        renews_id=before.id if before is not None else None, acted_at=acted_at,
        report=typed.get("report", "") if emergency else "", **target,
    )  # fmt: skip


def _target(session: Session, typed: Typed) -> Target:
    """What it is about, as the operation takes it. Raises InvalidInput."""
    chosen, kind = typed.get("scope", ""), typed.get("finding_kind", "")
    if chosen not in set(ExceptionScope):
        raise _mistake("scope", _("対象の範囲を選んでください。"))
    if kind and kind not in set(FindingKind):
        raise _mistake("finding_kind", _("選び直してください。"))
    scope, system_id = ExceptionScope(chosen), _number(typed, "system")
    found = Target(
        finding_kind=FindingKind(kind) if kind else None, scope=scope, system_id=None, account_id=None, person_id=None,
        unit_code=None,
    )  # fmt: skip
    if scope is ExceptionScope.ACCOUNT:
        found["account_id"] = _account(session, system_id, typed)
    elif scope is not ExceptionScope.ORGANISATION:
        found["system_id"] = system_id
    if scope is ExceptionScope.PERSON:
        found["person_id"] = person_with_number(session, typed.get("staff_number", ""), reader=current.reader())
    if scope is ExceptionScope.UNIT:
        found["unit_code"] = typed.get("unit", "") or None
    return found


def _account(session: Session, system_id: int | None, typed: Typed) -> int:
    account_id = account_named(session, system_id, typed.get("login_name", "")) if system_id is not None else None
    if account_id is None:
        raise _mistake("login_name", _("その情報システムに、この名前の利用者IDはありません。"))
    return account_id


def _moment(typed: Typed) -> datetime:
    """When an emergency was acted upon. Raises InvalidInput."""
    day = _day(typed, "acted_day")
    try:
        clock = datetime.strptime(typed.get("acted_time", "").strip(), "%H:%M").time()  # noqa: DTZ007 - a time of day
    except ValueError:
        raise _mistake("acted_time", _("14:30のように、時刻を入れてください。")) from None
    return datetime.combine(day, clock, TOKYO).astimezone(UTC)


def _day(typed: Typed, field: str) -> date:
    try:
        return parse_date(typed.get(field, "").strip()).day
    except ValueError as mistake:
        raise _mistake(field, str(mistake)) from None


def _number(typed: Typed, field: str) -> int | None:
    try:
        return row_id(typed.get(field, ""))
    except ValueError:
        return None


def _typed(field: str) -> str:
    return request.form.get(field, "")


def _mistake(field: str, problem: str) -> InvalidInput:
    return InvalidInput(problem, fields={field: problem})


_FIELDS = {"account": "login_name", "person": "staff_number", "acted_at": "acted_time"}
"""Field of a refusal → what it is called in the form."""


def _at_fields(mistake: InvalidInput) -> dict[str, str]:
    return {_FIELDS.get(name, name): told for name, told in mistake.fields.items()} or {"what": mistake.message}


def _line(row: ExceptionRow) -> list[str]:
    kind = FINDING_TITLES[row.finding_kind] if row.finding_kind is not None else ""
    last = end_to_last_day(row.valid_until)
    return [
        str(row.id), EXCEPTION_STATE_TITLES[row.state], row.clause, row.about, row.what, row.reason,
        row.compensating_control, kind, row.valid_from.isoformat(), last.isoformat() if last else "", row.asked_by,
        _told(row.asked_at), row.answered_by or "", _told(row.answered_at), row.answer_note or "", _told(row.acted_at),
        _told(row.reported_at), f"{_told(row.last_check.at)} {row.last_check.by}" if row.last_check else "",
    ]  # fmt: skip


def _told(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(TOKYO).strftime("%Y-%m-%d %H:%M")
