"""外字: characters of the private-use area, whose glyph only the sending system knows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Unmapped:
    """A private-use character nobody has mapped: its code (U+E000), and the rows and columns where it stands."""

    sign: str
    code: str
    rows: tuple[int, ...]
    fields: tuple[str, ...]
