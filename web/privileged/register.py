"""The register of privileged IDs: who holds which and why, how many may, and IDs that are nobody's (D1, D10)."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.calendar_days import end_to_last_day, last_day_to_end
from idm.errors import InvalidInput
from idm.models.privileged import RegisteredId
from idm.operations.privileged import registered_ids
from idm.operations.privileged.registered_ids import KINDS, WantedId
from idm.permissions import Action, may
from idm.queries.information_systems.found_accounts import found_row
from idm.queries.information_systems.systems import system_row
from idm.queries.organisation.people import person_with_number
from idm.queries.organisation.reach import systems_reached
from idm.queries.privileged.register import (
    OwnId,
    Registered,
    SystemRegister,
    register,
    registered_row,
    trend,
)
from idm.queries.privileged.registered_people import registered_people
from idm.queries.privileged.without_post import without_post
from idm.vocabulary import ACCOUNT_KIND_TITLES, AccountKind
from idm.wareki import format_wareki, parse_date
from web import current
from web.csv_files import csv_answer
from web.sweep.trend_drawing import drawn

blueprint = Blueprint("privileged_register", __name__)

Typed = Mapping[str, str]


@blueprint.get("/privileged")
def index() -> str:
    """Every system with how many hold what, what waits to be accepted, what is proposed for removal, and the rights
    that no loss of a post would end."""
    systems = _register()
    waiting = [row for system in systems for row in system.waiting]
    with current.look() as session:
        resting_on_nothing = without_post(session, day=current.today(), reader=current.reader())
    return render_template(
        "privileged/index.html", systems=systems, waiting=waiting, without_post=resting_on_nothing,
        may_see_people=may(current.roles(), Action.SEE_PEOPLE),
    )  # fmt: skip


@blueprint.get("/privileged/systems/<int:system_id>")
def system(system_id: int) -> str:
    """One system: the holders, the IDs that are nobody's, and the trend."""
    (found,) = _register(system_id)
    with current.look() as session:
        points = trend(session, system_id, day=current.today())
    return render_template(
        "privileged/system.html", system=found, days=current.policy().privileged.unused_days,
        trend=[(kind, of_kind, drawn(of_kind)) for kind, of_kind in points.items()],
        may_apply=may(current.roles(), Action.SEE_ALL_REQUESTS), may_see_people=may(current.roles(), Action.SEE_PEOPLE),
    )  # fmt: skip


@blueprint.get("/privileged/print")
def printed() -> str:
    """The whole register on paper."""
    return render_template(
        "privileged/print.html", systems=_register(), now=current.now(), days=current.policy().privileged.unused_days
    )


@blueprint.get("/privileged.csv")
def table() -> Response:
    """The whole register as a list to keep."""
    headings = (
        _("情報システム"), _("区分"), _("ID"), _("保有者・管理責任者"), _("職員番号"), _("所属"), _("権限・用途"),
        _("理由・利用者"), _("申請・承認"), _("開始日"), _("最終日"), _("最後の利用"), _("パスワード"), _("見直し"),
    )  # fmt: skip
    return csv_answer("privileged-ids.csv", headings, (line for system in _register() for line in _lines(system)))


@blueprint.get("/privileged/systems/<int:system_id>/found/<int:found_id>")
def new(system_id: int, found_id: int) -> str:
    """The form that proposes a found account for the register."""
    return _form(system_id, found_id, {}, {})


@blueprint.post("/privileged/systems/<int:system_id>/found/<int:found_id>")
def propose(system_id: int, found_id: int) -> Response | tuple[str, int]:
    """Afterwards the account waits for another person to accept it."""
    typed = request.form
    try:
        with current.act("registered_id.propose", ("found_account", found_id)) as session:
            row = found_row(session, system_id, found_id, current.today())
            proposed = registered_ids.propose(
                session, row.id, _wanted(session, typed), actor=current.actor(), policy=current.policy(),
                now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return _form(system_id, found_id, typed, _at_fields(mistake)), 422
    flash(_("登録を申し出ました。申し出た人と管理責任者のほかの人が承認すると、登録されます。"), "success")
    return redirect(url_for("privileged_register.registered", registered_id=proposed.id))


@blueprint.get("/privileged/registered/<int:registered_id>")
def registered(registered_id: int) -> str:
    """One ID that is nobody's own, with what can be done about it."""
    return sheet(registered_id, {}, {})


@blueprint.post("/privileged/registered/<int:registered_id>/accept")
def accept(registered_id: int) -> Response | tuple[str, int]:
    """Afterwards the ID stands in the register."""
    return _decide(registered_id, "accept", registered_ids.accept, _("登録を承認しました。"))


@blueprint.post("/privileged/registered/<int:registered_id>/refuse")
def refuse(registered_id: int) -> Response | tuple[str, int]:
    """Afterwards the proposal is history."""
    reason = request.form.get("reason", "")
    return _decide(registered_id, "refuse", registered_ids.refuse, _("登録の申出を却下しました。"), reason=reason)


@blueprint.post("/privileged/registered/<int:registered_id>/renew")
def renew(registered_id: int) -> Response | tuple[str, int]:
    """Afterwards the ID stands there until another day."""
    try:
        until = _last_day(request.form)
    except InvalidInput as mistake:
        return sheet(registered_id, request.form, _at_fields(mistake)), 422
    return _decide(registered_id, "renew", registered_ids.renew, _("期間を改めました。"), valid_until=until)


@blueprint.post("/privileged/registered/<int:registered_id>/end")
def end(registered_id: int) -> Response | tuple[str, int]:
    """Afterwards nobody uses the ID by the register any more."""
    reason = request.form.get("reason", "")
    return _decide(registered_id, "end", registered_ids.end, _("登録を終えました。"), reason=reason)


def _decide(
    registered_id: int, act: str, operation: Callable[..., RegisteredId], done: str, **more: object
) -> Response | tuple[str, int]:
    try:
        with current.act(f"registered_id.{act}", ("registered_id", registered_id)) as session:
            operation(session, registered_id, actor=current.actor(), policy=current.policy(), now=current.now(), **more)
    except InvalidInput as mistake:
        return sheet(registered_id, request.form, _at_fields(mistake)), 422
    flash(done, "success")
    return redirect(url_for("privileged_register.registered", registered_id=registered_id))


def _register(system_id: int | None = None) -> list[SystemRegister]:
    with current.look() as session:
        return register(
            session, policy=current.policy(), now=current.now(), reader=current.reader(), system_id=system_id
        )


def sheet(registered_id: int, typed: Typed, mistakes: Mapping[str, str]) -> str:
    """The page of one ID that is nobody's own, with what was typed there."""
    with current.look() as session:
        row = registered_row(
            session, registered_id, policy=current.policy(), now=current.now(), reader=current.reader()
        )
        people = registered_people(session, registered_id, reader=current.reader(), now=current.now())
        me = current.signed_in().person_id
        reached = systems_reached(session, me, Action.PROPOSE_REGISTERED_ID, current.today())
    accepts = may(current.roles(), Action.ACCEPT_REGISTERED_ID)
    own = me in (row.proposed_by.person_id, row.owner.person_id)
    change = people.waiting_owner
    own_change = change is not None and me in (change.proposed_by.person_id, change.person.person_id)
    return render_template(
        "privileged/registered.html", row=row, people=people, typed=typed, mistakes=mistakes,
        may_decide=accepts and not own, accepts_but_own=accepts and own, may_end=row.system_id in reached,
        may_decide_owner=accepts and change is not None and not own_change,
        may_see_requests=may(current.roles(), Action.SEE_ALL_REQUESTS),
    )  # fmt: skip


def _form(system_id: int, found_id: int, typed: Typed, mistakes: Mapping[str, str]) -> str:
    with current.look() as session:
        system = system_row(session, system_id, current.today())
        row = found_row(session, system_id, found_id, current.today())
    kinds = [(kind.value, ACCOUNT_KIND_TITLES[kind]) for kind in KINDS]
    return render_template("privileged/new.html", system=system, row=row, typed=typed, mistakes=mistakes, kinds=kinds)


def _wanted(session: Session, typed: Typed) -> WantedId:
    """What was typed. Raises InvalidInput."""
    kind = typed.get("kind", "")
    if kind not in {one.value for one in KINDS}:
        problem = _("どれかを選んでください。")
        raise InvalidInput(problem, fields={"kind": problem})
    kept = typed.get("kept", "")
    if kept not in ("yes", "no"):
        problem = _("パスワードを預かるかどうかを選んでください。")
        raise InvalidInput(problem, fields={"kept": problem})
    owner = person_with_number(session, typed.get("staff_number", ""), reader=current.reader())
    return WantedId(AccountKind(kind), typed.get("purpose", ""), owner, kept == "yes", _last_day(typed))


def _last_day(typed: Typed) -> date | None:
    """The first day after the last day that was typed; None for none. Raises InvalidInput."""
    text = typed.get("last_day", "").strip()
    if not text:
        return None
    try:
        return last_day_to_end(parse_date(text).day)
    except ValueError as mistake:
        raise InvalidInput(str(mistake), fields={"last_day": str(mistake)}) from None


_FIELDS = {"valid_until": "last_day", "owner": "staff_number"}
"""Field of a refusal → what it is called in the form."""


def _at_fields(mistake: InvalidInput) -> dict[str, str]:
    return {_FIELDS.get(name, name): told for name, told in mistake.fields.items()} or {"purpose": mistake.message}


def _lines(system: SystemRegister) -> Iterator[list[str]]:
    for own in system.own:
        yield from _own_lines(system, own)
    for one in (*system.registered, *system.waiting):
        yield _registered_line(one)


def _own_lines(system: SystemRegister, own: OwnId) -> Iterator[list[str]]:
    for right in own.rights:
        yield [
            system.name, ACCOUNT_KIND_TITLES[AccountKind.PRIVILEGED], own.login_name, own.person.name,
            own.person.staff_number or "", own.person.unit or "", right.name, right.reason, right.request_number,
            right.valid_from.isoformat(), _iso(end_to_last_day(right.valid_until)), _at(own), _("預かり"), _review(own),
        ]  # fmt: skip


def _registered_line(one: Registered) -> list[str]:
    accepted = one.accepted_by.name if one.accepted_by is not None else _("承認待ち")
    return [
        one.system_name, ACCOUNT_KIND_TITLES[one.kind], one.login_name, one.owner.name, one.owner.staff_number or "",
        one.owner.unit or "", one.purpose, "、".join(user.name for user in one.users), accepted,
        one.accepted_at.date().isoformat() if one.accepted_at else "",
        _iso(end_to_last_day(one.valid_until)), _at(one), _("預かり") if one.kept else _("手作業"), _review(one),
    ]  # fmt: skip


def _iso(day: date | None) -> str:
    return day.isoformat() if day is not None else ""


def _at(one: OwnId | Registered) -> str:
    return one.last_used_at.isoformat() if one.last_used_at is not None else ""


def _review(one: OwnId | Registered) -> str:
    title: str = _("未使用：取消しを検討") if one.unused else ""
    return title


@blueprint.app_template_filter("removal_of")
def removal_of(own: OwnId) -> str:
    """The address of an application, filled in as far as it can be, that takes the privileged ID away."""
    account = next((right.entitlement_id for right in own.rights if right.kind.value == "account"), None)
    take = [account] if account is not None else [right.entitlement_id for right in own.rights]
    return url_for(
        "application_wizard.start", subject=own.person.person_id, what=f"change:{own.system_id}", take=take,
        first_day=format_wareki(current.today()), reason=_("使われていないため（特権IDの見直し）"),
    )  # fmt: skip
