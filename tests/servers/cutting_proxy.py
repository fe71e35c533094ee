"""A wire that can be cut: between a client and a server, at the moment a test chooses."""

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType

CHUNK = 64 * 1024


class CuttingProxy:
    """Passes bytes both ways inside `with`; clients connect to `port` instead of the server's.

    `cut_when` is asked each time the server has said something, before the client hears it: when it is true, both
    sides lose the connection, the client without the answer. It cuts once, and is then forgotten.
    """

    def __init__(self, server_port: int, *, server_host: str = "127.0.0.1") -> None:
        self._server = (server_host, server_port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.cut_when: Callable[[], bool] | None = None
        self.cuts = 0
        self._open: list[socket.socket] = []

    def __enter__(self) -> "CuttingProxy":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _close(self._listener, *self._open)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(self._server)
                except OSError:  # it is down: so are we
                    _close(client)
                    continue
                self._open += [client, server]
                threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()
                threading.Thread(target=self._pass_back, args=(server, client), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while asked := client.recv(CHUNK):
                server.sendall(asked)
        _close(client, server)

    def _pass_back(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while said := server.recv(CHUNK):
                if self.cut_when is not None and self.cut_when():
                    self.cut_when = None
                    self.cuts += 1
                    break
                client.sendall(said)
        _close(client, server)


def _close(*sockets: socket.socket) -> None:
    for one in sockets:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
