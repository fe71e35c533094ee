"""Lists as files for a spreadsheet: UTF-8 with a byte order mark, and no cell that can be taken for a formula."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

from flask import Response

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet take a cell for a formula, in half and in full width."""


def csv_answer(file_name: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Response:
    """The list as a download; `file_name` is ASCII."""
    text = StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(headings)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    answer = Response(text.getvalue().encode("utf-8-sig"), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    return answer


def harmless(cell: str) -> str:
    """The cell as text, whatever program opens it."""
    return f"'{cell}" if cell.lstrip(" \u3000").startswith(_FORMULA) else cell
