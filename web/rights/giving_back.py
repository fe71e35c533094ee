"""Rights that are not needed any more, and rights that are to go on: both from one's own page (control A8)."""

from collections.abc import Mapping
from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.calendar_days import last_day_to_end
from idm.errors import InvalidInput, NotFound
from idm.grant_state import GrantState
from idm.operations.rights import giving_back, renewals
from idm.queries.approval.choices import scope_of
from idm.queries.organisation.person_record import rights_of_person
from idm.queries.page import page_of, page_with
from idm.queries.rights.ending_rights import EndingRight, renewable_rights
from idm.queries.rights.held_rights import HeldRight
from idm.vocabulary import EntitlementKind
from idm.wareki import parse_date
from web import current
from web.row_ids import row_id

blueprint = Blueprint("giving_back", __name__)


@blueprint.get("/me/rights/<int:grant_id>/giving-back")
def confirm(grant_id: int) -> str:
    """What goes, and one button."""
    return _confirmation(grant_id, {})


@blueprint.post("/me/rights/<int:grant_id>/giving-back")
def give_back(grant_id: int) -> Response | tuple[str, int]:
    """Afterwards the right is applied to be taken, or has ended, as the profile has it."""
    try:
        with current.act("giving_back.give", ("grant", grant_id)) as session:
            _own_right(session, grant_id)
            done = giving_back.give_back(
                session, grant_id, reason=request.form.get("reason", ""), actor=current.actor(),
                policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return _confirmation(grant_id, mistake.fields or {"reason": mistake.message}), 422
    if done.request_id is not None:
        flash(_("取消しの申請を出しました。承認されると、権限が終わります。"), "success")
        return redirect(url_for("requests.show", request_id=done.request_id))
    flash(_("権限を%(count)s件終え、所属の課長に知らせました。", count=done.ended), "success")
    return redirect(url_for("me.index"))


@blueprint.get("/renewals")
def ending() -> str:
    """What ends soon and can be applied for to go on: one's own, and that of those one applies for."""
    return _renewals(frozenset(), {}, {})


@blueprint.post("/renewals")
def renew() -> Response | tuple[str, int]:
    """Afterwards the chosen rights are applied for, in one application for each system."""
    chosen = frozenset(request.form.getlist("grant_id", type=row_id))
    try:
        with current.act("request.submit", ("person", current.signed_in().person_id)) as session:
            until = last_day_to_end(_last_day())
            made = renewals.renew(
                session, chosen, valid_until=until or current.today(), reason=request.form.get("reason", ""),
                reader=current.reader(), actor=current.actor(), policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        known = {"valid_until": "last_day", "valid_from": "grant_id"}
        mistakes = {known.get(name, name): told for name, told in mistake.fields.items()}
        return _renewals(chosen, request.form, mistakes or {"grant_id": mistake.message}), 422
    flash(_("更新を%(count)s件申請しました。承認されると、いまの期限に続けて使えます。", count=len(made)), "success")
    if len(made) == 1:
        return redirect(url_for("requests.show", request_id=made[0]))
    return redirect(url_for("requests.index"))


def _last_day() -> date:
    try:
        return parse_date(request.form.get("last_day", "").strip()).day
    except ValueError as mistake:
        raise InvalidInput(str(mistake), fields={"last_day": str(mistake)}) from None


def _own_right(session: Session, grant_id: int) -> tuple[HeldRight, list[HeldRight]]:
    """One's own right, and what goes with it where it is the account. Raises NotFound for every other."""
    held = [
        row.right for row in rights_of_person(session, current.signed_in().person_id, reader=current.reader())
        if row.right.state is not GrantState.ENDED
    ]  # fmt: skip
    found = next((one for one in held if one.grant_id == grant_id), None)
    if found is None:
        raise NotFound(_("この権限は見つかりません。"))
    hanging = [
        one for one in held
        if found.kind is EntitlementKind.ACCOUNT and one.system_id == found.system_id and one is not found
        and (one.privileged or not found.privileged)
    ]  # fmt: skip
    return found, hanging


def _confirmation(grant_id: int, mistakes: Mapping[str, str]) -> str:
    with current.look() as session:
        right, hanging = _own_right(session, grant_id)
    return render_template(
        "giving_back/confirm.html", right=right, hanging=hanging, mistakes=mistakes,
        at_once=current.policy().giving_back.way == "notice", reason=request.form.get("reason", ""),
    )  # fmt: skip


def _renewals(chosen: frozenset[int], typed: Mapping[str, str], mistakes: Mapping[str, str]) -> str:
    with current.look() as session:
        rows = _renewable(session)
    wanted = request.args.get("grant", type=row_id)
    begins = next((place for place, row in enumerate(rows) if row.grant_id == wanted), 0)
    page = page_of(rows, request.args.get("page", page_with(begins), type=int))
    systems: dict[str, list[EndingRight]] = {}
    for row in page.rows:
        systems.setdefault(row.system_name, []).append(row)
    return render_template(
        "giving_back/renewals.html", systems=systems, page=page, chosen=chosen, typed=typed, mistakes=mistakes,
        days=current.policy().giving_back.renew_from_days, preselected=wanted,
    )  # fmt: skip


def _renewable(session: Session) -> list[EndingRight]:
    scope = scope_of(
        session, current.signed_in().person_id, current.roles(), policy=current.policy(), day=current.today()
    )
    return renewable_rights(session, scope, policy=current.policy(), reader=current.reader())
