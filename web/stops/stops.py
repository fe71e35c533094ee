"""The big red button and its way back: what is stopped, how far it has come, who lifts it (FK 5-4(1), 6-5(2); H5)."""

from collections.abc import Callable, Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.errors import InvalidInput, NotFound
from idm.models.stops import StopOrder
from idm.models.systems import InformationSystem
from idm.operations.stops import from_console, lifting, orders
from idm.operations.stops.orders import Why
from idm.permissions import Action, everywhere, may
from idm.queries.factors.authenticators import authenticator_sheet
from idm.queries.organisation.reach import reaches_system, systems_reached
from idm.queries.passwords.leaks import leakable
from idm.queries.stops.orders import OrderSheet, named_accounts, order_sheet, stop_orders
from idm.vocabulary import STOP_CAUSE_TITLES, STOP_KIND_TITLES, StopCause, StopKind
from web import current
from web.row_ids import row_id
from web.stops.live import kept_fresh

blueprint = Blueprint("stops", __name__)

Answer = str | Response | tuple[str, int]
Carry = Callable[[Session, Why], StopOrder]


@blueprint.get("/stops")
def index() -> str:
    """The orders in force, newest first, and then those that are over."""
    with current.look() as session:
        page = stop_orders(session, asked=request.args.get("page", 1, type=row_id), systems=_systems_seen(session))
    return render_template(
        "stops/index.html", page=page, may_order=may(current.roles(), Action.ORDER_STOP),
        may_everywhere=everywhere(current.roles(), Action.ORDER_STOP),
    )  # fmt: skip


@blueprint.get("/stops/<int:stop_id>")
def show(stop_id: int) -> str:
    """One order: what it stops, and the way back."""
    return _sheet(stop_id)


@blueprint.get("/stops/<int:stop_id>/progress")
def progress(stop_id: int) -> Response:
    """The same while it is under way, looking again by itself until everything has been reached."""
    with current.look() as session:
        sheet = order_sheet(session, stop_id, systems=_systems_seen(session))
    page = render_template("stops/progress.html", sheet=sheet, order=sheet.order, at=current.now())
    return kept_fresh(page, url_for("stops.progress", stop_id=stop_id), under_way=not sheet.done)


@blueprint.get("/stops/new/person/<int:person_id>")
def new_person(person_id: int) -> str:
    """The form: whom it stops, and one button."""
    return _form("person", person_id)


@blueprint.post("/stops/new/person/<int:person_id>")
def order_person(person_id: int) -> Answer:
    """Afterwards the person is let in nowhere."""
    return _order("person", person_id, lambda session, why: orders.stop_person(
        session, person_id, why, actor=current.actor(), policy=current.policy(), now=current.now()
    ))  # fmt: skip


@blueprint.get("/stops/new/system/<int:system_id>")
def new_system(system_id: int) -> str:
    """The form: which system it stops, and one button."""
    return _form("system", system_id)


@blueprint.post("/stops/new/system/<int:system_id>")
def order_system(system_id: int) -> Answer:
    """Afterwards nobody is let into the system by an ID of their own."""
    return _order("system", system_id, lambda session, why: orders.stop_system(
        session, system_id, why, actor=current.actor(), policy=current.policy(), now=current.now()
    ))  # fmt: skip


@blueprint.get("/stops/new/card/<int:authenticator_id>")
def new_card(authenticator_id: int) -> str:
    """The form: which card it stops, and one button."""
    return _form("card", authenticator_id)


@blueprint.post("/stops/new/card/<int:authenticator_id>")
def order_card(authenticator_id: int) -> Answer:
    """Afterwards the card counts as lost, and lets nobody in."""
    return _order("card", authenticator_id, lambda session, why: orders.stop_card(
        session, authenticator_id, why, actor=current.actor(), policy=current.policy(), now=current.now()
    ))  # fmt: skip


@blueprint.get("/stops/new/accounts")
def new_accounts() -> str:
    """The form for an incident's list of IDs."""
    return _form("accounts", 0)


@blueprint.post("/stops/new/accounts")
def order_accounts() -> Answer:
    """Afterwards every ID of the list lets nobody in."""
    return _order("accounts", 0, lambda session, why: orders.stop_accounts(
        session, request.form.get("names", ""), why, actor=current.actor(), policy=current.policy(), now=current.now()
    ))  # fmt: skip


@blueprint.post("/stops/<int:stop_id>/confirmation")
def confirm(stop_id: int) -> Answer:
    """Afterwards one of the heads has put their name to what an operator stopped."""
    with current.act("stop.confirm", ("stop", stop_id)) as session:
        from_console.confirm(session, stop_id, actor=current.actor(), policy=current.policy(), now=current.now())
    flash(_("停止命令を確認しました。停止を続けます。"), "success")
    return redirect(url_for("stops.show", stop_id=stop_id))


@blueprint.post("/stops/<int:stop_id>/lift-request")
def ask_to_lift(stop_id: int) -> Answer:
    """Afterwards somebody else is asked to confirm that the order may end."""
    said = _("解除を求めました。別の人が確認すると、元に戻します。")
    return _decide(stop_id, said, lambda session: lifting.ask_to_lift(
        session, stop_id, reason=request.form.get("reason", ""), actor=current.actor(), policy=current.policy(),
        now=current.now(),
    ))  # fmt: skip


@blueprint.post("/stops/<int:stop_id>/kept")
def keep(stop_id: int) -> Answer:
    """Afterwards the order goes on."""
    return _decide(stop_id, _("停止を続けます。"), lambda session: lifting.keep(
        session, stop_id, reason=request.form.get("reason", ""), actor=current.actor(), policy=current.policy(),
        now=current.now(),
    ))  # fmt: skip


@blueprint.post("/stops/<int:stop_id>/lifted")
def lift(stop_id: int) -> Answer:
    """Afterwards the order stops nothing any more."""
    said = _("停止命令を解除しました。承認されている利用を元に戻しています。")
    return _decide(stop_id, said, lambda session: lifting.lift(
        session, stop_id, shown=request.form.get("wish", ""), actor=current.actor(), policy=current.policy(),
        now=current.now(),
    ))  # fmt: skip


def _order(kind: str, object_id: int, carry: Carry) -> Answer:
    typed: Mapping[str, str] = request.form
    try:
        with current.act("stop.order", (kind, object_id)) as session:
            _subject(session, kind, object_id)
            order = carry(session, Why(typed.get("reason", ""), typed.get("reference", ""))).id
    except InvalidInput as mistake:
        return _form(kind, object_id, typed, mistake.fields or {"reason": mistake.message}), 422
    flash(
        _("停止命令を出しました。idm では、次の操作からすぐに止まります。各情報システムへの届き具合を表示しています。"),
        "success",
    )
    return redirect(url_for("stops.progress", stop_id=order))


def _decide(stop_id: int, said: str, act: Callable[[Session], StopOrder]) -> Answer:
    try:
        with current.act("stop.lift", ("stop", stop_id)) as session:
            over = act(session).lifted_at is not None
    except InvalidInput as mistake:
        return _sheet(stop_id, request.form, mistake.fields), 422
    flash(said, "success")
    return redirect(url_for("stops.progress" if over else "stops.show", stop_id=stop_id))


def _sheet(stop_id: int, typed: Mapping[str, str] | None = None, mistakes: Mapping[str, str] | None = None) -> str:
    with current.look() as session:
        systems = _systems_seen(session)
        sheet: OrderSheet = order_sheet(session, stop_id, systems=systems)
        named = named_accounts(session, stop_id, asked=request.args.get("page", 1, type=row_id), systems=systems)
    return render_template(
        "stops/show.html", sheet=sheet, order=sheet.order, named=named, may_lift=may(current.roles(), Action.LIFT_STOP),
        may_see_violations=may(current.roles(), Action.SEE_AUDIT), typed=typed or {}, mistakes=mistakes or {},
    )  # fmt: skip


def _systems_seen(session: Session) -> frozenset[int] | None:
    """The systems whose orders this person sees; None = everything."""
    if everywhere(current.roles(), Action.SEE_STOPS):
        return None
    return systems_reached(session, current.signed_in().person_id, Action.SEE_STOPS, current.today())


def _form(
    kind: str, object_id: int, typed: Mapping[str, str] | None = None, mistakes: Mapping[str, str] | None = None
) -> str:
    with current.look() as session:
        subject = _subject(session, kind, object_id)
    return render_template(
        "stops/new.html", kind=kind, object_id=object_id, subject=subject, typed=typed or {}, mistakes=mistakes or {}
    )


def _subject(session: Session, kind: str, object_id: int) -> str:
    """What would be stopped, in words. Raises NotFound for what is not there, or not theirs to stop."""
    if kind == "accounts":
        return ""
    if kind == "system":
        system = session.get(InformationSystem, object_id)
        me, today = current.signed_in().person_id, current.today()
        if system is None or not reaches_system(session, me, Action.ORDER_STOP, system, today):
            raise NotFound(_("この情報システムは見つかりません。"))
        return system.name
    if not everywhere(current.roles(), Action.ORDER_STOP):
        raise NotFound(_("アドレスが変わったか、もう存在しないか、あなたには表示できないページです。"))
    if kind == "person":
        return leakable(session, object_id, reader=current.reader()).name
    card = authenticator_sheet(session, object_id, reader=current.reader()).row
    return str(_("%(person)sさんの%(title)s", person=card.person, title=card.title))


@blueprint.app_template_filter("stop_kind")
def stop_kind(kind: StopKind) -> str:
    """What an order stops, in words."""
    return STOP_KIND_TITLES[kind]


@blueprint.app_template_filter("stop_cause")
def stop_cause(cause: StopCause) -> str:
    """Why it stops, in words."""
    return STOP_CAUSE_TITLES[cause]
