"""Whose spelling of a name counts: the person's own, the organisation's, the shipped exceptions, then the rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.errors import InvalidInput
from idm.names.latin_names import LatinName, NameSource, Spelling, latin_name
from idm.names.name_exceptions import GIVEN_NAMES, SURNAMES
from idm.names.romaji import BORDER, large, romaji
from idm.vocabulary import LongVowels

PLAIN = Spelling()
OWN, EXCEPTION, READING = NameSource.OWN, NameSource.EXCEPTION, NameSource.READING


@pytest.mark.parametrize(
    ("kana", "family", "given_name", "source"),
    [
        ("サトウ　ハナコ", "sato", "hanako", READING),
        ("イノウエ　ハナコ", "inoue", "hanako", EXCEPTION),
        ("いのうえ はなこ", "inoue", "hanako", EXCEPTION),
        ("ｲﾉｳｴ ﾊﾅｺ", "inoue", "hanako", EXCEPTION),
        ("マツウラ　シンイチ", "matsuura", "shinichi", EXCEPTION),
        ("ヒロオカ　ジュン", "hirooka", "jun", EXCEPTION),
        ("ハツトリ　ハナ", "hattori", "hana", EXCEPTION),
        ("ハットリ　ハナ", "hattori", "hana", EXCEPTION),
        ("サトウ　ヒロオミ", "sato", "hiroomi", EXCEPTION),
        ("スミス　ジョン・ポール", "sumisu", "jon", READING),
        ("スミス・ジョン", "sumisu", "jon", READING),
        ("ガルシア・ロペス　マリア　テレサ", "garushiaropesu", "maria", READING),
        ("マリア", "maria", "", READING),
    ],
)
def test_a_reading_gives_family_and_first_given_name(
    kana: str, family: str, given_name: str, source: NameSource
) -> None:
    assert latin_name(kana, None, PLAIN) == latin_name(kana, " ", PLAIN) == LatinName(family, given_name, source)


def test_the_organisations_exceptions_stand_above_the_shipped_ones_with_large_kana_too() -> None:
    spelling = Spelling(exceptions={"コウチ": "kochi", "はっちょう": "hachou"})
    assert latin_name("コウチ　ハナ", None, PLAIN).family == "kouchi"
    assert latin_name("コウチ　ハナ", None, spelling).family == "kochi"
    assert latin_name("ハツチヨウ　ハナ", None, spelling).family == "hachou"


def test_long_vowels_within_the_parts_of_an_exception_follow_the_rule() -> None:
    assert latin_name("ホウジヨウ　ヒロオミ", None, Spelling(LongVowels.OH)).family == "hohjoh"
    assert latin_name("ヒロオカ　ハナ", None, Spelling(LongVowels.OO)).family == "hirooka"


def test_a_reading_with_small_kana_is_not_taken_for_one_without() -> None:
    assert latin_name("キヨウラ　ハナ", None, PLAIN).family == "kiyoura"
    assert latin_name("キョウラ　ハナ", None, PLAIN).family == "kyora"


@pytest.mark.parametrize(
    ("written", "family", "given_name"),
    [
        ("SUZUKI Hanako", "suzuki", "hanako"),
        ("Hanako SUZUKI", "suzuki", "hanako"),
        ("SUZUKI HANAKO", "suzuki", "hanako"),
        ("Suzuki, Hanako", "suzuki", "hanako"),
        ("ＳＵＺＵＫＩ　ＨＡＮＡＫＯ", "suzuki", "hanako"),
        ("Ohno Tarou", "ohno", "tarou"),
        ("Ōno Tarō", "ono", "taro"),
        ("O'Brien, Seán", "obrien", "sean"),
        ("Jean-Luc PICARD", "picard", "jeanluc"),
        ("Sørensen Łukasz", "sorensen", "lukasz"),
        ("Garcia Lopez, Maria Teresa", "garcialopez", "maria"),
        ("MARIA", "maria", ""),
    ],
)
def test_the_persons_own_spelling_comes_first(written: str, family: str, given_name: str) -> None:
    assert latin_name("イノウエ　ハナコ", written, PLAIN) == LatinName(family, given_name, OWN)


@pytest.mark.parametrize("written", ["鈴木 花子", "Suzuki 2", ",", "Иванов Иван", "@"])
def test_a_spelling_that_is_no_letters_is_refused_with_what_to_do(written: str) -> None:
    with pytest.raises(InvalidInput, match="人事データを直すか"):
        latin_name("スズキ　ハナコ", written, PLAIN)


@given(st.text(max_size=12), st.text(max_size=12))
def test_whatever_a_file_says_there_are_letters_or_a_refusal(kana: str, own: str) -> None:
    try:
        found = latin_name(kana, own, PLAIN)
    except InvalidInput:
        return
    assert (found.family + found.given).isascii()
    assert found.family.isalpha()
    assert found.family.islower()
    assert not found.given or (found.given.isalpha() and found.given.islower())


def test_there_are_enough_surnames_and_each_of_them_earns_its_place() -> None:
    forms = set(SURNAMES.values())
    assert len({form for form in forms if BORDER in form}) >= 120
    for form in forms | set(GIVEN_NAMES.values()):
        as_written = large(form.replace(BORDER, ""))
        assert romaji(as_written) != romaji(form), form
