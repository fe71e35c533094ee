"""Pages of passkeys: asked for after the password, and enrolled. The only pages of the product that run a script."""

from collections.abc import Mapping

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask import session as form_session
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.errors import InvalidInput, Refusal, SignInRefused
from idm.factors.passkey_ceremony import AnswerRefused, relying_party
from idm.operations.signing_in import enrolment, factor_enrolment, passkeys
from idm.operations.signing_in.sign_in_attempts import LOCKED
from idm.operations.signing_in.web_sessions import Stage
from web import current, session
from web.signing_in.sign_in import code_page, come_in, wanted_page

blueprint = Blueprint("passkeys", __name__)


def ceremony() -> passkeys.Ceremony:
    """Who asks for passkeys here, and the key under which challenges wait."""
    party = relying_party(current.site().settings.base_url, g.organisation_name)
    return passkeys.Ceremony(party, current.site().factor_key)


def question_to_prove() -> str:
    """What the browser is asked to prove one of this person's passkeys; afterwards the answer is waited for.

    Raises SignInRefused when they have none.
    """
    who = current.signed_in()
    with current.act("sign_in.ask_for_passkey", ("person", who.person_id)) as database_session:
        return passkeys.ask_for_passkey(database_session, signed_in=who, ceremony=ceremony(), now=current.now())


# --- after the password ----------------------------------------------------------------------------------------------


@blueprint.get("/sign-in/passkey")
def back() -> Response:
    """The address of a page that was left: back to where the ways are offered."""
    return redirect(url_for("sign_in.code", next=request.args.get("next")))


@blueprint.post("/sign-in/passkey")
def ask() -> str:
    """The passkey was chosen: its page asks the browser."""
    return render_template("sign_in/passkey.html", question=question_to_prove())


@blueprint.post("/sign-in/passkey/answer")
def answer() -> str | tuple[str, int] | Response:
    """The browser has answered."""
    try:
        token = passkeys.verify_passkey(
            current.site().database, token=session.token() or "", answer=request.form.get("answer", ""),
            source=current.source(), ceremony=ceremony(), policy=current.policy(), now=current.now(),
        )  # fmt: skip
    except SignInRefused as refusal:
        if refusal.code == LOCKED:
            return session.drop(redirect(url_for("sign_in.start", reason="locked")))
        return code_page(refused=refusal.message), 401
    return come_in(token)


# --- enrolling -------------------------------------------------------------------------------------------------------


@blueprint.get("/sign-in/second-factor/passkey")
def new() -> str | Response:
    """What a passkey is, and the button that begins."""
    who = current.signed_in()
    if who.stage is Stage.CODE_NEEDED:
        return redirect(url_for("sign_in.code"))
    with current.look() as database_session:
        needs_link = not who.has_second_factor and factor_enrolment.needs_link(
            database_session, who.person_id, policy=current.policy(), now=current.now(), session_id=who.session_id
        )
        if needs_link:
            sentence = factor_enrolment.why_link(database_session, who.person_id)
            return render_template("sign_in/link_needed.html", sentence=sentence)
    return _begin_page()


@blueprint.post("/sign-in/second-factor/passkey/new")
def ask_to_enrol() -> str:
    """The browser is asked to make one."""
    return _asking_page(None)


@blueprint.post("/sign-in/second-factor/passkey")
def enrol() -> str | tuple[str, int] | Response:
    """The browser has made one."""
    return _enrolled(None)


@blueprint.get("/enrol/<token>/passkey")
def new_by_link(token: str) -> str:
    """What a passkey is, for somebody with an enrolment link."""
    with current.look() as database_session:
        enrolment.find_enrolment(database_session, token=token, now=current.now())
    return _begin_page(token)


@blueprint.post("/enrol/<token>/passkey/new")
def ask_by_link(token: str) -> str:
    """The browser is asked to make one, with an enrolment link."""
    return _asking_page(token)


@blueprint.post("/enrol/<token>/passkey")
def enrol_by_link(token: str) -> str | tuple[str, int] | Response:
    """The browser has made one, with an enrolment link."""
    return _enrolled(token)


def _begin_page(token: str | None = None, errors: Mapping[str, str] | None = None) -> str:
    ask_at = url_for("passkeys.ask_by_link", token=token) if token else url_for("passkeys.ask_to_enrol")
    return render_template("sign_in/passkey_new.html", ask_at=ask_at, link=token, errors=errors or {})


def _asking_page(token: str | None) -> str:
    who = current.signed_in()
    with current.act("sign_in.prepare_passkey", ("person", who.person_id)) as database_session:
        question = passkeys.ask_to_enrol(
            database_session, signed_in=who, ceremony=ceremony(), policy=current.policy(), now=current.now(), link=token
        )
    to = url_for("passkeys.enrol_by_link", token=token) if token else url_for("passkeys.enrol")
    return render_template("sign_in/passkey_asking.html", question=question, to=to, link=token)


def _enrolled(token: str | None) -> str | tuple[str, int] | Response:
    who = current.signed_in()
    try:
        with current.act("sign_in.enrol_passkey", ("person", who.person_id)) as database_session:
            question = passkeys.take_question(
                database_session, signed_in=who, ceremony=ceremony(), policy=current.policy(), now=current.now(),
                link=token,
            )  # fmt: skip
        with current.act("sign_in.enrol_passkey", ("person", who.person_id)) as database_session:
            opened = passkeys.enrol_passkey(
                database_session, question, signed_in=who, answer=request.form.get("answer", ""),
                label=request.form.get("label", ""), ceremony=ceremony(), policy=current.policy(), now=current.now(),
                link=token,
            )  # fmt: skip
    except (AnswerRefused, InvalidInput) as mistake:
        return _begin_page(token, _told(mistake)), 422
    form_session.clear()
    flash(_("パスキーを登録しました。次回から、サインインのときに使えます。"), "success")
    onward = url_for("home.index") if token or who.stage is not Stage.SIGNED_IN else url_for("me.index")
    return session.keep(redirect(wanted_page() if request.form.get("next") else onward), opened)


def _told(mistake: Refusal) -> dict[str, str]:
    fields = mistake.fields if isinstance(mistake, InvalidInput) else {}
    return fields or {"label": mistake.message}
