"""A second factor asked for before what matters most (control B3), and the form that was sent goes on with it.

The page that asks holds what was sent, and is sent to the very same address: with the code, or the passkey's answer,
the act follows at once. A file does not come along; whoever sent one chooses it again. Pages that only show are not
asked for it. A recovery code is no answer.
"""

from collections.abc import Callable

from flask import Blueprint, Flask, after_this_request, g, make_response, redirect, render_template, request, url_for
from flask import Response as FlaskResponse
from werkzeug.wrappers import Response

from idm.errors import InvalidInput, SignInRefused
from idm.operations.signing_in.passkeys import verify_passkey
from idm.operations.signing_in.sign_in import verify_code
from idm.operations.signing_in.sign_in_attempts import LOCKED
from idm.operations.signing_in.web_sessions import Stage, resume_session
from idm.queries.signing_in.own_factors import own_factors
from web import current, session
from web.carried_input import FRESH_CODE, FRESH_PASSKEY, FRESH_WAY, of_request
from web.security import UNSAFE_METHODS, local_path
from web.signing_in.passkeys import ceremony, question_to_prove

blueprint = Blueprint("fresh_factor", __name__)

ASKED = "この操作の前に、二つ目の認証要素をもう一度確認してください。"
Fields = tuple[tuple[str, str], ...]


def install(app: Flask) -> None:
    """Afterwards a form that brings a second factor along has it looked at before its view."""
    app.before_request(take_factor)


@blueprint.get("/sign-in/confirm")
def show() -> Response:
    """The question by itself: for what is sent with a file, and for whoever wants to be asked before."""
    return _page(path=url_for("fresh_factor.give"), fields=(("next", _next()),))


@blueprint.post("/sign-in/confirm")
def give() -> Response:
    """What came with the form was right: back to the page that was left."""
    return redirect(_next())


def take_factor() -> Response | None:
    """Afterwards the session's factor is fresh, where the form brought the right one; else the page asks again."""
    if not can_ask():
        return None
    way = next((taken for field, taken in _TAKEN.items() if field in request.form), None)
    return way() if way is not None else None


def asked(sentence: str = ASKED, *, status: int = 401, wrong: bool = False) -> FlaskResponse:
    """The page that asks, with the form that was sent. `wrong`: the sentence is about what came with it."""
    if any(file.filename for file in request.files.values()):
        return _page(sentence, status=status, path=url_for("fresh_factor.give"), fields=(("next", _back()),), file=True)
    sent = of_request()
    return _page(sentence, status=status, wrong=wrong, path=sent.path, fields=sent.fields)


def can_ask() -> bool:
    """Whether something was sent by somebody signed in, to an address of ours: it is sent there once more."""
    found = g.get("signed_in")
    sent = request.method in UNSAFE_METHODS and request.endpoint is not None
    return sent and found is not None and found.stage is Stage.SIGNED_IN


def _code() -> Response | None:
    return _taken(
        lambda: verify_code(
            current.site().database, token=session.token() or "", code=request.form[FRESH_CODE].strip(" "),
            source=current.source(), factor_key=current.site().factor_key, policy=current.policy(),
            now=current.now(), again=True,
        )
    )  # fmt: skip


def _passkey() -> Response | None:
    return _taken(
        lambda: verify_passkey(
            current.site().database, token=session.token() or "", answer=request.form[FRESH_PASSKEY],
            source=current.source(), ceremony=ceremony(), policy=current.policy(), now=current.now(),
            again=True,
        )
    )  # fmt: skip


def _ask_for_passkey() -> Response:
    """The same form once more, on the page that asks the browser for a passkey."""
    sent = of_request()
    try:
        question = question_to_prove()
    except SignInRefused as refusal:
        return asked(refusal.message, wrong=True)
    page = render_template(
        "sign_in/fresh_passkey.html", question=question, path=sent.path, fields=sent.fields, field=FRESH_PASSKEY
    )
    return make_response(page, 401)


_TAKEN: dict[str, Callable[[], Response | None]] = {
    FRESH_PASSKEY: _passkey,
    FRESH_WAY: _ask_for_passkey,
    FRESH_CODE: _code,
}
"""Field of the form → what is done with it."""


def _taken(verify: Callable[[], str]) -> Response | None:
    try:
        token = verify()
    except InvalidInput as mistake:
        return asked(mistake.message, status=422, wrong=True)
    except SignInRefused as refusal:
        if refusal.code == LOCKED:
            return session.drop(redirect(url_for("sign_in.start", reason="locked")))
        return asked(refusal.message, wrong=True)
    with current.look() as database_session:
        g.signed_in = resume_session(database_session, token=token, policy=current.policy(), now=current.now())

    @after_this_request
    def keep(response: FlaskResponse) -> FlaskResponse:
        session.keep(response, token)
        return response

    return None


def _page(
    sentence: str = ASKED, *, path: str, fields: Fields, status: int = 200, wrong: bool = False, file: bool = False
) -> FlaskResponse:
    with current.look() as database_session:
        has = own_factors(database_session, current.signed_in().person_id)
    page = render_template(
        "sign_in/fresh_factor.html", path=path, fields=fields, sentence=sentence, error=sentence if wrong else None,
        file=file, has=has, minutes=current.policy().sign_in.step_up_minutes, field=FRESH_CODE, way=FRESH_WAY,
    )  # fmt: skip
    return make_response(page, status)


def _next() -> str:
    return local_path(request.values.get("next", "")) or url_for("home.index")


def _back() -> str:
    """The page of ours from which the form was sent."""
    return local_path((request.referrer or "").removeprefix(request.host_url.rstrip("/"))) or url_for("home.index")
