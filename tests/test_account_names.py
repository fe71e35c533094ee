"""Account names: what every directory takes unchanged, or a refusal."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.account_names import RESERVED, LoginNameRule, check_login_name, login_name
from idm.errors import InvalidInput

BARE = LoginNameRule(prefix="")


def test_the_name_is_the_prefix_and_the_staff_number() -> None:
    assert login_name("012345") == "u012345"
    assert login_name("K00123", LoginNameRule(prefix="aoba-")) == "aoba-k00123"
    assert login_name("012345", BARE) == "012345"


@pytest.mark.parametrize("number", ["", "０１２３４５", "12 345", "12345.", "山田", "12345\n", "u1@x", "１", "ſ1"])
def test_a_staff_number_that_is_not_plain_is_refused_not_mended(number: str) -> None:
    with pytest.raises(InvalidInput, match="職員番号"):
        login_name(number)


@pytest.mark.parametrize(
    "name",
    [
        "U012345",
        "u012345$",
        "u012345.",
        ".u012345",
        "-u1",
        "_u1",
        "u..1",
        "u 1",
        "u/1",
        "u@1",
        'u"1',
        "u,1",
        "ü1",
        "u1\n",
    ],
)
def test_a_name_some_directory_would_refuse_or_change_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="使えるのは"):
        check_login_name(name)


@pytest.mark.parametrize("name", ["u012345", "yamada.taro", "yamada-taro2", "a_b", "0", "x" * 20])
def test_a_name_every_directory_takes_passes(name: str) -> None:
    check_login_name(name)


def test_the_21st_character_is_refused() -> None:
    check_login_name("u" * 20)
    with pytest.raises(InvalidInput, match="20文字まで"):
        check_login_name("u" * 21)
    with pytest.raises(InvalidInput, match="20文字まで"):
        login_name("1" * 20)


def test_an_empty_name_is_refused() -> None:
    with pytest.raises(InvalidInput, match="空"):
        check_login_name("")


def test_a_reserved_word_is_refused_even_when_a_staff_number_spells_it() -> None:
    with pytest.raises(InvalidInput, match="予約語") as refusal:
        login_name("Admin", BARE)
    assert "login_name" in refusal.value.fields
    with pytest.raises(InvalidInput, match="予約語"):
        login_name("1", LoginNameRule(reserved=frozenset({"u1"})))


def test_reserved_words_are_themselves_well_formed() -> None:
    for word in RESERVED:
        check_login_name(word, LoginNameRule(reserved=frozenset()))


@given(st.text(max_size=24), st.sampled_from(["", "u", "K", "aoba.", "株"]))
def test_any_staff_number_makes_a_safe_name_or_a_refusal(number: str, prefix: str) -> None:
    try:
        name = login_name(number, LoginNameRule(prefix=prefix))
    except InvalidInput:
        return
    assert re.fullmatch(r"[a-z0-9._-]{1,20}", name)
    assert name[-1] not in "$._-"
    assert name not in RESERVED
    assert name.endswith(number.lower())
