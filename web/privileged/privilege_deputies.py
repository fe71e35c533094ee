"""The register of deputies for privilege (代行者): named, accepted by the CISO, ended (FK 6-2(3)②③; control D2).

Another register than that of who decides in an officer's place (代決, `web.organisation.officers`): the page says so in
words.
"""

from collections.abc import Mapping
from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.calendar_days import last_day_to_end
from idm.errors import InvalidInput
from idm.models.systems import InformationSystem
from idm.operations.privileged import privilege_deputies
from idm.operations.privileged.privilege_deputies import WantedDeputy
from idm.permissions import Action, may
from idm.queries.organisation.people import person_with_number
from idm.queries.organisation.reach import systems_reached
from idm.queries.organisation.tenures import Standing
from idm.queries.privileged.deputy_register import Office, deputyship_rows, offices
from idm.vocabulary import Role
from idm.wareki import parse_date
from web import current

blueprint = Blueprint("privilege_deputies", __name__)
OUR_FIELDS = {"valid_until": "last_day", "deputy": "staff_number", "principal": "office", "role": "office"}
"""The operation's name of a field → the form's: people write a last day, a number and one of the offices listed."""


@blueprint.get("/privilege-deputies")
def index() -> str:
    """Who exercises privilege in whose place, what waits for the CISO, and everybody who ever did."""
    return _page({}, {})


@blueprint.post("/privilege-deputies")
def name() -> Response | tuple[str, int]:
    """Afterwards a deputy for privilege is named, and waits for the CISO."""
    typed = request.form
    try:
        with current.act("privilege_deputy.name", ("person", current.signed_in().person_id)) as session:
            wanted = _wanted(typed, person_with_number(session, typed.get("staff_number", ""), reader=current.reader()))
            named = privilege_deputies.name(
                session, wanted, actor=current.actor(), policy=current.policy(), now=current.now()
            )
            deputy = named.deputy.name
    except InvalidInput as mistake:
        return _page(typed, {OUR_FIELDS.get(field, field): told for field, told in mistake.fields.items()}), 422
    flash(_("%(name)sさんを特権の代行者に指名しました。CISOが承認すると有効になります。", name=deputy), "success")
    return redirect(url_for("privilege_deputies.index"))


@blueprint.post("/privilege-deputies/<int:deputyship_id>/acceptance")
def accept(deputyship_id: int) -> Response:
    """Afterwards the deputy counts for the period, and the officers of the list have been told."""
    with current.act("privilege_deputy.accept", ("privilege_deputy", deputyship_id)) as session:
        accepted = privilege_deputies.accept(
            session, deputyship_id, actor=current.actor(), policy=current.policy(), now=current.now()
        )
        deputy = accepted.deputy.name
    flash(_("%(name)sさんを特権の代行者として承認し、関係する責任者に知らせました。", name=deputy), "success")
    return redirect(url_for("privilege_deputies.index"))


@blueprint.post("/privilege-deputies/<int:deputyship_id>/end")
def end(deputyship_id: int) -> Response:
    """Afterwards the deputyship is over before its time."""
    with current.act("privilege_deputy.end", ("privilege_deputy", deputyship_id)) as session:
        ended = privilege_deputies.end(
            session, deputyship_id, actor=current.actor(), policy=current.policy(), now=current.now()
        )
        deputy = ended.deputy.name
    flash(_("%(name)sさんの代行を終わらせました。関係するIDのパスワードを変更します。", name=deputy), "success")
    return redirect(url_for("privilege_deputies.index"))


def _wanted(typed: Mapping[str, str], deputy_id: int) -> WantedDeputy:
    """What was typed. Raises InvalidInput with every mistake."""
    mistakes: dict[str, str] = {}
    days: dict[str, date] = {}
    for field, label in (("valid_from", _("始まる日")), ("last_day", _("終わる日"))):
        written = typed.get(field, "").strip()
        try:
            days[field] = parse_date(written).day
        except ValueError as mistake:
            told = str(mistake) if written else _("日付を入れてください。")
            mistakes[field] = _("%(label)s：%(told)s", label=label, told=told)
    role, _colon, principal = typed.get("office", "").partition(":")
    if role not in set(Role) or not principal.isascii() or not principal.isdigit() or len(principal) > 9:
        mistakes["office"] = _("代行される人を選んでください")
    system = typed.get("system", "")
    if not system.isascii() or not system.isdigit() or len(system) > 9:
        mistakes["system"] = _("情報システムを選んでください")
    if mistakes:
        raise InvalidInput(_("入力内容を確認してください。"), fields=mistakes)
    return WantedDeputy(
        role=Role(role), principal_id=int(principal), system_id=int(system), deputy_id=deputy_id,
        valid_from=days["valid_from"], valid_until=last_day_to_end(days["last_day"]) or days["last_day"],
        reason=typed.get("reason", ""),
    )  # fmt: skip


def _page(typed: Mapping[str, str], mistakes: Mapping[str, str]) -> str:
    me, day = current.signed_in().person_id, current.today()
    with current.look() as session:
        rows = deputyship_rows(session, day)
        choices = _choices(session, me, day) if _may_name() else ([], [])
    return render_template(
        "privilege_deputies/index.html",
        standing=[row for row in rows if row.standing in (Standing.CURRENT, Standing.COMING)],
        waiting=[row for row in rows if row.standing is Standing.WAITING],
        past=[row for row in rows if row.standing is Standing.OVER],
        systems=choices[0], offices=choices[1], me=me, is_ciso=may(current.roles(), Action.ACCEPT_PRIVILEGE_DEPUTY),
        may_name=_may_name(), longest=current.policy().privileged.deputy_longest_days, typed=typed, mistakes=mistakes,
    )  # fmt: skip


def _may_name() -> bool:
    """Whether the profile lets somebody with these roles name one."""
    named_by = current.policy().privileged.deputy_named_by
    return may(current.roles(), Action.NAME_PRIVILEGE_DEPUTY) and bool(current.roles() & set(named_by))


def _choices(session: Session, person_id: int, day: date) -> tuple[list[tuple[int, str]], list[Office]]:
    """The systems for which this person may name a deputy, and the officers in whose place."""
    reached = systems_reached(session, person_id, Action.NAME_PRIVILEGE_DEPUTY, day)
    systems = session.execute(
        select(InformationSystem.id, InformationSystem.name)
        .where(InformationSystem.id.in_(reached))
        .order_by(InformationSystem.id)
    )
    return [(system_id, name) for system_id, name in systems], offices(session, day)
