"""外字: characters of the private-use area, whose glyph only the sending system knows.

Mapped ones are replaced before anything else is read; any other holds the row, and with it the whole person.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from idm.feed.cells import GAIJI_FIELDS, Cells
from idm.names.personal_names import has_private_use


@dataclass(frozen=True)
class Unmapped:
    """A private-use character nobody has mapped: its code (U+E000), and the rows and columns where it stands."""

    sign: str
    code: str
    rows: tuple[int, ...]
    fields: tuple[str, ...]


def translation(gaiji: Mapping[str, str]) -> dict[int, str]:
    """The table that replaces 外字. Only private-use characters can be mapped: no other name is ever changed."""
    return {ord(sign): text for sign, text in gaiji.items() if len(sign) == 1 and has_private_use(sign) and text}


def gaiji_reason(text: str) -> str | None:
    """Why a text with 外字 is held, naming each by its code; None where it has none."""
    found = dict.fromkeys(sign for sign in text if has_private_use(sign))
    if not found:
        return None
    return f"外字（{'・'.join(map(code_of, found))}）があります。どの文字かを確かめ、外字の対応表に加えてください。"


def code_of(sign: str) -> str:
    """The code of a character, U+E000."""
    return f"U+{ord(sign):04X}"


def unmapped(records: Iterable[Cells]) -> tuple[Unmapped, ...]:
    """Every 外字 that no mapping replaced, in the order of their codes."""
    places: dict[str, list[tuple[int, str]]] = {}
    for cells in records:
        for name in sorted(GAIJI_FIELDS):
            text = cells.raw(name)
            for sign in text if text and has_private_use(text) else "":
                if has_private_use(sign):
                    places.setdefault(sign, []).append((cells.record.row, name))
    return tuple(
        Unmapped(
            sign, code_of(sign), tuple(sorted({row for row, _ in found})), tuple(sorted({name for _, name in found}))
        )
        for sign, found in sorted(places.items())
    )
