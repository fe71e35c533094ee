"""The register of external services (外部サービス台帳): asked for, decided, kept, ended (FK 11-2; I2 and I3)."""

from collections.abc import Callable, Mapping
from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.calendar_days import day_of, end_to_last_day, last_day_to_end
from idm.errors import InvalidInput, NotFound
from idm.operations.external_services import applications, provider_accounts, service_checks, service_ends
from idm.operations.external_services.applications import TEXTS, WantedService
from idm.permissions import Action, may
from idm.queries.external_services.remains import service_of_account
from idm.queries.external_services.service_sheets import (
    ServiceRow,
    ServiceSheet,
    service_page,
    service_rows,
    service_sheet,
    systems_of_services,
)
from idm.queries.organisation.officers import humans
from idm.queries.organisation.people import person_with_number
from idm.vocabulary import (
    EXTERNAL_SERVICE_STATE_TITLES,
    ExternalServiceState,
    ProviderAccountEnd,
)
from idm.wareki import format_wareki, parse_date
from web import current
from web.csv_files import csv_answer
from web.row_ids import row_id

blueprint = Blueprint("external_services", __name__)

Typed = Mapping[str, str]


@blueprint.get("/external-services")
def index() -> str:
    """The register: what waits and what is in use first."""
    wanted = request.args.get("state", "")
    state = ExternalServiceState(wanted) if wanted in set(ExternalServiceState) else None
    with current.look() as session:
        page = service_page(
            session, current.policy().external_services, state=state, asked=request.args.get("page", 1, type=row_id)
        )
    return render_template(
        "external_services/index.html", page=page, today=current.today(), state=state,
        states=list(EXTERNAL_SERVICE_STATE_TITLES.items()), may_ask=_may_ask(),
    )  # fmt: skip


@blueprint.get("/external-services/print")
def printed() -> str:
    """The whole register on paper."""
    with current.look() as session:
        rows = service_rows(session, current.policy().external_services)
    return render_template("external_services/print.html", rows=rows, now=current.now(), today=current.today())


@blueprint.get("/external-services.csv")
def table() -> Response:
    """The whole register as a list to keep."""
    headings = (
        _("番号"), _("状態"), _("名称"), _("提供者"), _("利用の目的"), _("利用する人"), _("取り扱う情報"),
        _("機密性2以上"), _("データの場所・準拠法"), _("契約の最終日"), _("情報システム"), _("申請した人"), _("申請日"),
        _("決定した人"), _("決定日"), _("理由・条件"), _("外部サービス管理者"), _("次の定期確認"), _("終了する日"),
        _("閉じた日"),
    )  # fmt: skip
    with current.look() as session:
        rows = service_rows(session, current.policy().external_services)
    return csv_answer("external-services.csv", headings, (_line(row) for row in rows))


@blueprint.get("/external-services/new")
def new() -> str:
    """The form: of a new service, or of a change of one in use (`replaces`)."""
    before = request.args.get("replaces", type=row_id)
    if before is None:
        return _form({}, {})
    with current.look() as session:
        row = _seen(session, before).row
    last = end_to_last_day(row.contract_until) if row.contract_until is not None else None
    typed = {name: getattr(row, name) for name in TEXTS} | {
        "replaces": str(row.id), "confidential": "yes" if row.confidential else "no",
        "system": str(row.system_id or ""), "contract_last_day": format_wareki(last) if last is not None else "",
    }  # fmt: skip
    return _form(typed | {f"check_{code}": said for code, _question, said in row.answers}, {})


@blueprint.post("/external-services")
def ask() -> Response | tuple[str, int]:
    """Afterwards the application waits for whoever decides."""
    try:
        with current.act("external_service.ask", ("person", current.signed_in().person_id)) as session:
            made = applications.ask(
                session, _wanted(request.form), actor=current.actor(), policy=current.policy(), now=current.now()
            ).id
    except InvalidInput as mistake:
        return _form(request.form, _at_fields(mistake)), 422
    flash(_("外部サービスの利用を申請しました。承認されるまで、利用できません。"), "success")
    return redirect(url_for("external_services.show", service_id=made))


@blueprint.get("/external-services/<int:service_id>")
def show(service_id: int) -> str:
    """One service with what can be done about it."""
    return _sheet(service_id, {}, {})


@blueprint.post("/external-services/<int:service_id>/answer")
def answer(service_id: int) -> Response | tuple[str, int]:
    """Afterwards the service may be used, or it may not."""
    said = request.form.get("answer", "")
    if said not in ("permit", "refuse"):
        return _sheet(service_id, request.form, {"answer": _("承認・不承認のどちらかを選んでください。")}), 422
    done = _("外部サービスの利用を承認しました。") if said == "permit" else _("外部サービスの利用を不承認としました。")

    def act(session: Session) -> None:
        applications.answer(
            session, service_id, permit=said == "permit", note=_typed("answer_note"),
            administrator_id=_administrator(session) if said == "permit" else None, actor=current.actor(),
            policy=current.policy(), now=current.now(),
        )  # fmt: skip

    return _act(service_id, "answer", act, done)


@blueprint.post("/external-services/<int:service_id>/withdraw")
def withdraw(service_id: int) -> Response | tuple[str, int]:
    """Afterwards the application is taken back."""
    return _act(service_id, "withdraw", lambda session: applications.withdraw(
        session, service_id, actor=current.actor(), policy=current.policy(), now=current.now(),
    ), _("申請を取り下げました。"))  # fmt: skip


@blueprint.post("/external-services/<int:service_id>/administrator")
def name_administrator(service_id: int) -> Response | tuple[str, int]:
    """Afterwards somebody else is the service's administrator."""

    def act(session: Session) -> None:
        person_id = _administrator(session)
        if person_id is None:
            raise _mistake("administrator", _("職員番号を入れてください。"))
        applications.name_administrator(
            session, service_id, person_id, actor=current.actor(), policy=current.policy(), now=current.now()
        )

    return _act(service_id, "name_administrator", act, _("外部サービス管理者を替えました。"))


@blueprint.post("/external-services/<int:service_id>/check")
def check(service_id: int) -> Response | tuple[str, int]:
    """Afterwards somebody has put their name to having looked."""
    needed = request.form.get("needed", "")
    if needed not in ("yes", "no"):
        return _sheet(service_id, request.form, {"needed": _("まだ必要かどうかを選んでください。")}), 422
    return _act(service_id, "check", lambda session: service_checks.check(
        session, service_id, still_needed=needed == "yes", comment=_typed("comment"), actor=current.actor(),
        policy=current.policy(), now=current.now(),
    ), _("定期確認を記録しました。"))  # fmt: skip


@blueprint.post("/external-services/<int:service_id>/end")
def plan_end(service_id: int) -> Response | tuple[str, int]:
    """Afterwards everybody who works with it knows its end."""

    def act(session: Session) -> None:
        service_ends.plan(
            session, service_id, end_on=_day("end_on"), reason=_typed("end_reason"), actor=current.actor(),
            policy=current.policy(), now=current.now(),
        )  # fmt: skip

    return _act(service_id, "plan_end", act, _("利用の終了を予定し、利用者に知らせました。"))


@blueprint.post("/external-services/<int:service_id>/end/call-off")
def call_off_end(service_id: int) -> Response | tuple[str, int]:
    """Afterwards it goes on."""
    return _act(service_id, "call_off_end", lambda session: service_ends.call_off(
        session, service_id, actor=current.actor(), policy=current.policy(), now=current.now(),
    ), _("利用の終了を取りやめ、利用者に知らせました。"))  # fmt: skip


@blueprint.post("/external-services/<int:service_id>/close")
def close(service_id: int) -> Response | tuple[str, int]:
    """Afterwards the entry is history."""
    return _act(service_id, "close", lambda session: service_ends.close(
        session, service_id, actor=current.actor(), policy=current.policy(), now=current.now(),
    ), _("外部サービスの台帳を閉じました。"))  # fmt: skip


@blueprint.post("/external-services/<int:service_id>/accounts")
def name_account(service_id: int) -> Response | tuple[str, int]:
    """Afterwards it is on record that the account is there."""
    return _act(service_id, "name_account", lambda session: provider_accounts.name_account(
        session, service_id, name=_typed("account"), administers=request.form.get("administers") == "yes",
        actor=current.actor(), policy=current.policy(), now=current.now(),
    ), _("アカウントを記録しました。"))  # fmt: skip


@blueprint.post("/provider-accounts/<int:provider_account_id>/done")
def account_done(provider_account_id: int) -> Response | tuple[str, int]:
    """Afterwards somebody has deleted the account or given it back."""
    how = request.form.get("how", "")
    chosen = ProviderAccountEnd(how) if how in set(ProviderAccountEnd) else None
    return _act(_service_of(provider_account_id), "account_done", lambda session: provider_accounts.done(
        session, provider_account_id, how=chosen, note=_typed("note"), actor=current.actor(), policy=current.policy(),
        now=current.now(),
    ), _("アカウントの廃棄を記録しました。別の人の確認を待っています。"))  # fmt: skip


@blueprint.post("/provider-accounts/<int:provider_account_id>/confirm")
def account_confirmed(provider_account_id: int) -> Response | tuple[str, int]:
    """Afterwards another person has confirmed that the account has gone."""
    return _act(_service_of(provider_account_id), "account_confirm", lambda session: provider_accounts.confirm(
        session, provider_account_id, actor=current.actor(), policy=current.policy(), now=current.now(),
    ), _("アカウントの廃棄を確認しました。"))  # fmt: skip


def _act(
    service_id: int, act: str, operation: Callable[[Session], object], done: str
) -> Response | tuple[str, int]:  # fmt: skip
    try:
        with current.act(f"external_service.{act}", ("external_service", service_id)) as session:
            operation(session)
    except InvalidInput as mistake:
        return _sheet(service_id, request.form, _at_fields(mistake)), 422
    flash(done, "success")
    return redirect(url_for("external_services.show", service_id=service_id))


def _sheet(service_id: int, typed: Typed, mistakes: Mapping[str, str]) -> str:
    rules, roles, me = current.policy().external_services, current.roles(), current.signed_in().person_id
    with current.look() as session:
        sheet = _seen(session, service_id)
        administers = sheet.row.administrator_id in _own_rows(session)
    return render_template(
        "external_services/show.html", sheet=sheet, row=sheet.row, typed=typed, mistakes=mistakes,
        today=current.today(), me=me, own=sheet.row.asked_by_id == me, may_ask=_may_ask(), rules=rules,
        may_see=may(roles, Action.SEE_EXTERNAL_SERVICES),
        may_answer=bool(roles & frozenset(rules.decided_by)) and sheet.row.asked_by_id != me,
        may_keep=administers or may(roles, Action.KEEP_EXTERNAL_SERVICES),
    )  # fmt: skip


def _seen(session: Session, service_id: int) -> ServiceSheet:
    """The service, where whoever asks may see it. Raises NotFound."""
    sheet = service_sheet(session, service_id, current.policy().external_services, now=current.now())
    if may(current.roles(), Action.SEE_EXTERNAL_SERVICES) or sheet.row.administrator_id in _own_rows(session):
        return sheet
    raise NotFound(_("外部サービスが見つかりません。"))


def _own_rows(session: Session) -> frozenset[int]:
    me = current.signed_in().person_id
    return humans(session, [me])[me].rows


def _may_ask() -> bool:
    return bool(current.roles() & frozenset(current.policy().external_services.asked_by))


def _form(typed: Typed, mistakes: Mapping[str, str]) -> str:
    with current.look() as session:
        systems = systems_of_services(session)
    return render_template(
        "external_services/new.html", typed=typed, mistakes=mistakes, systems=systems,
        questions=current.policy().external_services.questions,
    )  # fmt: skip


def _wanted(typed: Typed) -> WantedService:
    """What was typed. Raises InvalidInput."""
    if typed.get("confidential") not in ("yes", "no"):
        raise _mistake("confidential", _("選んでください。"))
    until = _day_in(typed, "contract_last_day") if typed.get("contract_last_day", "").strip() else None
    questions = current.policy().external_services.questions
    return WantedService(
        **{name: typed.get(name, "") for name in TEXTS}, confidential=typed["confidential"] == "yes",
        answers={code: typed.get(f"check_{code}", "") for code in questions},
        contract_until=last_day_to_end(until) if until is not None else None, system_id=_number(typed, "system"),
        replaces_id=_number(typed, "replaces"),
    )  # fmt: skip


def _administrator(session: Session) -> int | None:
    """Whom the staff number names. Raises InvalidInput."""
    number = _typed("administrator").strip()
    if not number:
        return None
    try:
        return person_with_number(session, number, reader=current.reader())
    except InvalidInput as mistake:
        raise _mistake("administrator", mistake.message) from None


def _service_of(provider_account_id: int) -> int:
    """The service that the account belongs to. Raises NotFound."""
    with current.look() as session:
        return service_of_account(session, provider_account_id)


def _day(field: str) -> date:
    return _day_in(request.form, field)


def _day_in(typed: Typed, field: str) -> date:
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


def _at_fields(mistake: InvalidInput) -> dict[str, str]:
    known = {"contract_until": "contract_last_day"}
    return {known.get(name, name): told for name, told in mistake.fields.items()} or {"name": mistake.message}


def _line(row: ServiceRow) -> list[str]:
    last = end_to_last_day(row.contract_until) if row.contract_until is not None else None
    return [
        str(row.id), EXTERNAL_SERVICE_STATE_TITLES[row.state], row.name, row.provider, row.purpose, row.users,
        row.information, _("はい") if row.confidential else _("いいえ"), row.place, _iso(last), row.system or "",
        row.asked_by, day_of(row.asked_at).isoformat(), row.answered_by or "",
        day_of(row.answered_at).isoformat() if row.answered_at is not None else "", row.answer_note or "",
        row.administrator or "", _iso(row.check_due), _iso(row.end_on),
        day_of(row.closed_at).isoformat() if row.closed_at is not None else "",
    ]  # fmt: skip


def _iso(day: date | None) -> str:
    return day.isoformat() if day is not None else ""
