"""One page of a long list: its rows, and where it stands in the whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Generic, TypeVar

Row = TypeVar("Row")

ROWS_A_PAGE = 50


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of a list: its rows, its number from 1, and how many rows the whole list has."""

    rows: tuple[Row, ...]
    number: int
    total: int

    @property
    def count(self) -> int:
        """How many pages there are; at least one."""
        return _pages(self.total)

    @property
    def first(self) -> int:
        """The number of the first row on this page, from 1; 0 when the list is empty."""
        return min(self.total, offset_of(self.number) + 1)

    @property
    def last(self) -> int:
        """The number of the last row on this page."""
        return min(self.total, self.number * ROWS_A_PAGE)


def page_of(rows: Sequence[Row], asked: int) -> Page[Row]:
    """The page of that number, or the nearest one, of a list that is there as a whole."""
    number = nearest_page(asked, len(rows))
    return Page(tuple(rows[offset_of(number) : offset_of(number) + ROWS_A_PAGE]), number, len(rows))


def page_with(place: int) -> int:
    """The number of the page on which a row stands; `place` is counted from 0."""
    return place // ROWS_A_PAGE + 1


def nearest_page(asked: int, total: int) -> int:
    """The number asked for, or of the nearest page where there is no such page."""
    return min(max(asked, 1), _pages(total))


def offset_of(number: int) -> int:
    """How many rows stand before the page of that number."""
    return (number - 1) * ROWS_A_PAGE


def _pages(total: int) -> int:
    return max(1, ceil(total / ROWS_A_PAGE))
