"""From a file's rows of cells to its records: complete and undamaged, or not at all.

A file is complete when every row has as many cells as the heading and the header and count rows, where the profile
expects them, count its rows.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from idm.feed.delimited import read_delimited
from idm.feed.heading import Heading, read_heading
from idm.feed.problem import FeedProblem, holds_my_number, refusal
from idm.feed.profile import FeedHeader, FeedProfile, FeedTrailer
from idm.feed.raw_table import CellKind, RawTable
from idm.feed.spreadsheet import read_spreadsheet
from idm.wareki import parse_date

CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u00ad\u2028\u2029\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""Characters that are no part of any cell: control, line separating, invisible and direction-changing ones."""

DATE_FIELDS = frozenset(
    {
        "birth_date", "employed_from", "term_end", "left_on", "assigned_from", "absence_from", "absence_until",
        "published_on", "effective",
    }
)  # fmt: skip
"""Fields whose cells a spreadsheet may hold as dates."""

_MY_NUMBER_MESSAGE = (
    "12桁の数字があります。個人番号（マイナンバー）は取り込めません。"
    "人事ファイルから除き、このファイルは安全に廃棄してください。"
)
_KIND_MESSAGES = {
    CellKind.FRACTION: "小数のセルです。文字列の書式にして書き直してください。",
    CellKind.MOMENT: "時刻のあるセルです。日付だけにしてください。",
    CellKind.YES_NO: "TRUE・FALSE のセルです。文字列の書式にして書き直してください。",
}
_DIGITS = re.compile(r"\d{1,9}", re.ASCII)
Numbered = tuple[int, list[str]]
"""A row of cells and its number in the file, from 1."""
_NO_KINDS: Mapping[int, CellKind] = {}


@dataclass(frozen=True)
class Record:
    """One row's cells without outer spaces; `spoiled` are the positions that must not be read any further."""

    row: int
    cells: tuple[str, ...] = field(repr=False)
    spoiled: frozenset[int] = frozenset()


@dataclass(frozen=True)
class FeedTable:
    """Where each of our fields stands, the data rows that have all cells, and every problem found on the way."""

    heading: Heading
    records: tuple[Record, ...]
    problems: tuple[FeedProblem, ...]
    warnings: tuple[FeedProblem, ...] = ()
    since_1904: bool = False


def read_table(data: bytes, profile: FeedProfile) -> FeedTable:
    """The table a file holds.

    Raises FeedRefused where its bytes make no table or no row a heading: nothing else can be said of it then.
    """
    raw = (read_spreadsheet if profile.format == "xlsx" else read_delimited)(data, profile)
    return table_of(raw, list(enumerate(raw.rows, start=1)), profile)


def table_of(raw: RawTable, rows: list[Numbered], profile: FeedProfile, *, left_out: int = 0) -> FeedTable:
    """The table of these numbered rows, of which so many data rows were left out. Raises FeedRefused."""
    problems = raw.problems
    header = _take_header(rows, profile.header, problems)
    number, names = rows.pop(0) if rows else (1, [])
    if raw.ragged:
        # A heading on two lines is usual in a spreadsheet, and spaces in a heading are never read.
        names = [name.replace("\n", "") for name in _unpadded(names)]
    heading = read_heading(names, profile, number)
    if not heading.positions:
        raise refusal([FeedProblem(number, None, f"{number}行目に、定義された見出しが一つもありません。{raw.hint}")])
    problems.extend(heading.problems)
    problems.extend(_spoiled_elsewhere(number, names))
    trailer = _take_trailer(rows, number, profile.trailer, problems)
    for mark, row in ((profile.header, header), (profile.trailer, trailer)):
        if row is not None:
            problems.extend(_mark_problems(mark, row, heading, len(rows) + left_out))
    if not rows and not left_out:
        problems.append(FeedProblem(None, None, "見出しの行だけで、職員の行がありません。"))
    records = tuple(_records(rows, heading, raw, profile, problems))
    return FeedTable(heading, records, tuple(problems), raw.warnings, raw.since_1904)


# --- header and count rows -------------------------------------------------------------------------------------------


def _take_header(rows: list[Numbered], mark: FeedHeader, problems: list[FeedProblem]) -> Numbered | None:
    """Takes the header record off its place. A problem where it is not there."""
    if not mark.marker:
        return None
    place = 0 if mark.where == "before" else 1
    if len(rows) > place and _begins(rows[place][1], mark.marker):
        return rows.pop(place)
    message = f"{place + 1}行目がヘッダー行（{mark.marker}）ではありません。"
    problems.append(FeedProblem(place + 1, None, message))
    return None


def _take_trailer(
    rows: list[Numbered], heading: int, mark: FeedTrailer, problems: list[FeedProblem]
) -> Numbered | None:
    """Takes the count row off the end. A problem where it is missing."""
    if not mark.marker:
        return None
    if rows and _begins(rows[-1][1], mark.marker):
        return rows.pop()
    message = f"最後の行が件数行（{mark.marker}）ではありません。ファイルが途中で切れています。"
    problems.append(FeedProblem(rows[-1][0] if rows else heading, None, message))
    return None


def _begins(cells: list[str], marker: str) -> bool:
    return bool(cells) and cells[0].strip() == marker


def _mark_problems(
    mark: FeedHeader | FeedTrailer, row: Numbered, heading: Heading, counted: int
) -> Iterator[FeedProblem]:
    """Whatever such a row says besides its marker, its count and its date; and each of these where it is wrong."""
    number, cells = row
    title = "ヘッダー行" if isinstance(mark, FeedHeader) else "件数行"
    yield from _spoiled_elsewhere(number, cells)
    count, day = (_place(place, heading) for place in (mark.count_column, mark.date_column))
    written = [cell.strip() for cell in cells]
    others = [cell for place, cell in enumerate(written) if place not in (0, count, day) and cell]
    said = written[count] if count is not None and count < len(written) else ""
    if others or (count is not None and not _DIGITS.fullmatch(said)):
        yield FeedProblem(number, None, f"{title}に件数が正しく書かれていません。")
    elif count is not None and int(said) != counted:
        message = f"{title}は{int(said)}件ですが、データの行は{counted}行です。"
        yield FeedProblem(number, None, message)
    if day is not None and not _is_day(written[day] if day < len(written) else ""):
        yield FeedProblem(number, f"{day + 1}列目", f"{title}の日付が読めません。")


def _place(place: int | str | None, heading: Heading) -> int | None:
    """The position a profile means; a heading that is not there stands beyond every row, and so reads as wrong."""
    if not isinstance(place, str):
        return None if place is None else place - 1
    plain = "".join(unicodedata.normalize("NFKC", place).split())
    return heading.names.index(plain) if plain in heading.names else 1_000_000


def _is_day(text: str) -> bool:
    try:
        return parse_date(text).day > date.min
    except ValueError:
        return False


# --- records ---------------------------------------------------------------------------------------------------------


def _records(
    rows: list[Numbered], heading: Heading, raw: RawTable, profile: FeedProfile, problems: list[FeedProblem]
) -> Iterator[Record]:
    width = len(heading.names)
    fields = {position: name for name, position in heading.positions.items()}
    kinds = _kinds_by_row(raw)
    for number, received in rows:
        cells = _padded(received, width) if raw.ragged else received
        spoiled = dict(_spoiled(cells))
        for position, kind in kinds.get(number, _NO_KINDS).items():
            if position in fields and (message := _kind_message(fields[position], kind, profile)):
                spoiled.setdefault(position, message)
        for position, message in spoiled.items():
            column = heading.names[position] if position < width else f"{position + 1}列目"
            problems.append(FeedProblem(number, column, message))
        if raw.ragged and not any(cells):
            problems.append(FeedProblem(number, None, "空の行です。一覧の途中に空の行を入れないでください。"))
        elif len(cells) != width:
            message = f"セルが{len(cells)}個あります（見出しは{width}個です）。列がずれているか、途中で切れています。"
            problems.append(FeedProblem(number, None, message))
        else:
            yield Record(number, tuple(cell.strip() for cell in cells), frozenset(spoiled))


def _kinds_by_row(raw: RawTable) -> dict[int, dict[int, CellKind]]:
    by_row: dict[int, dict[int, CellKind]] = {}
    for (row, position), kind in raw.kinds.items():
        by_row.setdefault(row, {})[position] = kind
    return by_row


def _kind_message(name: str, kind: CellKind, profile: FeedProfile) -> str | None:
    """Why a spreadsheet's cell of this kind cannot be this field, or None."""
    if kind is CellKind.DATE and name not in DATE_FIELDS:
        return "日付の書式のセルです。文字列の書式にして書き直してください（元の文字は失われています）。"
    if kind is CellKind.NUMBER and name in ("unit_code", "former_unit_code") and profile.unit_code_width is None:
        return "数値のセルです。先頭の0が失われていても分かりません。文字列の書式にして書き直してください。"
    return _KIND_MESSAGES.get(kind)


def _unpadded(cells: list[str]) -> list[str]:
    last = max((place for place, cell in enumerate(cells, start=1) if cell.strip()), default=0)
    return cells[:last]


def _padded(cells: list[str], width: int) -> list[str]:
    filled = _unpadded(cells)
    return filled + [""] * (width - len(filled))


def _spoiled_elsewhere(number: int, cells: list[str]) -> Iterator[FeedProblem]:
    for position, message in _spoiled(cells):
        yield FeedProblem(number, f"{position + 1}列目", message)


def _spoiled(cells: list[str]) -> Iterator[tuple[int, str]]:
    """The cells of a row that must not be read, each with the reason; the whole row is looked at first, for speed."""
    row = ",".join(cells)
    if not CONTROLS.search(row) and not holds_my_number(row):
        return
    for position, cell in enumerate(cells):
        if holds_my_number(cell):
            yield position, _MY_NUMBER_MESSAGE
        elif CONTROLS.search(cell):
            yield position, "改行などの制御文字や、目に見えない文字があります。"
