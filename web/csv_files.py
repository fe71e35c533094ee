"""Lists as files to save."""

from collections.abc import Iterable, Sequence

from flask import Response

from idm.lists.spreadsheet_text import csv_bytes


def csv_answer(file_name: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Response:
    """The list as a download; `file_name` is ASCII."""
    answer = Response(csv_bytes(headings, rows), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    return answer
