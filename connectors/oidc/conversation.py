"""HTTPS to one provider: verified, not through what the environment says, and never longer than a person waits."""

from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import requests

from idm.errors import TargetRefused, TargetUnavailable

CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 10.0


class Conversation(requests.Session):
    """A session of requests as msal uses it, for one sign-in. Raises TargetUnavailable, TargetRefused.

    `REQUESTS_CA_BUNDLE` and proxies of the environment do not count: they would go before our authority. No cookie is
    kept and no redirect followed. What is in `answered` is not asked again.
    """

    def __init__(self, ca_file: Path | None, answered: Mapping[str, requests.Response] | None = None) -> None:
        super().__init__()
        self.trust_env = False
        self.verify = str(ca_file) if ca_file is not None else True
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self.answered = answered or {}

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **options: Any) -> requests.Response:
        """The answer, whatever its status below 500."""
        if not str(url).startswith("https://"):
            raise TargetRefused(f"the provider names an address without TLS: {url!s}")
        if method == "GET" and url in self.answered:
            return self.answered[str(url)]
        options |= {"timeout": (CONNECT_SECONDS, ANSWER_SECONDS), "allow_redirects": False, "verify": self.verify}
        try:
            answer = super().request(method, url, *args, **options)
        except (requests.RequestException, OSError) as fault:  # OSError: the file of the authority is not there
            raise TargetUnavailable(f"{url!s}: {type(fault).__name__}: {fault}") from fault
        if answer.status_code >= requests.codes.internal_server_error or answer.status_code == requests.codes.too_many:
            raise TargetUnavailable(f"{url!s}: {answer.status_code}")
        return answer

    def document(self, url: str) -> tuple[requests.Response, dict[str, Any]]:
        """A JSON object that is published there, and the answer it came in."""
        answer = self.get(url)
        try:
            content = answer.json()
        except ValueError:
            content = None
        if answer.status_code != requests.codes.ok or not isinstance(content, dict):
            raise TargetRefused(f"{url}: {answer.status_code}, no JSON object")
        return answer, content
