"""Run as a process: scim2-server from memory, over TLS, at one port; each first part of a path is a service of its own.

Arguments: the port, the files of the certificate and its key, the token, and optionally a file with what the service
says of itself (ServiceProviderConfig).
"""

import json
import secrets
import ssl
import sys
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from scim2_models import ScimProvider, ServiceProviderConfig
from scim2_server.applications.wsgi import TenantDispatcher
from scim2_server.memory import InMemoryStorage
from scim2_server.service import ScimService
from scim2_server.testserver.application import BEARER_TOKEN_SCHEME, BearerTokenApplication
from scim2_server.utils import (
    load_default_resource_types,
    load_default_schemas,
    load_default_service_provider_config,
)


class Threaded(ThreadingMixIn, WSGIServer):
    """Each request in a thread of its own."""

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    """Writes no line for each request."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        """Nothing."""


def main(port: str, certificate: str, key: str, token: str, description: str | None = None) -> None:
    """Afterwards it was served until somebody ended it."""
    config = load_default_service_provider_config()
    if description is not None:
        config = ServiceProviderConfig.model_validate(json.loads(Path(description).read_text(encoding="utf-8")))
    config.authentication_schemes = [*(config.authentication_schemes or []), BEARER_TOKEN_SCHEME]
    provider = ScimProvider.from_discovery(
        load_default_schemas().values(), load_default_resource_types().values(), config=config
    )
    service = ScimService(provider, secret=secrets.token_urlsafe())

    def application(_tenant: str) -> BearerTokenApplication:
        return BearerTokenApplication(InMemoryStorage(), provider, service=service, bearer_tokens=[token])

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with make_server("127.0.0.1", int(port), TenantDispatcher(application), Threaded, Quiet) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
