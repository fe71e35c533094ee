"""What every request and every answer obeys: known host, proof against forged forms, strict headers.

No page runs an inline script or style, none may be framed or stored by a browser or a proxy. The only script is the one
that asks a browser for a passkey; only the pages that do so may load it.
"""

import re
from datetime import timedelta
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, request
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import Forbidden, HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from idm.operations.signing_in.web_sessions import Stage
from idm.permissions import Action, may
from idm.settings import Settings
from web.current import site
from web.route_access import Who, access_to

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
CSP_OF_PASSKEY_PAGES = f"{CONTENT_SECURITY_POLICY}; script-src 'self'"
"""For the few pages that ask a browser for a passkey: our one script file, nothing inline, no connection of its own."""
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
HSTS = "max-age=31536000; includeSubDomains"
FORM_BYTES, FILE_BYTES = 2 * 1024 * 1024, 66_000_000
FILE_FORMS = {"feed_uploads.send": Action.UPLOAD_FEED}
"""The forms with which large files are sent, and who may; a file of the largest size of a feed fits."""
UNSAFE_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_LOCAL_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")
_csrf = CSRFProtect()


def is_https(settings: Settings) -> bool:
    """Whether people reach this installation over TLS."""
    return urlsplit(settings.base_url).scheme == "https"


def find_addresses(app: Flask, settings: Settings) -> None:
    """Afterwards a request's address is the one that the outermost of our own proxies saw; without any, the sender's.

    Nothing else that a header says of where a request came from is believed.
    """
    if settings.trusted_proxies:
        outermost = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=0, x_host=0, x_port=0, x_prefix=0)
        app.wsgi_app = outermost  # type: ignore[method-assign]


def protect(app: Flask) -> None:
    """Afterwards the application checks hosts and forms, and answers with the headers above."""
    app.config.update(
        WTF_CSRF_CHECK_DEFAULT=False,  # checked by `refuse_forged_forms`, for every route and without exemption
        WTF_CSRF_TIME_LIMIT=None,  # a form token lives as long as its session
        MAX_CONTENT_LENGTH=FORM_BYTES,
        MAX_FORM_MEMORY_SIZE=FORM_BYTES,
        SEND_FILE_MAX_AGE_DEFAULT=timedelta(days=30),
    )
    _csrf.init_app(app)
    app.before_request(refuse_other_hosts)
    app.after_request(add_headers)


def refuse_other_hosts() -> Response | None:
    """Only the configured host, and this machine itself, are answered: no link can be made to point elsewhere."""
    configured = urlsplit(site().settings.base_url).hostname
    if urlsplit(f"//{request.host}").hostname in {configured, "localhost", "127.0.0.1", "::1"}:
        return None
    return Response("このアドレスでは利用できません。\n", status=400, mimetype="text/plain")


def refuse_forged_forms() -> None:
    """Every unsafe request carries our token and comes from our own page. Raises BadRequest (CSRFError), Forbidden.

    Also one to an address that is none of ours: what acts before the view acts on that one as well. A system that comes
    with a token brings no cookie that counts, so nobody can make a browser act in its name.
    """
    if request.endpoint is not None and access_to(request.endpoint).who is Who.MACHINES:
        return
    if request.method not in UNSAFE_METHODS:
        return
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise Forbidden
    request.max_content_length = _largest_form()
    _csrf.protect()


def _largest_form() -> int:
    """How many bytes the form may have: many only where files are sent, and only from somebody who may send them."""
    action, who = FILE_FORMS.get(request.endpoint or ""), g.get("signed_in")
    if action is not None and who is not None and who.stage is Stage.SIGNED_IN and may(who.roles, action):
        return FILE_BYTES
    return FORM_BYTES


def add_headers(response: Response) -> Response:
    """The answer carries the headers; nothing but the style sheet may be kept."""
    response.headers.update(HEADERS)
    if g.get("runs_script"):
        response.headers["Content-Security-Policy"] = CSP_OF_PASSKEY_PAGES
    if is_https(site().settings):
        response.headers["Strict-Transport-Security"] = HSTS
    if request.endpoint != "static" or response.status_code not in {200, 304}:
        response.headers["Cache-Control"] = "no-store"
    return response


def local_path(target: str, *, method: str = "GET") -> str | None:
    """The target, when it is a path of one of our own pages; None otherwise (another site, a trick, or nothing)."""
    if not _LOCAL_PATH.fullmatch(target):
        return None
    try:
        endpoint, _ = current_app.url_map.bind("localhost").match(urlsplit(target).path, method=method)
    except (HTTPException, ValueError):
        return None
    return target if endpoint != "static" else None
