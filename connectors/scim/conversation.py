"""HTTPS to one service: scim2-client's rules of the protocol over requests, and what its answers mean to us.

Verified, not through what the environment says, without cookies or redirects; every wait has an end, and an answer has
a size. Nothing is repeated. What goes wrong is one of the three errors of the port (RFC 7644 3.12).
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from scim2_client import BaseSyncSCIMClient, RequestNetworkException, SCIMClientException
from scim2_client.client import BASE_HEADERS, RawResponse
from scim2_models import SCIMException
from urllib3.exceptions import HTTPError

from connectors.http_times import moment_of, retry_after
from connectors.scim.settings import ScimSettings
from idm.errors import NotOnTarget, TargetError, TargetRefused, TargetUnavailable

AWAY = frozenset({429, 502, 503, 504})
"""What a service says, or the machine before it, that answers nothing at the moment."""
LARGEST_ANSWER = 64 * 1024 * 1024
CHUNK = 64 * 1024
"""A service that asks for more is asked again after a day all the same."""
SHOWN_OF_A_DETAIL = 200

UNREACHED = "サービス {host} に接続できません（{fault}）。接続先のアドレス、証明書、途中の通信を確かめてください。"
LATER = "サービス {host} が、今は処理できないと答えました（{status}）。時間をおいて、もう一度行います。"
UNREADABLE = "サービス {host} の応答を読み取れません（{fault}）。SCIM のアドレスか、途中の中継装置を確かめてください。"
CHANGED_MEANWHILE = "サービス {host} で、読み取りと書き込みの間に変更がありました。読み直してから、もう一度行います。"
REFUSALS: Mapping[int, str] = {
    401: "サービス {host} がトークンを受け付けません。資格情報のファイルのトークンと、その期限を確かめてください。",
    403: "サービス {host} が許可しません。トークンに必要な権限と、対象が管理者でないことを確かめてください。{detail}",
    409: "サービス {host} に、同じ名前のものがすでにあります。持ち主を確かめてください。{detail}",
    413: "サービス {host} が、大きすぎると答えました。グループの人数の上限などを確かめてください。{detail}",
}
OTHERWISE = "サービス {host} が断りました（{status}）。接続の設定（service）と、送る内容を確かめてください。{detail}"


@dataclass(frozen=True)
class Answer:
    """What came back, read to its end (`scim2_client.client.RawResponse`)."""

    status_code: int
    headers: requests.structures.CaseInsensitiveDict[str]
    text: str


class RequestsClient(BaseSyncSCIMClient):
    """scim2-client over requests. Everything goes to addresses below `settings.url`, and nowhere else."""

    def __init__(self, settings: ScimSettings) -> None:
        super().__init__(check_response_payload=False)
        self._settings, self._base = settings, f"{settings.url}/"
        self._http = requests.Session()
        self._http.trust_env = False  # REQUESTS_CA_BUNDLE and proxies of the environment would go before our settings
        self._http.verify = str(settings.ca_file) if settings.ca_file is not None else True
        self._http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self._http.headers.update({**BASE_HEADERS, "Authorization": f"Bearer {settings.token}", "User-Agent": "idm"})

    def __repr__(self) -> str:
        return f"RequestsClient({self._settings.url!r})"

    def request(self, method: str, url: str, **options: Any) -> Answer:
        """The answer, whatever its status. Raises RequestNetworkException."""
        settings = self._settings
        options |= {
            "timeout": (settings.connect_timeout_seconds, settings.answer_timeout_seconds), "allow_redirects": False,
            "verify": self._http.verify, "stream": True,
        }  # fmt: skip
        try:
            answer = self._http.request(method, self._address(url), **options)
            with answer:
                return Answer(answer.status_code, answer.headers, self._text(answer))
        except (requests.RequestException, HTTPError, OSError) as fault:  # OSError: the file of the authority is gone
            raise RequestNetworkException(message=type(fault).__name__) from fault

    def close(self) -> None:
        """Afterwards no connection is open."""
        self._http.close()

    def _text(self, answer: requests.Response) -> str:
        """The body; the time for it does not start anew with each byte."""
        until, content = time.monotonic() + self._settings.answer_timeout_seconds, bytearray()
        for part in answer.iter_content(CHUNK):
            content += part
            if len(content) > LARGEST_ANSWER or time.monotonic() > until:
                raise requests.Timeout("too large or too slow")
        return content.decode(errors="replace")

    def _address(self, url: str) -> str:
        return urljoin(self._base, url.lstrip("/"))

    def _parse_json(self, response: RawResponse) -> Any:
        return json.loads(response.text)

    def _stays_under_base_url(self, endpoint: str) -> bool:
        address = self._address(endpoint)
        return address.startswith(self._base) and not {".", ".."} & set(urlsplit(address).path.split("/"))


class Conversation:
    """What is asked of one service; every call raises only errors of the port."""

    def __init__(self, settings: ScimSettings, clock: Callable[[], datetime]) -> None:
        self.settings, self.clock = settings, clock
        self.client = RequestsClient(settings)
        self.host = urlsplit(settings.url).netloc
        self.written = 0
        """How many requests to change something were sent."""
        self._in_wave = False
        self._away: TargetUnavailable | None = None

    @contextmanager
    def wave(self) -> Iterator[None]:
        """Within it, a service that went away or asked us to wait is not asked again: not once more for each step."""
        self._in_wave, self._away = True, None
        try:
            yield
        finally:
            self._in_wave, self._away = False, None

    def ask(self, about: str, call: Callable[..., object], *given: Any, **options: Any) -> dict[str, Any]:
        """The payload of the answer, {} where there is none. `about` names the object in a `NotOnTarget`."""
        with self.speaking(about):
            payload = call(*given, check_response_payload=False, **options)
            if payload is not None and not isinstance(payload, dict):
                raise TargetUnavailable(UNREADABLE.format(host=self.host, fault="JSON"))
            return payload or {}

    def create(self, about: str, endpoint: str, resource: Mapping[str, Any]) -> dict[str, Any]:
        """What the service says of the resource that it made."""
        self.written += 1
        return self.ask(about, self.client.create, dict(resource), url=endpoint, check_request_payload=False)

    def change(self, about: str, kind: str, url: str, request: Mapping[str, Any]) -> None:
        """Afterwards the service has answered to a PATCH; with the resource or without, both are right."""
        self.written += 1
        self.ask(about, self.client.modify, kind, url.rpartition("/")[2], dict(request), url=url,
                 check_request_payload=False)  # fmt: skip

    def replace(self, about: str, url: str, resource: Mapping[str, Any], version: str | None) -> None:
        """Afterwards the service has taken the whole resource, unless it is no more what it was at `version`."""
        self.written += 1
        headers = {"If-Match": version} if version is not None else {}
        self.ask(about, self.client.replace, dict(resource), url=url, headers=headers, check_request_payload=False)

    def delete(self, about: str, kind: str, url: str) -> None:
        """Afterwards the service has said that it deleted it."""
        self.written += 1
        with self.speaking(about):
            self.client.delete(kind, url.rpartition("/")[2], url=url)

    def server_time(self) -> datetime | None:
        """What time it is by the service's clock; None = it does not say. Raises TargetUnavailable."""
        with self.speaking("サービスの説明"):
            return moment_of(self.client.request("GET", "ServiceProviderConfig").headers.get("Date"))

    @contextmanager
    def speaking(self, about: str) -> Iterator[None]:
        """Within it, what scim2-client raises becomes an error of the port."""
        if self._away is not None:
            raise self._away
        try:
            yield
        except RequestNetworkException as fault:
            raise self._gone(TargetUnavailable(UNREACHED.format(host=self.host, fault=fault))) from None
        except (SCIMException, SCIMClientException) as fault:
            raise self._error(fault, about) from None

    def _gone(self, failure: TargetUnavailable) -> TargetUnavailable:
        if self._in_wave:
            self._away = failure
        return failure

    def _error(self, fault: SCIMException | SCIMClientException, about: str) -> TargetError:
        answer = getattr(fault, "source", None)
        if not isinstance(answer, Answer):  # found by the library before anything was sent
            return TargetRefused(OTHERWISE.format(host=self.host, status=type(fault).__name__, detail=""))
        status = answer.status_code
        if status == requests.codes.not_found:
            return NotOnTarget(f"{about}はサービスにありません。")
        if status == requests.codes.precondition_failed:
            return TargetUnavailable(CHANGED_MEANWHILE.format(host=self.host))
        if status == requests.codes.not_implemented:
            return TargetRefused(self._refusal(answer))
        if status in AWAY:
            asked = retry_after(answer.headers.get("Retry-After"), self.clock())
            return self._gone(TargetUnavailable(LATER.format(host=self.host, status=status), retry_after=asked))
        if status >= requests.codes.internal_server_error:  # of this object alone, as far as we know
            return TargetUnavailable(LATER.format(host=self.host, status=status))
        if status >= requests.codes.multiple_choices:  # we follow nobody anywhere
            return TargetRefused(self._refusal(answer))
        return TargetUnavailable(UNREADABLE.format(host=self.host, fault=type(fault).__name__))

    def _refusal(self, answer: Answer) -> str:
        sentence = REFUSALS.get(answer.status_code, OTHERWISE)
        return sentence.format(host=self.host, status=answer.status_code, detail=self._detail(answer))

    def _detail(self, answer: Answer) -> str:
        """What the service said about it, shortened; our token is never in it."""
        said: object = None
        with suppress(ValueError, AttributeError, RecursionError):
            said = json.loads(answer.text).get("detail")
        if not isinstance(said, str) or not said.strip():
            return ""
        shown = " ".join(said.replace(self.settings.token, "…").split())
        return f"サービスの説明: {shown[:SHOWN_OF_A_DETAIL]}"
