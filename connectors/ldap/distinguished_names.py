"""Distinguished names as text (RFC 4514): the one place where a value meets a syntax with special characters."""

from idm.errors import TargetRefused

SPECIAL = frozenset('"+,;<>=\\#')


def child(attribute: str, value: str, parent: str) -> str:
    """The name of an entry below `parent` named by this value. Raises TargetRefused for an empty value.

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
    return f"{attribute}={''.join(escaped)},{parent}"


def names_by(dn: str, attribute: str) -> bool:
    """Whether the entry of this name is named by the attribute (alone, as the first part of its name)."""
    return dn.partition("=")[0].strip().lower() == attribute.lower()


def _needs_escape(character: str, *, at_end: bool) -> bool:
    return character in SPECIAL or ord(character) < 0x20 or character == "\x7f" or (at_end and character == " ")


def _pairs(character: str) -> str:
    return "".join(f"\\{octet:02X}" for octet in character.encode())
