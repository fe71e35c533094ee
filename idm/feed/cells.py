"""The cells of one record, each read by what it means; every mistake is told with row and column.

Nothing is decided here: a mistake makes a problem, which refuses the whole file.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, timedelta
from typing import TypeVar

from idm.feed.heading import Heading
from idm.feed.problem import FeedProblem, shown
from idm.feed.profile import FeedProfile
from idm.feed.table import Record
from idm.mail_address import LONGEST, MAIL_ADDRESS
from idm.names.personal_names import has_private_use
from idm.wareki import ParsedDate, parse_date, plain_spelling

LENGTHS = {
    "name": 100, "kana": 100, "work_name": 100, "romaji": 100, "unit_code": 32, "unit_name": 100, "post": 100,
    "former_unit_code": 32, "former_post": 100, "mail": LONGEST,
}  # fmt: skip
"""The most characters a cell of each field may have."""

GAIJI_FIELDS = frozenset({"name", "kana", "work_name", "unit_name", "post", "former_post"})
"""Fields in which 外字 are replaced by what they were mapped to."""

SERIAL = re.compile(r"[1-7]\d{4}", re.ASCII)
"""A spreadsheet's day number as it can stand for a day of anybody's working life (1927 to 2119)."""

TITLES = {
    "employment_kind": "任用形態", "event": "異動区分", "absence": "休職等の区分", "leaving": "退職の事由",
    "cancelled": "取消の区分",
}  # fmt: skip
"""How the reason of a hold calls a column of codes."""

LOST = re.compile("[?？〓\ufffd]")
"""What stands where a character was lost on the way."""

_STAFF_NUMBER = re.compile(r"[0-9A-Za-z]+", re.ASCII)
_UNIT_CODE = re.compile(r"[0-9A-Za-z_.-]+", re.ASCII)
_ROMAJI = re.compile(r"[A-Za-zĀāĒēĪīŌōŪūÂâÊêÎîÔôÛû' .,-]+")
_DAY_ZERO, _DAY_ZERO_1904 = date(1899, 12, 30), date(1904, 1, 1)
_NAMES = frozenset({"name", "kana", "work_name"})
_FORMULA = frozenset("=+@")
_FORMULA_MESSAGE = "「=」「+」「-」「@」で始まっています。計算式として扱われるため受け付けません。"
_EMPTY = "空です。必ず入力してください。"

Meaning = TypeVar("Meaning")


class Cells:
    """The cells of one record; a mistake is noted and a stand-in is given, which no row ever shows."""

    def __init__(
        self, record: Record, heading: Heading, profile: FeedProfile, *, gaiji: Mapping[int, str], since_1904: bool
    ) -> None:
        self.record = record
        self.heading = heading
        self.profile = profile
        self.days: dict[str, date] = {}
        self.problems: list[FeedProblem] = []
        self.warnings: list[FeedProblem] = []
        self.unknown: list[str] = []
        self.padded = False
        self._gaiji = gaiji
        self._since_1904 = since_1904

    def raw(self, field: str) -> str | None:
        """The cell without outer spaces, mapped 外字 replaced; None where there is no such column or it is spoiled."""
        position = self.heading.positions.get(field)
        if position is None or position in self.record.spoiled:
            return None
        value = self.record.cells[position]
        return value.translate(self._gaiji) if self._gaiji and field in GAIJI_FIELDS else value

    def problem(self, field: str, message: str) -> None:
        """Notes a mistake in the cell of a field; of the row, where the file has no such column."""
        self.problems.append(FeedProblem(self.record.row, self.column(field), message))

    def warn(self, field: str, message: str) -> None:
        """Notes what deserves a look."""
        self.warnings.append(FeedProblem(self.record.row, self.column(field), message))

    def column(self, field: str) -> str | None:
        """The heading of a field as the file writes it."""
        position = self.heading.positions.get(field)
        return None if position is None else self.heading.names[position]

    # --- text --------------------------------------------------------------------------------------------------------

    def text(self, field: str, *, required: bool = True) -> str:
        """The cell's text, not longer than the field may be."""
        value = self.raw(field)
        if value is None:
            return ""
        if required and not value:
            self.problem(field, _EMPTY)
        elif len(value) > LENGTHS[field]:
            self.problem(field, f"長すぎます（{LENGTHS[field]}文字まで）。")
        elif value[1:] and unicodedata.normalize("NFKC", value[0]) in _FORMULA and field not in _NAMES:
            self.problem(field, _FORMULA_MESSAGE)
        return value

    def name(self, field: str, *, required: bool) -> str:
        """A name or its reading: something with a letter in it that no spreadsheet takes for a formula."""
        value = self.text(field, required=required)
        plain = unicodedata.normalize("NFKC", value)
        if plain.startswith(("=", "+", "-", "@")):
            self.problem(field, _FORMULA_MESSAGE)
        elif value and not any(sign.isalpha() or has_private_use(sign) or LOST.match(sign) for sign in plain):
            self.problem(field, "文字がありません。列がずれていないか確かめてください。")
        return value

    def romaji(self) -> str | None:
        """The reading in Latin letters, or None."""
        value = self.text("romaji", required=False)
        if value and not _ROMAJI.fullmatch(value):
            self.problem("romaji", "ローマ字は半角の英字で書いてください。")
        return value or None

    def mail(self) -> str | None:
        """The mail address, or None."""
        value = self.text("mail", required=False)
        if value and not MAIL_ADDRESS.fullmatch(value):
            self.problem("mail", "メールアドレスとして読めません。")
        return value or None

    # --- numbers and codes -------------------------------------------------------------------------------------------

    def staff_number(self) -> str:
        """The number as text, its leading zeros restored."""
        value = self.raw("staff_number")
        return "" if value is None else self._staff_number("staff_number", value)

    def former_staff_number(self) -> str | None:
        """The number somebody had before, or None."""
        value = self.raw("former_staff_number")
        return self._staff_number("former_staff_number", value) if value else None

    def unit_code(self, field: str, *, required: bool) -> str:
        """The code of a unit, its leading zeros restored where the profile says how long codes are."""
        value = self.text(field, required=required)
        width = self.profile.unit_code_width
        if value and not _UNIT_CODE.fullmatch(value):
            self.problem(field, "所属コードは半角の英数字で書いてください。")
        elif value and width is not None and len(value) > width:
            self.problem(field, f"所属コードは{width}桁までです。")
        elif width is not None and value.isdigit() and len(value) < width:
            self.warn(field, "所属コードの先頭の0が落ちていたため、補いました。")
            return value.zfill(width)
        return value

    def known_code(self, field: str, codes: Mapping[str, Meaning]) -> Meaning | None:
        """What a code means; one the profile does not know is a mistake. None where the file has no such column."""
        value = self.raw(field)
        if value is None:
            return None
        if value not in codes:
            known = "・".join(word for word in codes if word)
            self.problem(field, f"「{shown(value)}」は定義にない区分です（使えるのは {known}）。")
        return codes.get(value)

    def held_code(self, field: str, codes: Mapping[str, Meaning], *, required: bool) -> Meaning | None:
        """What a code means; for one the profile does not know the row is held."""
        value = self.raw(field)
        if value is None:
            return None
        if value not in codes and (value or required):
            self.unknown.append(f"{TITLES[field]}「{shown(value)}」は定義にありません。")
        return codes.get(value)

    # --- days --------------------------------------------------------------------------------------------------------

    def day(self, field: str) -> date:
        """The day a cell names; it must name one."""
        value = self.raw(field)
        return (self._parsed(field, value) if value is not None else None) or date.min

    def open_day(self, field: str) -> date | None:
        """The day a cell names, or None where it says that there is none."""
        value = self.raw(field)
        if not value or plain_spelling(value) in self.profile.dates.no_end:
            return None
        return self._parsed(field, value)

    def require_order(self, *pairs: tuple[str, str]) -> None:
        """Notes each pair of days of which the second is before the first."""
        for earlier, later in pairs:
            if earlier in self.days and later in self.days and self.days[later] < self.days[earlier]:
                self.problem(later, f"「{self.column(earlier)}」より前の日付です。")

    def _staff_number(self, field: str, value: str) -> str:
        plain, width = unicodedata.normalize("NFKC", value), self.profile.staff_number_width
        if not _STAFF_NUMBER.fullmatch(plain) or len(plain) > width or not plain.strip("0"):
            self.problem(field, f"職員番号は{width}桁までの英数字です。桁数と書式（文字列）を確かめてください。")
        elif len(plain) < width and not plain.isdigit():
            self.problem(field, f"英字を含む職員番号は{width}桁で書いてください。")
        self.padded = self.padded or len(plain) < width
        return plain.zfill(width)

    def _parsed(self, field: str, value: str) -> date | None:
        try:
            parsed = self._serial(value) or parse_date(value)
        except ValueError as refusal:
            self.problem(field, _date_message(field, value, str(refusal)))
            return None
        if parsed.warning:
            self.warn(field, "元号の期間の外の日付です。" if field == "birth_date" else parsed.warning)
        self.days[field] = parsed.day
        return parsed.day

    def _serial(self, value: str) -> ParsedDate | None:
        if not self.profile.dates.excel_serials or not SERIAL.fullmatch(value):
            return None
        return ParsedDate((_DAY_ZERO_1904 if self._since_1904 else _DAY_ZERO) + timedelta(days=int(value)))


def _date_message(field: str, value: str, reason: str) -> str:
    """Why a date is refused; a birth date and anything that may be a number of another kind are not repeated."""
    if not value:
        return _EMPTY
    if field == "birth_date" or shown(value) != value:
        return "日付として読めないか、暦にない日付です。"
    if SERIAL.fullmatch(value):
        return f"「{value}」は表計算ソフトの通し番号のようです。日付の書式にして出力し直してください。"
    return reason
