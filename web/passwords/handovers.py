"""Hand-over of temporary passwords: asked for, prepared by a worker, shown once, received (control E3, FK 6-2(9)②).

The key that opens a sealed password is made here, and given to the asking officer's browser in a cookie that this
hand-over alone brings back; only its public half is stored. The password is in one answer and nowhere else: no session,
no message, no log.
"""

from datetime import timedelta

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.errors import IllegalTransition, InvalidInput
from idm.keys.sealing import SealBroken, new_handover_key
from idm.operations.passwords import handovers
from idm.operations.passwords.handovers import Shown
from idm.passwords.printed_notice import NoticeNotMade, notice_pdf
from idm.permissions import Action, may
from idm.queries.passwords.handovers import (
    HandoverRow,
    handover_history,
    handover_row,
    handovers_under_way,
    notice_from,
    waiting_accounts,
    way_for,
)
from idm.queries.passwords.temporary_passwords import overdue_temporaries
from idm.vocabulary import HandoverWay
from web import current
from web.passwords import leaks
from web.passwords.one_time_keys import KeyPlace
from web.row_ids import row_id

blueprint = Blueprint("handovers", __name__)

KEY_MINUTES = 60
"""How long a browser keeps the key: until then the worker must have prepared the password and the officer shown it."""


@blueprint.get("/handovers")
def index() -> str:
    """The accounts that wait for their first hand-over, and what is under way."""
    with current.look() as session:
        waiting = waiting_accounts(session, asked=request.args.get("page", 1, type=row_id))
        under_way = handovers_under_way(session, current.signed_in().person_id)
    return render_template("handovers/index.html", waiting=waiting, under_way=under_way)


@blueprint.get("/handovers/history")
def history() -> str:
    """Who was shown what, and when: every hand-over by whomever. Auditors read it too."""
    with current.look() as session:
        page = handover_history(session, asked=request.args.get("page", 1, type=row_id))
    return render_template("handovers/history.html", page=page, may_hand_over=may(current.roles(), Action.HAND_OVER))


@blueprint.get("/handovers/overdue")
def overdue() -> str:
    """The temporary passwords that were not changed in time and have not been handed over anew (control E2)."""
    with current.look() as session:
        rows = overdue_temporaries(session, now=current.now(), units=leaks.units_shown(session))
    return render_template(
        "handovers/overdue.html", rows=rows, hours=current.policy().passwords.temporary_hours,
        may_hand_over=may(current.roles(), Action.HAND_OVER),
    )  # fmt: skip


@blueprint.post("/handovers")
def ask() -> Response:
    """Afterwards a worker prepares a temporary password that only this browser can open, or prints it in its zone.

    Where only hands change anything, an order asks somebody to set one.
    """
    account_id = request.form.get("account_id", 0, type=row_id)
    actor, policy, now = current.actor(), current.policy(), current.now()
    private_key, public_key = new_handover_key()
    with current.act("handover.ask", ("account", account_id)) as session:
        if handovers.is_by_hand(session, account_id):
            handovers.ask_by_hand(session, account_id=account_id, actor=actor, policy=policy, now=now)
            flash(_("再交付の手作業の指示書を出します。作業する人が仮パスワードを設定し、本人に渡します。"), "success")
            return redirect(url_for("work_orders.index"))
        way = way_for(session, account_id, inside=current.site().settings.notices.zones)
        sealed_to = public_key if way is HandoverWay.SCREEN else None
        handover = handovers.ask(
            session, account_id=account_id, public_key=sealed_to, way=way, actor=actor, policy=policy, now=now
        )
    response = redirect(url_for("handovers.show", handover_id=handover.id))
    if way is HandoverWay.SCREEN:
        _place(handover.id).give(response, private_key, lasting=timedelta(minutes=KEY_MINUTES))
    return response


@blueprint.get("/handovers/<int:handover_id>")
def show(handover_id: int) -> str:
    """How far this hand-over has come, and what to do next. Never the password."""
    return _page(handover_id)


@blueprint.post("/handovers/<int:handover_id>/password")
def reveal(handover_id: int) -> Response:
    """The password, in the only answer with it: a page, or a notice to close. The browser forgets its key."""
    make = _notice if request.form.get("form") == "notice" else _slip
    try:
        with current.act("handover.show", ("handover", handover_id)) as session:
            shown = handovers.show(
                session, handover_id=handover_id, private_key=_place(handover_id).brought(), actor=current.actor(),
                policy=current.policy(), now=current.now(),
            )  # fmt: skip
            # Made before it counts as shown: where no notice can be made, none was given, and the screen still can.
            response = make(handover_row(session, handover_id, current.signed_in().person_id), shown)
    except SealBroken:
        return make_response(_page(handover_id, no_key()), 409)
    except IllegalTransition as refusal:
        return make_response(_page(handover_id, refusal.message), 409)
    except NoticeNotMade as failure:
        return make_response(_page(handover_id, str(failure)), 409)
    _place(handover_id).forget(response, after=current.policy().idle)
    return response


def no_key() -> str:
    """What to say to a browser that did not bring the key."""
    return _(  # type: ignore[no-any-return]  # Flask-Babel ships no types
        "この交付の鍵がこのブラウザーにありません。表示できるのは、交付を始めたブラウザーだけで、始めてから"
        "%(minutes)s分以内です。交付をやり直してください。",
        minutes=KEY_MINUTES,
    )


def _slip(handover: HandoverRow, shown: Shown) -> Response:
    """The paper to print. The page leaves by itself, so that no password stays on a screen."""
    return make_response(
        render_template(
            "handovers/slip.html", handover=handover, shown=shown, deadline=handover.change_by,
            idle_minutes=current.policy().sign_in.idle_minutes,
        )
    )  # fmt: skip


def _notice(handover: HandoverRow, shown: Shown) -> Response:
    """The notice to be folded and closed, as PDF; no other answer ever holds it."""
    now = current.now()
    notice = notice_from(handover, issued_at=handover.shown_at or now, change_by=handover.change_by or now)
    response = make_response(notice_pdf(notice, shown.password))
    response.headers["Content-Type"] = "application/pdf"
    response.headers["Content-Disposition"] = f'inline; filename="notice-{handover.id}.pdf"'
    return response


@blueprint.post("/handovers/<int:handover_id>/receipt")
def receive(handover_id: int) -> Response:
    """Afterwards it is recorded that the person received the password, or who took the closed notice to them."""
    try:
        with current.act("handover.receive", ("handover", handover_id)) as session:
            handovers.receive(
                session, handover_id=handover_id, received_by=request.form.get("received_by", ""),
                actor=current.actor(), policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return make_response(_page(handover_id, mistake.message), 422)
    flash(_("受領を記録しました。"), "success")
    return redirect(url_for("handovers.index"))


def _page(handover_id: int, problem: str = "") -> str:
    with current.look() as session:
        handover = handover_row(session, handover_id, current.signed_in().person_id)
    return render_template("handovers/show.html", handover=handover, problem=problem, key_minutes=KEY_MINUTES)


def _place(handover_id: int) -> KeyPlace:
    """Where the browser brings the key back to: this hand-over's own pages."""
    return KeyPlace(f"idm-handover-{handover_id}", url_for("handovers.show", handover_id=handover_id))
