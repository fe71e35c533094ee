"""A second factor asked for before what matters most (control B3), and the form that was sent goes on with it.

The page that asks holds what was sent, and is sent to the very same address: with the code, the act follows at once.
A file does not come along; whoever sent one chooses it again. Pages that only show are not asked for it.
"""

from flask import Blueprint, Flask, after_this_request, g, make_response, redirect, render_template, request, url_for
from flask import Response as FlaskResponse
from werkzeug.wrappers import Response

from idm.errors import InvalidInput, SignInRefused
from idm.operations.sign_in import verify_code
from idm.operations.sign_in_attempts import LOCKED
from idm.operations.web_sessions import Stage, resume_session
from web import current, session
from web.carried_input import FRESH_CODE, of_request
from web.security import UNSAFE_METHODS, local_path

blueprint = Blueprint("fresh_factor", __name__)

ASKED = "この操作の前に、二つ目の認証要素をもう一度確認してください。"


def install(app: Flask) -> None:
    """Afterwards a form that brings a code along has it looked at before its view."""
    app.before_request(take_code)


@blueprint.get("/sign-in/confirm")
def show() -> Response:
    """The question by itself: for what is sent with a file, and for whoever wants to be asked before."""
    return _page(path=url_for("fresh_factor.give"), fields=(("next", _next()),))


@blueprint.post("/sign-in/confirm")
def give() -> Response:
    """The code came with the form, and was right: back to the page that was left."""
    return redirect(_next())


def take_code() -> Response | None:
    """Afterwards the session's factor is fresh, where the form brought the right code; else the page asks again."""
    if FRESH_CODE not in request.form or not can_ask():
        return None
    try:
        token = verify_code(
            current.site().database, token=session.token() or "", code=request.form[FRESH_CODE].strip(" "),
            source=request.remote_addr or "?", factor_key=current.site().factor_key, policy=current.policy(),
            now=current.now(), again=True,
        )  # fmt: skip
    except InvalidInput as mistake:
        return asked(mistake.message, status=422, wrong=True)
    except SignInRefused as refusal:
        if refusal.code == LOCKED:
            return session.drop(redirect(url_for("sign_in.start", reason="locked")))
        return asked(refusal.message, status=401, wrong=True)
    with current.look() as database_session:
        g.signed_in = resume_session(database_session, token=token, policy=current.policy(), now=current.now())
    after_this_request(lambda response: _keep(response, token))
    return None


def asked(sentence: str = ASKED, *, status: int = 401, wrong: bool = False) -> Response:
    """The page that asks, with the form that was sent. `wrong`: the sentence is about the code that came with it."""
    if any(file.filename for file in request.files.values()):
        return _page(sentence, status=status, path=url_for("fresh_factor.give"), fields=(("next", _back()),), file=True)
    sent = of_request()
    return _page(sentence, status=status, wrong=wrong, path=sent.path, fields=sent.fields)


def _page(
    sentence: str = ASKED, *, path: str, fields: tuple[tuple[str, str], ...], status: int = 200, wrong: bool = False,
    file: bool = False,
) -> Response:  # fmt: skip
    page = render_template(
        "sign_in/fresh_factor.html", path=path, fields=fields, sentence=sentence, error=sentence if wrong else None,
        file=file, minutes=current.policy().sign_in.step_up_minutes, field=FRESH_CODE,
    )  # fmt: skip
    return make_response(page, status)


def _keep(response: FlaskResponse, token: str) -> FlaskResponse:
    session.keep(response, token)
    return response


def can_ask() -> bool:
    """Whether something was sent by somebody signed in."""
    found = g.get("signed_in")
    return request.method in UNSAFE_METHODS and found is not None and found.stage is Stage.SIGNED_IN


def _next() -> str:
    return local_path(request.values.get("next", "")) or url_for("home.index")


def _back() -> str:
    """The page of ours from which the form was sent."""
    return local_path((request.referrer or "").removeprefix(request.host_url.rstrip("/"))) or url_for("home.index")
