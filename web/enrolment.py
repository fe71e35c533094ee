"""Enrolment pages: a password by a link that works once, and a second factor by an authenticator app (FK 6-2(9))."""

import segno
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask import session as form_session
from flask_babel import gettext as _
from markupsafe import Markup
from werkzeug.wrappers import Response

from idm.errors import InvalidInput
from idm.one_time_codes import provisioning_uri, secret_as_text
from idm.operations import enrolment as operation
from idm.operations.enrolment import Enrolment
from idm.operations.web_sessions import Stage
from web import current, session
from web.sign_in import wanted_page

blueprint = Blueprint("enrolment", __name__)

PRODUCT = "idm"


@blueprint.get("/enrol/<token>")
def enrol(token: str) -> str:
    """For whom the link is, and a form for the password. Looking uses nothing up: mail scanners look too."""
    return _enrolment_page(_find(token))


@blueprint.post("/enrol/<token>")
def set_password(token: str) -> str | tuple[str, int] | Response:
    """The password was chosen."""
    found = _find(token)
    password = request.form.get("password", "")
    if password != request.form.get("password_again", ""):
        return _enrolment_page(found, {"password_again": _("2回の入力が一致しません。もう一度入力してください。")}), 422
    try:
        with current.site().database.writing() as database_session:
            opened = operation.enrol(
                database_session, token=token, password=password, policy=current.policy(), now=current.now()
            )
    except InvalidInput as mistake:
        return _enrolment_page(found, mistake.fields), 422
    form_session.clear()
    flash(_("パスワードを登録しました。"), "success")
    return session.keep(redirect(url_for("home.index")), opened)


@blueprint.get("/sign-in/second-factor")
def second_factor() -> str | Response:
    """The QR code, or the button that makes one."""
    return _factor_page() if _may_enrol_factor() else redirect(url_for("home.index"))


@blueprint.post("/sign-in/second-factor/new")
def new_secret() -> Response:
    """A fresh secret was asked for."""
    with current.act("sign_in.prepare_second_factor", ("person", current.signed_in().person_id)) as database_session:
        operation.prepare_second_factor(
            database_session, signed_in=current.signed_in(), factor_key=current.site().factor_key
        )
    return redirect(url_for("enrolment.second_factor", next=request.form.get("next")))


@blueprint.post("/sign-in/second-factor")
def confirm_second_factor() -> str | tuple[str, int] | Response:
    """The first code of the new authenticator was given."""
    try:
        with current.site().database.writing() as database_session:
            opened = operation.confirm_second_factor(
                database_session, signed_in=current.signed_in(), code=request.form.get("code", "").strip(" "),
                factor_key=current.site().factor_key, policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return _factor_page(mistake.message), 422
    form_session.clear()
    flash(_("認証アプリを登録しました。次回から、サインインのときに確認コードを入力します。"), "success")
    return session.keep(redirect(wanted_page()), opened)


def _find(token: str) -> Enrolment:
    with current.look() as database_session:
        return operation.find_enrolment(database_session, token=token, now=current.now())


def _enrolment_page(found: Enrolment, errors: dict[str, str] | None = None) -> str:
    return render_template(
        "sign_in/enrol.html", enrolment=found, errors=errors or {},
        minimum_length=current.policy().passwords.own_minimum_length,
    )  # fmt: skip


def _may_enrol_factor() -> bool:
    return current.signed_in().stage is not Stage.CODE_NEEDED and not current.signed_in().has_second_factor


def _factor_page(error: str | None = None) -> str:
    with current.look() as database_session:
        secret = operation.pending_second_factor(
            database_session, signed_in=current.signed_in(), factor_key=current.site().factor_key
        )
    if secret is None:
        return render_template("sign_in/second_factor.html", picture=None)
    address = provisioning_uri(secret, name=current.signed_in().name, issuer=PRODUCT)
    drawing = segno.make(address, error="m").svg_inline(scale=5, title=_("認証アプリで読み取るQRコード"))
    return render_template(
        "sign_in/second_factor.html", error=error,
        picture=Markup(drawing),  # noqa: S704 - drawn by segno from an address of ours, all of it percent-encoded
        secret=_in_groups(secret_as_text(secret)),
    )  # fmt: skip


def _in_groups(text: str) -> str:
    """Four characters at a time, as people read and type them."""
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))
