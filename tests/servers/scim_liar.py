"""A small SCIM service that lies in one way at a time: for what no honest service can be made to do.

It is no model of any product. What real services do is tried on real ones (`scim2_server`, `canaille`).
"""

import json
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

from tests.servers.certificates import make_certificates

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
CONFIG = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"

Json = dict[str, Any]
Lie = Callable[["Asked"], "Said | None"]
"""What is answered instead of the truth; None = the truth."""


class Asked:
    """One request."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        self.method = handler.command
        self.kind, _, self.id = (unquote(part) for part in parts.path.strip("/").partition("/"))
        self.query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        content = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        self.body: Json = json.loads(content) if content else {}
        self.token = (handler.headers.get("Authorization") or "").partition(" ")[2]


class Said:
    """One answer. `lost`: the connection ends in its place."""

    def __init__(
        self, status: int = 200, body: Json | str | None = None, *, headers: dict[str, str] | None = None,
        kind: str = "application/scim+json", lost: bool = False,
    ) -> None:  # fmt: skip
        self.status, self.body, self.headers, self.kind, self.lost = status, body, headers or {}, kind, lost


class Liar:
    """The service, up within `with`. `lie` is asked before the truth is done, `afterwards` once it was."""

    def __init__(self, folder: Path) -> None:
        self.users: dict[str, Json] = {}
        self.groups: dict[str, Json] = {}
        self.lie: Lie = lambda asked: None
        self.afterwards: Lie = lambda asked: None
        self.asked: list[Asked] = []
        self.token = "the-token-of-the-liar"
        self.certificate = make_certificates(folder).good
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate.certificate_file, self.certificate.key_file)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def url(self) -> str:
        """Below which `/Users` is."""
        return f"https://localhost:{self._server.server_address[1]}"

    def __enter__(self) -> "Liar":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add_user(self, login_name: str, **said: object) -> str:
        """Afterwards there is a user. Returns its id."""
        external_id = uuid4().hex
        self.users[external_id] = {"id": external_id, "userName": login_name, "active": True, **said}
        return external_id

    def writes(self) -> list[Asked]:
        """Every request that would change something."""
        return [asked for asked in self.asked if asked.method != "GET"]

    def answer(self, asked: Asked) -> Said:
        """The truth, or the lie."""
        self.asked.append(asked)
        told = self.lie(asked)
        if told is not None:
            return told
        truth = self._truth(asked)
        return self.afterwards(asked) or truth

    def page(self, resources: list[Json], asked: Asked) -> Said:
        """A list, by pages."""
        start, count = int(asked.query.get("startIndex", 1)), int(asked.query.get("count", 100))
        page = resources[start - 1 : start - 1 + count]
        return Said(200, {"schemas": [LIST], "totalResults": len(resources), "Resources": page})

    def _truth(self, asked: Asked) -> Said:
        if asked.kind == "ServiceProviderConfig":
            yes, no = {"supported": True}, {"supported": False}
            return Said(200, {"schemas": [CONFIG], "filter": {**yes, "maxResults": 100}, "patch": yes, "etag": no,
                              "bulk": {**no, "maxOperations": 0, "maxPayloadSize": 0}, "sort": no,
                              "changePassword": no, "authenticationSchemes": []})  # fmt: skip
        kept = {"Users": self.users, "Groups": self.groups}.get(asked.kind)
        if kept is None or (asked.id and asked.id not in kept):
            return Said(404, {"schemas": [ERROR], "status": "404", "detail": "not here"})
        if asked.id:
            return self._one(kept, asked)
        if asked.method == "POST":
            made = {"id": uuid4().hex, **asked.body}
            kept[made["id"]] = made
            return Said(201, made)
        return self.page([one for one in kept.values() if _fits(one, asked.query.get("filter"))], asked)

    def _one(self, kept: dict[str, Json], asked: Asked) -> Said:
        if asked.method == "DELETE":
            del kept[asked.id]
            return Said(204)
        for operation in asked.body.get("Operations", []):
            if operation["op"] == "replace":
                kept[asked.id][operation["path"]] = operation["value"]
        return Said(200, kept[asked.id])

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        liar = self

        class Handler(BaseHTTPRequestHandler):
            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except (OSError, ssl.SSLError):
                    self.close_connection = True

            def _serve(self) -> None:
                said = liar.answer(Asked(self))
                self.close_connection = True
                if said.lost:
                    return
                content = said.body if isinstance(said.body, str) else json.dumps(said.body) if said.body else ""
                self.send_response(said.status)
                for name, value in {"Content-Type": said.kind, **said.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content.encode())

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815 - the names of the standard library

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
                """Nothing."""

        return Handler


def _fits(resource: Json, condition: str | None) -> bool:
    if condition is None:
        return True
    name, _, value = condition.partition(" eq ")
    return bool(resource.get(name) == json.loads(value))
