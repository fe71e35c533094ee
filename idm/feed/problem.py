"""What is wrong in a personnel file and where, in sentences that never carry a personal number.

A value is shown only when it cannot be part of a My Number: problems travel into screens, mails and the audit record.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from idm.errors import FeedRefused

SHOWN_LENGTH = 30

_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc"), "-")
_MY_NUMBER = re.compile(r"(?<!\d)\d{4}[-\s]?\d{4}[-\s]?\d{4}(?!\d)", re.ASCII)
_LONG_NUMBER = re.compile(r"(?:\d[-\s.,]*){9}", re.ASCII)


@dataclass(frozen=True)
class FeedProblem:
    """One thing in a file that needs a person: `row` counts from 1 at the heading, None = the file as a whole."""

    row: int | None
    column: str | None
    message: str

    def __str__(self) -> str:
        place = f"{self.row}行目" if self.row is not None else "ファイル全体"
        return f"{place}「{self.column}」: {self.message}" if self.column else f"{place}: {self.message}"


def refusal(problems: Sequence[FeedProblem]) -> FeedRefused:
    """The refusal of a whole file for these problems, of which there is at least one."""
    message = (
        f"人事ファイルを受け付けません。誤りが{len(problems)}件あります（{problems[0]}）。何も取り込んでいません。"
    )
    return FeedRefused(message, problems=tuple(problems))


def holds_my_number(value: str) -> bool:
    """Whether a value holds twelve digits in a row, as a personal number (個人番号) is written."""
    return _MY_NUMBER.search(_plain(value)) is not None


def shown(value: str) -> str:
    """The value as a message may show it: shortened, and not at all where it holds a longer number than a date."""
    if _LONG_NUMBER.search(_plain(value)):
        return "（長い番号のため表示しません）"
    printable = "".join(sign for sign in value if sign.isprintable() or sign == "\u3000")
    return f"{printable[:SHOWN_LENGTH]}{'…' if len(printable) > SHOWN_LENGTH else ''}"


def _plain(value: str) -> str:
    return unicodedata.normalize("NFKC", value).translate(_DASHES)
