"""Long lists, fifty rows a page; filters and page stand in the address, so that it can be shared and goes back."""

from dataclasses import dataclass
from math import ceil
from typing import Any, Generic, TypeVar

from flask import request, url_for
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

ROWS_A_PAGE = 50
Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of a list: its rows, its number from 1, and how many rows the whole list has."""

    rows: list[Row]
    number: int
    total: int

    @property
    def count(self) -> int:
        """How many pages there are; at least one."""
        return max(1, ceil(self.total / ROWS_A_PAGE))

    @property
    def first(self) -> int:
        """The number of the first row on this page, from 1; 0 when the list is empty."""
        return min(self.total, (self.number - 1) * ROWS_A_PAGE + 1)

    @property
    def last(self) -> int:
        """The number of the last row on this page."""
        return min(self.total, self.number * ROWS_A_PAGE)


def page_of(session: Session, query: Select[Row]) -> Page[Row]:
    """The page of the query that the address asks for (`?page=2`); the nearest one when there is no such page."""
    total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    asked = request.args.get("page", 1, type=int)
    number = min(max(asked, 1), max(1, ceil(total / ROWS_A_PAGE)))
    rows = list(session.scalars(query.limit(ROWS_A_PAGE).offset((number - 1) * ROWS_A_PAGE)))
    return Page(rows, number, total)


def link_to_page(number: int) -> str:
    """The address of another page of the same list, with the same filters."""
    kept: dict[str, Any] = {**request.args.to_dict(flat=False), **(request.view_args or {}), "page": number}
    return url_for(request.endpoint or "home.index", **kept)
