"""Sign-in pages: name and password, one-time code, sign-out, and what an abandoned page turns into (FK 6-2(8))."""

from flask import Blueprint, flash, g, make_response, redirect, render_template, request, url_for
from flask import session as form_session
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.errors import InvalidInput, SignInRefused, SignInUnavailable
from idm.operations.signing_in import sign_in as operation
from idm.operations.signing_in.sign_in_attempts import LOCKED
from idm.operations.signing_in.web_sessions import Stage, end_session, resume_session
from idm.queries.signing_in.own_factors import own_factors
from idm.queries.signing_in.provider_identities import is_linked
from idm.queries.signing_in.sign_in_accounts import sign_in_system
from web import carried_input, current, session
from web.security import local_path

blueprint = Blueprint("sign_in", __name__)


@blueprint.get("/sign-in")
def start() -> str | Response:
    """The first page: name and password."""
    if g.signed_in is not None:
        return redirect(wanted_page())
    return start_page(reason=request.args.get("reason", ""))


@blueprint.post("/sign-in")
def give_password() -> str | tuple[str, int] | Response:
    """Name and password were given."""
    name = request.form.get("name", "")
    try:
        token = operation.sign_in(
            current.site().database, name=name, password=request.form.get("password", ""), source=current.source(),
            policy=current.policy(), now=current.now(), check_password=current.site().check_password,
        )  # fmt: skip
    except SignInRefused as refusal:
        return start_page(name=name, refusal=refusal), 401
    except SignInUnavailable as away:
        return start_page(name=name, away=away), 503
    return come_in(token)


def start_page(**shown: object) -> str:
    """The first page. Where people sign in with a directory, it says whose password is asked for."""
    with current.look() as database_session:
        system = sign_in_system(database_session) if current.site().check_password is not None else None
    return render_template(
        "sign_in/start.html",
        directory=system.name if system else "",
        sign_out_there=current.provider_sign_out(),
        **shown,
    )


@blueprint.get("/sign-in/code")
def code() -> str | Response:
    """The second page: what this person has, to choose from."""
    return code_page()


@blueprint.post("/sign-in/code")
def give_code() -> str | tuple[str, int] | Response:
    """A code was given; or the page was chosen with a form that came too late, which stays with it."""
    if "code" not in request.form:
        return code_page()
    try:
        token = operation.verify_code(
            current.site().database, token=session.token() or "", code=request.form.get("code", "").strip(" "),
            source=current.source(), factor_key=current.site().factor_key, policy=current.policy(), now=current.now(),
        )  # fmt: skip
    except InvalidInput as mistake:
        return code_page(mistake.message), 422
    except SignInRefused as refusal:
        if refusal.code == LOCKED:
            return session.drop(redirect(url_for("sign_in.start", reason="locked")))
        return code_page(refusal.message), 401
    return come_in(token)


@blueprint.post("/sign-out")
def sign_out() -> Response:
    """The session is ended. One at a provider is not ours to end: the next page says so."""
    reason = None
    if g.signed_in is not None:
        with current.look() as database_session:
            linked = is_linked(database_session, g.signed_in.person_id, now=current.now())
        reason = "provider_stays" if linked else None
        with current.act("sign_in.end_session", ("person", g.signed_in.person_id)) as database_session:
            end_session(database_session, session_id=g.signed_in.session_id, actor=current.actor(),
                        policy=current.policy(), now=current.now())  # fmt: skip
    form_session.clear()
    flash(_("サインアウトしました。"), "success")
    return session.drop(redirect(url_for("sign_in.start", reason=reason)))


@blueprint.get("/sign-in/time-out")
def timed_out() -> str:
    """What an abandoned page turns into: nothing to read, and the way back."""
    return render_template("sign_in/timed_out.html", next=wanted_page())


def code_page(error: str | None = None, *, refused: str | None = None, carried: str = "") -> str:
    """The second page. `error` is about a code that was given, `refused` about another way."""
    with current.look() as database_session:
        has = own_factors(database_session, current.signed_in().person_id)
    return render_template("sign_in/code.html", error=error, refused=refused, has=has, carried=carried)


def come_in(token: str, *, wanted: str | None = None, carried: str | None = None) -> Response:
    """The answer after a step of sign-in that succeeded: the page that was wanted, or the form that came too late.

    Both are in the request where they are not given.
    """
    form_session.clear()  # whoever is signed in has another form token than the stranger before
    with current.look() as database_session:
        g.signed_in = resume_session(database_session, token=token, policy=current.policy(), now=current.now())
    if g.signed_in.stage is Stage.SIGNED_IN and g.signed_in.failures_before:
        flash(_("前回のサインインのあと、あなたの利用者名でのサインインが%(count)s回失敗しています。心当たりがないときは、"
                "情報システムの担当に知らせてください。", count=g.signed_in.failures_before), "warning")  # fmt: skip
    typed = carried if carried is not None else request.form.get(carried_input.FIELD, "")
    return session.keep(_carried_on(g.signed_in.stage, typed) or redirect(wanted or wanted_page()), token)


def _carried_on(stage: Stage, typed: str) -> Response | None:
    """The next page for a form that came too late; None where there is none."""
    if not typed:
        return None
    if stage is Stage.CODE_NEEDED:
        return make_response(code_page(carried=typed))
    carried = carried_input.from_text(typed)
    return make_response(render_template("sign_in/continue.html", input=carried)) if stage is Stage.SIGNED_IN else None


def wanted_page() -> str:
    """The page of ours that was asked for before sign-in; the home page where there is none."""
    return local_path(request.values.get("next", "")) or url_for("home.index")
