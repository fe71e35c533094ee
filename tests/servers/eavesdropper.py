"""A false directory: it takes connections, answers as a test tells it, and remembers what it heard in clear."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from jobs.demo.certificates import ServerCertificate

Reply = Callable[[bytes], bytes]
"""What to answer to what was heard; nothing to stay silent."""


def silence(heard: bytes) -> bytes:
    """No answer to anything."""
    return b""


class Eavesdropper:
    """Listens on `port` inside `with`. With a certificate it speaks TLS from the first byte, without one never."""

    def __init__(self, *, certificate: ServerCertificate | None = None, reply: Reply = silence) -> None:
        self._reply = reply
        self._context: ssl.SSLContext | None = None
        if certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate.certificate_file, certificate.key_file)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self._heard = bytearray()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def heard(self) -> bytes:
        """Everything said to it that it could read, once everybody who was talking to it has gone."""
        for thread in self._threads[1:]:
            thread.join(10)
        return bytes(self._heard)

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                self._open.append(client)
                self._start(self._listen, client)

    def _listen(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self._context:
                client = self._context.wrap_socket(client, server_side=True)
                self._open.append(client)
            while said := client.recv(65536):
                self._heard += said
                client.sendall(self._reply(said))
        client.close()
