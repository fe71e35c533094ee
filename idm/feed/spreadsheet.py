"""From the bytes of a spreadsheet (XLSX) to its rows of cells: one sheet of plain values, or refused.

A spreadsheet can say what a text file cannot: formulas, errors, merged and hidden cells, numbers where a text is meant.
Each is refused or told, never read as if it were not there.
"""

import io
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from python_calamine import CalamineError, load_workbook

from idm.feed.archive import Archive, broken
from idm.feed.problem import FeedProblem, refusal, shown
from idm.feed.profile import FeedProfile
from idm.feed.raw_table import CellKind, RawTable
from idm.feed.workbook_scan import NAMED, SheetFacts, WorkbookFacts, scan_workbook

Value = int | float | str | bool | time | date | datetime | timedelta


def read_spreadsheet(data: bytes, profile: FeedProfile) -> RawTable:
    """The cells of the one sheet a profile means. Raises FeedRefused for anything but plain values."""
    book = scan_workbook(Archive(data, profile.limits), profile.limits)
    title = _sheet_meant(book, profile)
    facts = book.sheets[title]
    if problems := list(_not_plain(facts, title)):
        raise refusal(problems)
    rows: list[list[str]] = []
    kinds: dict[tuple[int, int], CellKind] = {}
    for number, values in enumerate(_values(data, title), start=1):
        cells = [_cell(value) for value in values]
        rows.append([text for text, _ in cells])
        kinds.update({(number, place): kind for place, (_, kind) in enumerate(cells) if kind is not CellKind.TEXT})
    while rows and not any(cell.strip() for cell in rows[-1]):
        rows.pop()
    return RawTable(
        rows, [], tuple(_hidden(facts, title)), kinds, ragged=True, since_1904=book.since_1904,
        hint="見出しは1行目から書き始めてください。",
    )  # fmt: skip


def _sheet_meant(book: WorkbookFacts, profile: FeedProfile) -> str:
    """The sheet the profile names, or the only one that is not empty. Raises FeedRefused when there is no such one."""
    if profile.sheet:
        if profile.sheet not in book.sheets:
            raise refusal([FeedProblem(None, None, f"シート「{shown(profile.sheet)}」がありません。")])
        return profile.sheet
    filled = [title for title, facts in book.sheets.items() if facts.last_row or facts.formulas]
    if not filled:
        raise refusal([FeedProblem(None, None, "ファイルが空です。")])
    if len(filled) > 1:
        titles = "・".join(shown(title) for title in filled[:NAMED])
        message = f"空でないシートが{len(filled)}枚あります（{titles}）。読むシートを定義の sheet に書いてください。"
        raise refusal([FeedProblem(None, None, message)])
    return filled[0]


def _not_plain(facts: SheetFacts, title: str) -> Iterator[FeedProblem]:
    found = (
        (facts.formulas, "計算式のセルがあります（{}）。値だけを貼り付けて保存し直してください。"),
        (facts.errors, "エラー値のセルがあります（{}）。"),
        (facts.merged, "結合されたセルがあります（{}）。結合を解除してください。"),
    )
    for cells, message in found:
        if cells:
            named = "・".join(shown(cell) for cell in cells[:NAMED]) + ("など" if len(cells) > NAMED else "")
            yield FeedProblem(None, None, f"シート「{shown(title)}」に、{message.format(named)}")


def _hidden(facts: SheetFacts, title: str) -> Iterator[FeedProblem]:
    rows = [row for row in facts.hidden_rows if row <= facts.last_row]
    if rows:
        named = "・".join(str(row) for row in rows[:NAMED]) + ("など" if len(rows) > NAMED else "")
        message = (
            f"シート「{shown(title)}」に、非表示の行が{len(rows)}行あります（{named}行目）。隠れた行も読みました。"
        )
        yield FeedProblem(None, None, message)
    if facts.hidden_columns:
        yield FeedProblem(None, None, f"シート「{shown(title)}」に、非表示の列があります。隠れた列も読みました。")


def _values(data: bytes, title: str) -> list[list[Value]]:
    """The sheet's values. Raises FeedRefused for whatever the reader cannot read, even where it breaks off."""
    try:
        with load_workbook(io.BytesIO(data)) as book:
            return book.get_sheet_by_name(title).to_python(skip_empty_area=False)
    except (CalamineError, OSError, ValueError, OverflowError):
        raise broken("ファイルが壊れています。") from None
    except BaseException as failure:
        # The reader's own panic is no Exception; anything else that is none (an interrupt) goes on.
        if type(failure).__name__ != "PanicException":
            raise
        raise broken("ファイルが壊れています。") from None


def _cell(value: Value) -> tuple[str, CellKind]:
    """A value as the text a text file would have, and what kind of cell it was."""
    if isinstance(value, str):
        return value, CellKind.TEXT
    if isinstance(value, bool):
        return str(value).upper(), CellKind.YES_NO
    if isinstance(value, int | float):
        whole = isinstance(value, int) or value.is_integer()
        return (str(int(value)), CellKind.NUMBER) if whole else (repr(value), CellKind.FRACTION)
    if isinstance(value, datetime):
        whole_day = value.time() == time()
        return (value.date().isoformat(), CellKind.DATE) if whole_day else (value.isoformat(" "), CellKind.MOMENT)
    if isinstance(value, date):
        return value.isoformat(), CellKind.DATE
    return str(value), CellKind.MOMENT
