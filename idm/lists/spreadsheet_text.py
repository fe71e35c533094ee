"""Lists as text for a spreadsheet: UTF-8 with a byte order mark, and no cell that can be taken for a formula. Pure."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet take a cell for a formula, in half and in full width."""


def csv_bytes(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """The list under its headings, lines ended as RFC 4180 has it."""
    text = StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(headings)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def harmless(cell: str) -> str:
    """The cell as text, whatever program opens it."""
    return f"'{cell}" if cell.lstrip(" \u3000").startswith(_FORMULA) else cell
