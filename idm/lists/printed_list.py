"""Reads a list that a system prints: its columns found by their headings, every cell as text, or a refusal. Pure.

The bytes are read as those of a personnel file are (`idm.feed`): the encoding is the declared one, a spreadsheet holds
plain values and unpacks within limits. Columns nobody named are left unread. A mistake anywhere refuses the whole list,
each told with its line and its heading.
"""

import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from idm.errors import FeedRefused
from idm.feed.delimited import read_delimited
from idm.feed.problem import FeedProblem, holds_my_number, shown
from idm.feed.profile import FeedCodes, FeedColumns, FeedLimits, FeedProfile
from idm.feed.raw_table import CellKind, RawTable
from idm.feed.spreadsheet import read_spreadsheet
from idm.feed.table import CONTROLS
from idm.toml_values import nearest

LIMITS = FeedLimits(max_rows=20_000, max_bytes=16_000_000, max_columns=100, max_cells=1_000_000,
                    max_unpacked_bytes=100_000_000)  # fmt: skip
LONGEST = 2000
"""The most characters of a cell for which nothing shorter is said."""
_FORMULA = ("=", "+", "-", "@")
_NO_TEXT = (CellKind.DATE, CellKind.MOMENT, CellKind.FRACTION, CellKind.YES_NO)


@dataclass(frozen=True)
class PrintedForm:
    """What a list looks like. `title` is what it is called and `setting` the key of the organisation file it stands in.

    `headings` maps each column that is read to its heading; `lengths` holds the most characters of a column; in a
    column of `days` a spreadsheet may hold dates.
    """

    title: str
    setting: str
    headings: Mapping[str, str]
    format: Literal["delimited", "xlsx"]
    encoding: Literal["cp932", "utf-8", "utf-8-sig", "utf-16"]
    delimiter: Literal[",", "\t"]
    sheet: str
    lengths: Mapping[str, int] = field(default_factory=dict)
    days: Collection[str] = ()


@dataclass
class PrintedList:
    """One list on its way: where each column stands, and what is wrong so far."""

    form: PrintedForm
    raw: RawTable
    headings: list[str]
    places: dict[str, int] = field(default_factory=dict)
    problems: list[FeedProblem] = field(default_factory=list)

    def heading(self, column: str) -> str:
        """The heading of the column as the list has it."""
        return self.headings[self.places[column]]

    def wrong(self, line: int, column: str, message: str) -> None:
        """Notes a mistake in one cell."""
        self.problems.append(FeedProblem(line, self.heading(column), message))

    def rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Each line that can be read, by number, with its cells by column; what is wrong with others is noted."""
        for line, received in enumerate(self.raw.rows[1:], start=2):
            cells = self._cells(line, received)
            if cells is None:
                continue
            before = len(self.problems)
            texts = {column: self._text(line, column, cells[place]) for column, place in self.places.items()}
            if len(self.problems) == before:
                yield line, texts

    def refuse_mistakes(self) -> None:
        """Afterwards nothing is wrong with the list. Raises FeedRefused with every mistake, by line."""
        if self.problems:
            raise _refusal(self.form, sorted(self.problems, key=lambda problem: problem.row or 0))

    def _cells(self, line: int, received: list[str]) -> list[str] | None:
        width = len(self.headings)
        cells = received + [""] * (width - len(received)) if self.raw.ragged else received
        if len(cells) < width or any(cell.strip() for cell in cells[width:]):
            message = (
                f"セルが{len(received)}個あります（見出しは{width}個です）。列がずれているか、途中で切れています。"
            )
            self.problems.append(FeedProblem(line, None, message))
            return None
        return cells

    def _text(self, line: int, column: str, cell: str) -> str:
        """The cell without outer spaces; a mistake is noted."""
        value, longest = cell.strip(), self.form.lengths.get(column, LONGEST)
        kind = self.raw.kinds.get((line, self.places[column]), CellKind.TEXT)
        day = column in self.form.days
        if holds_my_number(value):
            self.wrong(line, column, "12桁の数字があります。個人番号（マイナンバー）は取り込めません。")
        elif CONTROLS.search(value):
            self.wrong(line, column, "改行などの制御文字や、目に見えない文字があります。")
        elif len(value) > longest:
            self.wrong(line, column, f"長すぎます（{longest}文字まで）。")
        elif not day and unicodedata.normalize("NFKC", value).startswith(_FORMULA):
            self.wrong(line, column, "「=」「+」「-」「@」で始まっています。計算式として扱われるため受け付けません。")
        elif not day and kind in _NO_TEXT:
            self.wrong(line, column, "文字列の書式にして書き直してください（元の文字が失われています）。")
        return value


def name_key(name: str) -> str:
    """A login name or a number as such are compared: old systems print them wide or in capitals."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def read_printed(data: bytes, form: PrintedForm) -> PrintedList:
    """The list with its columns found. Raises FeedRefused for what is no such list."""
    try:
        raw = (read_spreadsheet if form.format == "xlsx" else read_delimited)(data, _as_feed(form))
    except FeedRefused as refusal:
        problems = [problem for problem in refusal.problems if isinstance(problem, FeedProblem)]
        raise _refusal(form, problems) from None
    reading = PrintedList(form, raw, [_plain(cell) for cell in raw.rows[0]] if raw.rows else [])
    reading.problems.extend(raw.problems)
    reading.problems.extend(_find_columns(reading))
    if len(raw.rows) < 2:
        reading.problems.append(FeedProblem(None, None, "見出しの行だけで、利用者IDの行がありません。"))
    if reading.problems:
        raise _refusal(form, reading.problems)
    return reading


def _as_feed(form: PrintedForm) -> FeedProfile:
    """What the readers of personnel files have to know of the bytes."""
    return FeedProfile(
        title=form.title, staff_number_width=20, columns=FeedColumns(), codes=FeedCodes(), format=form.format,
        encoding=form.encoding, delimiter=form.delimiter, sheet=form.sheet, limits=LIMITS,
    )  # fmt: skip


def _refusal(form: PrintedForm, problems: list[FeedProblem]) -> FeedRefused:
    message = (
        f"{form.title}を受け付けません。誤りが{len(problems)}件あります（{problems[0]}）。何も取り込んでいません。"
    )
    return FeedRefused(message, problems=tuple(problems))


def _plain(cell: str) -> str:
    return "".join(unicodedata.normalize("NFKC", cell).split())


def _find_columns(reading: PrintedList) -> Iterator[FeedProblem]:
    for column, heading in reading.form.headings.items():
        places = [place for place, cell in enumerate(reading.headings) if cell == _plain(heading)]
        if len(places) == 1:
            reading.places[column] = places[0]
        elif places:
            yield FeedProblem(1, None, f"見出し「{heading}」が{len(places)}列あります。一列だけにしてください。")
        else:
            near = nearest(_plain(heading), [cell for cell in reading.headings if cell])
            setting = reading.form.setting
            hint = f"（「{shown(near)}」の列がそれなら、団体の設定の {setting} を直してください）" if near else ""
            yield FeedProblem(1, None, f"見出し「{heading}」の列がありません{hint}。{reading.raw.hint}")
