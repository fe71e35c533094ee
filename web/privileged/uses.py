"""The use of privileged IDs at the browser: what one may use, asking for it, the password once, giving back, reporting.

The key that opens a password is in the asking browser alone, as with hand-overs (`web.passwords.one_time_keys`). The
password is in one answer and nowhere else; the page that shows it leaves by itself.
"""

from collections.abc import Mapping
from datetime import timedelta

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from idm.errors import IllegalTransition, InvalidInput
from idm.keys.sealing import SealBroken, new_handover_key
from idm.models.privileged import PrivilegedUse
from idm.operations.passwords.handovers import Shown
from idm.operations.privileged import check_out_keys, check_outs, uses, work_reports
from idm.queries.privileged.use_sheets import UseSheet, own_sheets
from idm.queries.privileged.uses import usable_ids
from web import current
from web.passwords.one_time_keys import KeyPlace
from web.privileged.use_forms import Asking, at_our_fields
from web.privileged.use_pages import asking_page, sheet_of, use_page
from web.row_ids import row_id

blueprint = Blueprint("privileged_uses", __name__)

SHOWN_MINUTES = 3
"""How long the page with a password stays open."""
Answer = Response | tuple[str, int]


@blueprint.get("/privileged-uses")
def index() -> str:
    """What this person may use now, and what they use or have to report on."""
    me = current.signed_in().person_id
    with current.look() as session:
        usable = usable_ids(session, me, now=current.now())
        mine = own_sheets(session, me)
    return render_template("privileged_uses/index.html", usable=usable, mine=mine)


@blueprint.get("/privileged-uses/new")
def new() -> str:
    """The form to ask for a use."""
    return asking_page(request.args, {}, emergency=False)


@blueprint.get("/privileged-uses/emergency")
def new_emergency() -> str:
    """The form of an emergency use: at once, and two people are told."""
    return asking_page(request.args, {}, emergency=True)


@blueprint.post("/privileged-uses")
def ask() -> Answer:
    """Afterwards a use is asked for, and whoever may permit it knows."""
    return _ask(emergency=False)


@blueprint.post("/privileged-uses/emergency")
def ask_in_emergency() -> Answer:
    """Afterwards the use begins at once, and two people know of it."""
    return _ask(emergency=True)


def _ask(*, emergency: bool) -> Answer:
    typed: MultiDict[str, str] = request.form
    attempted = "privileged_use.ask_in_emergency" if emergency else "privileged_use.ask"
    operation = uses.ask_in_emergency if emergency else uses.ask
    private_key, public_key = new_handover_key()
    try:
        with current.act(attempted, ("account", typed.get("account", 0, type=row_id))) as session:
            wanted = Asking(typed, current.now()).wanted(session, public_key)
            use = operation(session, wanted, actor=current.actor(), policy=current.policy(), now=current.now())
            use_id, lasting = use.id, _lasting(use)
    except InvalidInput as mistake:
        fields = at_our_fields(mistake.fields) or {"purpose": mistake.message}
        return asking_page(typed, fields, emergency=emergency), 422
    response = redirect(url_for("privileged_uses.show", use_id=use_id))
    if wanted.public_key is not None and wanted.person_id is None:
        _place(use_id).give(response, private_key, lasting=lasting)
    return response


def _lasting(use: PrivilegedUse) -> timedelta:
    """How long a browser keeps the key: until the use would be over at the latest."""
    waiting = timedelta(hours=current.policy().privileged.asked_hours)
    return max(use.wanted_from - current.now(), timedelta()) + waiting + timedelta(hours=use.hours)


@blueprint.get("/privileged-uses/<int:use_id>")
def show(use_id: int) -> str:
    """One use: how far it has come, what to do next, who decided. Never the password."""
    return use_page(use_id, has_key=bool(_place(use_id).brought()))


@blueprint.post("/privileged-uses/<int:use_id>/key")
def bring_key(use_id: int) -> Response:
    """Afterwards the password will be sealed to this browser, and to no other."""
    private_key, public_key = new_handover_key()
    with current.act("check_out.bring_key", ("privileged_use", use_id)) as session:
        use = check_out_keys.bring(
            session, use_id, public_key, actor=current.actor(), policy=current.policy(), now=current.now()
        )
        lasting = _lasting(use)
    response = redirect(url_for("privileged_uses.show", use_id=use_id))
    _place(use_id).give(response, private_key, lasting=lasting)
    return response


@blueprint.post("/privileged-uses/<int:use_id>/password")
def reveal(use_id: int) -> Response:
    """The password, on the only page that ever shows it; the browser forgets its key."""
    try:
        with current.act("privileged_use.show_password", ("privileged_use", use_id)) as session:
            shown = check_outs.show(
                session, use_id=use_id, private_key=_place(use_id).brought(), actor=current.actor(),
                policy=current.policy(), now=current.now(),
            )  # fmt: skip
            sheet = sheet_of(session, use_id)
    except SealBroken:
        problem = _("このパスワードを開く鍵が、このブラウザーにありません。このブラウザーで受け取り直してください。")
        return make_response(use_page(use_id, problem=problem), 409)
    except IllegalTransition as refusal:
        return make_response(use_page(use_id, problem=refusal.message, has_key=bool(_place(use_id).brought())), 409)
    return _slip(sheet, shown)


def _slip(sheet: UseSheet, shown: Shown) -> Response:
    page = render_template("privileged_uses/password.html", use=sheet, shown=shown, minutes=SHOWN_MINUTES)
    response = make_response(page)
    _place(sheet.id).forget(response, after=timedelta(minutes=SHOWN_MINUTES))
    return response


@blueprint.post("/privileged-uses/<int:use_id>/withdrawal")
def withdraw(use_id: int) -> Answer:
    """Afterwards the use is not wanted any more; nothing was opened."""
    with current.act("privileged_use.withdraw", ("privileged_use", use_id)) as session:
        uses.withdraw(session, use_id, actor=current.actor(), policy=current.policy(), now=current.now())
    flash(_("申出を取り下げました。"), "success")
    return redirect(url_for("privileged_uses.index"))


@blueprint.post("/privileged-uses/<int:use_id>/return")
def give_back(use_id: int) -> Answer:
    """Afterwards the use ends at once, and its report is due."""
    with current.act("privileged_use.give_back", ("privileged_use", use_id)) as session:
        uses.give_back(session, use_id, actor=current.actor(), policy=current.policy(), now=current.now())
    flash(_("返却しました。作業報告を書いてください。"), "success")
    return redirect(url_for("privileged_uses.show", use_id=use_id, _anchor="work-report"))


@blueprint.post("/privileged-uses/<int:use_id>/report")
def report(use_id: int) -> Answer:
    """Afterwards it is told what was done, and whoever checks it knows."""
    typed: Mapping[str, str] = request.form
    try:
        with current.act("privileged_use.report", ("privileged_use", use_id)) as session:
            work_reports.write(
                session, use_id, text=typed.get("report", ""), actor=current.actor(), policy=current.policy(),
                now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return use_page(use_id, typed=typed, mistakes=_at_report(mistake)), 422
    flash(_("作業報告を提出しました。"), "success")
    return redirect(url_for("privileged_uses.show", use_id=use_id))


def _at_report(mistake: InvalidInput) -> dict[str, str]:
    return {"report": next(iter(mistake.fields.values()), mistake.message)}


def _place(use_id: int) -> KeyPlace:
    """Where the browser brings the key back to: this use's own pages."""
    return KeyPlace(f"idm-use-{use_id}", url_for("privileged_uses.show", use_id=use_id))
