"""What people write by hand: a reason, a comment. Kept as written, of a bearable length, with nothing unseen in it.

Signs that cannot be seen, or that turn the direction of what follows, could show an approver something else than what
is recorded; they are refused, not removed (FK 6-3(5), MT 7-3(7)). Pure.
"""

import unicodedata
from collections.abc import Mapping

from idm.errors import InvalidInput

MAXIMUM = 2000
"""Characters."""

_LINE_SIGNS = frozenset("\n\t")
_NOTHING_TO_SEE = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Control characters, halves of characters, and Unicode's own line and paragraph ends."""
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def written(text: str, *, field: str, empty: str) -> str:
    """The text without outer spaces and with one kind of line end.

    Raises InvalidInput at the field: with the sentence `empty` where nothing is written, or for what is too long or
    holds control characters, direction marks or half a character.
    """
    plain = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    problem = _problem(plain, empty)
    if problem is not None:
        raise InvalidInput(problem, fields={field: problem})
    return plain


def all_written(texts: Mapping[str, tuple[str, str]], wrong: dict[str, str]) -> dict[str, str]:
    """Field → its text as `written` gives it, of (text, what is said when it is empty) each.

    Afterwards `wrong` holds besides what is said of every one that nobody could read; such a text is returned empty.
    """
    found = {}
    for field, (text, empty) in texts.items():
        try:
            found[field] = written(text, field=field, empty=empty)
        except InvalidInput as mistake:
            found[field] = ""
            wrong |= mistake.fields
    return found


def _problem(text: str, empty: str) -> str | None:
    if not text:
        return empty
    if len(text) > MAXIMUM:
        return f"{MAXIMUM}文字までにしてください（今は{len(text)}文字です）。"
    if any(_unseen(sign) for sign in text):
        return "使えない文字（制御文字など）が含まれています。入力し直してください。"
    return None


def _unseen(sign: str) -> bool:
    return sign in _TURNING or (unicodedata.category(sign) in _NOTHING_TO_SEE and sign not in _LINE_SIGNS)
