"""Reasons and comments: kept as written, or refused with what is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.errors import InvalidInput
from idm.written_text import MAXIMUM, written


def read(text: str) -> str:
    return written(text, field="reason", empty="理由を書いてください。")


@pytest.mark.parametrize("text", ["業務のため", "一行目\n\t二行目", "髙橋（﨑）", "👨‍👩‍👧", "葛󠄀", "あ" * MAXIMUM])
def test_ordinary_text_is_kept_as_written(text: str) -> None:
    assert read(text) == text


def test_outer_spaces_and_foreign_line_ends_go() -> None:
    assert read(" 　一\r\n二\r三 \n") == "一\n二\n三"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "理由を書いてください。"),
        (" 　\n", "理由を書いてください。"),
        ("あ" * (MAXIMUM + 1), "2000文字までにしてください（今は2001文字です）。"),
        ("あ\0い", "使えない文字"),
        ("あ\u2028い", "使えない文字"),
        ("あ\u2029い", "使えない文字"),
        ("あ\x1b[2Jい", "使えない文字"),
        ("あ\x85い", "使えない文字"),
        ("\u202eためのい", "使えない文字"),
        ("あ\ud800", "使えない文字"),
    ],
)
def test_anything_else_is_refused_at_its_field(text: str, problem: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read(text)
    assert refusal.value.fields["reason"].startswith(problem)


@given(st.text())
def test_what_passes_can_be_stored_and_passes_again(text: str) -> None:
    try:
        plain = read(text)
    except InvalidInput:
        return
    plain.encode()
    assert "\0" not in plain
    assert read(plain) == plain
