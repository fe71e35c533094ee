"""A collector of syslog over TLS (RFC 5425): frames by their octets, messages by the grammar of RFC 5424."""

import re
import socket
import ssl
import struct
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

from jobs.demo.certificates import ServerCertificate

Ends = Literal["goodbye", "silence", "reset"]

MESSAGE = re.compile(
    rb"<(?P<pri>\d{1,3})>1 (?P<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)) "
    rb"(?P<host>-|[!-~]{1,255}) (?P<app>-|[!-~]{1,48}) (?P<proc>-|[!-~]{1,128}) (?P<msgid>-|[!-~]{1,32}) "
    rb'(?P<data>-|(?:\[[!#-<>-\\^-~]{1,32}(?: [!#-<>-\\^-~]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*\])+)(?: (?P<text>.*))?',
    re.DOTALL,
)


@dataclass(frozen=True)
class Message:
    """One message, taken apart."""

    priority: int
    at: str
    host: str
    app: str
    message_id: str
    data: str
    text: str


def parsed(frame: bytes) -> Message:
    """The message of a frame. Raises ValueError where it is none by RFC 5424."""
    found = MESSAGE.fullmatch(frame)
    if found is None:
        raise ValueError(f"no RFC 5424 message: {frame!r}")
    part = {name: (value or b"").decode() for name, value in found.groupdict().items()}
    return Message(
        int(part["pri"]), part["at"], part["host"], part["app"], part["msgid"], part["data"], part["text"]
    )  # fmt: skip


def frames_of(stream: bytes) -> list[bytes]:
    """The frames of a whole stream. Raises ValueError where a length is none or the stream ends within a frame."""
    frames = []
    while stream:
        length, _, rest = stream.partition(b" ")
        if not re.fullmatch(rb"[1-9]\d*", length) or len(rest) < int(length):
            raise ValueError(f"no frame: {stream[:60]!r}")
        frames.append(rest[: int(length)])
        stream = rest[int(length) :]
    return frames


class SyslogSink:
    """Listens on 127.0.0.1:`port` inside `with`; what came is in `received`, oldest first.

    `ends` says how connections end: with the close_notify of RFC 5425 4.4, without it but in order and with everything
    read (as rsyslog does), or reset.
    """

    def __init__(self, certificate: ServerCertificate, port: int = 0, *, ends: Ends = "goodbye") -> None:
        self.received: list[Message] = []
        self.connections = 0
        self.ends: Ends = ends
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certificate.certificate_file, certificate.key_file)
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "SyslogSink":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def numbers(self) -> list[int]:
        """The sequence numbers that came."""
        return [int(re.findall(r'sequenceId="(\d+)"', message.data)[0]) for message in self.received]

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                self._take(plain)
            except OSError:
                continue
            finally:
                plain.close()

    def _take(self, plain: socket.socket) -> None:
        plain.settimeout(10)
        with self._context.wrap_socket(plain, server_side=True, suppress_ragged_eofs=False) as connection:
            stream = b""
            while chunk := connection.recv(65536):
                stream += chunk
            self.received += [parsed(frame) for frame in frames_of(stream)]
            if self.ends == "goodbye":
                connection.unwrap().close()
            elif self.ends == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
