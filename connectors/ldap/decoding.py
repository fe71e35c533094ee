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

MAX_NAMES = 500
"""How many spellings of attribute names are remembered."""

ENTRY = 0x64
DONE = 0x65
REFERENCE = 0x73
INTERMEDIATE = 0x79
EXTENDED = 0x78
ANSWERS = frozenset((DONE, 0x67, 0x69, 0x6B))
"""What ends a search, a modification, an addition, a deletion."""

Values = dict[str, list[bytes]]
"""An entry's attributes by name in lower case."""


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


def entry(buffer: bytes, position: int, end: int, names: dict[bytes, str]) -> tuple[bytes, Values]:
    """The distinguished name and attributes of the SearchResultEntry that begins here, in a message that ends there.

    `names` remembers attribute names from entry to entry. A full read runs this loop a million times: the common case,
    one value and lengths below 128, is recognised by comparing everything at once; the rest goes the long way.
    """
    start, stop = _inside(buffer, position, end, ENTRY)
    if stop != end:
        _controls(buffer, stop, end)
    dn_start, dn_stop = _inside(buffer, start, stop, 0x04)
    position, listed = _inside(buffer, dn_stop, stop, 0x30)
    if listed != stop:
        raise unreadable("an entry goes on after its attributes")
    values: Values = {}
    try:
        while position < stop:
            length = buffer[position + 1]
            name_stop = position + 4 + buffer[position + 3]
            value_length = buffer[name_stop + 3]
            following = name_stop + 4 + value_length
            if (
                length < 128
                and following == position + 2 + length
                and buffer[name_stop + 1] == value_length + 2
                and buffer[position] == 0x30
                and buffer[position + 2] == buffer[name_stop + 2] == 0x04
                and buffer[name_stop] == 0x31
            ):
                name, found = buffer[position + 4 : name_stop], [buffer[name_stop + 4 : following]]
            else:
                name, found, following = _attribute(buffer, position, stop)
            values[names.get(name) or _remember(names, name)] = found
            position = following
    except IndexError:
        raise unreadable("an entry is cut short") from None
    if position != stop:
        raise unreadable("an attribute is longer than its entry")
    return buffer[dn_start:dn_stop], values


def result(buffer: bytes, message: Message) -> Result:
    """How the operation ended, in the server's words. Raises TargetUnavailable."""
    start, stop = _inside(buffer, message.operation, message.end)
    code_start, code_stop = _inside(buffer, start, stop, 0x0A)
    if not 1 <= code_stop - code_start <= 2:
        raise unreadable("a result without a code")
    _, matched_stop = _inside(buffer, code_stop, stop, 0x04)
    text_start, text_stop = _inside(buffer, matched_stop, stop, 0x04)
    code = int.from_bytes(buffer[code_start:code_stop], "big")
    text = buffer[text_start:text_stop].decode(errors="replace")
    return Result(code, text, _cookie(buffer, stop, message.end))


def readable(raw: bytes) -> str:
    """The text of a distinguished name. Raises TargetUnavailable."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise unreadable("a name is no UTF-8") from None


def unreadable(reason: str) -> TargetUnavailable:
    """The error for an answer that is not LDAP; `reason` says what stood where something else must."""
    return TargetUnavailable(f"ディレクトリの応答を読み取れません（{reason}）。")


def _inside(buffer: bytes | bytearray, position: int, stop: int, tag: int | None = None) -> tuple[int, int]:
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


def _attribute(buffer: bytes, position: int, stop: int) -> tuple[bytes, list[bytes], int]:
    """Name, values and end of one attribute of any shape."""
    position, end = _inside(buffer, position, stop, 0x30)
    name_start, name_stop = _inside(buffer, position, end, 0x04)
    position, last = _inside(buffer, name_stop, end, 0x31)
    if last != end:
        raise unreadable("an attribute goes on after its values")
    found = []
    while position < last:
        start, position = _inside(buffer, position, last, 0x04)
        found.append(buffer[start:position])
    return buffer[name_start:name_stop], found, end


def _remember(names: dict[bytes, str], raw: bytes) -> str:
    try:
        name = raw.decode("ascii").lower()
    except UnicodeDecodeError:
        raise unreadable("an attribute has no possible name") from None
    if not name:
        raise unreadable("an attribute has no name")
    if len(names) < MAX_NAMES:
        names[raw] = name
    return name


def _controls(buffer: bytes, position: int, end: int) -> tuple[int, int]:
    """Where the controls of a message begin and end; nothing comes after them."""
    start, stop = _inside(buffer, position, end, 0xA0)
    if stop != end:
        raise unreadable("a message goes on after its controls")
    return start, stop


def _cookie(buffer: bytes, position: int, end: int) -> bytes:
    """The cookie of the paged results control among the controls of a message; empty when there is none."""
    if position == end:
        return b""
    position, stop = _controls(buffer, position, end)
    while position < stop:
        start, position = _inside(buffer, position, stop, 0x30)
        oid_start, oid_stop = _inside(buffer, start, position, 0x04)
        if buffer[oid_start:oid_stop] == PAGED_RESULTS.encode():
            return _paged_cookie(buffer, oid_stop, position)
    return b""


def _paged_cookie(buffer: bytes, position: int, stop: int) -> bytes:
    if position < stop and buffer[position] == 0x01:  # criticality
        _, position = _inside(buffer, position, stop)
    start, stop = _inside(buffer, position, stop, 0x04)
    start, stop = _inside(buffer, start, stop, 0x30)
    _, size_stop = _inside(buffer, start, stop, 0x02)
    start, stop = _inside(buffer, size_stop, stop, 0x04)
    return buffer[start:stop]
