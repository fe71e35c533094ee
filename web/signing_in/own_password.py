"""Changing one's own password, with the old one."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.errors import InvalidInput, SignInRefused
from idm.operations.signing_in.own_password import change_password, require_own_password
from idm.operations.signing_in.second_step import START_AGAIN
from idm.operations.signing_in.sign_in_attempts import LOCKED
from web import current, session

blueprint = Blueprint("own_password", __name__)


@blueprint.get("/me/password")
def show() -> str:
    """The form; for who has no password of the product's own, where else it is changed."""
    with current.look() as database_session:
        require_own_password(database_session, current.signed_in().person_id)
    return _page()


@blueprint.post("/me/password")
def change() -> Response | tuple[str, int]:
    """The password is changed, where the old one is right."""
    old, new = request.form.get("current_password", ""), request.form.get("password", "")
    try:
        if new != request.form.get("password_again", ""):
            raise _refused("password_again", _("二つの新しいパスワードが一致しません。"))
        token = change_password(
            current.site().database, token=session.token() or "", old=old, new=new, source=current.source(),
            policy=current.policy(), now=current.now(),
        )  # fmt: skip
    except InvalidInput as mistake:
        return _page(mistake.fields), 422
    except SignInRefused as refusal:
        if refusal.code == LOCKED or refusal.message == START_AGAIN:
            return session.drop(redirect(url_for("sign_in.start", reason="locked" if refusal.code == LOCKED else None)))
        return _page({"current_password": refusal.message}), 401
    flash(_("パスワードを変更しました。ほかの端末のサインインは終了しました。"), "success")
    return session.keep(redirect(url_for("me.index", _anchor="signed-in")), token)


def _refused(field: str, message: str) -> InvalidInput:
    return InvalidInput(message, fields={field: message})


def _page(errors: dict[str, str] | None = None) -> str:
    return render_template(
        "sign_in/own_password.html", errors=errors or {}, minimum_length=current.policy().passwords.own_minimum_length,
        name=current.signed_in().name,
    )  # fmt: skip
