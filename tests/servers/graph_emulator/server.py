"""The emulator on https at a loopback port. Every token is checked against the provider's own keys, as Graph does."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import sleep
from typing import Any

import jwt
import requests

from tests.servers.graph_emulator.calls import Calls
from tests.servers.graph_emulator.said import Reply, Said
from tests.servers.graph_emulator.tenant import Tenant
from tests.servers.oidc_provider import ProviderServer
from tests.servers.processes import free_port

AUDIENCE = "https://graph.microsoft.com"
BASE = "/v1.0"


class GraphEmulator:
    """One tenant's Graph; the token service is `provider`, a real one."""

    def __init__(self, provider: ProviderServer) -> None:
        self.certificate = provider.certificate
        self.provider, self.port = provider, free_port()
        self.tenant = Tenant()
        self.latency_seconds = 0.0
        self._keys: dict[str, Any] = {}
        self._server: _Server | None = None

    @property
    def address(self) -> str:
        """What stands before every path."""
        return f"https://localhost:{self.port}{BASE}"

    def start(self) -> None:
        """Afterwards it answers, with what it held."""
        self._server = _Server(("127.0.0.1", self.port), self)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate.certificate_file, self.certificate.key_file)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Afterwards nobody is there."""
        if self._server is not None:
            self._server.shutdown()
            self._server.hang_up()
            self._server.server_close()
            self._server = None

    def answered(self, method: str, target: str, token: str, body: dict[str, Any]) -> Reply:
        """One request that came over the wire."""
        self.tenant.calls += 1
        if self.latency_seconds:
            sleep(self.latency_seconds)
        try:
            roles = self._roles(token)
        except jwt.InvalidTokenError:
            return Said(401, "InvalidAuthenticationToken", "Access token validation failure.").reply
        return Calls(self.tenant, self.address).answer(method, target.removeprefix(BASE), body, roles)

    def _roles(self, token: str) -> frozenset[str]:
        kid = jwt.get_unverified_header(token).get("kid", "")
        if kid not in self._keys:
            published = requests.get(
                f"{self.provider.issuer}/jwks", verify=str(self.provider.ca_file), timeout=10
            ).json()  # fmt: skip
            self._keys = {one["kid"]: jwt.PyJWK(one) for one in published["keys"]}
        if kid not in self._keys:
            raise jwt.InvalidTokenError(kid)
        claims = jwt.decode(
            token, self._keys[kid].key, algorithms=["RS256"], audience=AUDIENCE, issuer=self.provider.issuer
        )
        return frozenset(claims.get("roles", ()))


class _Server(ThreadingHTTPServer):
    daemon_threads, allow_reuse_address = True, True

    def __init__(self, address: tuple[str, int], emulator: GraphEmulator) -> None:
        self.emulator = emulator
        self.open: set[Any] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Afterwards it is answered in a thread of its own, and is known as open."""
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Afterwards it is over."""
        self.open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Afterwards nobody is served any more who was."""
        for request in list(self.open):
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no fault of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    """An answer leaves in one piece and at once: whoever waits, waits for the latency that a test asks for."""
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing is logged: what is asked stands in `tenant.seen`."""

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        reply = self.server.emulator.answered(self.command, self.path, token, body)
        content = json.dumps(reply.body).encode() if reply.body is not None else b""
        self.send_response(reply.status)
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    do_GET = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815


@contextmanager
def running(emulator: GraphEmulator) -> Iterator[GraphEmulator]:
    """The emulator, up."""
    emulator.start()
    try:
        yield emulator
    finally:
        emulator.stop()
