"""Work by hand at the browser: what waits, one order with its ticks, its printed sheet, and what was (control G2).

Who did it does not confirm it. Several may be confirmed at once, but each is ticked by itself with its name and its
steps in view: there is no button for all of them.
"""

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.errors import InvalidInput, Refusal
from idm.models.work_orders import WorkOrderState
from idm.operations.hand_work import work_orders
from idm.operations.hand_work.work_orders import Report
from idm.permissions import Action, may
from idm.queries.hand_work.work_orders import OrderRow, Reach, known_before, order_row, past_orders, waiting_orders
from web import current
from web.row_ids import row_id

blueprint = Blueprint("work_orders", __name__)


@blueprint.get("/work-orders")
def index() -> str:
    """What waits for this person's hands, and what waits for their confirmation."""
    return _index([])


@blueprint.get("/work-orders/history")
def history() -> str:
    """The orders that are over: confirmed, or overtaken by a newer decision."""
    with current.look() as session:
        page = past_orders(session, _seen(session), asked=request.args.get("page", 1, type=row_id))
    return render_template("work_orders/history.html", page=page)


@blueprint.get("/work-orders/<int:order_id>")
def show(order_id: int) -> str:
    """One order."""
    return _page(order_id, {}, {})


@blueprint.get("/work-orders/<int:order_id>/sheet")
def sheet(order_id: int) -> str:
    """The order on paper, to work from where there is no screen at hand."""
    with current.look() as session:
        order = order_row(session, order_id, _seen(session))
        before = known_before(session, order_id)
    return render_template("work_orders/sheet.html", order=order, before=before)


@blueprint.post("/work-orders/<int:order_id>/ticks")
def tick(order_id: int) -> Response | tuple[str, int]:
    """Afterwards the ticks are kept; or, where the work is said to be done, it waits for another person."""
    typed = request.form
    ticked = frozenset(typed.getlist("steps", type=row_id))
    done = typed.get("act") == "done"
    try:
        with current.act("work_order.do" if done else "work_order.tick", ("work_order", order_id)) as session:
            if done:
                report = Report(ticked, note=typed.get("note", ""), handed_to=typed.get("handed_to", ""))
                work_orders.do(
                    session, order_id, report, actor=current.actor(), policy=current.policy(), now=current.now()
                )
            else:
                work_orders.tick(
                    session, order_id, ticked, actor=current.actor(), policy=current.policy(), now=current.now()
                )
    except InvalidInput as mistake:
        return _page(order_id, typed, mistake.fields or {"steps": mistake.message}, ticked), 422
    flash(
        _("作業済みとして報告しました。別の人の確認を待ちます。") if done else _("チェックを保存しました。"), "success"
    )
    return redirect(url_for("work_orders.index") if done else url_for("work_orders.show", order_id=order_id))


@blueprint.post("/work-orders/<int:order_id>/confirmation")
def confirm(order_id: int) -> Response:
    """Afterwards the work is confirmed and the account shown as complete."""
    number = _confirm(order_id)
    flash(_("指示書 %(number)s を確認しました。", number=number), "success")
    return redirect(url_for("work_orders.index"))


@blueprint.post("/work-orders/confirmations")
def confirm_ticked() -> Response | tuple[str, int]:
    """Afterwards each order ticked on the list is confirmed, or the list says why it is not."""
    chosen = request.form.getlist("orders", type=row_id)
    if not chosen:
        return _index([_("確認する指示書にチェックを付けてください。")]), 422
    problems, done = [], 0
    for order_id in dict.fromkeys(chosen):
        try:
            _confirm(order_id)
            done += 1
        except Refusal as refusal:
            problems.append(refusal.message)
    if done:
        flash(_("%(count)s件を確認しました。", count=done), "success")
    return (_index(problems), 409) if problems else redirect(url_for("work_orders.index"))


@blueprint.post("/work-orders/<int:order_id>/return")
def send_back(order_id: int) -> Response | tuple[str, int]:
    """Afterwards the order is open again, with the reason."""
    try:
        with current.act("work_order.return", ("work_order", order_id)) as session:
            work_orders.send_back(
                session, order_id, request.form.get("reason", ""), actor=current.actor(), policy=current.policy(),
                now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return _page(order_id, request.form, mistake.fields), 422
    flash(_("指示書を差し戻しました。"), "success")
    return redirect(url_for("work_orders.index"))


def _confirm(order_id: int) -> str:
    with current.act("work_order.confirm", ("work_order", order_id)) as session:
        order = work_orders.confirm(
            session, order_id, actor=current.actor(), policy=current.policy(), now=current.now()
        )
        return order.number


def _index(problems: list[str]) -> str:
    me = current.signed_in().person_id
    with current.look() as session:
        reach = Reach.of(session, me, current.today())
        to_do = waiting_orders(session, reach.doing, WorkOrderState.ISSUED)
        done = waiting_orders(session, reach.doing | reach.confirming, WorkOrderState.DONE)
    mine = [order for order in done if _may_confirm(order, reach, me)]
    return render_template(
        "work_orders/index.html", to_do=_by_system(to_do), to_confirm=mine,
        elsewhere=[order for order in done if order not in mine], problems=problems, me=me,
    )  # fmt: skip


def _by_system(orders: list[OrderRow]) -> dict[str, list[OrderRow]]:
    grouped: dict[str, list[OrderRow]] = {}
    for order in orders:
        grouped.setdefault(order.system_name, []).append(order)
    return grouped


def _may_confirm(order: OrderRow, reach: Reach, me: int) -> bool:
    """What the page offers; the operation knows all the rules."""
    return order.system_id in reach.confirming and me not in (order.done_by_id, order.subject_id)


def _page(
    order_id: int, typed: Mapping[str, str], mistakes: Mapping[str, str], ticked: frozenset[int] | None = None
) -> str:
    me = current.signed_in().person_id
    with current.look() as session:
        order = order_row(session, order_id, _seen(session))
        reach, before = Reach.of(session, me, current.today()), known_before(session, order_id)
    kept = frozenset(step.id for step in order.steps if step.ticked_at is not None)
    return render_template(
        "work_orders/show.html", order=order, before=before, typed=typed, mistakes=mistakes,
        ticked=kept if ticked is None else ticked,
        may_do=order.state is WorkOrderState.ISSUED and order.system_id in reach.doing and order.subject_id != me,
        may_confirm=order.state is WorkOrderState.DONE and _may_confirm(order, reach, me),
        own_work=order.done_by_id == me, own=order.subject_id == me,
    )  # fmt: skip


def _seen(session: Session) -> frozenset[int] | None:
    """The systems whose orders this person may see; None = all."""
    if may(current.roles(), Action.SEE_AUDIT):
        return None
    reach = Reach.of(session, current.signed_in().person_id, current.today())
    return reach.doing | reach.confirming
