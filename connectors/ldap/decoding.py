"""Answers read from the bytes of LDAP (RFC 4511), by position and without copying more than the values.

The bytes come from another machine: every length is checked against what encloses it and every tag against what must
stand there, so a damaged answer is refused and never half understood. Refused means `TargetUnavailable`: the
connection is useless and whatever was under way on it has an unknown outcome.
"""

from typing import NamedTuple

from connectors.ldap.encoding import PAGED_RESULTS
from idm.errors import TargetUnavailable

MAX_MESSAGE_BYTES = 64 << 20
"""A group of half a million members fits; a made-up length does not make us wait for 4 GB."""

ENTRY = 0x64
DONE = 0x65
REFERENCE = 0x73
INTERMEDIATE = 0x79
EXTENDED = 0x78
RESPONSE_VALUE = 0x8B
BOUND = 0x61
ANSWERS = frozenset((DONE, 0x67, 0x69, 0x6B, 0x6D))
"""What ends a search, a modification, an addition, a deletion, a renaming."""

Place = tuple[int, int]
"""Where in a buffer a search entry begins, and where its message ends."""


class Message(NamedTuple):
    """One message in a buffer: its operation begins at `operation` with `tag`; the message ends at `end`."""

    message_id: int
    tag: int
    operation: int
    end: int


class Result(NamedTuple):
    """How an operation ended. `cookie` asks for the next page; empty = there is none."""

    code: int
    text: str
    cookie: bytes = b""


def next_message(buffer: bytes | bytearray, position: int) -> Message | None:
    """The message that begins at the position; None while it is not complete. Raises TargetUnavailable."""
    available = len(buffer)
    if position + 2 > available:
        return None
    if buffer[position] != 0x30:
        raise unreadable("no message begins where one must")
    length = buffer[position + 1]
    body = position + 2
    if length > 127:
        body += length & 127
        if not 0x81 <= length <= 0x84:
            raise unreadable("a length that no message has")
        if body > available:
            return None
        length = int.from_bytes(buffer[position + 2 : body], "big")
        if length > MAX_MESSAGE_BYTES:
            raise unreadable("a message larger than any answer can be")
    end = body + length
    if end > available:
        return None
    if length < 5 or buffer[body] != 0x02 or not 1 <= buffer[body + 1] <= 4 or buffer[body + 2] > 127:
        raise unreadable("a message without a message id")
    operation = body + 2 + buffer[body + 1]
    message_id = int.from_bytes(buffer[body + 2 : operation], "big")
    if operation >= end:
        raise unreadable("a message without an operation")
    return Message(message_id, buffer[operation], operation, end)


def entry_places(received: bytearray, position: int, mark: bytes, places: list[Place]) -> int:
    """Where the scan stopped: at the first message that is no search entry, or at the first incomplete one.

    `mark` is the encoded message id that every message must carry; the places of the entries passed are appended,
    each from its operation to its end. Nothing but lengths is looked at: `entry` verifies the rest.
    """
    available = len(received)
    tag_offset = len(mark)
    while position + 6 < available and received[position] == 0x30:
        body = position + 2
        length = received[position + 1]
        if length > 127:
            body += length & 127
            if not 0x81 <= length <= 0x84 or body + tag_offset >= available:
                break
            length = int.from_bytes(received[position + 2 : body], "big")
        end = body + length
        if end > available or body + tag_offset >= end:
            break
        if received[body + tag_offset] != ENTRY or not received.startswith(mark, body):
            break
        places.append((body + tag_offset, end))
        position = end
    return position


def result(buffer: bytes, message: Message) -> Result:
    """How the operation ended, in the server's words. Raises TargetUnavailable."""
    start, stop = inside(buffer, message.operation, message.end)
    code_start, code_stop = inside(buffer, start, stop, 0x0A)
    if not 1 <= code_stop - code_start <= 2:
        raise unreadable("a result without a code")
    _, matched_stop = inside(buffer, code_stop, stop, 0x04)
    text_start, text_stop = inside(buffer, matched_stop, stop, 0x04)
    code = int.from_bytes(buffer[code_start:code_stop], "big")
    text = buffer[text_start:text_stop].decode(errors="replace")
    return Result(code, text, _cookie(buffer, stop, message.end))


def unreadable(reason: str) -> TargetUnavailable:
    """The error for an answer that is not LDAP; `reason` says what stood where something else must."""
    return TargetUnavailable(f"ディレクトリの応答を読み取れません（{reason}）。")


def inside(buffer: bytes | bytearray, position: int, stop: int, tag: int | None = None) -> tuple[int, int]:
    """Where the content of the element at the position begins and ends; both lie within `stop`."""
    body = position + 2
    if body > stop:
        raise unreadable("an element is cut short")
    if tag is not None and buffer[position] != tag:
        raise unreadable(f"an element is {buffer[position]:#04x} instead of {tag:#04x}")
    length = buffer[position + 1]
    if length > 127:
        body += length & 127
        if not 0x81 <= length <= 0x84 or body > stop:
            raise unreadable("an element has no possible length")
        length = int.from_bytes(buffer[position + 2 : body], "big")
    if body + length > stop:
        raise unreadable("an element is longer than what holds it")
    return body, body + length


def controls(buffer: bytes, position: int, end: int) -> tuple[int, int]:
    """Where the controls of a message begin and end; nothing comes after them."""
    start, stop = inside(buffer, position, end, 0xA0)
    if stop != end:
        raise unreadable("a message goes on after its controls")
    return start, stop


def control_values(buffer: bytes, message: Message) -> dict[str, bytes]:
    """The values of the controls that came with an answer, by their names; empty for one without a value."""
    _, position = inside(buffer, message.operation, message.end)
    return {} if position == message.end else _control_values(buffer, position, message.end)


def response_value(buffer: bytes, message: Message) -> bytes | None:
    """The value of an extended answer (RFC 4511 4.12); None when it has none."""
    position, stop = inside(buffer, message.operation, message.end, EXTENDED)
    while position < stop:
        tag = buffer[position]
        start, position = inside(buffer, position, stop)
        if tag == RESPONSE_VALUE:
            return buffer[start:position]
    return None


def _cookie(buffer: bytes, position: int, end: int) -> bytes:
    """The cookie of the paged results control among the controls of a message; empty when there is none."""
    if position == end:
        return b""
    value = _control_values(buffer, position, end).get(PAGED_RESULTS)
    if value is None:
        return b""
    start, stop = inside(value, 0, len(value), 0x30)
    _, size_stop = inside(value, start, stop, 0x02)
    start, stop = inside(value, size_stop, stop, 0x04)
    return value[start:stop]


def _control_values(buffer: bytes, position: int, end: int) -> dict[str, bytes]:
    position, stop = controls(buffer, position, end)
    values = {}
    while position < stop:
        start, position = inside(buffer, position, stop, 0x30)
        oid_start, oid_stop = inside(buffer, start, position, 0x04)
        values[buffer[oid_start:oid_stop].decode(errors="replace")] = _control_value(buffer, oid_stop, position)
    return values


def _control_value(buffer: bytes, position: int, stop: int) -> bytes:
    if position < stop and buffer[position] == 0x01:  # criticality
        _, position = inside(buffer, position, stop)
    if position == stop:
        return b""
    start, stop = inside(buffer, position, stop, 0x04)
    return buffer[start:stop]
