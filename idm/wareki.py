"""Dates as Japanese offices write them: era years, Western years, and the spellings personnel systems export.

The eras are a table: a new era is one more row. A date that names an era already over (平成35年3月31日, printed before
2019) means a real day and is accepted with a warning; a day that is in no calendar is refused. Dates before 1873
followed another calendar and are outside this module.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from functools import lru_cache


@dataclass(frozen=True)
class Era:
    """One era: its spellings, its first day, and the Western year of its year 1 (元年)."""

    name: str
    letter: str
    digit: str
    begins: date
    year_one: int


ERAS = (
    Era("明治", "M", "1", date(1873, 1, 1), 1868),  # the Gregorian calendar holds from 明治6年1月1日
    Era("大正", "T", "2", date(1912, 7, 30), 1912),
    Era("昭和", "S", "3", date(1926, 12, 25), 1926),
    Era("平成", "H", "4", date(1989, 1, 8), 1989),
    Era("令和", "R", "5", date(2019, 5, 1), 2019),
)
LATEST_YEAR = 2199
WEEKDAYS = "月火水木金土日"
NO_END = frozenset(
    {"", "0", "0000000", "00000000", "9999999", "99999999", "99991231", "9999/12/31", "9999-12-31", "9999年12月31日"}
)
"""Spellings of "no such day" in an open date, each as `plain_spelling` leaves it."""


@dataclass(frozen=True)
class ParsedDate:
    """A day that was read, and a Japanese sentence when its spelling needs a look."""

    day: date
    warning: str | None = None


@lru_cache(maxsize=4096)  # a file of thousands of rows names the same few days again and again
def parse_date(text: str) -> ParsedDate:
    """The day a text names. Raises ValueError with a Japanese sentence when it names none."""
    spelling = plain_spelling(text)
    for form in FORMS:
        if found := form.fullmatch(spelling):
            parsed = _day_of(found.groupdict(), text)
            _check_weekday(parsed.day, found["weekday"], text)
            return parsed
    raise ValueError(f"「{text}」は日付として読めません。")


def format_wareki(day: date) -> str:
    """The day in era years, 令和8年4月1日; year 1 is written 元年. Raises ValueError before 1873-01-01."""
    era = _era_on(day)
    year = day.year - era.year_one + 1
    return f"{era.name}{'元' if year == 1 else year}年{day.month}月{day.day}日"


def format_wareki_weekday(day: date) -> str:
    """The day in era years with its weekday, 令和8年4月1日（水）."""
    return f"{format_wareki(day)}（{WEEKDAYS[day.weekday()]}）"


# --- spellings -------------------------------------------------------------------------------------------------------

_BY_MARK = {mark: era for era in ERAS for mark in (era.name, era.name[0], era.letter, era.digit)}
_NAMES = "|".join(era.name for era in ERAS)
_MARKS = "|".join([_NAMES, *(era.name[0] for era in ERAS), *(era.letter for era in ERAS)])
_LETTERS = "".join(era.letter for era in ERAS)
_DIGITS = "".join(era.digit for era in ERAS)
_TAIL = rf"(?:\((?P<weekday>[{WEEKDAYS}])(?:曜日?)?\))?(?:付け?)?"

FORMS = tuple(
    re.compile(form + _TAIL, re.ASCII)
    for form in (
        rf"(?P<era>{_MARKS})(?P<year>\d{{1,3}}|元)年(?P<month>\d{{1,2}})月(?P<day>\d{{1,2}})日",
        rf"(?P<era>{_MARKS})(?P<year>\d{{1,2}}|元)(?P<dot>[./-])(?P<month>\d{{1,2}})(?P=dot)(?P<day>\d{{1,2}})",
        rf"(?P<era>[{_LETTERS}])(?P<year>\d\d)(?P<month>\d\d)(?P<day>\d\d)",
        rf"(?P<era>[{_DIGITS}])(?P<year>\d\d)(?P<month>\d\d)(?P<day>\d\d)",
        r"(?P<year>\d{4})年(?P<month>\d{1,2})月(?P<day>\d{1,2})日",
        r"(?P<year>\d{4})(?P<dot>[./-])(?P<month>\d{1,2})(?P=dot)(?P<day>\d{1,2})",
        r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)",
    )
)

_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-")
# A space between two digits may have been part of neither number, so it stays and the text is refused.
_SPACES = re.compile(r"(?<!\d)\s+|\s+(?!\d)")
_KANJI_DIGITS = {kanji: str(value) for value, kanji in enumerate("〇一二三四五六七八九")} | {"零": "0"}
_KANJI_NUMBER = re.compile("[〇零一二三四五六七八九十百千]+")
_KANJI_PLACES = re.compile(
    "(?:(?P<k>[一二三四五六七八九]?)千)?(?:(?P<h>[一二三四五六七八九]?)百)?"
    "(?:(?P<t>[一二三四五六七八九]?)十)?(?P<u>[一二三四五六七八九]?)"
)


def plain_spelling(text: str) -> str:
    """A date's text in half-width characters without inner spaces, 漢数字 as digits, era letters in capitals."""
    spelling = unicodedata.normalize("NFKC", text).translate(_DASHES)
    spelling = _SPACES.sub("", spelling).strip().upper()
    return _KANJI_NUMBER.sub(lambda number: _kanji_number(number[0]), spelling)


def _kanji_number(kanji: str) -> str:
    """The digits of a 漢数字: 二〇二六 → 2026, 二十八 → 28; a spelling that is no number stays as it is."""
    if all(sign in _KANJI_DIGITS for sign in kanji):
        return "".join(_KANJI_DIGITS[sign] for sign in kanji)
    places = _KANJI_PLACES.fullmatch(kanji)
    if places is None:
        return kanji
    units = ((1000, places["k"]), (100, places["h"]), (10, places["t"]))
    value = sum(unit * int(_KANJI_DIGITS.get(count, "1")) for unit, count in units if count is not None)
    return str(value + int(_KANJI_DIGITS.get(places["u"], "0")))


# --- days ------------------------------------------------------------------------------------------------------------


def _day_of(parts: dict[str, str | None], text: str) -> ParsedDate:
    mark, written = parts.get("era"), parts["year"]
    number = 1 if written == "元" else int(written or 0)
    era = _BY_MARK[mark] if mark else None
    year = number if era is None else era.year_one + number - 1
    if era is not None and number == 0:
        raise ValueError(f"「{text}」の年が0です。")
    try:
        day = date(year, int(parts["month"] or 0), int(parts["day"] or 0))
    except ValueError:
        raise ValueError(f"「{text}」は暦にない日付です。") from None
    if not ERAS[0].begins <= day or day.year > LATEST_YEAR:
        raise ValueError(f"「{text}」は扱える範囲（{ERAS[0].begins.year}年から{LATEST_YEAR}年まで）の外の日付です。")
    return ParsedDate(day, _era_warning(era, day, text))


def _era_warning(era: Era | None, day: date, text: str) -> str | None:
    if era is None or era == _era_on(day):
        return None
    return f"「{text}」は元号の期間の外にあるため、{format_wareki(day)}（{day.isoformat()}）として読みました。"


def _check_weekday(day: date, weekday: str | None, text: str) -> None:
    if weekday is not None and weekday != WEEKDAYS[day.weekday()]:
        raise ValueError(f"「{text}」の曜日が日付と合いません（正しくは{WEEKDAYS[day.weekday()]}曜日）。")


def _era_on(day: date) -> Era:
    for era in reversed(ERAS):
        if era.begins <= day:
            return era
    raise ValueError(f"{day.isoformat()} は元号で書ける範囲（{ERAS[0].begins.isoformat()} 以後）の外の日付です。")
