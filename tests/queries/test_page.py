"""A long list has pages of fifty, and an address that names no page of it shows the nearest."""

import pytest

from idm.queries.page import Page, nearest_page, offset_of

ROWS = tuple(range(125))


@pytest.mark.parametrize(
    ("asked", "number", "first", "last"), [(1, 1, 1, 50), (2, 2, 51, 100), (3, 3, 101, 125), (99, 3, 101, 125),
                                           (-1, 1, 1, 50)],
)  # fmt: skip
def test_a_long_list_has_pages(asked: int, number: int, first: int, last: int) -> None:
    found = nearest_page(asked, len(ROWS))
    page = Page(ROWS[offset_of(found) : last], found, len(ROWS))
    assert (page.number, page.first, page.last, page.count) == (number, first, last, 3)
    assert len(page.rows) == last - first + 1


def test_an_empty_list_has_one_page_without_rows() -> None:
    page = Page[int]((), nearest_page(2, 0), 0)
    assert (page.number, page.first, page.last, page.count) == (1, 0, 0, 1)
