"""From the cells of one row to a frozen row of facts: each cell read by what it means, every mistake told.

A mistake in a cell makes a problem, which refuses the whole file. A row that is well formed but must not act on its own
(外字 in a name, an unknown 任用形態) is held: it goes on to a person, the other rows go on without it.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from idm.employment_kind import KINDS_WITH_TERM, EmploymentKind
from idm.feed.heading import Heading
from idm.feed.problem import FeedProblem, shown
from idm.feed.profile import FeedProfile, PostKind
from idm.feed.table import Record
from idm.personal_names import has_private_use
from idm.personnel_event import AbsenceKind, LeavingKind
from idm.wareki import ParsedDate, parse_date, plain_spelling

LENGTHS = {"name": 100, "kana": 100, "unit_code": 32, "unit_name": 100, "post": 100, "mail": 254}
"""The most characters a cell of each field may have."""

ORDER = (
    ("birth_date", "employed_from"),
    ("employed_from", "term_end"),
    ("employed_from", "left_on"),
    ("assigned_from", "term_end"),
    ("assigned_from", "left_on"),
)
"""Pairs of days of which the second is never before the first."""

_STAFF_NUMBER = re.compile(r"[0-9A-Za-z]+", re.ASCII)
_UNIT_CODE = re.compile(r"[0-9A-Za-z_.-]+", re.ASCII)
_MAIL = re.compile(r"[0-9A-Za-z._%+'-]+@[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)+", re.ASCII)
_KANA = re.compile("[ァ-ヺーｦ-ﾟぁ-ゖゝゞヽヾA-Za-zＡ-Ｚａ-ｚ 　・･'’.,．，‐-]+")
_LOST = re.compile("[?？〓\ufffd]")
_EXCEL_SERIAL = re.compile(r"[2-7]\d{4}", re.ASCII)


@dataclass(frozen=True)
class FeedRow:
    """One post of one employment, as the file says it. Names stand as received.

    `term_end`, `left_on` and `absence_until` are last days (they end at 24:00), `employed_from`, `assigned_from` and
    `absence_from` first days; `published_on` is the day of the 内示. `work_name` is the name used at work (旧姓・通称).
    `held` is the reason why a person must look first; only then may `employment_kind` be None.
    """

    row_number: int
    staff_number: str
    name: str
    kana: str
    birth_date: date | None = field(repr=False)
    unit_code: str
    unit_name: str
    post: str
    post_kind: PostKind
    employment_kind: EmploymentKind | None
    employed_from: date
    term_end: date | None
    left_on: date | None
    assigned_from: date
    mail: str | None
    held: str | None = None
    work_name: str | None = None
    romaji: str | None = None
    absence: AbsenceKind | None = None
    absence_from: date | None = None
    absence_until: date | None = None
    leaving: LeavingKind | None = None
    published_on: date | None = None


@dataclass(frozen=True)
class RowReading:
    """What came of reading one row: the facts, or the problems that refuse the file. `padded` = zeros were restored."""

    row: FeedRow | None
    problems: tuple[FeedProblem, ...]
    warnings: tuple[FeedProblem, ...]
    padded: bool


def read_row(record: Record, heading: Heading, profile: FeedProfile) -> RowReading:
    """The reading of one row whose cells are complete."""
    cells = _Cells(record, heading, profile)
    row = _row_of(cells)
    if row.employment_kind in KINDS_WITH_TERM and row.term_end is None and "term_end" in heading.positions:
        cells.warn("term_end", "任期のある任用形態ですが、任期満了日がありません。")
    cells.problems.extend(_period_problems(cells))
    usable = not cells.problems and not record.spoiled
    return RowReading(row if usable else None, tuple(cells.problems), tuple(cells.warnings), cells.padded)


def _row_of(cells: "_Cells") -> FeedRow:
    held = "".join(_hold_reasons(cells)) or None
    return FeedRow(
        row_number=cells.record.row,
        staff_number=cells.staff_number(),
        name=cells.name("name", required=True),
        kana=cells.name("kana", required=False),
        birth_date=cells.open_day("birth_date"),
        unit_code=cells.matching("unit_code", _UNIT_CODE, "所属コードは半角の英数字で書いてください。"),
        unit_name=cells.text("unit_name"),
        post=cells.text("post"),
        post_kind=cells.post_kind(),
        employment_kind=cells.employment_kind(),
        employed_from=cells.day("employed_from"),
        term_end=cells.open_day("term_end"),
        left_on=cells.open_day("left_on"),
        assigned_from=cells.day("assigned_from"),
        mail=cells.mail(),
        held=held,
    )


class _Cells:
    """The cells of one row, read one by one; a mistake is noted and a stand-in is given, which no row ever shows."""

    def __init__(self, record: Record, heading: Heading, profile: FeedProfile) -> None:
        self.record = record
        self.heading = heading
        self.profile = profile
        self.days: dict[str, date] = {}
        self.problems: list[FeedProblem] = []
        self.warnings: list[FeedProblem] = []
        self.padded = False

    def raw(self, field: str) -> str | None:
        """The cell as received without outer spaces; None where there is no such column or it must not be read."""
        position = self.heading.positions.get(field)
        return None if position is None or position in self.record.spoiled else self.record.cells[position]

    def problem(self, field: str, message: str) -> None:
        self.problems.append(FeedProblem(self.record.row, self._column(field), message))

    def text(self, field: str, *, required: bool = True) -> str:
        """The cell's text, not longer than the field may be."""
        value = self.raw(field)
        if value is None:
            return ""
        if required and not value:
            self.problem(field, "空です。必ず入力してください。")
        elif len(value) > LENGTHS[field]:
            self.problem(field, f"長すぎます（{LENGTHS[field]}文字まで）。")
        return value

    def matching(self, field: str, form: re.Pattern[str], message: str) -> str:
        value = self.text(field)
        if value and not form.fullmatch(value):
            self.problem(field, message)
        return value

    def name(self, field: str, *, required: bool) -> str:
        """A name or its reading: something with a letter in it that no spreadsheet takes for a formula."""
        value = self.text(field, required=required)
        plain = unicodedata.normalize("NFKC", value)
        if plain.startswith(("=", "+", "-", "@")):
            self.problem(field, "「=」「+」「-」「@」で始まっています。計算式として扱われるため受け付けません。")
        elif value and not any(sign.isalpha() or has_private_use(sign) or _LOST.match(sign) for sign in plain):
            self.problem(field, "文字がありません。列がずれていないか確かめてください。")
        return value

    def staff_number(self) -> str:
        """The number as text, its leading zeros restored."""
        value = self.raw("staff_number")
        if value is None:
            return ""
        plain, width = unicodedata.normalize("NFKC", value), self.profile.staff_number_width
        if not _STAFF_NUMBER.fullmatch(plain) or len(plain) > width or not plain.strip("0"):
            self.problem(
                "staff_number", f"職員番号は{width}桁までの英数字です。桁数と書式（文字列）を確かめてください。"
            )
        elif len(plain) < width and not plain.isdigit():
            self.problem("staff_number", f"英字を含む職員番号は{width}桁で書いてください。")
        self.padded = len(plain) < width
        return plain.zfill(width)

    def day(self, field: str) -> date:
        value = self.raw(field)
        parsed = self._parsed(field, value) if value is not None else None
        return parsed.day if parsed else date.min

    def open_day(self, field: str) -> date | None:
        value = self.raw(field)
        if not value or plain_spelling(value) in self.profile.dates.no_end:
            return None
        parsed = self._parsed(field, value)
        return parsed.day if parsed else None

    def post_kind(self) -> PostKind:
        value = self.raw("post_kind")
        kind = self.profile.codes.post_kind.get(value or "")
        if kind is None and value is not None:
            known = "・".join(self.profile.codes.post_kind)
            self.problem("post_kind", f"「{shown(value)}」は定義にない区分です（使えるのは {known}）。")
        return kind or PostKind.PRIMARY

    def employment_kind(self) -> EmploymentKind | None:
        """The kind, or None for a code the profile does not know: such a row is held."""
        return self.profile.codes.employment_kind.get(self.raw("employment_kind") or "")

    def mail(self) -> str | None:
        value = self.text("mail", required=False) if self.raw("mail") else ""
        if value and not _MAIL.fullmatch(value):
            self.problem("mail", "メールアドレスとして読めません。")
        return value or None

    def _parsed(self, field: str, value: str) -> ParsedDate | None:
        try:
            parsed = parse_date(value)
        except ValueError as refusal:
            self.problem(field, _date_message(field, value, str(refusal)))
            return None
        if parsed.warning:
            self.warn(field, "元号の期間の外の日付です。" if field == "birth_date" else parsed.warning)
        self.days[field] = parsed.day
        return parsed

    def warn(self, field: str, message: str) -> None:
        self.warnings.append(FeedProblem(self.record.row, self._column(field), message))

    def _column(self, field: str) -> str:
        return self.heading.names[self.heading.positions[field]]


def _date_message(field: str, value: str, reason: str) -> str:
    """Why a date is refused; a birth date and anything that may be a number of another kind are not repeated."""
    if not value:
        return "空です。必ず入力してください。"
    if field == "birth_date" or shown(value) != value:
        return "日付として読めないか、暦にない日付です。"
    if _EXCEL_SERIAL.fullmatch(value):
        return f"「{value}」は表計算ソフトの通し番号のようです。日付の書式にして出力し直してください。"
    return reason


def _period_problems(cells: _Cells) -> Iterator[FeedProblem]:
    for earlier, later in ORDER:
        if earlier in cells.days and later in cells.days and cells.days[later] < cells.days[earlier]:
            first, second = (cells.heading.names[cells.heading.positions[name]] for name in (earlier, later))
            yield FeedProblem(cells.record.row, second, f"「{first}」より前の日付です。")


def _hold_reasons(cells: _Cells) -> Iterator[str]:
    names = [cells.raw(field) or "" for field in ("name", "kana", "unit_name", "post")]
    if any(has_private_use(name) for name in names):
        yield "外字があります。どの文字かを確かめてください。"
    if any(_LOST.search(name) for name in names[:2]):
        yield "氏名の文字が「?」や「〓」に置き換わっています。"
    if not names[1]:
        yield "カナ氏名がありません。"
    elif not has_private_use(names[1]) and not _LOST.search(names[1]) and not _KANA.fullmatch(names[1]):
        yield "カナ氏名に仮名でない文字があります。"
    code = cells.raw("employment_kind")
    if code is not None and code not in cells.profile.codes.employment_kind:
        yield f"任用形態「{shown(code)}」は定義にありません。"
