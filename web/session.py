"""Who comes: the session cookie, what each request learns from it, and the gate before every page.

Deny by default: whom an endpoint is open to is said in one table (`web.route_access`), without which nothing starts.
"""

from flask import Flask, Response, g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from idm.operations.signing_in.signed_in_places import note_place
from idm.operations.signing_in.web_sessions import SignedIn, Stage, end_left_behind, note_use, resume_session
from idm.queries.governance.configuration import organisation_in_force, policy_in_force
from web import current
from web.carried_input import keep_what_was_typed
from web.permitted import require_page
from web.route_access import Who, access_to
from web.security import is_https, refuse_forged_forms
from web.signing_in.browser_words import browser_words

WITHOUT_DATABASE = frozenset({"static", "health.alive", "health.ready"})
"""What is answered even while the database is away; nobody is asked who they are."""

LOOKED_AT_BY_ITSELF = frozenset({"sign_in.timed_out", "stops.progress", "losses.progress"})
"""Pages that a browser asks for without anybody being there: they keep no session open (FK 6-2(6)②)."""

NEXT_PAGE = {Stage.CODE_NEEDED: "sign_in.code", Stage.FACTOR_NEEDED: "enrolment.second_factor"}
GRACE_SECONDS = 5


def install(app: Flask) -> None:
    """Afterwards every request knows who comes, and none passes the gate that should not."""
    app.before_request(arrive)
    app.before_request(refuse_forged_forms)
    app.before_request(gate)
    app.after_request(close_abandoned_page)


def cookie_name() -> str:
    """`__Host-` binds the cookie to this very host; browsers accept it only over TLS."""
    return "__Host-idm" if is_https(current.site().settings) else "idm"


def keep(response: AnyResponse, token: str) -> AnyResponse:
    """The answer that makes this browser the session's, after it is noted from where it was opened.

    The one that the browser brought is ended, if it is another.
    """
    browser = browser_words(request.user_agent.string)
    with current.site().database.writing() as session:
        note_place(session, token=token, source=current.source(), browser=browser, policy=current.policy(),
                   now=current.now())  # fmt: skip
        end_left_behind(session, brought=request.cookies.get(cookie_name()), token=token, policy=current.policy(),
                        now=current.now())  # fmt: skip
    secure = is_https(current.site().settings)
    response.set_cookie(cookie_name(), token, secure=secure, httponly=True, samesite="Lax", path="/")
    return response


def drop(response: AnyResponse) -> AnyResponse:
    """The answer that makes this browser forget its session."""
    secure = is_https(current.site().settings)
    response.delete_cookie(cookie_name(), secure=secure, httponly=True, samesite="Lax", path="/")
    return response


def token() -> str | None:
    """The token this browser brought."""
    return request.cookies.get(cookie_name())


def arrive() -> None:
    """Afterwards the request knows its moment, the rules in force, and who comes."""
    g.now = current.site().clock()
    g.signed_in = None
    if request.endpoint in WITHOUT_DATABASE:
        return
    with current.look() as session:
        g.policy = policy_in_force(session, now=g.now)
        organisation = organisation_in_force(session, now=g.now)
        g.organisation_name = organisation.name
        g.sign_in_provider = organisation.sign_in_provider if current.site().open_provider is not None else None
        by_cookie = request.endpoint is None or access_to(request.endpoint).who is not Who.MACHINES
        brought = token() if by_cookie else None
        g.signed_in = resume_session(session, token=brought, policy=g.policy, now=g.now) if brought else None
    if g.signed_in is not None and g.signed_in.note_is_due and request.endpoint not in LOOKED_AT_BY_ITSELF:
        with current.site().database.writing() as session:
            note_use(session, session_id=g.signed_in.session_id, now=g.now)


def gate() -> AnyResponse | None:
    """Lets a request through to its page, or sends it where its sender has to go first.

    Raises NotFound where the page is not for somebody with these roles.
    """
    endpoint, found = request.endpoint, g.signed_in
    if endpoint is None:
        return None
    access = access_to(endpoint)
    if not access.lets_in(found.stage if found is not None else None):
        return _send_away(endpoint, found)
    if found is not None and found.stage is Stage.SIGNED_IN:
        require_page(access.opens)
    return None


def _send_away(endpoint: str, found: SignedIn | None) -> AnyResponse:
    if found is not None:
        return redirect(url_for(NEXT_PAGE[found.stage], next=address_to_come_back_to()))
    if request.method == "POST" and endpoint != "sign_in.sign_out":
        return keep_what_was_typed()
    reason = "time_out" if token() else None
    return redirect(url_for("sign_in.start", next=address_to_come_back_to(), reason=reason))


def address_to_come_back_to() -> str | None:
    """The path and query of a page that was asked for; None for the home page and for what is no page."""
    if request.method not in {"GET", "HEAD"} or request.path == "/":
        return None
    query = request.query_string.decode("ascii", "ignore")
    return f"{request.path}?{query}" if query else request.path


def close_abandoned_page(response: Response) -> Response:
    """A page that only shows something closes itself once its session has run out (FK 6-2(6)②).

    A page being typed into stays: what was typed is kept when it is sent later (`web.carried_input`).
    """
    found = g.get("signed_in")
    if (
        found is None
        or g.get("holds_input")
        or "Refresh" in response.headers
        or response.mimetype != "text/html"
        or request.method != "GET"
    ):
        return response
    seconds = int(current.policy().idle.total_seconds()) + GRACE_SECONDS
    response.headers["Refresh"] = f"{seconds}; url={url_for('sign_in.timed_out', next=address_to_come_back_to())}"
    return response
