"""A table of cells before anything is known of its headings, from whatever format it came."""

from dataclasses import dataclass, field
from enum import StrEnum

from idm.feed.problem import FeedProblem


class CellKind(StrEnum):
    """What a spreadsheet says a cell is; every cell of a text file is TEXT."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    FRACTION = "fraction"
    MOMENT = "moment"
    YES_NO = "yes_no"


@dataclass(frozen=True)
class RawTable:
    """The cells of a file by row. `kinds` holds what is not text, by row number from 1 and position from 0.

    `ragged` says that a row's cells after its last filled one may be missing, as in a spreadsheet. `hint` is said when
    no heading is found. `since_1904` is the day count of the spreadsheet.
    """

    rows: list[list[str]] = field(repr=False)
    problems: list[FeedProblem]
    warnings: tuple[FeedProblem, ...] = ()
    kinds: dict[tuple[int, int], CellKind] = field(default_factory=dict, repr=False)
    ragged: bool = False
    since_1904: bool = False
    hint: str = ""
