"""Names are found whatever their spelling, matched only by who holds the secret, and never changed."""

import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.names.personal_names import VARIANTS, fold, has_private_use, match_key, search_key, split_name

SECRET = b"sixteen bytes or more of secret"
BORN = date(1985, 4, 2)
KANA = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲンガパャッー"


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("髙橋", "高橋"),
        ("山﨑", "山崎"),
        ("渡邊", "渡辺"),
        ("渡邉", "渡辺"),
        ("齋藤", "斉藤"),
        ("齊藤", "斎藤"),
        ("濵田", "浜田"),
        ("德永", "徳永"),
        ("𠮷田", "吉田"),
        ("葛\U000e0100城", "葛城"),
        ("手\ufa10", "手塚"),
        ("\ufa19谷", "神谷"),
        ("山田　太郎", "山田太郎"),
        ("ＳＭＩＴＨ　John", "smith john"),
        ("ジョン・スミス", "ジョン スミス"),
    ],
)
def test_a_name_is_found_by_its_common_form(stored: str, asked: str) -> None:
    assert fold(asked) in search_key(stored, "")


@pytest.mark.parametrize("asked", ["ヤマダ", "ﾔﾏﾀﾞ", "やまだ", "ﾔﾏﾀﾞ ﾀﾛｳ", "やまだ　たろう"])
def test_a_name_is_found_by_its_reading_in_any_kana(asked: str) -> None:
    assert fold(asked) in search_key("山田　太郎", "ヤマダ　タロウ")


def test_a_search_never_straddles_name_and_reading() -> None:
    assert search_key("山田", "ヤマダ") == "山田|ヤマダ"
    assert fold("田|ヤ") not in search_key("山田", "ヤマダ")


def test_different_names_stay_apart() -> None:
    assert len({fold(name) for name in ("高橋", "高梁", "浜田", "浜口", "辺見", "渡部")}) == 6


def test_the_variant_table_names_each_character_once() -> None:
    characters = "".join(VARIANTS)
    assert len(characters) == len(set(characters))


@given(st.text(), st.text())
def test_a_search_key_of_folded_texts_is_the_same_key(name: str, kana: str) -> None:
    key = search_key(name, kana)
    assert search_key(fold(name), fold(kana)) == key
    assert key.count("|") == 1
    assert not any(sign.isspace() for sign in key)


@given(st.text(alphabet=KANA, min_size=1))
def test_hiragana_katakana_and_half_width_fold_alike(katakana: str) -> None:
    hiragana = "".join(chr(ord(sign) - 0x60) if "ァ" <= sign <= "ヶ" else sign for sign in katakana)
    assert fold(hiragana) == fold(katakana) == fold(unicodedata.normalize("NFD", katakana))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("山田　太郎", ("山田", "太郎")),
        ("山田 太郎", ("山田", "太郎")),
        ("山田　　太郎", ("山田", "太郎")),
        ("　山田　太郎　", ("山田", "太郎")),
        ("原　樹", ("原", "樹")),
        ("グエン　ティ　ラン", ("グエン", "ティ　ラン")),
        ("プトリ", ("プトリ", "")),
        ("髙橋　\ufa10", ("髙橋", "\ufa10")),
    ],
)
def test_a_name_is_parted_at_its_first_space_and_not_changed(name: str, parts: tuple[str, str]) -> None:
    assert split_name(name) == parts


@given(st.text(alphabet="山髙塚アa　 ", min_size=1))
def test_parting_a_name_loses_no_character(name: str) -> None:
    family, given_name = split_name(name)
    assert (family + given_name).replace(" ", "").replace("　", "") == name.replace(" ", "").replace("　", "")


@pytest.mark.parametrize("sign", ["\ue000", "\ue757", "\uf8ff", "\U000f0000", "\U0010fffd"])
def test_gaiji_are_noticed(sign: str) -> None:
    assert has_private_use(f"山{sign}　太郎")


@pytest.mark.parametrize("name", ["髙橋　太郎", "山﨑", "𠮷田", "葛\U000e0100城", ""])
def test_rare_characters_with_a_code_point_are_not_gaiji(name: str) -> None:
    assert not has_private_use(name)


@pytest.mark.parametrize("kana", ["ｼｮｳｼﾞ ﾕｳｺ", "しょうじ　ゆうこ", "シヨウジユウコ"])
def test_one_person_matches_however_the_reading_is_written(kana: str) -> None:
    assert match_key(kana, BORN, SECRET) == match_key("ショウジ　ユウコ", BORN, SECRET)


def test_another_reading_birth_date_or_secret_does_not_match() -> None:
    key = match_key("ショウジ　ユウコ", BORN, SECRET)
    assert key != match_key("ショウジ　ユウカ", BORN, SECRET)
    assert key != match_key("ショウジ　ユウコ", date(1985, 4, 3), SECRET)
    assert key != match_key("ショウジ　ユウコ", BORN, SECRET + b"!")
    assert len(key) == 64


def test_a_match_key_needs_a_secret_and_a_reading() -> None:
    with pytest.raises(ValueError, match="secret"):
        match_key("ショウジ", BORN, b"short")
    with pytest.raises(ValueError, match="kana"):
        match_key("　", BORN, SECRET)
