"""Accounts that wrong passwords have locked: the help desk asks, a worker answers, and opens them again."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from idm.operations.passwords import unlocking
from idm.queries.passwords.locks import lock_answers, locked_account
from web import current

blueprint = Blueprint("locks", __name__)


@blueprint.get("/accounts/<int:account_id>/lock")
def show(account_id: int) -> str:
    """What the directory said of the account last, and what can be asked of it."""
    with current.look() as session:
        account = locked_account(session, account_id, reader=current.reader())
        answers = lock_answers(session, account_id)
    own = account.person_id == current.signed_in().person_id
    return render_template("locks/show.html", account=account, answers=answers, own=own)


@blueprint.post("/accounts/<int:account_id>/lock")
def ask(account_id: int) -> Response:
    """Afterwards a worker looks, and opens the account where that was the button."""
    with current.act("lock.ask", ("account", account_id)) as session:
        unlocking.ask(
            session, account_id=account_id, unlock="unlock" in request.form, actor=current.actor(),
            policy=current.policy(), now=current.now(),
        )  # fmt: skip
    return redirect(url_for("locks.show", account_id=account_id))
