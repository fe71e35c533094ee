"""TLS in which the standard library itself checks authority, validity and host name during the handshake.

ldap3 would check nothing by default and compare names only afterwards, with code that newer Pythons no longer have.
The stream is TLS over memory (`ssl.MemoryBIO`) rather than over the socket: a directory sends every entry as a TLS
record of its own, and OpenSSL reading a socket makes two system calls for each; here one call fetches 64 KiB of them.
"""

import contextlib
import select
import socket
import ssl
from collections.abc import Mapping

import ldap3

from connectors.ldap.settings import LdapSettings
from idm.errors import ConfigurationInvalid

NETWORK_BYTES = 64 * 1024
RECORD_BYTES = 16 * 1024


class TlsStream:
    """The encrypted end of a connected socket; looks enough like a socket for ldap3 to sign in through it."""

    def __init__(self, raw: socket.socket, context: ssl.SSLContext, host: str) -> None:
        """Raises ssl.SSLError when the server is not the right one, OSError when it goes away or stays silent."""
        self._raw = raw
        self._raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a request never waits for a fuller packet
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._shake_hands()

    def sendall(self, data: bytes) -> None:
        """Afterwards the data is handed to the network. Raises OSError."""
        self._tls.write(data)
        self._flush()

    def recv(self, size: int) -> bytes:
        """At most `size` bytes; none when the server has closed. Raises OSError."""
        while True:
            try:
                return self._tls.read(size)
            except ssl.SSLWantReadError:
                if not self._fetch():
                    return b""

    def receive(self) -> bytearray:
        """Everything that has come, waiting for the first byte; none when the server has closed. Raises OSError."""
        received = bytearray()
        read = self._tls.read
        while not received and self._fetch():
            with contextlib.suppress(ssl.SSLWantReadError):
                while record := read(RECORD_BYTES):
                    received += record
                break  # an empty record: the server has said good-bye
        self._flush()  # an answer to a change of keys, if there was one
        return received

    def certificate(self) -> Mapping[str, object]:
        """The server's certificate, as `ssl.SSLSocket.getpeercert` tells it: verified, or we would not be here."""
        return self._tls.getpeercert() or {}

    def has_news(self) -> bool:
        """Whether the server has sent something, or closed, since the last reading."""
        poll = select.poll()
        poll.register(self._raw, select.POLLIN)
        return bool(poll.poll(0))

    def shutdown(self, how: int) -> None:
        """Afterwards nothing can be sent or received. Raises OSError."""
        self._raw.shutdown(how)

    def close(self) -> None:
        """Afterwards the socket is closed."""
        self._raw.close()

    def _shake_hands(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
                return
            except ssl.SSLWantReadError:
                self._flush()
                if not self._fetch():
                    raise ConnectionResetError("the server closed during the TLS handshake") from None
            finally:
                self._flush()  # the last message of ours, or the alert that says why not

    def _fetch(self) -> bool:
        encrypted = self._raw.recv(NETWORK_BYTES)
        self._incoming.write(encrypted)
        return bool(encrypted)

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._raw.sendall(self._outgoing.read())


class VerifyingTls(ldap3.Tls):
    """What ldap3 calls, at connecting or for StartTLS, to encrypt a connection."""

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._context = context
        self._host = host

    def wrap_socket(self, connection: ldap3.Connection, do_handshake: bool = False) -> None:
        """Afterwards the connection speaks TLS with the right server. Raises OSError, of which ssl.SSLError is one."""
        connection.socket = TlsStream(connection.socket, self._context, self._host)


def verifying_context(settings: LdapSettings) -> ssl.SSLContext:
    """A context that trusts the configured authority only. Raises ConfigurationInvalid."""
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(settings.ca_file))
    except OSError as error:
        raise ConfigurationInvalid(f"認証局証明書 {settings.ca_file} を読めません（{error}）。") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
