"""Lines of an access review as a workbook (XLSX) to be filled in, and back. Pure: bytes in, bytes out.

Each row carries the seal over its cells (`idm.reviews.review_rows`); only the answer and the reason may be written.
Every cell is written as text, so that nothing in it is taken for a formula, an address or a number.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import xlsxwriter  # type: ignore[import-untyped]

from idm.errors import FeedRefused
from idm.feed.problem import FeedProblem
from idm.feed.profile import FeedCodes, FeedColumns, FeedLimits, FeedProfile
from idm.feed.raw_table import RawTable
from idm.feed.spreadsheet import read_spreadsheet
from idm.reviews.review_rows import HEADINGS
from idm.vocabulary import REVIEW_DECISION_TITLES

ANSWER, REASON, MADE, SEAL = "回答", "理由", "作成", "照合符号"
COLUMNS = (*HEADINGS, ANSWER, REASON, MADE, SEAL)
SHEET = "棚卸し"
WIDTHS = {
    "所属": 22,
    "氏名": 16,
    "情報システム": 22,
    "権限": 22,
    "最終利用": 28,
    "同じ所属・職の人": 26,
    ANSWER: 14,
    REASON: 40,
}
HIDDEN = frozenset({"行", "版", MADE, SEAL})
ROWS_A_FILE = 1_000
"""What does not fit into one workbook goes into another; so many can be looked at once more and confirmed at once."""
LIMITS = FeedLimits(max_rows=ROWS_A_FILE + 1, max_bytes=16_000_000, max_columns=40, max_cells=800_000,
                    max_unpacked_bytes=100_000_000)  # fmt: skip
_FORM = FeedProfile(
    title=SHEET, staff_number_width=20, columns=FeedColumns(), codes=FeedCodes(), format="xlsx", sheet=SHEET,
    limits=LIMITS,
)  # fmt: skip


@dataclass(frozen=True)
class SheetRow:
    """One row of a workbook that came back, by its number in the sheet. Answer and reason are as written."""

    number: int
    cells: tuple[str, ...]
    answer: str
    reason: str
    made_at: datetime
    seal: str


def workbook(rows: Iterable[tuple[Sequence[str], str]], *, made_at: datetime) -> bytes:
    """The workbook of these rows (cells and seal): protected but for the two columns to be filled in."""
    file = io.BytesIO()
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(file, plain) as book:
        sheet = book.add_worksheet(SHEET)
        text, head = book.add_format({"num_format": "@"}), book.add_format({"bold": True, "bg_color": "#E8E8EB"})
        open_cell = book.add_format({"num_format": "@", "locked": False, "bg_color": "#FFF9E5"})
        for place, heading in enumerate(COLUMNS):
            sheet.set_column(place, place, WIDTHS.get(heading, 13), text, {"hidden": heading in HIDDEN})
            sheet.write_string(0, place, heading, head)
        count = 0
        for count, (cells, seal) in enumerate(rows, start=1):
            for place, cell in enumerate((*cells, "", "", str(int(made_at.timestamp())), seal)):
                look = open_cell if COLUMNS[place] in (ANSWER, REASON) else text
                if cell:
                    sheet.write_string(count, place, cell, look)
                else:
                    sheet.write_blank(count, place, None, look)
        choices = {"validate": "list", "source": list(REVIEW_DECISION_TITLES.values())}
        place = COLUMNS.index(ANSWER)
        sheet.data_validation(1, place, max(count, 1), place, choices)
        sheet.freeze_panes(1, 0)
        sheet.protect("", {"format_columns": True, "sort": True, "autofilter": True})
    return file.getvalue()


def read_workbook(data: bytes) -> list[SheetRow]:
    """The rows of a workbook that came back. Raises FeedRefused for what is no such workbook, row by row."""
    try:
        table = read_spreadsheet(data, _FORM)
    except FeedRefused as broken:
        raise refused([one for one in broken.problems if isinstance(one, FeedProblem)]) from None
    if not table.rows or tuple(cell.strip() for cell in table.rows[0][: len(COLUMNS)]) != COLUMNS:
        raise refused([FeedProblem(1, None, "棚卸しの画面から保存したファイルではありません（見出しが違います）。")])
    problems: list[FeedProblem] = []
    rows = list(_rows(table, problems))
    if problems:
        raise refused(problems)
    return rows


def refused(problems: Sequence[FeedProblem]) -> FeedRefused:
    """The refusal of the whole workbook for these problems."""
    message = f"棚卸しのファイルを受け付けません。誤りが{len(problems)}件あります。何も記録していません。"
    return FeedRefused(message, problems=tuple(problems))


def _rows(table: RawTable, problems: list[FeedProblem]) -> Iterator[SheetRow]:
    for number, received in enumerate(table.rows[1:], start=2):
        cells = received + [""] * (len(COLUMNS) - len(received))
        if not any(cell.strip() for cell in cells):
            continue
        made = cells[COLUMNS.index(MADE)].strip()
        if any(cell.strip() for cell in cells[len(COLUMNS) :]) or not _is_moment(made):
            problems.append(FeedProblem(number, None, "列がずれているか、この画面から保存した行ではありません。"))
            continue
        yield SheetRow(
            number, tuple(cells[: len(HEADINGS)]), cells[COLUMNS.index(ANSWER)].strip(),
            cells[COLUMNS.index(REASON)].strip(), datetime.fromtimestamp(int(made), UTC),
            cells[COLUMNS.index(SEAL)].strip(),
        )  # fmt: skip


def _is_moment(text: str) -> bool:
    """Whether it is a number of seconds since 1970 that can be one of ours."""
    return text.isascii() and text.isdecimal() and len(text) <= 10
