"""Search entries read from the bytes of LDAP: whole ones where an entry is changed, rows where many are read."""

from collections.abc import Sequence
from typing import NamedTuple

from connectors.ldap.decoding import ENTRY, controls, inside, unreadable

MAX_NAMES = 500
"""How many spellings of attribute names are remembered."""

Values = dict[str, list[bytes]]
"""All of an entry's attributes, by name in lower case."""


class Entry(NamedTuple):
    """One entry, whole; `seal` is the digest of its bytes, where somebody made one."""

    dn: str
    values: Values
    seal: bytes = b""


def first(values: Values, attribute: str) -> bytes | None:
    """The first value of an attribute; None when there is none."""
    found = values.get(attribute.lower())
    return found[0] if found else None


Row = list[bytes | None]
"""The first value of each attribute asked for, in the order asked; then a place for what nobody asked for; then the
entry's own name."""


class Columns:
    """Which attribute goes to which place of a row, however the server spells its name."""

    def __init__(self, names: Sequence[str]) -> None:
        self._places = {name.lower(): place for place, name in enumerate(names)}
        self._elsewhere = len(names)
        self.places: dict[bytes, int] = {}
        self.empty: Row = [None] * (len(names) + 2)

    def learn(self, raw: bytes) -> int:
        """The place of an attribute by the name as it came; remembered, unless there are too many to believe."""
        place = self._places.get(_lower(raw), self._elsewhere)
        if len(self.places) < MAX_NAMES:
            self.places[raw] = place
        return place


def row(buffer: bytes, position: int, end: int, columns: Columns) -> Row:
    """The first values of the SearchResultEntry that begins here, in a message that ends there, column by column.

    A full reading runs this loop a million times: the common attribute, with one value and lengths below 128, is
    recognised by comparing everything at once; any other goes the long way.
    """
    name_start, name_stop, position, stop = _parts(buffer, position, end)
    places, found = columns.places, columns.empty.copy()
    found[-1] = buffer[name_start:name_stop]
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
                name, value = buffer[position + 4 : name_stop], buffer[name_stop + 4 : following]
                found[places[name] if name in places else columns.learn(name)] = value
            else:
                name, values, following = _attribute(buffer, position, stop)
                found[columns.learn(name)] = values[0] if values else None
            position = following
    except IndexError:
        raise unreadable("an entry is cut short") from None
    if position != stop:
        raise unreadable("an attribute is longer than its entry")
    return found


def entry(buffer: bytes, position: int, end: int) -> Entry:
    """The SearchResultEntry that begins here, in a message that ends there."""
    dn_start, dn_stop, place, stop = _parts(buffer, position, end)
    values: Values = {}
    while place < stop:
        name, found, place = _attribute(buffer, place, stop)
        values[_lower(name)] = found
    return Entry(_text(buffer[dn_start:dn_stop]), values)


def _attribute(buffer: bytes, position: int, stop: int) -> tuple[bytes, list[bytes], int]:
    """Name, values and end of one attribute of any shape."""
    position, end = inside(buffer, position, stop, 0x30)
    name_start, name_stop = inside(buffer, position, end, 0x04)
    position, last = inside(buffer, name_stop, end, 0x31)
    if last != end:
        raise unreadable("an attribute goes on after its values")
    found = []
    while position < last:
        start, position = inside(buffer, position, last, 0x04)
        found.append(buffer[start:position])
    return buffer[name_start:name_stop], found, end


def _parts(buffer: bytes, position: int, end: int) -> tuple[int, int, int, int]:
    """Where the name of an entry begins and ends, and where its attributes do."""
    start, stop = inside(buffer, position, end, ENTRY)
    if stop != end:
        controls(buffer, stop, end)
    name_start, name_stop = inside(buffer, start, stop, 0x04)
    first_start, last = inside(buffer, name_stop, stop, 0x30)
    if last != stop:
        raise unreadable("an entry goes on after its attributes")
    return name_start, name_stop, first_start, stop


def _lower(raw: bytes) -> str:
    name = _text(raw)
    if not name or not name.isascii():
        raise unreadable("an attribute has no possible name")
    return name.lower()


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise unreadable("a name is no UTF-8") from None
