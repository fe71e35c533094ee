"""Every way we know a personnel file to arrive damaged: more than five hundred named files, always the same ones.

`damaged()` yields them, each under the feed profile it claims to be for. Its kind is the part of its name before the
first stroke; `PLAN_JUDGES` and `SAME_FACTS` name the kinds that a reader alone cannot find wrong, with the reason.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache

from idm.wareki import NO_END, parse_date
from tests.feed.archive_damage import bombs, error_value
from tests.feed.files import Book, Cells, Sheet, SheetChange, Value, events, spreadsheet, staff, text_file

SNAPSHOT, EVENTS, XLSX = "aoba", "aoba-events", "aoba-xlsx"
MY_NUMBER = "123456789012"
ENCODINGS = ("cp932", "utf-8", "utf-8-sig", "utf-16", "euc_jp", "iso2022_jp")

PLAN_JUDGES: Mapping[str, str] = {
    "bureau-missing-counted": "a whole bureau is missing and the count agrees: only who was known before tells",
    "rows-missing-counted": "rows are missing and the count agrees: only who was known before tells",
    "numbers-swapped": "two people have each other's number: both are well-formed, the records know the names",
    "one-end-for-all": "everybody has the same well-formed last day: the limits of one run stop it",
    "end-lost": "a last day already told is gone: the records know it",
    "birth-lost": "no birth dates: people are found again by number only",
    "mail-lost": "no mail addresses: the records know them",
    "optional-lost": "a cell that events of these kinds need not have is empty",
    "byte-lost": "a byte less may leave another letter or day: the records tell",
    "date-moved": "days moved by a year or an era are days of the calendar all the same",
}
"""Kinds of damage that may leave a well-formed file, and why only the plan can judge it."""

SAME_FACTS: Mapping[str, str] = {
    "line-breaks-kept": "LF instead of CRLF changes no cell",
    "quoted": "quotation marks around every cell change none",
    "rows-reordered": "the order of rows says nothing",
    "dates-as-dates": "a spreadsheet's own dates are the same days",
    "serials-in-text": "the profile for spreadsheets allows day numbers",
    "spaces-around": "outer spaces of cells are never read",
}
"""Kinds of damage that change no fact at all, and why."""


@dataclass(frozen=True)
class Damaged:
    """One damaged file: `feed` is the shipped feed profile it is sent under."""

    name: str
    data: bytes
    feed: str

    @property
    def kind(self) -> str:
        """What was done to it."""
        return self.name.partition("/")[0]


Change = tuple[str, Sheet]


@cache
def sound() -> Mapping[str, bytes]:
    """The undamaged file of each feed profile."""
    return {feed: _written(sheet, feed) for feed, sheet in _sheets().items()}


def damaged(feeds: Collection[str] = (SNAPSHOT, EVENTS, XLSX)) -> Iterator[Damaged]:
    """Every damaged file of these feeds, in one order; the files of others are not even written."""
    for ways in (_cut, _with_other_rows, _with_other_cells, _of_its_format):
        for feed in feeds:
            yield from ways(feed)
    if SNAPSHOT in feeds:
        yield Damaged("encoding-wrong/xlsx-as-csv", sound()[XLSX], SNAPSHOT)


def _cut(feed: str) -> Iterator[Damaged]:
    data = sound()[feed]
    for percent in range(1, 100):
        yield Damaged(f"cut/{feed}-{percent:02}", data[: len(data) * percent // 100], feed)
    yield Damaged(f"empty/{feed}", b"", feed)


def _with_other_rows(feed: str) -> Iterator[Damaged]:
    for name, changed in _of_rows(_sheets()[feed]):
        yield Damaged(f"{name}-{feed}", _written(changed, feed), feed)


def _with_other_cells(feed: str) -> Iterator[Damaged]:
    sheet = _sheets()[feed]
    # A spreadsheet takes ten times as long to write and read, and its cells go the same way in the end.
    for name, changed in [*_of_columns(sheet), *_of_cells(sheet), *_of_dates(sheet)][:: 3 if feed == XLSX else 1]:
        if changed != sheet:
            yield Damaged(f"{name}-{feed}", _written(changed, feed), feed)


def _of_its_format(feed: str) -> Iterator[Damaged]:
    if feed != XLSX:
        yield from _of_text(feed, _sheets()[feed])
        return
    yield from _of_spreadsheet(staff())
    for name, data in bombs(sound()[XLSX]):
        yield Damaged(name, data, XLSX)


def _sheets() -> Mapping[str, Sheet]:
    return {SNAPSHOT: staff(), EVENTS: events(), XLSX: staff()}


def _written(sheet: Sheet, feed: str) -> bytes:
    return spreadsheet(sheet.lines()) if feed == XLSX else text_file(sheet.lines())


# --- rows ------------------------------------------------------------------------------------------------------------


def _of_rows(sheet: Sheet) -> Iterator[Change]:
    count = len(sheet.rows)
    yield "heading-only/", replace(sheet, rows=())
    yield "trailer-only/", replace(sheet, heading=("件数", str(count)), rows=())
    for said in (str(count + 1), str(count - 1), "0", "", "多数", "-1", "1.0"):
        yield f"count-wrong/{said or 'blank'}", replace(sheet, count=said)
    for bureau in sorted({row[sheet.column("所属コード")][:2] for row in sheet.rows} - {""}):
        rest = tuple(row for row in sheet.rows if not row[sheet.column("所属コード")].startswith(bureau))
        yield f"bureau-missing-counted/{bureau}", replace(sheet, rows=rest)
        yield f"bureau-missing/{bureau}", replace(sheet, rows=rest, count=str(count))
    for name, place in (("first", 0), ("middle", count // 2), ("last", count - 1)):
        twice = (*sheet.rows[: place + 1], *sheet.rows[place:])
        yield f"rows-missing-counted/{name}", replace(sheet, rows=sheet.rows[:place] + sheet.rows[place + 1 :])
        yield f"row-doubled/{name}", replace(sheet, rows=twice)
        yield f"row-doubled-uncounted/{name}", replace(sheet, rows=twice, count=str(count))
        blank = (("",) * len(sheet.heading),)
        yield f"row-blank/{name}", replace(sheet, rows=sheet.rows[:place] + blank + sheet.rows[place:])
    yield "rows-all-doubled/", replace(sheet, rows=sheet.rows * 2)
    yield "rows-reordered/", replace(sheet, rows=sheet.rows[::-1])
    yield "heading-doubled/", replace(sheet, rows=(sheet.heading, *sheet.rows))
    for step in range(1, 13):
        yield f"numbers-swapped/{step:02}", _numbers_swapped(sheet, step)


def _numbers_swapped(sheet: Sheet, step: int) -> Sheet:
    numbers = list(dict.fromkeys(row[0] for row in sheet.rows))
    one, other = numbers[step], numbers[-step]
    swap = {one: other, other: one}
    return sheet.with_cells("職員番号", lambda number: swap.get(number, number))


# --- columns ---------------------------------------------------------------------------------------------------------


def _of_columns(sheet: Sheet) -> Iterator[Change]:
    for place, name in enumerate(sheet.heading):
        kept = [column for column in range(len(sheet.heading)) if column != place]
        yield f"column-dropped/{name}", _columns(sheet, kept)
        yield f"column-doubled/{name}", _columns(sheet, [*range(place + 1), *range(place, len(sheet.heading))])
        yield f"heading-renamed/{name}", _headed(sheet, {name: f"{name}等"})
        yield f"heading-blank/{name}", _headed(sheet, {name: ""})
        if place + 1 < len(sheet.heading):
            following = sheet.heading[place + 1]
            yield f"headings-swapped/{name}", _headed(sheet, {name: following, following: name})
            yield f"columns-shifted/{name}", _shifted(sheet, place)


def _columns(sheet: Sheet, order: list[int]) -> Sheet:
    rows = tuple(tuple(row[place] for place in order) for row in sheet.rows)
    return replace(sheet, heading=tuple(sheet.heading[place] for place in order), rows=rows)


def _headed(sheet: Sheet, names: Mapping[str, str]) -> Sheet:
    return replace(sheet, heading=tuple(names.get(name, name) for name in sheet.heading))


def _shifted(sheet: Sheet, place: int) -> Sheet:
    return replace(sheet, rows=tuple((*row[:place], "", *row[place:-1]) for row in sheet.rows))


# --- cells -----------------------------------------------------------------------------------------------------------


def _of_cells(sheet: Sheet) -> Iterator[Change]:
    for name in sheet.heading:
        for spelling, number in (
            ("plain", MY_NUMBER),
            ("wide", "１２３４５６７８９０１２"),
            ("dashed", "1234-5678-9012"),
        ):
            yield f"personal-number/{name}-{spelling}", sheet.with_cells(name, lambda _, n=number: n, only=3)  # type: ignore[misc]
        yield f"control/{name}", sheet.with_cells(name, lambda cell: f"{cell}\x0b", only=2)
        yield f"line-break-in-cell/{name}", sheet.with_cells(name, lambda cell: f"{cell}\n", only=2)
        yield f"formula-text/{name}", sheet.with_cells(name, lambda _: "=1+1", only=2)
    for name in ("氏名", "職員番号", "発令日"):
        yield f"cells-emptied/{name}", sheet.with_cells(name, lambda _: "")
        yield f"cell-emptied/{name}", sheet.with_cells(name, lambda _: "", only=1)
    yield "kana-emptied/all", sheet.with_cells("カナ氏名", lambda _: "")
    yield "mail-lost/all", sheet.with_cells("メールアドレス", lambda _: "")
    for only in (None, 0, 7):
        yield f"zeros-lost/{only}", sheet.with_cells("職員番号", lambda number: number.lstrip("0"), only=only)
        yield f"gaiji/{only}", sheet.with_cells("氏名", lambda name: f"\ue000{name[1:]}", only=only)
        yield f"lost-sign/{only}", sheet.with_cells("氏名", lambda name: f"?{name[1:]}", only=only)
        yield f"geta/{only}", sheet.with_cells("氏名", lambda name: f"〓{name[1:]}", only=only)
        yield f"kana-not-kana/{only}", sheet.with_cells("カナ氏名", lambda _: "漢字", only=only)
        yield f"number-too-long/{only}", sheet.with_cells("職員番号", lambda number: f"1{number}", only=only)
        yield f"name-garbled/{only}", sheet.with_cells("氏名", _garbled, only=only)
        yield f"kana-garbled/{only}", sheet.with_cells("カナ氏名", _garbled, only=only)
        yield f"spaces-around/{only}", sheet.with_cells("所属名", lambda name: f" {name}　" if name else "", only=only)
    code = "異動区分" if "異動区分" in sheet.heading else "任用形態"
    for only in (None, 0, 7):
        yield f"code-unknown/{only}", sheet.with_cells(code, lambda _: "特別", only=only)
        yield f"code-blank/{only}", sheet.with_cells(code, lambda _: "", only=only)
    for name in ("所属コード", "所属名", "職名", "前所属コード", "前職名", "旧職員番号", "ローマ字"):
        if name in sheet.heading and "異動区分" in sheet.heading:
            yield f"optional-lost/{name}", sheet.with_cells(name, lambda _: "")


def _garbled(name: str) -> str:
    """UTF-8 read as CP932, as far as that gives letters."""
    return name.encode().decode("cp932", "ignore").replace(",", "") or name


# --- dates -----------------------------------------------------------------------------------------------------------

_DATES: Mapping[str, Callable[[str], str]] = {
    "yesterday": lambda _: "2026-03-31",
    "year-earlier": lambda day: _with_year(day, -1),
    "year-later": lambda day: _with_year(day, 1),
    "era-wrong": lambda day: (
        day.replace("令和", "平成").replace("平成元", "昭和元").replace("S", "H").replace("R", "H")
    ),
    "era-unknown": lambda day: day.replace("令和", "光文").replace("平成", "光文").replace("S", "X").replace("H", "X"),
    "month-13": lambda day: "2026/13/01" if day else "",
    "february-30": lambda day: "令和8年2月30日" if day else "",
    "time-beside": lambda day: f"{day} 0:00:00" if day else "",
    "no-year": lambda day: "4/1" if day else "",
    "zero": lambda day: "0" if day else "",
    "text": lambda day: "未定" if day else "",
}
_LOST_DATES = {
    "生年月日": "birth-lost",
    "退職日": "end-lost",
    "休職等終了予定日": "optional-lost",
    "内示公表日": "optional-lost",
}
_DATE_COLUMNS = ("生年月日", "採用日", "任期満了日", "退職日", "発令日", "休職等終了予定日", "内示公表日")


def _of_dates(sheet: Sheet) -> Iterator[Change]:
    for name in (name for name in _DATE_COLUMNS if name in sheet.heading):
        lost = _LOST_DATES.get(name, "dates-blank")
        yield f"{lost}/{name}", sheet.with_cells(name, lambda _: "")
        for title, change in _DATES.items():
            moved = title in ("yesterday", "year-earlier", "year-later", "era-wrong", "zero")
            yield f"{'date-moved' if moved else 'date-wrong'}/{name}-{title}", sheet.with_cells(name, change)
    for day in ("2026-09-30", "2027-03-31", "2026-03-31", "2025-03-31"):
        for name in ("退職日", "任期満了日"):
            if name in sheet.heading:
                yield f"one-end-for-all/{name}-{day}", sheet.with_cells(name, lambda _, d=day: d)  # type: ignore[misc]


def _with_year(day: str, by: int) -> str:
    digits = "".join(sign if sign.isdigit() else " " for sign in day).split()
    return day.replace(digits[0], f"{int(digits[0]) + by:0{len(digits[0])}}", 1) if len(digits) > 2 else day


# --- text files ------------------------------------------------------------------------------------------------------


def _of_text(feed: str, sheet: Sheet) -> Iterator[Damaged]:
    text = text_file(sheet.lines()).decode("cp932")
    changes: dict[str, bytes] = {}
    for wrong in ENCODINGS[1:]:
        changes[f"encoding-wrong/{wrong}"] = text.encode(wrong, "replace")
    for written in ENCODINGS:
        for read in ENCODINGS:
            garbled = text.encode(written, "replace").decode(read, "replace").encode("cp932", "replace")
            if garbled != text.encode("cp932"):
                changes[f"mojibake/{written}-{read}"] = garbled
    data = text.encode("cp932")
    for title, mark in (("utf-8", b"\xef\xbb\xbf"), ("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")):
        changes[f"bom/{title}"] = mark + data
    for part in range(10):
        lines = data.splitlines(keepends=True)
        place = len(lines) * part // 10
        changes[f"nul/{part}"] = b"".join([*lines[:place], b"\0" + lines[place], *lines[place + 1 :]])
        changes[f"quote-open/{part}"] = b"".join([*lines[:place], b'"' + lines[place], *lines[place + 1 :]])
        changes[f"comma-more/{part}"] = b"".join([*lines[:place], b"," + lines[place], *lines[place + 1 :]])
        changes[f"line-lost/{part}"] = b"".join([*lines[:place], *lines[place + 1 :]])
        changes[f"byte-lost/{part}"] = data[: len(data) * part // 10] + data[len(data) * part // 10 + 1 :]
        changes[f"line-joined/{part}"] = b"".join([*lines[:place], lines[place][:-2], *lines[place + 1 :]])
    for title, delimiter in (("tab", "\t"), ("semicolon", ";"), ("wide", "，"), ("space", " "), ("stroke", "|")):
        changes[f"delimiter/{title}"] = text.replace(",", delimiter).encode("cp932")
    for title, breaks in (("cr", "\r"), ("none", ""), ("lfcr", "\n\r"), ("double", "\r\n\r\n"), ("vt", "\x0b")):
        changes[f"line-breaks/{title}"] = text.replace("\r\n", breaks).encode("cp932")
    changes["line-breaks-kept/lf"] = text.replace("\r\n", "\n").encode("cp932")
    quoted = '","'.join(text.replace("\r\n", '"\r\n"').split(","))
    changes["quoted/all"] = f'"{quoted}'[:-1].encode("cp932")
    changes["trailer-lost/"] = data[: data.rindex("件数".encode("cp932"))]
    changes["no-last-line-break/"] = data[:-2]
    changes["twice/"] = data * 2
    for name, content in changes.items():
        yield Damaged(f"{name}-{feed}", content, feed)


# --- spreadsheets ----------------------------------------------------------------------------------------------------


def _of_spreadsheet(sheet: Sheet) -> Iterator[Damaged]:
    for place, name in enumerate(sheet.heading):
        for title, value in (("fraction", 1.5), ("yes-no", True), ("personal-number", 123456789012)):
            lines: list[list[Value]] = [list(line) for line in sheet.lines()]
            lines[3][place] = value
            yield Damaged(f"cell-{title}/{name}", spreadsheet(lines), XLSX)
        yield Damaged(f"formula/{name}", spreadsheet(sheet.lines(), change=_formula(place)), XLSX)
        yield Damaged(f"error-value/{name}", error_value(sound()[XLSX], f"{chr(65 + place)}2"), XLSX)
    yield Damaged("merged/", spreadsheet(sheet.lines(), change=lambda _, cells: cells.merge_range("X1:Y2", "x")), XLSX)
    yield Damaged("rows-hidden/", spreadsheet(sheet.lines(), change=_hidden), XLSX)
    yield Damaged("sheets-two/", spreadsheet(sheet.lines(), change=_second_sheet), XLSX)
    yield Damaged("encoding-wrong/csv-as-xlsx", sound()[SNAPSHOT], XLSX)
    numbers: list[list[Value]] = [[int(cell) if cell.isdigit() else cell for cell in line] for line in sheet.lines()]
    yield Damaged("zeros-lost/as-numbers", spreadsheet(numbers), XLSX)
    for name, meant in (("dates-as-dates", _as_date), ("serials-in-text", _as_serial)):
        dated = [
            [meant(cell) if sheet.heading[place] in _DATE_COLUMNS else cell for place, cell in enumerate(line)]
            for line in sheet.lines()[1:-1]
        ]
        yield Damaged(f"{name}/", spreadsheet([sheet.lines()[0], *dated, sheet.lines()[-1]]), XLSX)


def _formula(place: int) -> SheetChange:
    return lambda _, cells: cells.write_formula(3, place, "=1+1", None, 2)


def _hidden(_: Book, cells: Cells) -> None:
    cells.set_row(5, None, None, {"hidden": True})


def _second_sheet(book: Book, _: Cells) -> None:
    book.add_worksheet("控え").write_string(0, 0, "職員番号")


def _as_date(text: str) -> Value:
    return text if text in NO_END else parse_date(text).day


def _as_serial(text: str) -> Value:
    return text if text in NO_END else (parse_date(text).day - date(1899, 12, 30)).days
