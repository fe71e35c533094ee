"""Enrolment pages: a password by a link that works once, and a second factor by an authenticator app (FK 6-2(9))."""

from typing import Any

import segno
from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask import session as form_session
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.errors import FreshFactorNeeded, InvalidInput
from idm.factors.one_time_codes import provisioning_uri, secret_as_text
from idm.operations.signing_in import enrolment as operation
from idm.operations.signing_in import factor_enrolment
from idm.operations.signing_in import second_factor as factor
from idm.operations.signing_in.enrolment import Enrolment
from idm.operations.signing_in.web_sessions import Stage
from idm.queries.signing_in.own_factors import own_factors
from web import current, session
from web.signing_in.sign_in import wanted_page

blueprint = Blueprint("enrolment", __name__)

PRODUCT = "idm"


@blueprint.get("/enrol/<token>")
def enrol(token: str) -> str:
    """For whom the link is, and what to do with it. Looking uses nothing up: mail scanners look too."""
    found = _find(token)
    return _by_link_page(found, token) if found.factor_only else _enrolment_page(found)


@blueprint.post("/enrol/<token>")
def set_password(token: str) -> str | tuple[str, int] | Response:
    """The password was chosen."""
    found = _find(token)
    if found.factor_only:
        return redirect(url_for("enrolment.enrol", token=token))
    password = request.form.get("password", "")
    if password != request.form.get("password_again", ""):
        return _enrolment_page(found, {"password_again": _("2回の入力が一致しません。もう一度入力してください。")}), 422
    try:
        with current.look() as database_session:
            chosen = operation.choose_password(
                database_session, token=token, password=password, policy=current.policy(), now=current.now()
            )
        with current.site().database.writing() as database_session:
            opened = operation.enrol(
                database_session, token=token, chosen=chosen, policy=current.policy(), now=current.now()
            )
    except InvalidInput as mistake:
        return _enrolment_page(found, mistake.fields), 422
    form_session.clear()
    flash(_("パスワードを登録しました。"), "success")
    return session.keep(redirect(url_for("home.index")), opened)


@blueprint.get("/sign-in/second-factor")
def second_factor() -> str | Response:
    """The QR code, or the button that makes one."""
    if current.signed_in().stage is Stage.CODE_NEEDED:
        return redirect(url_for("sign_in.code"))
    return _factor_page()


@blueprint.post("/sign-in/second-factor/new")
def new_secret() -> Response:
    """A fresh secret was asked for."""
    with current.act("sign_in.prepare_second_factor", ("person", current.signed_in().person_id)) as database_session:
        factor.prepare_second_factor(database_session, **_whose())
    return redirect(url_for("enrolment.second_factor", next=request.form.get("next")))


@blueprint.post("/enrol/<token>/second-factor/new")
def new_secret_by_link(token: str) -> Response:
    """A fresh secret was asked for, with an enrolment link."""
    with current.act("sign_in.prepare_second_factor", ("person", current.signed_in().person_id)) as database_session:
        factor.prepare_second_factor(database_session, **_whose(), link=token)
    return redirect(url_for("enrolment.enrol", token=token))


@blueprint.post("/sign-in/second-factor")
def confirm_second_factor() -> str | tuple[str, int] | Response:
    """The first code of the new authenticator was given."""
    try:
        return _confirmed(None, wanted_page())
    except InvalidInput as mistake:
        return _factor_page(mistake.message), 422


@blueprint.post("/enrol/<token>/second-factor")
def confirm_by_link(token: str) -> str | tuple[str, int] | Response:
    """The first code of the new authenticator was given, with an enrolment link."""
    try:
        return _confirmed(token, url_for("home.index"))
    except InvalidInput as mistake:
        return _by_link_page(_find(token), token, mistake.message), 422


def _confirmed(token: str | None, onward: str) -> Response:
    """The answer to a right code: signed in with both factors. Raises InvalidInput when it is wrong."""
    with current.act("sign_in.confirm_second_factor", ("person", current.signed_in().person_id)) as database_session:
        code = request.form.get("code", "").strip(" ")
        opened = factor.confirm_second_factor(database_session, **_whose(), code=code, link=token)
    form_session.clear()
    flash(_("認証アプリを登録しました。次回から、サインインのときに確認コードを入力します。"), "success")
    return session.keep(redirect(onward), opened)


def _find(token: str) -> Enrolment:
    with current.look() as database_session:
        return operation.find_enrolment(database_session, token=token, now=current.now())


def _enrolment_page(found: Enrolment, errors: dict[str, str] | None = None) -> str:
    return render_template(
        "sign_in/enrol.html", enrolment=found, errors=errors or {},
        minimum_length=current.policy().passwords.own_minimum_length,
    )  # fmt: skip


def _whose() -> dict[str, Any]:
    """Whose second factor it is about, and by which key, rules and clock."""
    return {
        "signed_in": current.signed_in(), "factor_key": current.site().factor_key, "policy": current.policy(),
        "now": current.now(),
    }  # fmt: skip


def _factor_page(error: str | None = None) -> str:
    who = current.signed_in()
    with current.look() as database_session:
        if not who.has_second_factor and factor_enrolment.needs_link(
            database_session, who.person_id, policy=current.policy(), now=current.now(), session_id=who.session_id
        ):
            sentence = factor_enrolment.why_link(database_session, who.person_id)
            return render_template("sign_in/link_needed.html", sentence=sentence)
        secret = _pending(database_session)
        has = own_factors(database_session, who.person_id)
    return render_template(
        "sign_in/second_factor.html", error=error, **_drawn(secret), has=has,
        confirm_to=url_for("enrolment.confirm_second_factor"), anew_at=url_for("enrolment.new_secret"),
        passkey_at=url_for("passkeys.new", next=request.values.get("next") or None),
    )  # fmt: skip


def _pending(database_session: Session) -> bytes | None:
    """The secret that waits; none is shown to somebody who has a second factor and has not just given it."""
    try:
        return factor.pending_second_factor(database_session, **_whose())
    except FreshFactorNeeded:
        return None


def _by_link_page(found: Enrolment, token: str, error: str | None = None) -> str:
    """A second factor by a link: for its person, once they have signed in with the directory's password."""
    if g.signed_in is None or g.signed_in.person_id != found.person_id:
        return render_template("sign_in/factor_by_link.html", enrolment=found, token=token)
    with current.look() as database_session:
        secret = factor.pending_second_factor(database_session, **_whose(), link=token)
    return render_template(
        "sign_in/second_factor.html", error=error, **_drawn(secret), by_link=True,
        confirm_to=url_for("enrolment.confirm_by_link", token=token),
        anew_at=url_for("enrolment.new_secret_by_link", token=token),
        passkey_at=url_for("passkeys.new_by_link", token=token),
    )  # fmt: skip


def _drawn(secret: bytes | None) -> dict[str, object]:
    """The secret as a picture and as letters; nothing where there is none."""
    if secret is None:
        return {"picture": None}
    address = provisioning_uri(secret, name=current.signed_in().name, issuer=PRODUCT)
    drawing = segno.make(address, error="m").svg_inline(scale=5, title=_("認証アプリで読み取るQRコード"))
    return {
        "picture": Markup(drawing),  # noqa: S704 - drawn by segno from an address of ours, all of it percent-encoded
        "secret": _in_groups(secret_as_text(secret)),
    }


def _in_groups(text: str) -> str:
    """Four characters at a time, as people read and type them."""
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))
