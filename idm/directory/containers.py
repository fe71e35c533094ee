"""Where a directory keeps an account: which place the rules give it, and whether two names mean the same place. Pure.

A place is the distinguished name of a container (RFC 4514). Servers answer in a spelling of their own, so names are
compared as directories do: case, spaces around and within, and the way a sign is escaped make no difference.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from idm.personnel.unit_tree import upwards

_PARTS = re.compile(r"((?:\\.|[^\\,+])*)([,+]|$)", re.DOTALL)
_HEX = re.compile(rb"\\([0-9A-Fa-f]{2})")


@dataclass(frozen=True)
class Place:
    """The container of the accounts of these units, and of the units below them."""

    units: frozenset[str]
    container: str


def place_of(unit: str | None, places: Iterable[Place], parents: Mapping[str, str | None]) -> str | None:
    """The container of the first rule that names the unit or one above it; None = no rule does: it stays."""
    if unit is None:
        return None
    line = set(upwards(unit, parents))
    return next((place.container for place in places if line & place.units), None)


def same_place(one: str, other: str) -> bool:
    """Whether two distinguished names mean the same container."""
    return normalised(one) == normalised(other)


def normalised(name: str) -> tuple[frozenset[tuple[str, str]], ...]:
    """The name, part by part, as directories compare it; what is no distinguished name is one part."""
    found: list[frozenset[tuple[str, str]]] = []
    together: set[tuple[str, str]] = set()
    for text, sign in _PARTS.findall(name):
        if text.strip():
            kind, _, value = text.partition("=")
            together.add((_folded(kind), _folded(_unescaped(value))))
        if sign != "+" and together:
            found.append(frozenset(together))
            together = set()
    return tuple(found)


def _unescaped(value: str) -> str:
    raw = _HEX.sub(lambda two: bytes([int(two[1], 16)]), value.strip().encode())
    return re.sub(r"\\(.)", r"\1", raw.decode(errors="replace"), flags=re.DOTALL)


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
