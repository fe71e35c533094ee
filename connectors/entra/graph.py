"""Microsoft Graph over HTTPS: single requests, pages, and batches of twenty; what its answers mean to us.

Verified, not through what the environment says, without cookies or redirects, and every wait has an end. Nothing is
repeated. A batch is answered 200 whatever becomes of what is in it, in any order (Graph, "JSON batching").
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from connectors.entra.settings import EntraSettings
from connectors.entra.tokens import Tokens
from connectors.http_times import moment_of, retry_after
from idm.errors import NotOnTarget, TargetError, TargetRefused, TargetUnavailable

MOST_AT_ONCE = 20
"""How many requests a batch may hold (Graph)."""
LATER = frozenset({401, 408, 429, 500, 502, 503, 504})
"""Answers after which the same request may succeed: throttling, a token that ran out, a service that is away."""
READING = "GET"
SHOWN_OF_A_MESSAGE = 200
NO_LICENCE = "Authentication_RequestFromNonPremiumTenantOrB2CTenant"

UNREACHED = "Microsoft Graph に接続できません（{fault}）。途中の通信、証明書、接続先のアドレスを確かめてください。"
AWAY = "Microsoft Graph が、今は処理できないと答えました（{status}）。時間をおいて、もう一度行います。"
UNREADABLE = "Microsoft Graph の応答を読み取れません。接続先のアドレスか、途中の中継装置を確かめてください。"
FORBIDDEN = (
    "Microsoft Graph が許可しません（{code}）。アプリケーションの許可が足りないか、対象が管理者です。"
    "`idm system test` で足りない許可を確かめ、管理者の変更は手作業で行ってください。"
)
UNLICENSED = "この情報を読むには、テナントに Microsoft Entra ID P1 以上のライセンスが必要です。"
GONE = "Entra ID に、指定したものがありません。"
REFUSED = "Microsoft Graph が断りました（{status} {code}）。{message}"


@dataclass(frozen=True)
class Request:
    """One request below the address of Graph. A password may be in the body: it is in no repr."""

    method: str
    path: str
    body: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Answer:
    """What came of one request."""

    status: int
    body: Mapping[str, Any] = field(repr=False)
    retry_after: float | None = None

    @property
    def done(self) -> bool:
        """Whether it was carried out."""
        return self.status in (200, 201, 202, 204)

    def required(self) -> Mapping[str, Any]:
        """Its body, where it was carried out. Raises the error of the port that it stands for."""
        if not self.done:
            raise self.fault()
        return self.body

    def fault(self) -> TargetError:
        """What went wrong; decided by status and code, never by the message (Graph, "Error responses")."""
        error = self.body.get("error")
        said: Mapping[str, Any] = error if isinstance(error, dict) else {}
        code, message = str(said.get("code", "")), str(said.get("message", ""))[:SHOWN_OF_A_MESSAGE]
        if self.status in LATER:
            return TargetUnavailable(AWAY.format(status=self.status), retry_after=self.retry_after)
        if self.status == requests.codes.not_found:
            return NotOnTarget(GONE)
        if self.status == requests.codes.forbidden:
            return TargetRefused(UNLICENSED if code == NO_LICENCE else FORBIDDEN.format(code=code))
        return TargetRefused(REFUSED.format(status=self.status, code=code, message=message))


class Graph:
    """One tenant's Graph, as one application."""

    def __init__(self, settings: EntraSettings) -> None:
        self._settings, self.tokens = settings, Tokens(settings)
        self._http = requests.Session()
        self._http.trust_env = False  # REQUESTS_CA_BUNDLE and proxies of the environment would go before our settings
        self._http.verify = str(settings.ca_file) if settings.ca_file is not None else True
        self._http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self.writes_sent = 0
        """Batches with something else than reading that left us, whatever came of them."""

    def __repr__(self) -> str:
        return f"Graph({self._settings.tenant_id!r})"

    def get(self, path: str) -> Mapping[str, Any]:
        """What is there. Raises TargetUnavailable, TargetRefused, NotOnTarget."""
        return self._answer(self._send(READING, self._settings.graph + path, None)).required()

    def pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        """Every entry of a list, page by page; how long a page is, the service says."""
        for page in self.whole_pages(path):
            yield from page["value"]

    def whole_pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        """The pages themselves: the last one may say where changes are told next."""
        address = self.own_address(path)
        while address:
            page = self._answer(self._send(READING, address, None)).required()
            if not isinstance(page.get("value"), list):
                raise TargetRefused(UNREADABLE)
            yield page
            following = page.get("@odata.nextLink")
            address = self.own_address(str(following)) if following else ""

    def own_address(self, said: str) -> str:
        """The address of a path, or of a link that Graph gave, which must be its own. Raises TargetRefused."""
        if said.startswith("/"):
            return self._settings.graph + said
        ours, theirs = urlsplit(self._settings.graph), urlsplit(said)
        if (theirs.scheme, theirs.netloc) != (ours.scheme, ours.netloc):
            raise TargetRefused(UNREADABLE)  # our token goes nowhere else
        return said

    def batch(self, wanted: Sequence[Request]) -> list[Answer]:
        """The answers, in the order of the requests. Raises TargetUnavailable, TargetRefused for the batch itself."""
        answers: list[Answer] = []
        for first in range(0, len(wanted), MOST_AT_ONCE):
            answers += self._batch(wanted[first : first + MOST_AT_ONCE])
        return answers

    def server_time(self) -> datetime | None:
        """Its clock, to the second, as its answers say it (RFC 9110 6.6.1). Raises TargetUnavailable, TargetRefused."""
        answer = self._send(READING, f"{self._settings.graph}/organization?$select=id", None)
        return moment_of(answer.headers.get("Date"))

    def close(self) -> None:
        """Afterwards no connection is open."""
        self._http.close()

    def _batch(self, wanted: Sequence[Request]) -> list[Answer]:
        inner = [_inner(number, one) for number, one in enumerate(wanted)]
        if any(one.method != READING for one in wanted):
            self.writes_sent += 1
        said = self._answer(self._send("POST", f"{self._settings.graph}/$batch", {"requests": inner})).required()
        responses = said.get("responses")
        if not isinstance(responses, list):
            raise TargetUnavailable(UNREADABLE)
        by_id = {str(one.get("id")): one for one in responses if isinstance(one, dict)}
        answers = [_of_batch(by_id.get(str(number))) for number in range(len(wanted))]
        if any(one.status == requests.codes.unauthorized for one in answers):
            self.tokens.drop()
        return answers

    def _send(self, method: str, address: str, body: Mapping[str, Any] | None) -> requests.Response:
        settings = self._settings
        try:
            answer = self._http.request(
                method, address, json=body, headers={"Authorization": f"Bearer {self.tokens.bearer()}"},
                timeout=(settings.connect_timeout_seconds, settings.answer_timeout_seconds), allow_redirects=False,
                verify=self._http.verify,
            )  # fmt: skip
        except (requests.RequestException, HTTPError, OSError) as fault:  # OSError: the file of the authority is gone
            raise TargetUnavailable(UNREACHED.format(fault=type(fault).__name__)) from None
        if answer.status_code == requests.codes.unauthorized:
            self.tokens.drop()
        return answer

    def _answer(self, response: requests.Response) -> Answer:
        try:
            body = response.json() if response.content else {}
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise TargetUnavailable(UNREADABLE)
        return Answer(
            response.status_code,
            body,
            retry_after(response.headers.get("Retry-After"), moment_of(response.headers.get("Date"))),
        )


def _inner(number: int, request: Request) -> dict[str, Any]:
    said: dict[str, Any] = {"id": str(number), "method": request.method, "url": request.path}
    if request.body is not None:
        said |= {"body": dict(request.body), "headers": {"Content-Type": "application/json"}}
    return said


def _of_batch(said: Any) -> Answer:
    """One answer of a batch; of one that is missing nothing is known."""
    if not isinstance(said, dict) or not isinstance(said.get("status"), int):
        return Answer(requests.codes.gateway_timeout, {})
    body, headers = said.get("body"), said.get("headers")
    named = {str(key).lower(): str(value) for key, value in headers.items()} if isinstance(headers, dict) else {}
    return Answer(said["status"], body if isinstance(body, dict) else {}, retry_after(named.get("retry-after"), None))
