"""The register of official social-media accounts, and one of them with what can be done (FK 6-1(22); control I6)."""

from collections.abc import Callable, Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.calendar_days import day_of
from idm.errors import InvalidInput, NotFound
from idm.models.official_accounts import OfficialAccount
from idm.operations.official_accounts import applications, endings, keeping, take_overs
from idm.operations.official_accounts.applications import TEXTS, WantedOfficialAccount
from idm.operations.official_accounts.authority import may_keep, posts
from idm.permissions import Action, may
from idm.queries.official_accounts.account_sheets import (
    OfficialAccountRow,
    OfficialAccountSheet,
    account_of_poster,
    account_page,
    account_rows,
    account_sheet,
)
from idm.queries.organisation.officers import humans
from idm.queries.organisation.people import person_with_number, units_on
from idm.queries.organisation.reach import units_reached
from idm.vocabulary import OFFICIAL_ACCOUNT_STATE_TITLES, OfficialAccountState
from web import current
from web.csv_files import csv_answer
from web.row_ids import row_id

blueprint = Blueprint("official_accounts", __name__)

Typed = Mapping[str, str]


# --- the register ----------------------------------------------------------------------------------------------------


@blueprint.get("/official-accounts")
def index() -> str:
    """The register: what waits and what is in use first."""
    said = request.args.get("state", "")
    state = OfficialAccountState(said) if said in set(OfficialAccountState) else None
    with current.look() as session:
        page = account_page(
            session, current.policy().official_accounts, state=state, asked=request.args.get("page", 1, type=row_id),
            day=current.today(),
        )  # fmt: skip
    return render_template(
        "official_accounts/index.html", page=page, today=current.today(), state=state,
        states=list(OFFICIAL_ACCOUNT_STATE_TITLES.items()), may_ask=_may_ask(),
    )  # fmt: skip


@blueprint.get("/official-accounts/print")
def printed() -> str:
    """The whole register on paper."""
    with current.look() as session:
        rows = account_rows(session, current.policy().official_accounts, day=current.today())
    return render_template("official_accounts/print.html", rows=rows, now=current.now(), today=current.today())


@blueprint.get("/official-accounts.csv")
def table() -> Response:
    """The whole register as a list to keep."""
    headings = (
        _("番号"), _("状態"), _("サービス"), _("アカウント"), _("アドレス"), _("所属"), _("利用の目的"), _("責任者"),
        _("投稿する人"), _("公式であることの表示"), _("自己管理のウェブサイトへの掲載"), _("パスワードの保管"),
        _("二要素認証"), _("回復の手段の保管"), _("申請した人"), _("申請日"), _("決定した人"), _("次の定期確認"),
        _("終了の方法"), _("確認した人"),
    )  # fmt: skip
    with current.look() as session:
        rows = account_rows(session, current.policy().official_accounts, day=current.today())
    return csv_answer("official-accounts.csv", headings, (_line(row) for row in rows))


def _line(row: OfficialAccountRow) -> list[str]:
    return [
        str(row.id), OFFICIAL_ACCOUNT_STATE_TITLES[row.state], row.service, row.handle, row.address, row.unit,
        row.purpose, row.responsible, "、".join(one.name for one in row.posters if row.posting), row.own_page,
        row.same_elsewhere, row.custody, _("あり") if row.two_factors else _("なし"), row.recovery, row.asked_by,
        day_of(row.asked_at).isoformat(), row.answered_by or "",
        row.check_due.isoformat() if row.check_due is not None else "", row.ended_how or "", row.closed_by or "",
    ]  # fmt: skip


# --- applying --------------------------------------------------------------------------------------------------------


@blueprint.get("/official-accounts/new")
def new() -> str:
    """The form."""
    return _form({}, {})


@blueprint.post("/official-accounts")
def ask() -> Response | tuple[str, int]:
    """Afterwards the application waits for whoever decides."""
    try:
        with current.act("official_account.ask", ("person", current.signed_in().person_id)) as session:
            made = applications.ask(
                session, _wanted(session), actor=current.actor(), policy=current.policy(), now=current.now()
            ).id
    except InvalidInput as mistake:
        return _form(request.form, mistake.fields), 422
    flash(_("公式アカウントを申請しました。承認されるまで、利用できません。"), "success")
    return redirect(url_for("official_accounts.show", official_account_id=made))


def _wanted(session: Session) -> WantedOfficialAccount:
    return WantedOfficialAccount(
        **{name: _typed(name) for name in TEXTS}, unit_code=_typed("unit"), two_factors=_typed("two_factors") == "yes",
        only_public=_typed("only_public") == "yes", responsible_id=_person(session, "responsible"),
    )  # fmt: skip


def _form(typed: Typed, mistakes: Mapping[str, str]) -> str:
    me, day = current.signed_in().person_id, current.today()
    with current.look() as session:
        reached = units_reached(session, me, Action.ASK_OFFICIAL_ACCOUNT, day)
        units = [(one.code, one.name) for one in units_on(session, day) if reached is None or one.code in reached]
    return render_template("official_accounts/new.html", typed=typed, mistakes=mistakes, units=units)


# --- one account -----------------------------------------------------------------------------------------------------


@blueprint.get("/official-accounts/<int:official_account_id>")
def show(official_account_id: int) -> str:
    """One account with what can be done about it."""
    return _sheet(official_account_id, {}, {})


@blueprint.post("/official-accounts/<int:official_account_id>/answer")
def answer(official_account_id: int) -> Response | tuple[str, int]:
    """Afterwards the account may be used, or it may not."""
    said = _typed("answer")
    if said not in ("permit", "refuse"):
        return _sheet(official_account_id, request.form, {"answer": _("承認・不承認のどちらかを選んでください。")}), 422
    return _act(official_account_id, "answer", lambda session: applications.answer(
        session, official_account_id, permit=said == "permit", note=_typed("answer_note"), actor=current.actor(),
        policy=current.policy(), now=current.now(),
    ), _("決定を記録しました。"))  # fmt: skip


@blueprint.post("/official-accounts/<int:official_account_id>/withdraw")
def withdraw(official_account_id: int) -> Response | tuple[str, int]:
    """Afterwards the application is taken back."""
    return _act(official_account_id, "withdraw", lambda session: applications.withdraw(
        session, official_account_id, actor=current.actor(), policy=current.policy(), now=current.now(),
    ), _("申請を取り下げました。"))  # fmt: skip


@blueprint.post("/official-accounts/<int:official_account_id>/responsible")
def name_responsible(official_account_id: int) -> Response | tuple[str, int]:
    """Afterwards somebody else answers for it."""
    return _act(official_account_id, "name_responsible", lambda session: keeping.name_responsible(
        session, official_account_id, _person(session, "responsible"), actor=current.actor(), policy=current.policy(),
        now=current.now(),
    ), _("責任者を替えました。パスワードの変更を記録してください。"))  # fmt: skip


@blueprint.post("/official-accounts/<int:official_account_id>/custody")
def change_custody(official_account_id: int) -> Response | tuple[str, int]:
    """Afterwards the register says where what opens it is kept now."""
    return _act(official_account_id, "change_custody", lambda session: keeping.change_custody(
        session, official_account_id, {name: _typed(name) for name in keeping.CUSTODY},
        two_factors=_typed("two_factors") == "yes", actor=current.actor(), policy=current.policy(), now=current.now(),
    ), _("保管と表示の内容を変えました。"))  # fmt: skip


@blueprint.post("/official-accounts/<int:official_account_id>/posters")
def name_poster(official_account_id: int) -> Response | tuple[str, int]:
    """Afterwards somebody posts with it."""
    return _act(official_account_id, "name_poster", lambda session: keeping.name_poster(
        session, official_account_id, _person(session, "poster"), actor=current.actor(), policy=current.policy(),
        now=current.now(),
    ), _("投稿する人を加えました。"))  # fmt: skip


@blueprint.post("/official-account-posters/<int:poster_id>/end")
def end_poster(poster_id: int) -> Response | tuple[str, int]:
    """Afterwards somebody posts no longer."""
    with current.look() as session:
        official_account_id = account_of_poster(session, poster_id)
    return _act(official_account_id, "end_poster", lambda session: keeping.end_poster(
        session, poster_id, actor=current.actor(), policy=current.policy(), now=current.now(),
    ), _("投稿する人から外しました。パスワードを変更し、記録してください。"))  # fmt: skip


@blueprint.post("/official-accounts/<int:official_account_id>/password")
def password_changed(official_account_id: int) -> Response | tuple[str, int]:
    """Afterwards it is on record that the password was changed now."""
    return _act(official_account_id, "password_changed", lambda session: keeping.password_changed(
        session, official_account_id, actor=current.actor(), policy=current.policy(), now=current.now(),
    ), _("パスワードの変更を記録しました。"))  # fmt: skip


@blueprint.post("/official-accounts/<int:official_account_id>/check")
def check(official_account_id: int) -> Response | tuple[str, int]:
    """Afterwards somebody has put their name to having looked."""
    return _act(official_account_id, "check", lambda session: keeping.check(
        session, official_account_id, comment=_typed("comment"), actor=current.actor(), policy=current.policy(),
        now=current.now(),
    ), _("定期確認を記録しました。"))  # fmt: skip


@blueprint.post("/official-accounts/<int:official_account_id>/take-over")
def report(official_account_id: int) -> Response | tuple[str, int]:
    """Afterwards everybody who has to know of the take-over does."""
    return _act(official_account_id, "report_take_over", lambda session: take_overs.report(
        session, official_account_id, what=_typed("what"), actor=current.actor(), policy=current.policy(),
        now=current.now(),
    ), _("乗っ取りを届け出ました。関係する人に知らせました。下の手順に従って対応してください。"))  # fmt: skip


@blueprint.post("/official-accounts/<int:official_account_id>/steps/<code>")
def step_done(official_account_id: int, code: str) -> Response | tuple[str, int]:
    """Afterwards it is on record what was done about one step."""
    return _act(official_account_id, "step_done", lambda session: take_overs.step_done(
        session, official_account_id, code, note=_typed(f"note_{code}"), actor=current.actor(),
        policy=current.policy(), now=current.now(),
    ), _("対応を記録しました。"))  # fmt: skip


@blueprint.post("/official-accounts/<int:official_account_id>/settled")
def settle(official_account_id: int) -> Response | tuple[str, int]:
    """Afterwards somebody says that it is its own again."""
    return _act(official_account_id, "settle", lambda session: take_overs.settle(
        session, official_account_id, note=_typed("settled_note"), actor=current.actor(), policy=current.policy(),
        now=current.now(),
    ), _("対応が終わったことを記録しました。別の人の確認を待っています。"))  # fmt: skip


@blueprint.post("/official-accounts/<int:official_account_id>/recovered")
def confirm_recovery(official_account_id: int) -> Response | tuple[str, int]:
    """Afterwards another person has confirmed it."""
    return _act(official_account_id, "confirm_recovery", lambda session: take_overs.confirm(
        session, official_account_id, actor=current.actor(), policy=current.policy(), now=current.now(),
    ), _("取り戻したことを確認しました。"))  # fmt: skip


@blueprint.post("/official-accounts/<int:official_account_id>/end")
def give_up(official_account_id: int) -> Response | tuple[str, int]:
    """Afterwards it is used no longer."""
    return _act(official_account_id, "give_up", lambda session: endings.give_up(
        session, official_account_id, how=_typed("ended_how"), actor=current.actor(), policy=current.policy(),
        now=current.now(),
    ), _("利用を終えました。別の人の確認を待っています。"))  # fmt: skip


@blueprint.post("/official-accounts/<int:official_account_id>/confirm")
def confirm_end(official_account_id: int) -> Response | tuple[str, int]:
    """Afterwards the entry is closed, or it is in use as before."""
    gone = _typed("gone")
    if gone not in ("yes", "no"):
        return _sheet(official_account_id, request.form, {"gone": _("確認できたかどうかを選んでください。")}), 422
    return _act(official_account_id, "confirm_end", lambda session: endings.confirm(
        session, official_account_id, gone=gone == "yes", note=_typed("closing_note"), actor=current.actor(),
        policy=current.policy(), now=current.now(),
    ), _("終了を確認しました。") if gone == "yes" else _("責任者に差し戻しました。"))  # fmt: skip


def _act(
    official_account_id: int, act: str, operation: Callable[[Session], object], done: str
) -> Response | tuple[str, int]:  # fmt: skip
    with current.look() as session:
        _seen(session, official_account_id)
    try:
        with current.act(f"official_account.{act}", ("official_account", official_account_id)) as session:
            operation(session)
    except InvalidInput as mistake:
        return _sheet(official_account_id, request.form, mistake.fields), 422
    flash(done, "success")
    return redirect(url_for("official_accounts.show", official_account_id=official_account_id))


def _sheet(official_account_id: int, typed: Typed, mistakes: Mapping[str, str]) -> str:
    rules, roles, me = current.policy().official_accounts, current.roles(), current.signed_in().person_id
    with current.look() as session:
        sheet, own = _seen(session, official_account_id), _own_rows(session)
        account = session.get_one(OfficialAccount, official_account_id)
        keeps, posting = may_keep(session, account, me, day=current.today()), posts(session, account, me)
    row, decides = sheet.row, bool(roles & frozenset(rules.decided_by)) and sheet.row.asked_by_id not in own
    return render_template(
        "official_accounts/show.html", sheet=sheet, row=row, typed=typed, mistakes=mistakes, today=current.today(),
        keeps=keeps, posting=posting, own=row.asked_by_id in own, may_see=may(roles, Action.SEE_OFFICIAL_ACCOUNTS),
        decides=decides, may_answer=decides and row.responsible_id not in own,
        ended_it=row.ended_by_id in own,
        settled_it=sheet.open_take_over is not None and sheet.open_take_over.settled_by_id in own,
    )  # fmt: skip


def _seen(session: Session, official_account_id: int) -> OfficialAccountSheet:
    """The account, where whoever asks may see it: offices, who answers for it, who posts. Raises NotFound."""
    sheet = account_sheet(session, official_account_id, current.policy().official_accounts, day=current.today())
    own = _own_rows(session)
    mine = sheet.row.responsible_id in own or any(one.person_id in own for one in sheet.row.posters)
    if mine or may(current.roles(), Action.SEE_OFFICIAL_ACCOUNTS):
        return sheet
    raise NotFound(_("公式アカウントが見つかりません。"))


def _own_rows(session: Session) -> frozenset[int]:
    me = current.signed_in().person_id
    return humans(session, [me])[me].rows


def _may_ask() -> bool:
    return bool(current.roles() & frozenset(current.policy().official_accounts.asked_by))


def _person(session: Session, field: str) -> int | None:
    """Whom the staff number names; None where it names nobody."""
    try:
        return person_with_number(session, _typed(field).strip(), reader=current.reader())
    except InvalidInput:
        return None


def _typed(field: str) -> str:
    return request.form.get(field, "")
