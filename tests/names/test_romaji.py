"""Kana to Latin letters: the passport's spelling, whatever width or kana a file writes."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.errors import InvalidInput
from idm.names.romaji import large, romaji, words
from idm.vocabulary import LongVowels

KATAKANA = [chr(code) for code in range(ord("ァ"), ord("ヴ") + 1)]
KANA = st.text(st.sampled_from([*KATAKANA, "ー"]), min_size=1, max_size=12).filter(lambda text: text.strip("ー"))
LONG = st.sampled_from(LongVowels)


@pytest.mark.parametrize(
    ("kana", "letters"),
    [
        ("サトウ", "sato"),
        ("オオノ", "ono"),
        ("コウノ", "kono"),
        ("ホンマ", "homma"),
        ("ナンバ", "namba"),
        ("サンペイ", "sampei"),
        ("シンイチ", "shinichi"),
        ("ハッチョウ", "hatcho"),
        ("ホッチ", "hotchi"),
        ("キッカワ", "kikkawa"),
        ("テッペイ", "teppei"),
        ("ジュン", "jun"),
        ("キョウコ", "kyoko"),
        ("リュウヘイ", "ryuhei"),
        ("シャクジイ", "shakujii"),
        ("ニイガタ", "niigata"),
        ("ユウキ", "yuki"),
        ("チエ", "chie"),
        ("チヅル", "chizuru"),
        ("ヂ", "ji"),
        ("カヲル", "kaoru"),
        ("エリー", "eri"),
        ("ニーナ", "nina"),
        ("チェ", "chie"),
        ("ティナ", "teina"),
        ("ファ", "fua"),
        ("ヴァン", "buan"),
        ("ドゥ", "dou"),
        ("デュ", "deyu"),
        ("ウィ", "ui"),
        ("ジョン・ポール", "jonporu"),
        ("Ｊｏｈｎ", "john"),
    ],
)
def test_readings_are_spelled_as_in_a_passport(kana: str, letters: str) -> None:
    assert romaji(kana) == letters


def test_a_long_o_at_the_end_stays_when_it_is_written_with_o() -> None:
    assert romaji("タカトオ") == "takatoo"
    assert romaji("ヨコオ") == "yokoo"
    assert romaji("タカトウ") == "takato"


def test_a_vowel_is_lengthened_once() -> None:
    assert romaji("オオウチ") == "ouchi"
    assert romaji("コウウン") == "koun"
    assert romaji("オオオ") == "oo"


@pytest.mark.parametrize(
    ("kana", "doubled", "with_h"),
    [("サトウ", "satoo", "satoh"), ("オオノ", "oono", "ohno"), ("ユウキ", "yuuki", "yuki"),
     ("タカトオ", "takatoo", "takatoh"), ("オノ", "ono", "ono")],
)  # fmt: skip
def test_long_vowels_can_be_doubled_or_an_o_be_written_with_h(kana: str, doubled: str, with_h: str) -> None:
    assert romaji(kana, LongVowels.OO) == doubled
    assert romaji(kana, LongVowels.OH) == with_h


def test_no_vowel_is_long_across_a_border() -> None:
    assert (romaji("イノウエ"), romaji("イノ|ウエ")) == ("inoe", "inoue")
    assert romaji("ヒロ|オカ", LongVowels.OH) == "hirooka"
    assert romaji("ホン|マ") == "homma"


@pytest.mark.parametrize(
    ("kana", "letters"),
    [
        ("リヨウコ", "ryoko"), ("シヨウジ", "shoji"), ("ジユン", "jun"), ("シユンスケ", "shunsuke"),
        ("テツペイ", "teppei"), ("マツキ", "matsuki"), ("チヨコ", "chiyoko"), ("キヨシ", "kiyoshi"),
        ("ミヤモト", "miyamoto"),
    ],
)  # fmt: skip
def test_only_certain_small_kana_are_put_back_where_a_file_has_none(kana: str, letters: str) -> None:
    assert romaji(kana, large_kana_only=True) == letters


def test_a_reading_that_has_small_kana_is_taken_at_its_word() -> None:
    assert romaji("シヨウッタ", large_kana_only=True) == "shiyotta"
    assert romaji("シヨウ") == "shiyo"


@pytest.mark.parametrize("text", ["", "　", "ー", "・"])
def test_nothing_makes_nothing(text: str) -> None:
    with pytest.raises(InvalidInput, match="フリガナがない"):
        romaji(text)


@pytest.mark.parametrize("text", ["山田", "サトウ1", "サト*", "サトウ\0", "々"])
def test_what_is_no_kana_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInput, match="ローマ字にできない文字"):
        romaji(text)


@given(KANA, LONG, st.booleans())
def test_kana_always_give_letters_and_only_letters(kana: str, long_vowels: LongVowels, large_only: bool) -> None:
    made = romaji(kana, long_vowels, large_kana_only=large_only)
    assert made
    assert made.isascii()
    assert made.islower()
    assert made.isalpha()


@given(KANA, LONG)
def test_width_and_hiragana_make_no_difference(kana: str, long_vowels: LongVowels) -> None:
    hiragana = "".join(chr(ord(sign) - 0x60) if sign != "ー" else sign for sign in kana)
    assert romaji(hiragana, long_vowels) == romaji(kana, long_vowels)
    assert romaji(half_width(kana), long_vowels) == romaji(kana, long_vowels)


@given(KANA, LONG)
def test_letters_of_letters_are_the_same_letters(kana: str, long_vowels: LongVowels) -> None:
    made = romaji(kana, long_vowels)
    assert romaji(made, long_vowels) == made == romaji(made.upper(), long_vowels)


@given(KANA)
def test_writing_large_what_is_large_changes_nothing(kana: str) -> None:
    assert large(large(kana)) == large(kana)
    assert words(" ".join(words(kana))) == words(kana)


def half_width(kana: str) -> str:
    """The text as an old system prints it: narrow signs, voicing marks apart."""
    narrow = {unicodedata.normalize("NFKC", chr(code)): chr(code) for code in range(0xFF66, 0xFF9E)}
    marks = {"\u3099": "\uff9e", "\u309a": "\uff9f"}
    parts = unicodedata.normalize("NFD", kana)
    return "".join(narrow.get(sign, marks.get(sign, sign)) for sign in parts)
