"""Distinguished names as text (RFC 4514): the one place where a value meets a syntax with special characters."""

import re
from functools import lru_cache

from idm.errors import TargetRefused

SPECIAL = frozenset('"+,;<>=\\#')
FIRST_PART = re.compile(r"(?:[^,;\\]|\\.)*", re.DOTALL)
ESCAPED = re.compile(r"((?:\\[0-9A-Fa-f]{2})+)|\\(.)", re.DOTALL)
SEVERAL_VALUES = re.compile(r"(?:[^+\\]|\\.)*\+", re.DOTALL)


def child(attribute: str, value: str, parent: str) -> str:
    """The name of an entry below `parent` named by this value. Raises TargetRefused for an empty value."""
    return f"{part(attribute, value)},{parent}"


def part(attribute: str, value: str) -> str:
    """The first part of a name (an RDN). Raises TargetRefused for an empty value.

    Every special or control character becomes its hexadecimal pair, which is always right; so does a space at either
    end, which would otherwise be dropped and so name another entry. Letters of any script stay as they are.
    """
    if not value:
        raise TargetRefused(f"属性 {attribute} が空のため、項目の名前を作れません。")
    last = len(value) - 1
    escaped = (
        _pairs(character) if _needs_escape(character, at_end=position in (0, last)) else character
        for position, character in enumerate(value)
    )
    return f"{attribute}={''.join(escaped)}"


def names_by(dn: str, attribute: str) -> bool:
    """Whether the entry of this name is named by the attribute (alone, as the first part of its name)."""
    return dn.partition("=")[0].strip().lower() == attribute.lower()


def named_value(dn: str) -> str | None:
    """The value that the first part of a name gives; None where it gives several."""
    first, _ = split(dn)
    value = first.partition("=")[2].strip(" ")
    if SEVERAL_VALUES.match(value) or value.startswith("#"):
        return None
    return ESCAPED.sub(_unescaped, value)


def split(dn: str) -> tuple[str, str]:
    """The first part of a name, and the name of what the entry lies in."""
    found = FIRST_PART.match(dn)
    end = found.end() if found else 0
    return dn[:end], dn[end + 1 :]


def lies_below(dn: str, base: str) -> bool:
    """Whether a name is the base's or one below it."""
    parts, ending = comparable(dn), comparable(base)
    return parts[len(parts) - len(ending) :] == ending if len(parts) >= len(ending) else False


def same(dn: str, other: str) -> bool:
    """Whether two names are one, however they are written."""
    return comparable(dn) == comparable(other)


@lru_cache(maxsize=1024)
def comparable(dn: str) -> tuple[str, ...]:
    """The parts of a name in one spelling."""
    parts = []
    while dn:
        first, dn = split(dn)
        attribute, _, value = first.partition("=")
        parts.append(f"{attribute.strip().lower()}={ESCAPED.sub(_unescaped, value.strip(' ')).casefold()}")
    return tuple(parts)


def _unescaped(found: re.Match[str]) -> str:
    if found[1] is None:
        return found[2]
    return bytes.fromhex(found[1].replace("\\", "")).decode(errors="replace")


def _needs_escape(character: str, *, at_end: bool) -> bool:
    return character in SPECIAL or ord(character) < 0x20 or character == "\x7f" or (at_end and character == " ")


def _pairs(character: str) -> str:
    return "".join(f"\\{octet:02X}" for octet in character.encode())
