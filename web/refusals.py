"""Refusals and faults as pages: one table from the class of an error to its status and page."""

import logging
from secrets import token_hex

from flask import Flask, Response, g, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from idm.errors import (
    CapReached,
    ConfigurationInvalid,
    ContentChanged,
    DecidedMeanwhile,
    FeedRefused,
    FreshFactorNeeded,
    IllegalTransition,
    InvalidInput,
    NobodyAsked,
    NotFound,
    NotPermitted,
    NotSeated,
    PushConflict,
    PushTokenRefused,
    Refusal,
    SafetyLimit,
    SameListAgain,
    SeparationOfDuties,
    SignInRefused,
    SignInUnavailable,
    TooManyPushes,
    ZoneNotOpen,
)
from idm.operations.signing_in.web_sessions import Stage
from idm.permissions import require
from web import current
from web.route_access import access_to
from web.security import UNSAFE_METHODS
from web.signing_in import fresh_factor

log = logging.getLogger(__name__)

PAGES: dict[type[Refusal], tuple[int, str]] = {
    NotFound: (404, "errors/not_found.html"),
    NotPermitted: (403, "errors/not_permitted.html"),
    NotSeated: (403, "errors/not_permitted.html"),
    SeparationOfDuties: (409, "errors/separation_of_duties.html"),
    IllegalTransition: (409, "errors/refused.html"),
    ContentChanged: (409, "errors/changed_meanwhile.html"),
    DecidedMeanwhile: (409, "errors/changed_meanwhile.html"),
    CapReached: (409, "errors/refused.html"),
    ZoneNotOpen: (409, "errors/refused.html"),
    NobodyAsked: (409, "errors/refused.html"),
    SafetyLimit: (409, "errors/refused.html"),
    PushTokenRefused: (401, "errors/refused.html"),
    TooManyPushes: (429, "errors/refused.html"),
    PushConflict: (409, "errors/refused.html"),
    SameListAgain: (409, "errors/refused.html"),
    FreshFactorNeeded: (401, "errors/refused.html"),
    InvalidInput: (422, "errors/refused.html"),
    FeedRefused: (422, "errors/refused.html"),
    SignInRefused: (401, "errors/refused.html"),
    SignInUnavailable: (503, "errors/refused.html"),
    ConfigurationInvalid: (503, "errors/not_ready.html"),
    Refusal: (409, "errors/refused.html"),
}

HTTP_PAGES = {
    400: "errors/bad_request.html",
    403: "errors/forbidden.html",
    404: "errors/not_found.html",
    405: "errors/method_not_allowed.html",
    413: "errors/too_large.html",
}


def install(app: Flask) -> None:
    """Afterwards every refusal and every fault is answered with a page in the table."""
    app.register_error_handler(Refusal, refused)
    app.register_error_handler(CSRFError, form_expired)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(Exception, fault)
    app.after_request(withhold)


def page_of(refusal: Refusal) -> tuple[int, str]:
    """Status and template: of the refusal's own class, or of the nearest one it comes from."""
    return next(PAGES[kind] for kind in type(refusal).__mro__ if kind in PAGES)


def refused(refusal: Refusal) -> Response:
    """The page of a refusal, with its sentence and its code; one that a second factor lifts asks for it."""
    if isinstance(refusal, FreshFactorNeeded) and fresh_factor.can_ask():
        return fresh_factor.asked(refusal.message)
    status, template = page_of(refusal)
    return make_response(render_template(template, refusal=refusal), status)


def withhold(answer: Response) -> Response:
    """The answer; but a refusal, which is recorded, where it shows a form's page to somebody whom it is not for.

    A view that tells of mistakes in what was typed may come to it before its operation asks who sent it.
    """
    found, endpoint = g.get("signed_in"), request.endpoint
    if request.method not in UNSAFE_METHODS or answer.status_code not in (200, 409, 422) or endpoint is None:
        return answer
    if found is None or found.stage is not Stage.SIGNED_IN or access_to(endpoint).may_be_sent_by(found.roles):
        return answer
    try:
        with current.act(endpoint, ("page", request.path[:200])):
            require(found.roles, access_to(endpoint).judged_by[0])
    except NotPermitted as refusal:
        return refused(refusal)
    return answer


def form_expired(_error: CSRFError) -> Response:
    """The page for a form whose token is missing or of another session."""
    return make_response(render_template("errors/form_expired.html"), 400)


def http_error(error: HTTPException) -> Response:
    """The page of an HTTP error; redirects pass as they are."""
    if error.code is None or error.code < 400:
        return make_response(error.get_response())
    template = HTTP_PAGES.get(error.code, "errors/bad_request.html")
    response = make_response(render_template(template, refusal=None), error.code)
    if error.code == 405:
        response.headers.extend(error.get_headers())
        response.headers["Content-Type"] = "text/html; charset=utf-8"
    return response


def fault(error: Exception) -> Response:
    """The page of a fault of the product: a number to tell, and nothing of what went wrong."""
    reference = token_hex(4).upper()
    log.error("fault %s", reference, exc_info=error)
    g.faulty = True
    return make_response(render_template("errors/fault.html", reference=reference), 500)
