"""How the passwords in the product's keeping stand (預かりパスワード, control D4). No page of these shows any value."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.errors import InvalidInput
from idm.operations.privileged import rotations
from idm.permissions import Action
from idm.queries.organisation.reach import systems_reached
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.queries.privileged.vault_status import (
    URGENT,
    KeptRow,
    by_system,
    kept_row,
    kept_rows,
    rotation_log,
    vault_keys,
)
from idm.vocabulary import RotationReason
from web import current
from web.row_ids import row_id

blueprint = Blueprint("vault", __name__)

REASONS = {
    RotationReason.BY_HAND.value: lazy_gettext("念のため新しくする（疑いはない）"),
    RotationReason.SUSPECTED.value: lazy_gettext("知られたかもしれない"),
}
"""Why somebody asks for a new one."""


@blueprint.get("/vault")
def index() -> str:
    """What has to be looked at, the systems with their counts, and every ID whose password is kept."""
    system_id = request.args.get("system", type=row_id)
    with current.look() as session:
        rows = _rows(session)
        keys = vault_keys(session)
    chosen = [row for row in rows if system_id in (None, row.system_id)]
    number = nearest_page(request.args.get("page", 1, type=row_id), len(chosen))
    first = offset_of(number)
    return render_template(
        "vault/index.html", systems=by_system(rows), urgent=[row for row in rows if row.standing in URGENT], keys=keys,
        page=Page(tuple(chosen[first : first + ROWS_A_PAGE]), number, len(chosen)), system_id=system_id,
        days=current.policy().privileged.rotation_days,
    )  # fmt: skip


@blueprint.get("/vault/<int:account_id>")
def show(account_id: int) -> str:
    """One ID: how its password stands, and every change of it."""
    return _page(account_id, {})


@blueprint.post("/vault/<int:account_id>/rotation")
def rotate(account_id: int) -> Response | tuple[str, int]:
    """Afterwards a worker will replace the password by a new one that nobody has seen."""
    reason = request.form.get("reason", "")
    try:
        with current.act("rotation.ask", ("account", account_id)) as session:
            if reason not in REASONS:
                problem = _("理由を選んでください。")
                raise InvalidInput(problem, fields={"reason": problem})
            rotations.ask_by_hand(
                session, account_id, suspected=reason == RotationReason.SUSPECTED, actor=current.actor(),
                policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return _page(account_id, mistake.fields), 422
    flash(_("パスワードの変更を受け付けました。済んだかどうかは、この画面で確かめられます。"), "success")
    return redirect(url_for("vault.show", account_id=account_id))


def _rows(session: Session) -> list[KeptRow]:
    return kept_rows(session, rotation_days=current.policy().privileged.rotation_days, now=current.now())


def _page(account_id: int, mistakes: dict[str, str]) -> str:
    days = current.policy().privileged.rotation_days
    with current.look() as session:
        row = kept_row(session, account_id, rotation_days=days, now=current.now())
        log = rotation_log(session, account_id, asked=request.args.get("page", 1, type=row_id))
        reached = systems_reached(session, current.signed_in().person_id, Action.ROTATE_KEPT, current.today())
    return render_template(
        "vault/show.html", row=row, log=log, days=days, may_rotate=row.system_id in reached,
        reasons=list(REASONS.items()), mistakes=mistakes,
    )  # fmt: skip
