"""Run by the Python of Canaille's own environment: its web application from memory, over TLS, at one port.

Arguments: the port, the files of the certificate and its key, and the token by which tests and connectors come.
"""

import ssl
import sys
from datetime import UTC, datetime, timedelta

from canaille import create_app
from canaille.app import models
from werkzeug.serving import WSGIRequestHandler, make_server


class Lasting(WSGIRequestHandler):
    """A connection stays for the next request."""

    protocol_version = "HTTP/1.1"


def main(port: str, certificate: str, key: str, token: str) -> None:
    """Afterwards it was served until somebody ended it."""
    app = create_app(
        {
            "SECRET_KEY": "of-no-use-to-anybody",
            "PREFERRED_URL_SCHEME": "https",
            "CANAILLE": {"DATABASE": "memory", "JAVASCRIPT": False},
            "CANAILLE_OIDC": {},
            "CANAILLE_SCIM": {"ENABLE_SERVER": True},
        }
    )
    with app.app_context():
        client = models.Client(
            client_id="idm", client_secret="idm", client_name="idm", client_uri="https://localhost",
            grant_types=["client_credentials"], token_endpoint_auth_method="client_secret_basic", scope=["openid"],
        )  # fmt: skip
        app.backend.save(client)
        given = models.Token(
            token_id="idm", access_token=token, client=client, type="access_token", scope=["openid"], audience=[client],
            issue_date=datetime.now(UTC), lifetime=int(timedelta(days=1).total_seconds()),
        )  # fmt: skip
        app.backend.save(given)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    server = make_server("127.0.0.1", int(port), app, threaded=True, request_handler=Lasting)
    server.ssl_context = context  # so that it knows that it is asked over TLS; nobody waits for another's handshake
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
