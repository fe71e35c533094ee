"""From the bytes of a text file (CSV, TSV) to its rows of cells: decoded whole, or refused.

The file is decoded as a whole and strictly in the one encoding its profile names: row by row, a wrong encoding may go
unnoticed. It is complete when it ends in a line break and every quotation is closed.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator

from idm.feed.problem import FeedProblem, refusal
from idm.feed.profile import FeedProfile
from idm.feed.raw_table import RawTable

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
NOT_CP932 = re.compile("[\x80\uf8f0-\uf8f3]")
"""Python's cp932 lets these single bytes pass (0x80, 0xA0, 0xFD-0xFF), which no Japanese system writes."""


def read_delimited(data: bytes, profile: FeedProfile) -> RawTable:
    """The cells of a text file. Raises FeedRefused where its bytes make no text, or far too many rows."""
    text = _decode(data, profile)
    problems = list(_cut(text))
    rows = list(_rows(text, profile, problems))
    return RawTable(rows, problems, hint=seems_encoded_otherwise(data, profile.encoding))


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
    if codec == "cp932" and (stray := NOT_CP932.search(text)):
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
    most = profile.limits.max_rows + 1 + bool(profile.header.marker) + bool(profile.trailer.marker)
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
