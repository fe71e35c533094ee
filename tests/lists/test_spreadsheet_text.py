"""A list that is opened in a spreadsheet is text: nothing in it runs."""

import pytest

from idm.lists.spreadsheet_text import csv_bytes, harmless


def test_a_list_stands_under_its_headings_with_a_byte_order_mark_and_no_formula() -> None:
    assert csv_bytes(("氏名",), [("=HYPERLINK(1)",), ("青木",)]) == (
        b"\xef\xbb\xbf" + "氏名\r\n'=HYPERLINK(1)\r\n青木\r\n".encode()
    )


@pytest.mark.parametrize("cell", ["=1", " +1", "+1", "-1", "@x", "＝1", "－1", "\tx", "\t=1", "　=1", "　＠x"])
def test_a_cell_that_a_spreadsheet_would_run_is_text(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"
    assert harmless(f"a{cell}") == f"a{cell}"
