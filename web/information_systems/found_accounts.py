"""Going live: what was in a system before us, whose each account is, and the application that takes them over (A18)."""

from collections.abc import Mapping
from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.calendar_days import last_day_to_end
from idm.errors import InvalidInput
from idm.operations.information_systems import adoption, found_accounts
from idm.operations.information_systems.found_accounts import Settlement
from idm.permissions import Action, may
from idm.queries.factors.gate_outlook import gate_outlook
from idm.queries.information_systems.adoption import misplaced_rights, rights_to_ask_for
from idm.queries.information_systems.found_accounts import found_page, found_row, progress_of_systems
from idm.queries.information_systems.systems import system_row
from idm.queries.organisation.people import person_with_number
from idm.vocabulary import AccountKind, FoundState
from idm.wareki import parse_date
from web import current
from web.row_ids import row_id

blueprint = Blueprint("found_accounts", __name__)

SOMEBODY, SOMEBODYS_PRIVILEGED = "somebody", "somebodys-privileged"
PRIVILEGED, SHARED, SERVICE, FINDING = "privileged", "shared", "service", "finding"
ANSWERS = {
    PRIVILEGED: (FoundState.NOT_PERSONAL, AccountKind.PRIVILEGED),
    SHARED: (FoundState.NOT_PERSONAL, AccountKind.SHARED),
    SERVICE: (FoundState.NOT_PERSONAL, AccountKind.SERVICE),
    FINDING: (FoundState.FINDING, None),
}


@blueprint.get("/systems/<int:system_id>/found")
def index(system_id: int) -> str:
    """What was there before us, what waits for a person first."""
    asked = request.args.get("state", "")
    state = FoundState(asked) if asked in set(FoundState) else None
    with current.look() as session:
        system = system_row(session, system_id, current.today())
        page = found_page(
            session, system_id, state=state, asked=request.args.get("page", 1, type=row_id), day=current.today()
        )
        progress = progress_of_systems(session)[system_id]
    return render_template(
        "found/index.html", system=system, page=page, state=state, states=list(FoundState), progress=progress,
        may_settle=_may_settle(),
    )  # fmt: skip


@blueprint.post("/systems/<int:system_id>/inventory")
def take_inventory(system_id: int) -> Response:
    """Afterwards the worker takes an inventory in its next round."""
    with current.act("inventory.ask", ("system", system_id)) as session:
        found_accounts.ask_for_inventory(
            session, system_id, actor=current.actor(), policy=current.policy(), now=current.now()
        )
    flash(
        _("棚卸しを頼みました。数分かかることがあります。しばらくしてから、この画面を開き直してください。"), "success"
    )
    return redirect(url_for("found_accounts.index", system_id=system_id))


@blueprint.get("/systems/<int:system_id>/found/<int:found_id>")
def show(system_id: int, found_id: int) -> str:
    """One account: as it was found on the one side, whose it may be on the other."""
    return _sheet(system_id, found_id, {}, {})


@blueprint.post("/systems/<int:system_id>/found/<int:found_id>")
def settle(system_id: int, found_id: int) -> Response | tuple[str, int]:
    """Afterwards a person has said whose the account is."""
    typed = request.form
    try:
        with current.act("found.settle", ("found_account", found_id)) as session:
            row = found_row(session, system_id, found_id, current.today())
            person_id = _person_of(session, typed)
            found_accounts.settle(
                session, row.id, _settlement(typed, person_id), actor=current.actor(), policy=current.policy(),
                now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return _sheet(system_id, found_id, typed, mistake.fields or {"answer": mistake.message}), 422
    flash(_("「%(name)s」の持ち主を記録しました。", name=row.login_name), "success")
    return redirect(url_for("found_accounts.index", system_id=system_id))


@blueprint.get("/systems/<int:system_id>/adoption")
def application(system_id: int) -> str:
    """What the inventory application will ask for, and the form that submits it."""
    return _application(system_id, {}, {})


@blueprint.post("/systems/<int:system_id>/adoption")
def submit(system_id: int) -> Response | tuple[str, int]:
    """Afterwards the application is submitted; what could not be in it is told."""
    typed = request.form
    try:
        with current.act("adoption.submit", ("system", system_id)) as session:
            done = adoption.submit_adoption(
                session, system_id, reason=typed.get("reason", ""), privileged_until=_last_day(typed),
                actor=current.actor(), policy=current.policy(), now=current.now(),
            )  # fmt: skip
            request_id, number = done.request.id, done.request.number
    except InvalidInput as mistake:
        return _application(system_id, typed, mistake.fields or {"reason": mistake.message}), 422
    flash(_("引継ぎの申請 %(number)s を提出しました。", number=number), "success")
    for left in done.left_out:
        told = _("%(name)s さんの「%(right)s」は申請に含めていません：", name=left.person_name, right=left.right_name)
        flash(f"{told}{left.reason}", "warning")
    return redirect(url_for("requests.show", request_id=request_id))


def _may_settle() -> bool:
    return may(current.roles(), Action.SETTLE_FOUND)


def _settlement(typed: Mapping[str, str], person_id: int | None) -> Settlement:
    answer, reason = typed.get("answer", ""), typed.get("reason", "")
    if person_id is not None:
        own = AccountKind.PRIVILEGED if answer.startswith((SOMEBODYS_PRIVILEGED, "privileged-person-")) else None
        return Settlement(FoundState.PERSON, reason, person_id, own)
    if answer not in ANSWERS:
        message = _("どれかを選んでください。")
        raise InvalidInput(message, fields={"answer": message})
    state, kind = ANSWERS[answer]
    return Settlement(state, reason, kind=kind)


def _person_of(session: Session, typed: Mapping[str, str]) -> int | None:
    """The person who was chosen, as a candidate or by staff number; None = another answer. Raises InvalidInput."""
    answer = typed.get("answer", "")
    if answer in (SOMEBODY, SOMEBODYS_PRIVILEGED):
        return person_with_number(session, typed.get("staff_number", ""), reader=current.reader())
    _which, chosen, number = answer.rpartition("person-")
    if not chosen:
        return None
    try:
        return row_id(number)
    except ValueError:
        return None


def _last_day(typed: Mapping[str, str]) -> date | None:
    """The first day after the last day that was typed; None for none. Raises InvalidInput."""
    text = typed.get("privileged_until", "").strip()
    if not text:
        return None
    try:
        return last_day_to_end(parse_date(text).day)
    except ValueError as mistake:
        raise InvalidInput(str(mistake), fields={"privileged_until": str(mistake)}) from None


def _sheet(system_id: int, found_id: int, typed: Mapping[str, str], mistakes: Mapping[str, str]) -> str:
    with current.look() as session:
        system = system_row(session, system_id, current.today())
        row = found_row(session, system_id, found_id, current.today())
    own = current.signed_in().person_id in {one.person.person_id for one in row.candidates}
    return render_template(
        "found/show.html", system=system, row=row, typed=typed, mistakes=mistakes, may_settle=_may_settle(), own=own,
        may_register=may(current.roles(), Action.PROPOSE_REGISTERED_ID),
    )  # fmt: skip


def _application(system_id: int, typed: Mapping[str, str], mistakes: Mapping[str, str]) -> str:
    with current.look() as session:
        system = system_row(session, system_id, current.today())
        rights = rights_to_ask_for(session, system_id, now=current.now())
        misplaced = misplaced_rights(session, system_id, now=current.now())
        progress = progress_of_systems(session)[system_id]
        wanted = [(right.person_id, right.entitlement_id) for right in rights]
        gate = gate_outlook(session, wanted, policy=current.policy(), now=current.now())
    return render_template(
        "found/application.html", system=system, rights=rights, misplaced=misplaced, progress=progress, typed=typed,
        mistakes=mistakes, needs_end=any(right.needs_end for right in rights), gate=gate,
        stopped=len({person for person, _right in gate}),
    )  # fmt: skip
