"""Reads the list of user IDs that a system without an interface prints: every line of it, or a refusal (A9, C1). Pure.

The bytes are read as those of a personnel file are (`idm.feed`): the encoding is the declared one, a spreadsheet holds
plain values and unpacks within limits. Columns are found by the headings the organisation file names; others are left
unread. A mistake anywhere refuses the whole list, each told with its line.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from idm.errors import FeedRefused
from idm.feed.cells import SERIAL
from idm.feed.delimited import read_delimited
from idm.feed.problem import FeedProblem, holds_my_number, shown
from idm.feed.profile import FeedCodes, FeedColumns, FeedLimits, FeedProfile
from idm.feed.raw_table import CellKind, RawTable
from idm.feed.spreadsheet import read_spreadsheet
from idm.feed.table import CONTROLS
from idm.organisation import ListingShape
from idm.ports import ExternalId
from idm.toml_values import nearest
from idm.wareki import NO_END, parse_date, plain_spelling

LIMITS = FeedLimits(max_rows=20_000, max_bytes=16_000_000, max_columns=100, max_cells=1_000_000,
                    max_unpacked_bytes=100_000_000)  # fmt: skip
COLUMNS = ("login_name", "display_name", "employee_number", "enabled", "last_used", "groups")
LENGTHS = {"login_name": 64, "display_name": 100, "employee_number": 20, "enabled": 100, "last_used": 40}
MOST_GROUPS = 200
_FORMULA = ("=", "+", "-", "@")
_DAY_ZERO, _DAY_ZERO_1904 = date(1899, 12, 30), date(1904, 1, 1)


@dataclass(frozen=True)
class Listed:
    """One line. None = the list has no such column, or says nothing there; `last_used` None also = never used."""

    line: int
    login_name: str
    display_name: str | None = None
    employee_number: str | None = None
    enabled: bool | None = None
    last_used: date | None = None
    groups: frozenset[ExternalId] | None = None


@dataclass
class _Reading:
    """One file on its way: where each column stands, and what is wrong."""

    shape: ListingShape
    raw: RawTable
    headings: list[str]
    places: dict[str, int] = field(default_factory=dict)
    problems: list[FeedProblem] = field(default_factory=list)

    def wrong(self, line: int, column: str, message: str) -> None:
        """Notes a mistake in one cell."""
        self.problems.append(FeedProblem(line, self.headings[self.places[column]], message))


def name_key(login_name: str) -> str:
    """A login name as names are compared: old systems print them wide or in capitals."""
    return unicodedata.normalize("NFKC", login_name).strip().casefold()


def read_listing(data: bytes, shape: ListingShape) -> tuple[Listed, ...]:
    """Every line of the list. Raises FeedRefused with every mistake, and then gives no line."""
    try:
        raw = (read_spreadsheet if shape.format == "xlsx" else read_delimited)(data, _as_feed(shape))
    except FeedRefused as refusal:
        raise _refusal([problem for problem in refusal.problems if isinstance(problem, FeedProblem)]) from None
    reading = _Reading(shape, raw, [_plain(cell) for cell in raw.rows[0]] if raw.rows else [])
    reading.problems.extend(raw.problems)
    reading.problems.extend(_find_columns(reading))
    if len(raw.rows) < 2:
        reading.problems.append(FeedProblem(None, None, "見出しの行だけで、利用者IDの行がありません。"))
    if reading.problems:
        raise _refusal(reading.problems)
    listed = [row for number, cells in enumerate(raw.rows[1:], start=2) if (row := _row(reading, number, cells))]
    reading.problems.extend(_repeated(reading, listed))
    if reading.problems:
        raise _refusal(sorted(reading.problems, key=lambda problem: problem.row or 0))
    return tuple(listed)


def _as_feed(shape: ListingShape) -> FeedProfile:
    """What the readers of personnel files have to know of the bytes."""
    return FeedProfile(
        title="利用者ID一覧", staff_number_width=20, columns=FeedColumns(), codes=FeedCodes(), format=shape.format,
        encoding=shape.encoding, delimiter=shape.delimiter, sheet=shape.sheet, limits=LIMITS,
    )  # fmt: skip


def _refusal(problems: list[FeedProblem]) -> FeedRefused:
    message = (
        f"利用者ID一覧を受け付けません。誤りが{len(problems)}件あります（{problems[0]}）。何も取り込んでいません。"
    )
    return FeedRefused(message, problems=tuple(problems))


def _plain(cell: str) -> str:
    return "".join(unicodedata.normalize("NFKC", cell).split())


def _find_columns(reading: _Reading) -> Iterator[FeedProblem]:
    for column in COLUMNS:
        heading: str | None = getattr(reading.shape, column)
        if heading is None:
            continue
        places = [place for place, cell in enumerate(reading.headings) if cell == _plain(heading)]
        if len(places) == 1:
            reading.places[column] = places[0]
        elif places:
            yield FeedProblem(1, None, f"見出し「{heading}」が{len(places)}列あります。一列だけにしてください。")
        else:
            near = nearest(_plain(heading), [cell for cell in reading.headings if cell])
            hint = f"（「{shown(near)}」の列がそれなら、団体の設定の listing を直してください）" if near else ""
            yield FeedProblem(1, None, f"見出し「{heading}」の列がありません{hint}。{reading.raw.hint}")


# --- one line --------------------------------------------------------------------------------------------------------


def _row(reading: _Reading, line: int, received: list[str]) -> Listed | None:
    """The line, or None where it cannot be read; what is wrong is noted."""
    width = len(reading.headings)
    cells = received + [""] * (width - len(received)) if reading.raw.ragged else received
    if len(cells) < width or any(cell.strip() for cell in cells[width:]):
        message = f"セルが{len(received)}個あります（見出しは{width}個です）。列がずれているか、途中で切れています。"
        reading.problems.append(FeedProblem(line, None, message))
        return None
    before = len(reading.problems)
    texts = {column: _text(reading, line, column, cells[place]) for column, place in reading.places.items()}
    if len(reading.problems) > before:
        return None
    if not texts["login_name"]:
        reading.wrong(line, "login_name", "空です。必ず入力してください。")
        return None
    return Listed(
        line, texts["login_name"], texts.get("display_name") or None, texts.get("employee_number") or None,
        enabled=texts["enabled"] not in reading.shape.disabled if "enabled" in texts else None,
        last_used=_last_used(reading, line, texts.get("last_used", "")),
        groups=_groups(reading, line, texts["groups"]) if "groups" in texts else None,
    )  # fmt: skip


def _text(reading: _Reading, line: int, column: str, cell: str) -> str:
    """The cell without outer spaces; a mistake is noted."""
    value = cell.strip()
    kind = reading.raw.kinds.get((line, reading.places[column]), CellKind.TEXT)
    if holds_my_number(value):
        reading.wrong(line, column, "12桁の数字があります。個人番号（マイナンバー）は取り込めません。")
    elif CONTROLS.search(value):
        reading.wrong(line, column, "改行などの制御文字や、目に見えない文字があります。")
    elif len(value) > LENGTHS.get(column, 2000):
        reading.wrong(line, column, f"長すぎます（{LENGTHS.get(column, 2000)}文字まで）。")
    elif column != "last_used" and unicodedata.normalize("NFKC", value).startswith(_FORMULA):
        reading.wrong(line, column, "「=」「+」「-」「@」で始まっています。計算式として扱われるため受け付けません。")
    elif column != "last_used" and kind in (CellKind.DATE, CellKind.MOMENT, CellKind.FRACTION, CellKind.YES_NO):
        reading.wrong(line, column, "文字列の書式にして書き直してください（元の文字が失われています）。")
    return value


def _last_used(reading: _Reading, line: int, text: str) -> date | None:
    """The day of last use, None where it says that there was none. The time of day, where one is given, is left out."""
    if not text or plain_spelling(text) in NO_END:
        return None
    if reading.shape.excel_serials and SERIAL.fullmatch(text):
        return (_DAY_ZERO_1904 if reading.raw.since_1904 else _DAY_ZERO) + timedelta(days=int(text))
    for part in (text, text.replace("T", " ").split(" ")[0]):
        try:
            return parse_date(part).day
        except ValueError:
            continue
    reading.wrong(line, "last_used", f"「{shown(text)}」は日付として読めません。")
    return None


def _groups(reading: _Reading, line: int, text: str) -> frozenset[ExternalId]:
    found = frozenset(part.strip() for part in text.split(reading.shape.separator) if part.strip())
    if len(found) > MOST_GROUPS:
        reading.wrong(line, "groups", f"権限が多すぎます（{MOST_GROUPS}個まで）。")
    return found


def _repeated(reading: _Reading, listed: list[Listed]) -> Iterator[FeedProblem]:
    first: dict[str, int] = {}
    for row in listed:
        key = name_key(row.login_name)
        if key in first:
            column = reading.headings[reading.places["login_name"]]
            yield FeedProblem(
                row.line, column, f"同じ利用者ID「{shown(row.login_name)}」が{first[key]}行目にもあります。"
            )
        first.setdefault(key, row.line)
