"""Requests in the bytes of LDAP (RFC 4511, BER definite lengths).

Filters are built from parts, never parsed from text: a value is length-prefixed bytes, so there is nothing to escape
and nothing to inject. Everything here is a pure function of its arguments.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NewType

Operation = NewType("Operation", bytes)
"""One encoded protocolOp, ready to be put in a message."""

Filter = NewType("Filter", bytes)
"""One encoded search filter."""

Control = NewType("Control", bytes)
"""One encoded control."""

PAGED_RESULTS = "1.2.840.113556.1.4.319"
WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3"


TRUE = b"\x01\x01\xff"


class Scope(IntEnum):
    """How far below its base a search looks."""

    BASE = 0
    CHILDREN = 1
    SUBTREE = 2


class ChangeKind(IntEnum):
    """What a modification does with its values."""

    ADD = 0
    DELETE = 1
    REPLACE = 2


@dataclass(frozen=True)
class Change:
    """One modification of one attribute; `repr` shows no values, for one of them may be a password."""

    kind: ChangeKind
    attribute: str
    values: tuple[bytes, ...] = ()

    def __repr__(self) -> str:
        return f"Change({self.kind.name} {self.attribute}, {len(self.values)} values)"


def tagged(tag: int, content: bytes) -> bytes:
    """One TLV."""
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def octets(value: str | bytes) -> bytes:
    """An OCTET STRING; text as UTF-8. Raises TypeError for anything else, so that no list or None slips through."""
    if isinstance(value, str):
        return tagged(0x04, value.encode())
    if isinstance(value, bytes):
        return tagged(0x04, value)
    raise TypeError(f"text or bytes expected, not {type(value).__name__}")


def integer(value: int) -> bytes:
    """An INTEGER."""
    return tagged(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def sequence(parts: Iterable[bytes], tag: int = 0x30) -> bytes:
    """A SEQUENCE, or another constructed type by its tag."""
    return tagged(tag, b"".join(parts))


# --- filters ---------------------------------------------------------------------------------------------------------


def equal(attribute: str, value: str | bytes) -> Filter:
    """Entries that have this value, by the attribute's own matching rule."""
    return Filter(sequence((octets(attribute), octets(value)), 0xA3))


def at_least(attribute: str, value: str | bytes) -> Filter:
    """Entries whose value is this or after it."""
    return Filter(sequence((octets(attribute), octets(value)), 0xA5))


def at_most(attribute: str, value: str | bytes) -> Filter:
    """Entries whose value is this or before it."""
    return Filter(sequence((octets(attribute), octets(value)), 0xA6))


def present(attribute: str) -> Filter:
    """Entries that have the attribute at all."""
    return Filter(tagged(0x87, attribute.encode()))


def matching(attribute: str, rule: str, value: str | bytes) -> Filter:
    """Entries whose value matches by a rule of that name (RFC 4511 4.5.1.7.7)."""
    parts = (tagged(0x81, rule.encode()), tagged(0x82, attribute.encode()), tagged(0x83, _bytes(value)))
    return Filter(sequence(parts, 0xA9))


def every(*filters: Filter) -> Filter:
    """Entries that match all of these."""
    return Filter(sequence(filters, 0xA0))


def some(*filters: Filter) -> Filter:
    """Entries that match at least one of these."""
    return Filter(sequence(filters, 0xA1))


def without(condition: Filter) -> Filter:
    """Entries that do not match this."""
    return Filter(tagged(0xA2, condition))


# --- operations ------------------------------------------------------------------------------------------------------


def search(base: str, scope: Scope, condition: Filter, attributes: Sequence[str]) -> Operation:
    """A search that follows no alias and asks for these attributes only."""
    parts = (
        octets(base),
        tagged(0x0A, bytes((scope,))),
        tagged(0x0A, b"\x00"),  # never dereference aliases
        integer(0),  # the server's own size limit
        integer(0),  # the server's own time limit
        tagged(0x01, b"\x00"),
        condition,
        sequence([octets(name) for name in attributes]),
    )
    return Operation(sequence(parts, 0x63))


def add(dn: str, attributes: Mapping[str, Sequence[bytes]]) -> Operation:
    """The creation of an entry."""
    listed = [_attribute(name, values) for name, values in attributes.items()]
    return Operation(sequence((octets(dn), sequence(listed)), 0x68))


def modify(dn: str, changes: Iterable[Change]) -> Operation:
    """Changes of one entry, done all or not at all."""
    listed = [
        sequence((tagged(0x0A, bytes((change.kind,))), _attribute(change.attribute, change.values)))
        for change in changes
    ]
    return Operation(sequence((octets(dn), sequence(listed)), 0x66))


def delete(dn: str) -> Operation:
    """The removal of an entry."""
    return Operation(tagged(0x4A, dn.encode()))


def modify_dn(dn: str, rdn: str, *, new_parent: str | None = None) -> Operation:
    """Another name for an entry, the old one forgotten; with `new_parent` another place (RFC 4511 4.9)."""
    moved = b"" if new_parent is None else tagged(0x80, new_parent.encode())
    return Operation(sequence((octets(dn), octets(rdn), TRUE, moved), 0x6C))


def simple_bind(dn: str, password: str) -> Operation:
    """Signing in by a password (RFC 4513 5.1.3).

    Raises ValueError for a blank one: that would be an anonymous visitor (5.1.2).
    """
    if not dn or not password.strip() or "\0" in password:
        raise ValueError("a name and a password are needed to sign in")
    return Operation(sequence((integer(3), octets(dn), tagged(0x80, password.encode())), 0x60))


def who_am_i() -> Operation:
    """Ask as whom the server takes us (RFC 4532)."""
    return Operation(sequence((tagged(0x80, WHO_AM_I.encode()),), 0x77))


def control(oid: str, value: bytes | None = None, *, critical: bool = True) -> Control:
    """A control; a server that does not know a critical one must refuse."""
    parts = [octets(oid), TRUE if critical else b"", octets(value) if value is not None else b""]
    return Control(sequence(parts))


def paged(size: int, cookie: bytes) -> Control:
    """Ask for one page of results (RFC 2696)."""
    return control(PAGED_RESULTS, sequence((integer(size), octets(cookie))))


def message(message_id: int, operation: Operation, controls: Sequence[Control] = ()) -> bytes:
    """The whole LDAPMessage."""
    appended = sequence(controls, 0xA0) if controls else b""
    return sequence((integer(message_id), operation, appended))


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _attribute(name: str, values: Iterable[bytes]) -> bytes:
    return sequence((octets(name), sequence([octets(value) for value in values], 0x31)))
