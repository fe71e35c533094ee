"""Personnel files for tests: the rows of the invented organisation, and the bytes of each format they can stand in."""

import csv
import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from typing import Any, Self

import xlsxwriter  # type: ignore[import-untyped]

from idm.samples import SAMPLE_FEED

Value = str | int | float | bool | date | datetime | None
Book = Any
Cells = Any
"""A workbook and a worksheet of xlsxwriter, which has no types."""
SheetChange = Callable[[Book, Cells], object]

EVENT_HEADING = (
    "職員番号", "氏名", "カナ氏名", "旧姓・通称", "ローマ字", "生年月日", "異動区分", "取消区分", "発令日",
    "所属コード", "所属名", "職名", "前所属コード", "前職名", "任用形態", "旧職員番号", "任期満了日",
    "休職等終了予定日", "メールアドレス", "内示公表日",
)  # fmt: skip
"""The headings that the feed profile aoba-events defines."""

_HAPPENINGS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("002013", "異動", {"所属コード": "0310", "所属名": "年金課長期給付係", "職名": "主査", "前所属コード": "0210"}),
    ("002040", "配置換", {"所属コード": "0210", "所属名": "総務課総務係", "職名": "主任"}),
    ("002076", "異動", {"所属コード": "0520", "所属名": "福祉課貯金係", "職名": "主任", "取消区分": "取消"}),
    ("002130", "昇任", {"職名": "主査"}),
    ("002052", "兼務解除", {"前所属コード": "0320", "前職名": "主任"}),
    ("002055", "兼務", {"所属コード": "0320", "所属名": "年金課年金相談係", "職名": "主任"}),
    ("002061", "派遣", {}),
    ("007001", "復帰", {"所属コード": "0310", "所属名": "年金課長期給付係", "職名": "主任"}),
    ("002082", "育児休業", {"休職等終了予定日": "令和9年9月30日"}),
    ("002085", "病気休職", {"休職等終了予定日": "令和9年3月31日"}),
    ("002091", "復職", {}),
    ("009020", "任期更新", {"任期満了日": "令和10年3月31日", "旧職員番号": "008901"}),
    ("002103", "氏名変更", {"旧姓・通称": "旧姓　花子"}),
    ("002025", "普通退職", {"発令日": "令和8年9月30日"}),
    ("002112", "死亡退職", {"発令日": "令和8年9月12日"}),
    ("009030", "任期満了", {"発令日": "令和8年9月30日"}),
)


@dataclass(frozen=True)
class Sheet:
    """A heading, its rows as text, and the count that the last row says; None = as many as there are."""

    heading: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    count: str | None = None

    def column(self, name: str) -> int:
        """Where a column stands."""
        return self.heading.index(name)

    def with_cells(self, name: str, change: Callable[[str], str], only: int | None = None) -> Self:
        """The sheet with every cell of a column changed, or only that of one row."""
        place = self.column(name)
        return replace(
            self,
            rows=tuple(
                (*row[:place], change(row[place]), *row[place + 1 :]) if only in (None, number) else row
                for number, row in enumerate(self.rows)
            ),
        )

    def lines(self) -> list[list[str]]:
        """All rows of the file: heading, rows and count row."""
        count = str(len(self.rows)) if self.count is None else self.count
        return [list(self.heading), *map(list, self.rows), ["件数", count]]


@cache
def staff() -> Sheet:
    """The invented organisation on 2026-04-01, as the feed profile aoba defines it."""
    heading, *rows, _ = csv.reader(io.StringIO(SAMPLE_FEED.read_bytes().decode("cp932"), newline=""))
    return Sheet(tuple(heading), tuple(map(tuple, rows)))


@cache
def events() -> Sheet:
    """What happens to some of its people by 2026-10-01, as the feed profile aoba-events defines it."""
    people = {row[0]: dict(zip(staff().heading, row, strict=True)) for row in staff().rows}
    rows = [dict.fromkeys(EVENT_HEADING, "") for _ in range(len(_HAPPENINGS) + 1)]
    for row, (number, kind, said) in zip(rows, _HAPPENINGS, strict=False):
        known = {name: people[number][name] for name in ("職員番号", "氏名", "カナ氏名", "生年月日")}
        row.update({"異動区分": kind, "発令日": "令和8年10月1日", "内示公表日": "令和8年9月18日"} | known | said)
    rows[-1].update(
        {"職員番号": "002901", "氏名": "新井　一花", "カナ氏名": "ｱﾗｲ ｲﾁｶ", "ローマ字": "ARAI ICHIKA",
         "生年月日": "H15.6.1", "異動区分": "新規採用", "発令日": "令和8年10月1日", "所属コード": "0230",
         "所属名": "総務課経理係", "職名": "主事", "任用形態": "正規", "メールアドレス": "s002901@example.jp"}
    )  # fmt: skip
    return Sheet(EVENT_HEADING, tuple(tuple(row.values()) for row in rows))


def text_file(
    lines: Sequence[Sequence[str]], *, encoding: str = "cp932", delimiter: str = ",", newline: str = "\r\n"
) -> bytes:
    """A CSV or TSV file of the lines."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=newline).writerows(lines)
    return out.getvalue().encode(encoding)


def spreadsheet(
    lines: Sequence[Sequence[Value]],
    *,
    title: str = "職員",
    since_1904: bool = False,
    change: SheetChange | None = None,
) -> bytes:
    """An XLSX file of the lines, each value in a cell of its own kind; `change` may spoil the sheet."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "date_1904": since_1904})
    book.set_properties({"created": datetime(2026, 4, 1)})  # noqa: DTZ001 -- a spreadsheet knows no time zone
    sheet = book.add_worksheet(title)
    day = book.add_format({"num_format": "yyyy/m/d"})
    for row, cells in enumerate(lines):
        for column, value in enumerate(cells):
            _write(sheet, row, column, value, day)
    if change is not None:
        change(book, sheet)
    book.close()
    return out.getvalue()


def _write(sheet: Cells, row: int, column: int, value: Value, day: Any) -> None:
    if isinstance(value, str):
        if value:
            sheet.write_string(row, column, value)
    elif isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int | float):
        sheet.write_number(row, column, value)
    elif value is not None:
        sheet.write_datetime(row, column, value, day)


def with_part(data: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """An archive with one part changed; a part that is not there is added."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            content = old.read(entry)
            new.writestr(entry, change(content) if entry.filename == part else content, zipfile.ZIP_DEFLATED)
        if part not in old.namelist():
            new.writestr(zipfile.ZipInfo(part), change(b""), zipfile.ZIP_DEFLATED)
    return out.getvalue()
