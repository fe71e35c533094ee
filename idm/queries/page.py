"""One page of a long list: its rows, and where it stands in the whole."""

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


def nearest_page(asked: int, total: int) -> int:
    """The number asked for, or of the nearest page where there is no such page."""
    return min(max(asked, 1), _pages(total))


def offset_of(number: int) -> int:
    """How many rows stand before the page of that number."""
    return (number - 1) * ROWS_A_PAGE


def _pages(total: int) -> int:
    return max(1, ceil(total / ROWS_A_PAGE))
