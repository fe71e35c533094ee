"""From the bytes of a personnel file to its rows of cells: complete and undamaged, or not at all.

The file is decoded as a whole and strictly in the one encoding its profile names: row by row, a wrong encoding may go
unnoticed. A file is complete when it ends in a line break, every row has as many cells as the heading
and the count row, where the profile expects one, counts its rows.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from idm.feed.heading import Heading, read_heading
from idm.feed.problem import FeedProblem, holds_my_number, refusal
from idm.feed.profile import FeedProfile

CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u00ad\u2028\u2029\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""Characters that are no part of any cell: control, line separating, invisible and direction-changing ones."""

_MY_NUMBER_MESSAGE = (
    "12桁の数字があります。個人番号（マイナンバー）は取り込めません。"
    "人事ファイルから除き、このファイルは安全に廃棄してください。"
)
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16", "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16", "utf-16-be"),
)
_ENCODING_TITLES = {
    "cp932": "CP932（Shift_JIS）",
    "utf-8": "UTF-8（BOMなし）",
    "utf-8-sig": "UTF-8（BOM付き）",
    "utf-16": "UTF-16",
}
# Python's cp932 lets these single bytes pass (0x80, 0xA0, 0xFD-0xFF), which no Japanese system writes.
_NOT_CP932 = re.compile("[\x80\uf8f0-\uf8f3]")
_DIGITS = re.compile(r"\d{1,9}", re.ASCII)


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


def read_table(data: bytes, profile: FeedProfile) -> FeedTable:
    """The table a file holds.

    Raises FeedRefused where its bytes make no text or its first row no heading: nothing else can be said of it then.
    """
    text = _decode(data, profile)
    problems = list(_cut(text))
    rows = list(_rows(text, profile, problems))
    heading = read_heading(rows[0] if rows else [], profile)
    if not heading.positions:
        message = "1行目に、定義された見出しが一つもありません。" + seems_encoded_otherwise(data, profile.encoding)
        raise refusal([FeedProblem(1, None, message)])
    problems.extend(heading.problems)
    if profile.trailer.marker:
        _take_trailer(rows, profile.trailer.marker, problems)
    if len(rows) < 2:
        problems.append(FeedProblem(None, None, "見出しの行だけで、職員の行がありません。"))
    records = tuple(_records(rows, heading, problems))
    return FeedTable(heading, records, tuple(problems))


def seems_encoded_otherwise(data: bytes, encoding: str) -> str:
    """A hint in brackets that the bytes look like another encoding, or nothing. Only ever said, never acted on."""
    for other in ("utf-8",) if encoding == "cp932" else ("cp932",):
        try:
            if not data.decode(other).isascii():
                return f"（{_ENCODING_TITLES[other]}のファイルのようです）"
        except UnicodeDecodeError:
            continue
    return ""


# --- bytes to text ---------------------------------------------------------------------------------------------------


def _decode(data: bytes, profile: FeedProfile) -> str:
    if not data:
        raise refusal([FeedProblem(None, None, "ファイルが空です。")])
    if len(data) > profile.limits.max_bytes:
        message = f"ファイルが大きすぎます（{len(data)}バイト。上限は{profile.limits.max_bytes}バイトです）。"
        raise refusal([FeedProblem(None, None, message)])
    start, codec = _codec(data, profile.encoding)
    try:
        text = data[start:].decode(codec)
    except UnicodeDecodeError as failure:
        raise refusal([_undecodable(data, start, failure.start, codec, profile.encoding)]) from None
    if codec == "cp932" and (stray := _NOT_CP932.search(text)):
        offset = len(text[: stray.start()].encode(codec))
        raise refusal([_undecodable(data, start, offset, codec, profile.encoding)])
    if not text.strip():
        raise refusal([FeedProblem(None, None, "ファイルが空です。")])
    if "\0" in text:
        row = text.count("\n", 0, text.index("\0")) + 1
        message = "NUL文字があります。文字コードが違うか、ファイルが壊れています。"
        raise refusal([FeedProblem(row, None, message)])
    return text


def _codec(data: bytes, encoding: str) -> tuple[int, str]:
    """Where the text begins and with which codec to read it; a mark that contradicts the profile is refused."""
    for mark, marked, codec in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            if marked != encoding:
                raise refusal([_wrong_encoding(encoding, f"{_ENCODING_TITLES[marked]}の印（BOM）があります")])
            return len(mark), codec
    if encoding == "utf-16":
        raise refusal([_wrong_encoding(encoding, "UTF-16の印（BOM）がありません")])
    return 0, "utf-8" if encoding == "utf-8-sig" else encoding


def _wrong_encoding(encoding: str, found: str) -> FeedProblem:
    return FeedProblem(None, None, f"文字コードは{_ENCODING_TITLES[encoding]}のはずですが、{found}。")


def _undecodable(data: bytes, start: int, offset: int, codec: str, encoding: str) -> FeedProblem:
    row = data[start : start + offset].decode(codec).count("\n") + 1
    hint = seems_encoded_otherwise(data, encoding)
    message = (
        f"{_ENCODING_TITLES[encoding]}として読めない文字があります"
        f"（ファイルの先頭から{start + offset}バイト目の次）。{hint}"
    )
    return FeedProblem(row, None, message)


# --- text to rows ----------------------------------------------------------------------------------------------------


def _cut(text: str) -> Iterator[FeedProblem]:
    crlf = text.find("\r\n") >= 0
    if not text.endswith("\r\n" if crlf else "\n"):
        yield FeedProblem(
            text.count("\n") + 1, None, "最後の行が改行で終わっていません。ファイルが途中で切れています。"
        )


def _rows(text: str, profile: FeedProfile, problems: list[FeedProblem]) -> Iterator[list[str]]:
    """Each row's cells. Raises FeedRefused as soon as there are too many, so that no file fills the memory."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=profile.delimiter, strict=True)
    most = profile.limits.max_rows + 1 + bool(profile.trailer.marker)
    row = 0
    try:
        for row, cells in enumerate(reader, start=1):
            if row > most:
                message = f"行が多すぎます（上限は職員{profile.limits.max_rows}行です）。"
                raise refusal([FeedProblem(row, None, message)])
            yield cells
    except csv.Error:
        message = '引用符（"）が閉じていないか、余分にあります。ファイルが途中で切れているか、壊れています。'
        problems.append(FeedProblem(row + 1, None, message))


def _take_trailer(rows: list[list[str]], marker: str, problems: list[FeedProblem]) -> None:
    """Takes the count row off the end. Problems where it is missing or counts something else."""
    if len(rows) < 2 or rows[-1][:1] != [marker]:
        message = f"最後の行が件数行（{marker}）ではありません。ファイルが途中で切れています。"
        problems.append(FeedProblem(len(rows), None, message))
        return
    trailer = rows.pop()
    counted = trailer[1] if len(trailer) > 1 else ""
    if not _DIGITS.fullmatch(counted) or any(trailer[2:]):
        problems.append(FeedProblem(len(rows) + 1, None, "件数行に件数が正しく書かれていません。"))
    elif int(counted) != len(rows) - 1:
        message = f"件数行は{int(counted)}件ですが、職員の行は{len(rows) - 1}行です。"
        problems.append(FeedProblem(len(rows) + 1, None, message))


def _records(rows: list[list[str]], heading: Heading, problems: list[FeedProblem]) -> Iterator[Record]:
    width = len(heading.names)
    for number, cells in enumerate(rows, start=1):
        spoiled = dict(_spoiled(cells))
        for position, message in spoiled.items():
            column = heading.names[position] if number > 1 and position < width else f"{position + 1}列目"
            problems.append(FeedProblem(number, column, message))
        if len(cells) != width:
            message = f"セルが{len(cells)}個あります（見出しは{width}個です）。列がずれているか、途中で切れています。"
            problems.append(FeedProblem(number, None, message))
        elif number > 1:
            yield Record(number, tuple(cell.strip() for cell in cells), frozenset(spoiled))


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
