"""Pages that look again by themselves while something is on its way; looking keeps nobody signed in (`web.session`)."""

from flask import make_response
from werkzeug.wrappers import Response

SECONDS = 3


def kept_fresh(page: str, address: str, *, under_way: bool) -> Response:
    """The page, which a browser asks for again from that address until nothing is under way any more."""
    response = make_response(page)
    if under_way:
        response.headers["Refresh"] = f"{SECONDS}; url={address}"
    return response
