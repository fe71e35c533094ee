"""After the password, without the second factor: a recovery code, or the report that the factor is lost."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask import session as form_session
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.errors import InvalidInput, SignInRefused
from idm.operations.signing_in.lost_factor import report_own_factor_lost
from idm.operations.signing_in.recovery_codes import sign_in_with_recovery_code
from idm.operations.signing_in.sign_in_attempts import LOCKED
from idm.queries.signing_in.own_factors import own_factors
from web import current, session
from web.signing_in.sign_in import come_in

blueprint = Blueprint("without_factor", __name__)


@blueprint.get("/sign-in/recovery-code")
def code() -> str:
    """The page for a recovery code."""
    return _code_page()


@blueprint.post("/sign-in/recovery-code")
def give_code() -> str | tuple[str, int] | Response:
    """A recovery code was given; or the page was chosen with a form that came too late, which stays with it."""
    if "recovery_code" not in request.form:
        return _code_page()
    who = current.signed_in()
    try:
        token = sign_in_with_recovery_code(
            current.site().database, token=session.token() or "", typed=request.form.get("recovery_code", ""),
            source=current.source(), policy=current.policy(), now=current.now(),
        )  # fmt: skip
    except InvalidInput as mistake:
        return _code_page(mistake.message), 422
    except SignInRefused as refusal:
        if refusal.code == LOCKED:
            return session.drop(redirect(url_for("sign_in.start", reason="locked")))
        return _code_page(refusal.message), 401
    response = come_in(token)
    with current.look() as database_session:
        left = own_factors(database_session, who.person_id).codes
    flash(_("回復用コードを1個使いました。残りは%(left)s個です。認証アプリやパスキーをなくしたときは、サインアウトし、"
            "サインインの画面から届け出てください。", left=left), "warning")  # fmt: skip
    return response


@blueprint.get("/sign-in/lost")
def lost() -> str:
    """What reporting the loss does, and the button that does it."""
    return render_template("sign_in/lost.html", error=None)


@blueprint.post("/sign-in/lost")
def report() -> str | tuple[str, int] | Response:
    """The loss was reported: everything of theirs is stopped, and this browser is signed out."""
    who = current.signed_in()
    try:
        with current.act("sign_in.report_factor_lost", ("person", who.person_id)) as database_session:
            report_own_factor_lost(
                database_session, signed_in=who, circumstances=request.form.get("circumstances", ""),
                policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return render_template("sign_in/lost.html", error=mistake.message), 422
    form_session.clear()
    flash(_("紛失の届出を受け付け、登録されていた認証アプリ・パスキー・回復用コードをすべて止めました。登録用リンクの発行を、"
            "仮パスワードの交付担当者に申し出てください。"), "success")  # fmt: skip
    return session.drop(redirect(url_for("sign_in.start")))


def _code_page(error: str | None = None) -> str:
    return render_template("sign_in/recovery_code.html", error=error)
