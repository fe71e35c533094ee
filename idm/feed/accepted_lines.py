"""The lines of a snapshot as keyed hashes: which are new, which are gone, and which can stand as they were. Pure.

Only a file whose lines are its rows can be taken line by line: a text in an encoding without states, no quotation mark
in it, every line ended alike. Anything else is read whole, and so is whatever these lines make doubtful.
"""

import codecs
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from idm.feed.codes import FeedShape
from idm.feed.profile import FeedProfile

ENCODINGS = ("cp932", "utf-8")
"""No byte of a character of more than one byte is a delimiter, a quotation mark or a line break in these."""
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class FileLines:
    """The lines of a file without their line breaks: what stands before the rows, the rows, and the count row."""

    front: list[bytes]
    rows: list[bytes]
    back: list[bytes]

    @property
    def heading(self) -> bytes:
        """Everything that says which cell is what; a header record of the day is told apart by its place."""
        return b"\n".join(self.front)


def lines_of(data: bytes, profile: FeedProfile) -> FileLines | None:
    """The file's lines; None where it must be read whole."""
    if not _taken_by_line(data, profile):
        return None
    lines = data.replace(b"\r\n", b"\n").split(b"\n")
    lines.pop()
    front, back = 1 + bool(profile.header.marker), int(bool(profile.trailer.marker))
    rows = lines[front : len(lines) - back]
    if not rows or len(lines) < front + back or len(rows) > profile.limits.max_rows:
        return None
    return FileLines(lines[:front], rows, lines[len(lines) - back :])


def _taken_by_line(data: bytes, profile: FeedProfile) -> bool:
    if profile.shape is not FeedShape.SNAPSHOT or not profile.names_everybody or profile.format != "delimited":
        return False
    if profile.encoding not in ENCODINGS or len(data) > profile.limits.max_bytes or data.startswith(_MARKS):
        return False
    if b'"' in data or b"\0" in data or not data.endswith(b"\n"):
        return False
    both, returns = data.count(b"\r\n"), data.count(b"\r")
    return both == returns and both in (0, data.count(b"\n"))


def hashes_of(lines: Iterable[bytes], secret: bytes) -> Sequence[int]:
    """Eight bytes of each line's BLAKE2b; keyed, or the lines of a known person could be guessed from them."""
    keyed = blake2b(digest_size=8, key=secret[:64])

    def digest(line: bytes) -> bytes:
        one = keyed.copy()
        one.update(line)
        return one.digest()

    found = array("q")
    found.frombytes(b"".join(map(digest, lines)))
    return found


@dataclass(frozen=True)
class Accepted:
    """The lines of the last accepted file: hash → employment, and the employments that are to be looked at anew."""

    quiet: Mapping[int, int]
    anew: frozenset[int]

    @classmethod
    def unpacked(cls, hashes: bytes, employments: bytes) -> "Accepted":
        """From the two arrays that are kept: the hash 0 marks an employment to be looked at anew."""
        lines, owners = array("q"), array("q")
        lines.frombytes(hashes)
        owners.frombytes(employments)
        quiet = dict(zip(lines, owners, strict=True))
        anew = frozenset(owner for line, owner in zip(lines, owners, strict=True) if not line) if 0 in quiet else ()
        quiet.pop(0, None)
        return cls(quiet, frozenset(anew))

    def packed(self) -> tuple[bytes, bytes]:
        """The two arrays to keep."""
        lines = array("q", [*self.quiet, *([0] * len(self.anew))])
        owners = array("q", [*self.quiet.values(), *sorted(self.anew)])
        return lines.tobytes(), owners.tobytes()


@dataclass(frozen=True)
class Difference:
    """What a file has of the accepted lines: the new lines by place, and the employments of which lines are gone."""

    new: Sequence[int]
    gone: frozenset[int]


def difference(hashes: Sequence[int], accepted: Accepted) -> Difference | None:
    """How the file differs from the accepted one; None where one line stands in it twice: that is a mistake."""
    present = set(hashes)
    if len(present) != len(hashes) or 0 in present:
        return None
    known = accepted.quiet.keys()
    unknown = present - known
    new = [place for place, line in enumerate(hashes) if line in unknown] if unknown else []
    return Difference(new, frozenset(accepted.quiet[line] for line in known - present))


def places_of(hashes: Sequence[int], accepted: Accepted, employments: frozenset[int]) -> list[int]:
    """Where the accepted lines of these employments stand."""
    theirs = {line for line, employment in accepted.quiet.items() if employment in employments}
    return [place for place, line in enumerate(hashes) if line in theirs]
