"""Sign-in at the organisation's provider: on the way there, the answer, and a link to it (OpenID Connect, control F4).

Only a form of ours begins it, so no other site can sign anybody in. The browser is sent on by a page and not by a
redirect: forms of ours lead nowhere else (`form-action`), and people see where they are going.
"""

from flask import Blueprint, flash, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.errors import NotFound, SignInRefused, SignInUnavailable
from idm.operations.signing_in import provider_sign_in as operation
from idm.operations.signing_in.provider_links import end_link
from idm.operations.signing_in.provider_sign_in import ANSWER_WITHIN, Started
from idm.operations.signing_in.second_step import START_AGAIN
from idm.operations.signing_in.web_sessions import Stage
from idm.ports import IdentityProvider
from web import current
from web.carried_input import FIELD, MAXIMUM_CHARACTERS
from web.security import is_https, local_path
from web.signing_in.sign_in import come_in, start_page, wanted_page

blueprint = Blueprint("provider_sign_in", __name__)


@blueprint.post("/sign-in/provider")
def begin() -> tuple[str, int] | Response:
    """Somebody wants to sign in at the provider."""
    if g.signed_in is not None and g.signed_in.stage is Stage.SIGNED_IN:
        return redirect(wanted_page())
    carried = request.form.get(FIELD, "")
    try:
        started = _start(wanted=wanted_page(), carried=carried if len(carried) <= MAXIMUM_CHARACTERS else "")
    except SignInUnavailable as away:
        return start_page(away=away), 503
    return _on_the_way_there(started)


@blueprint.post("/enrol/<token>/provider")
def begin_linking(token: str) -> tuple[str, int] | Response:
    """The receiver of an enrolment link wants to be linked to the provider."""
    try:
        return _on_the_way_there(_start(link=token))
    except SignInUnavailable as away:
        return start_page(away=away), 503


@blueprint.get("/sign-in/provider/answer")
def answer() -> tuple[str, int] | Response:
    """The provider's answer, brought by the browser. One that this browser did not begin changes nothing."""
    token = request.cookies.get(_cookie_name())
    try:
        if token is None:
            raise SignInRefused(START_AGAIN)
        arrived = operation.answer(
            current.site().database, _client(), token=token, said=_said(), source=current.source(),
            key=current.site().factor_key, policy=current.policy(), now=current.now(),
        )  # fmt: skip
    except SignInRefused as refusal:
        return start_page(refusal=refusal), 401
    except SignInUnavailable as away:
        return start_page(away=away), 503
    shown = come_in(arrived.token, wanted=local_path(arrived.wanted), carried=arrived.carried)
    if arrived.linked:
        flash(_("サインインのサービスに結び付けました。次回から、その名前のボタンでサインインします。"), "success")
    shown.delete_cookie(
        _cookie_name(), secure=is_https(current.site().settings), httponly=True, samesite="Lax", path="/"
    )
    return shown


@blueprint.post("/people/<int:person_id>/provider-link/end")
def end(person_id: int) -> Response:
    """An officer ends a link."""
    with current.act("sign_in.unlink", ("person", person_id)) as session:
        end_link(session, person_id=person_id, actor=current.actor(), policy=current.policy(), now=current.now())
    flash(_("サインインのサービスとの結び付けを解除しました。本人のサインインはすべて終わりました。"), "success")
    return redirect(url_for("people.show", person_id=person_id, _anchor="sign-in"))


def _start(*, link: str | None = None, wanted: str = "", carried: str = "") -> Started:
    site = current.site()
    return operation.start(
        site.database, _client(), redirect_uri=site.settings.base_url.rstrip("/") + url_for("provider_sign_in.answer"),
        key=site.factor_key, policy=current.policy(), now=current.now(), link=link, wanted=wanted, carried=carried,
    )  # fmt: skip


def _client() -> IdentityProvider:
    """The provider in force. Raises NotFound where there is none, SignInUnavailable where it is not set up."""
    open_provider = current.site().open_provider
    if g.sign_in_provider is None or open_provider is None:
        raise NotFound("このページは使えません。サインインの画面に戻ってください。")
    return operation.opened(open_provider, g.sign_in_provider)


def _on_the_way_there(started: Started) -> Response:
    """The page that sends the browser on, with the token that is to come back with it."""
    page = make_response(render_template("sign_in/to_provider.html", address=started.address))
    page.headers["Refresh"] = f"0; url={started.address}"
    secure = is_https(current.site().settings)
    # Lax: it must come with the provider's answer, which is a link from another site.
    page.set_cookie(_cookie_name(), started.token, max_age=ANSWER_WITHIN, secure=secure, httponly=True, samesite="Lax",
                    path="/")  # fmt: skip
    return page


def _cookie_name() -> str:
    return "__Host-idm-provider" if is_https(current.site().settings) else "idm-provider"


def _said() -> dict[str, str]:
    """The answer's parameters; one that is there twice counts as missing (RFC 6749 3.1)."""
    return {name: values[0] for name, values in request.args.lists() if len(values) == 1}
