"""Reads the list of user IDs that a system without an interface prints: every line of it, or a refusal (A9, C1). Pure.

How a printed list is read at all is said in `idm.lists.printed_list`; here is what its columns mean.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from idm.feed.cells import SERIAL
from idm.feed.problem import FeedProblem, shown
from idm.lists.printed_list import PrintedForm, PrintedList, name_key, read_printed
from idm.organisation import ListingShape
from idm.ports import ExternalId
from idm.wareki import NO_END, parse_date, plain_spelling

COLUMNS = ("login_name", "display_name", "employee_number", "enabled", "last_used", "groups")
LENGTHS = {"login_name": 64, "display_name": 100, "employee_number": 20, "enabled": 100, "last_used": 40}
MOST_GROUPS = 200
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


def read_listing(data: bytes, shape: ListingShape) -> tuple[Listed, ...]:
    """Every line of the list. Raises FeedRefused with every mistake, and then gives no line."""
    reading = read_printed(data, _form(shape))
    listed = [row for line, texts in reading.rows() if (row := _row(reading, shape, line, texts))]
    reading.problems.extend(_repeated(reading, listed))
    reading.refuse_mistakes()
    return tuple(listed)


def _form(shape: ListingShape) -> PrintedForm:
    headings = {column: heading for column in COLUMNS if (heading := getattr(shape, column)) is not None}
    return PrintedForm(
        "利用者ID一覧", "listing", headings, shape.format, shape.encoding, shape.delimiter, shape.sheet,
        lengths=LENGTHS, days=("last_used",),
    )  # fmt: skip


def _row(reading: PrintedList, shape: ListingShape, line: int, texts: dict[str, str]) -> Listed | None:
    """The line, or None where it names nobody; what is wrong is noted."""
    if not texts["login_name"]:
        reading.wrong(line, "login_name", "空です。必ず入力してください。")
        return None
    return Listed(
        line, texts["login_name"], texts.get("display_name") or None, texts.get("employee_number") or None,
        enabled=texts["enabled"] not in shape.disabled if "enabled" in texts else None,
        last_used=_last_used(reading, shape, line, texts.get("last_used", "")),
        groups=_groups(reading, shape, line, texts["groups"]) if "groups" in texts else None,
    )  # fmt: skip


def _last_used(reading: PrintedList, shape: ListingShape, line: int, text: str) -> date | None:
    """The day of last use, None where it says that there was none. The time of day, where one is given, is left out."""
    if not text or plain_spelling(text) in NO_END:
        return None
    if shape.excel_serials and SERIAL.fullmatch(text):
        return (_DAY_ZERO_1904 if reading.raw.since_1904 else _DAY_ZERO) + timedelta(days=int(text))
    for part in (text, text.replace("T", " ").split(" ")[0]):
        try:
            return parse_date(part).day
        except ValueError:
            continue
    reading.wrong(line, "last_used", f"「{shown(text)}」は日付として読めません。")
    return None


def _groups(reading: PrintedList, shape: ListingShape, line: int, text: str) -> frozenset[ExternalId]:
    found = frozenset(part.strip() for part in text.split(shape.separator) if part.strip())
    if len(found) > MOST_GROUPS:
        reading.wrong(line, "groups", f"権限が多すぎます（{MOST_GROUPS}個まで）。")
    return found


def _repeated(reading: PrintedList, listed: list[Listed]) -> Iterator[FeedProblem]:
    first: dict[str, int] = {}
    for row in listed:
        key = name_key(row.login_name)
        if key in first:
            told = f"同じ利用者ID「{shown(row.login_name)}」が{first[key]}行目にもあります。"
            yield FeedProblem(row.line, reading.heading("login_name"), told)
        first.setdefault(key, row.line)
