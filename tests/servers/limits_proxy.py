"""A FAKE: the limits of Active Directory, imposed on a Samba that knows none of them.

No real domain controller answers here, and nothing it does proves anything about one. It stands between a client and
Samba, speaks TLS to both, and changes only what these rules say; [MS-ADTS] names the rules:

* MaxPageSize, 1000 (3.1.1.3.4.6): a search without pages ends after so many entries with sizeLimitExceeded; a larger
  page is a page of so many (3.1.1.3.4.1.1). Searches for changes (DirSync) have limits of their own: left alone.
* MaxValRange, 1500 (3.1.1.3.4.6): of an attribute with more values the first so many are given, under a name with
  their range, and the rest must be asked for by range (3.1.1.3.1.3.3). That the name asked for comes along without
  any values is not in that document: clients of real domain controllers saw it (node-ldapjs 582, ldap3 336).
* sizeLimit of the request (RFC 4511 4.5.1.4), which Samba ignores too.
"""

import contextlib
import re
import select
import socket
import ssl
import threading
from collections.abc import Callable
from types import TracebackType

from jobs.demo.certificates import ServerCertificate
from tests.servers.samba_ad import SambaAD

MAX_PAGE_SIZE = 1000
MAX_VALUE_RANGE = 1500

# RFC 4511 4.2 and on: the tags of what is looked at; everything else passes unread.
SEARCH_REQUEST, SEARCH_RESULT_ENTRY, SEARCH_RESULT_DONE = 0x63, 0x64, 0x65
CONTROLS = 0xA0
INTEGER, OCTET_STRING, ENUMERATED, SEQUENCE, SET = 0x02, 0x04, 0x0A, 0x30, 0x31
SIZE_LIMIT_EXCEEDED = 4
PAGED_RESULTS = b"1.2.840.113556.1.4.319"
DIRSYNC = b"1.2.840.113556.1.4.841"
RANGE = re.compile(rb"(?i)(.*);range=(\d+)-(?:\d+|\*)\Z")

Part = tuple[int, bytes]
"""A tag and the octets of its value (X.690, definite lengths: RFC 4511 5.1)."""


class LimitsProxy:
    """Passes LDAP on to a Samba inside `with`; clients connect to `port` on 127.0.0.1, by TLS from the first byte."""

    def __init__(self, samba: SambaAD, certificate: ServerCertificate) -> None:
        self._to_samba = (samba.host, samba.ldaps_port)
        self._trusting = ssl.create_default_context(cafile=str(samba.ca_file))
        self._serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._serving.load_cert_chain(certificate.certificate_file, certificate.key_file)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []

    def __enter__(self) -> "LimitsProxy":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        host, _ = self._to_samba
        with (
            contextlib.suppress(OSError, ValueError),  # the latter: closed by `__exit__` while it is waited for
            self._serving.wrap_socket(client, server_side=True) as asking,
            socket.create_connection(self._to_samba) as connection,
            self._trusting.wrap_socket(connection, server_hostname=host) as answering,
        ):
            self._open += [asking, answering]
            _pass_both_ways(asking, answering)


def _pass_both_ways(asking: ssl.SSLSocket, answering: ssl.SSLSocket) -> None:
    """One thread for both directions: a TLS connection may not be read and written by two."""
    limits = _Limits()
    ways = {
        asking: _Way(asking, answering, limits.asked),
        answering: _Way(answering, asking, limits.answered),
    }
    while all(way.open for way in ways.values()):
        readable = select.select([*ways], [], [])[0]
        for source in readable:
            ways[source].pass_on()


class _Way:
    """One direction of one connection."""

    def __init__(self, source: ssl.SSLSocket, target: ssl.SSLSocket, change: Callable[[bytes], bytes]) -> None:
        self.open = True
        self._source, self._target, self._change = source, target, change
        self._heard = bytearray()

    def pass_on(self) -> None:
        """Afterwards everything that had arrived is on its way, as far as it makes whole messages."""
        while (arrived := self._read()) is not None:
            if not arrived:
                self.open = False
                return
            self._heard += arrived
        while length := _length_of_first(self._heard):
            self._target.sendall(self._change(bytes(self._heard[:length])))
            del self._heard[:length]

    def _read(self) -> bytes | None:
        self._source.setblocking(False)  # what has arrived may be TLS's own and nothing for us
        try:
            return self._source.recv(65536)
        except ssl.SSLWantReadError:
            return None
        finally:
            self._source.setblocking(True)


class _Limits:
    """What one connection has asked for and may still get."""

    def __init__(self) -> None:
        self._left: dict[bytes, int] = {}
        """Entries still allowed, by message id; below zero when some were withheld."""

    def asked(self, message: bytes) -> bytes:
        """The request as Samba shall hear it."""
        number, (tag, body), *rest = _parts(_parts(message)[0][1])
        if tag != SEARCH_REQUEST:
            return message
        controls = [_parts(control) for _, control in _parts(rest[0][1])] if rest else []
        named = {control[0][1] for control in controls}
        if PAGED_RESULTS in named:
            smaller = b"".join(_whole(SEQUENCE, *_with_smaller_page(control)) for control in controls)
            return _whole(SEQUENCE, number, (tag, body), (CONTROLS, smaller))
        if DIRSYNC not in named:
            size_limit = int.from_bytes(_parts(body)[3][1])
            self._left[number[1]] = min(size_limit or MAX_PAGE_SIZE, MAX_PAGE_SIZE)
        return message

    def answered(self, message: bytes) -> bytes:
        """The answer as the client shall hear it; nothing where it is withheld."""
        number, (tag, body), *rest = _parts(_parts(message)[0][1])
        if tag == SEARCH_RESULT_ENTRY:
            return self._entry(number, body, rest)
        if tag == SEARCH_RESULT_DONE and self._left.pop(number[1], 0) < 0:
            exceeded = (ENUMERATED, bytes([SIZE_LIMIT_EXCEEDED]))
            ended = _joined(exceeded, *_parts(body)[1:])
            return _whole(SEQUENCE, number, (tag, ended), *rest)
        return message

    def _entry(self, number: Part, body: bytes, rest: list[Part]) -> bytes:
        if number[1] in self._left:
            self._left[number[1]] -= 1
            if self._left[number[1]] < 0:
                return b""
        name, (_, attributes) = _parts(body)
        within = b"".join(within_value_range(attribute) for _, attribute in _parts(attributes))
        return _whole(SEQUENCE, number, (SEARCH_RESULT_ENTRY, _joined(name, (SEQUENCE, within))), *rest)


def _with_smaller_page(control: list[Part]) -> list[Part]:
    if control[0][1] != PAGED_RESULTS:
        return control
    (_, size), cookie = _parts(_parts(control[-1][1])[0][1])
    octets = min(int.from_bytes(size), MAX_PAGE_SIZE).to_bytes(4)
    return [*control[:-1], (OCTET_STRING, _whole(SEQUENCE, (INTEGER, octets), cookie))]


def within_value_range(attribute: bytes) -> bytes:
    """The attribute (the inside of a PartialAttribute in, whole ones out), in two when it has too many values.

    First the name that was asked for, without values, then the first values under the name of their range.
    """
    (_, asked), (_, values) = _parts(attribute)
    given = _parts(values)
    if len(given) <= MAX_VALUE_RANGE:
        return _whole(SEQUENCE, (OCTET_STRING, asked), (SET, values))
    ranged = RANGE.match(asked)
    plain, low = (ranged[1], int(ranged[2])) if ranged else (asked, 0)
    named = b"%s;range=%d-%d" % (plain, low, low + MAX_VALUE_RANGE - 1)
    without = _whole(SEQUENCE, (OCTET_STRING, asked), (SET, b""))
    return without + _whole(SEQUENCE, (OCTET_STRING, named), (SET, _joined(*given[:MAX_VALUE_RANGE])))


def _parts(octets: bytes) -> list[Part]:
    found: list[Part] = []
    while octets:
        start, end = _bounds(octets)
        found.append((octets[0], octets[start:end]))
        octets = octets[end:]
    return found


def _length_of_first(heard: bytearray) -> int:
    """How long the first message is; nothing when it has not arrived whole."""
    if len(heard) < 2 or (heard[1] & 0x80 and len(heard) < 2 + (heard[1] & 0x7F)):
        return 0
    _, end = _bounds(heard)
    return end if end <= len(heard) else 0


def _bounds(octets: bytes | bytearray) -> tuple[int, int]:
    """Where the first value begins and ends."""
    if octets[1] < 0x80:
        return 2, 2 + octets[1]
    start = 2 + (octets[1] & 0x7F)
    return start, start + int.from_bytes(octets[2:start])


def _whole(tag: int, *parts: Part) -> bytes:
    content = _joined(*parts)
    return bytes([tag]) + _written_length(len(content)) + content


def _joined(*parts: Part) -> bytes:
    return b"".join(bytes([tag]) + _written_length(len(value)) + value for tag, value in parts)


def _written_length(length: int) -> bytes:
    if length < 0x80:
        return bytes([length])
    octets = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([0x80 | len(octets)]) + octets
