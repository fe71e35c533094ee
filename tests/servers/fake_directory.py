"""A FAKE: a directory that answers as a test writes down, for what no server here can be made to say.

It proves what we do with an answer, and nothing about any server.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from connectors.ldap.decoding import inside, next_message
from connectors.ldap.encoding import Operation, message, octets, sequence, tagged
from jobs.demo.certificates import ServerCertificate
from tests.servers.eavesdropper import Eavesdropper

BIND, SEARCH, MODIFY, EXTENDED = 0x60, 0x63, 0x66, 0x77
ANSWERS = {BIND: 0x61, SEARCH: 0x65, MODIFY: 0x67, 0x68: 0x69, 0x4A: 0x6B, 0x6C: 0x6D, EXTENDED: 0x78}
UNBIND = 0x42


class Request(NamedTuple):
    """One request: what kind, the name of the entry it is about, and all its bytes."""

    tag: int
    dn: str
    raw: bytes


class Said(NamedTuple):
    """The answer to a request: entries (name and attributes), and how it ended. None as code: silence."""

    code: int | None = 0
    entries: Sequence[tuple[str, dict[str, list[bytes]]]] = ()
    text: str = ""


class FakeDirectory(Eavesdropper):
    """Speaks TLS; lets in everybody and says who they are, and answers the rest as `answer` says."""

    def __init__(self, certificate: ServerCertificate, answer: Callable[[Request], Said]) -> None:
        super().__init__(certificate=certificate, reply=self._reply_to)
        self._answer = answer
        self.requests: list[Request] = []
        self._waiting = bytearray()

    def _reply_to(self, heard: bytes) -> bytes:
        self._waiting += heard
        said, position = b"", 0
        buffer = bytes(self._waiting)
        while (found := next_message(buffer, position)) is not None:
            said += self._one(found.message_id, _request(buffer, found.tag, found.operation, found.end))
            position = found.end
        del self._waiting[:position]
        return said

    def _one(self, message_id: int, request: Request) -> bytes:
        if request.tag == UNBIND:
            return b""
        if request.tag == EXTENDED:
            return _ended(message_id, request.tag, Said(), tagged(0x8B, b"dn:cn=somebody"))
        if request.tag == BIND:
            return _ended(message_id, request.tag, Said())
        self.requests.append(request)
        said = self._answer(request)
        if said.code is None:
            return b""
        return b"".join([*(_entry(message_id, *one) for one in said.entries), _ended(message_id, request.tag, said)])


def _request(buffer: bytes, tag: int, start: int, end: int) -> Request:
    inner, stop = inside(buffer, start, end)
    if tag in (SEARCH, MODIFY, 0x68, 0x6C):
        name_start, name_stop = inside(buffer, inner, stop, 0x04)
        return Request(tag, buffer[name_start:name_stop].decode(), buffer[start:end])
    return Request(tag, "", buffer[start:end])


def _entry(message_id: int, dn: str, attributes: dict[str, list[bytes]]) -> bytes:
    listed = [
        sequence((octets(name), sequence([octets(value) for value in values], 0x31)))
        for name, values in attributes.items()
    ]
    return message(message_id, Operation(sequence((octets(dn), sequence(listed)), 0x64)))


def _ended(message_id: int, tag: int, said: Said, *more: bytes) -> bytes:
    code = tagged(0x0A, bytes((said.code or 0,)))
    return message(message_id, Operation(sequence((code, octets(""), octets(said.text), *more), ANSWERS[tag])))
