"""The key of one password that is shown once: in the asking browser alone, in a cookie that one place brings back.

Only the public half is stored. The answer that shows the password makes the browser forget its key, and leaves by
itself, so that no password stays on a screen (controls E3, D3).
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta

from flask import request
from werkzeug.wrappers import Response

from web import current
from web.security import is_https


@dataclass(frozen=True)
class KeyPlace:
    """What one key is for: the cookie's name, and the pages to which the browser brings it back."""

    cookie: str
    path: str

    def give(self, response: Response, private_key: bytes, *, lasting: timedelta) -> None:
        """Afterwards the answer leaves the key with this browser, for so long."""
        response.set_cookie(
            self.cookie, urlsafe_b64encode(private_key).decode(), max_age=lasting, path=self.path, secure=_secure(),
            httponly=True, samesite="Strict",
        )  # fmt: skip

    def brought(self) -> bytes:
        """The key this browser brought; empty when it brought none that can be read."""
        try:
            return urlsafe_b64decode(request.cookies.get(self.cookie, ""))
        except ValueError:  # neither base64 nor, in a mangled cookie, ASCII
            return b""

    def forget(self, response: Response, *, after: timedelta) -> None:
        """Afterwards the answer makes the browser forget the key, and leaves by itself after that time."""
        response.delete_cookie(self.cookie, path=self.path, secure=_secure(), httponly=True, samesite="Strict")
        response.headers["Refresh"] = f"{int(after.total_seconds())}; url={self.path}"


def _secure() -> bool:
    return is_https(current.site().settings)
