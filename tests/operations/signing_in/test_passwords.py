"""Passwords of the own sign-in: what may be chosen, and how it is compared."""

import itertools
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from zxcvbn import matching
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from idm.database import Database
from idm.errors import InvalidInput
from idm.models.people import Person
from idm.passwords.password_hashing import check_new_password, hash_password, verify_password
from idm.passwords.password_strength import (
    ESTIMATED_CHARACTERS,
    MOST_READINGS,
    LocalWords,
    estimate,
    guessable_words,
    most_readings,
)
from idm.policy_file import load_profile
from idm.queries.passwords.local_words import local_words
from tests.cast import NOW, Cast
from tests.operations.signing_in.steps import POLICY, enrol, invite
from tests.small_town import Town

RULES = load_profile("fukuoka").policy.passwords
WORDS = LocalWords(own=("100009", "青木", "aoki", "ichiro"), place=("青葉共済組合", "青葉", "kaikei", "総務課"))


def may_choose(password: str, *, words: LocalWords = WORDS) -> bool:
    """Whether somebody may set it."""
    try:
        check_new_password(password, rules=RULES, name="u100009", words=words)
    except InvalidInput:
        return False
    return True


def accepted(passwords: Iterable[str]) -> list[str]:
    """Those of them that somebody may set."""
    return [password for password in passwords if may_choose(password)]


@pytest.mark.asvs("6.2.8")
def test_a_password_is_compared_as_the_very_bytes_typed() -> None:
    stored = hash_password("パスワードpassword1")
    assert verify_password(stored, "パスワードpassword1")
    for other in ("ﾊﾟｽﾜｰﾄﾞpassword1", "パスワードpassword1 ", "パスワードＰassword1", "パスワードpassword1\0", ""):
        assert not verify_password(stored, other)


def test_long_passwords_differ_in_their_last_byte() -> None:
    for length in (72, 73, 1000, 1024):
        stored = hash_password("a" * length)
        assert verify_password(stored, "a" * length)
        assert not verify_password(stored, "a" * (length - 1) + "b")
    assert not verify_password(hash_password("a" * 1025), "a" * 1025)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("短い", "12文字以上"),
        ("あいうえお" * 80, "長すぎ"),
        ("ababababababab", "繰り返し"),
        ("kyou100001ashita", "利用者名"),
    ],
)
def test_a_weak_password_cannot_be_chosen(password: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as caught:
        check_new_password(password, rules=RULES, name="100001", words=LocalWords())
    assert set(caught.value.fields) == {"password"}


@pytest.mark.asvs("6.2.1")
def test_the_shortest_password_has_the_profiles_length() -> None:
    shortest = "庭のねこが屋根でねむる夜"
    assert len(shortest) == RULES.own_minimum_length
    assert may_choose(shortest)
    assert not may_choose(shortest[:-1])


@pytest.mark.asvs("6.2.4", "6.2.12")
def test_none_of_the_passwords_known_from_breaches_is_accepted() -> None:
    known = FREQUENCY_LISTS["passwords"]
    assert len(known) > 20_000
    assert accepted(password for password in known if len(password) >= RULES.own_minimum_length) == []


@pytest.mark.asvs("6.2.4", "6.2.12")
def test_nor_are_the_commonest_with_a_year_and_a_sign_after_them_or_twice() -> None:
    common = [password.capitalize() for password in FREQUENCY_LISTS["passwords"][:300]]
    assert accepted(f"{word}2026!" for word in common) == []
    assert accepted(word + word for word in common) == []


@pytest.mark.asvs("6.1.2", "6.2.11")
@pytest.mark.parametrize(
    ("password", "kind"),
    [
        ("Shiyakusho2026!", "役所でよく使われる言葉"),
        ("Soumuka-Soumuka", "繰り返し"),
        ("Reiwa8-sakura", "年・年号"),
        ("Fukuoka2026Sakura", "都道府県・市の名"),
        ("TanakaHanako2026", "日本人の姓"),
        ("P@ssw0rd2026!", "よく使われるパスワード"),
        ("edcrfvtgbyhn", "キーボードの並び|よく使われるパスワード"),
        ("abcdefghijklmnop", "続いた文字や数字"),
        ("AokiIchiro2026!", "あなたの氏名"),
        ("青葉共済組合_2026年", "この組織"),
        ("青葉総務課-2026!!", "この組織"),
    ],
)
def test_words_of_the_place_and_simple_variants_are_refused_and_the_refusal_names_their_kind(
    password: str, kind: str
) -> None:
    with pytest.raises(InvalidInput, match=kind) as caught:
        check_new_password(password, rules=RULES, name="u100009", words=WORDS)
    assert password not in caught.value.message
    assert set(caught.value.fields) == {"password"}


SIGNS = "4@8({[<369&#!1/|0$5+7%2"
HOSTILE = (SIGNS * 3, SIGNS, "1|!il7+t$5s0o" * 6, "([{<" * 18, "-".join(SIGNS), "|17" * 24, f"{SIGNS}{SIGNS[::-1]}" * 2)


@pytest.mark.parametrize("password", HOSTILE)
def test_no_password_costs_more_than_so_many_searches_of_the_lists(
    password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    estimate("the lists are read", WORDS)
    searched, search = [], matching.dictionary_match

    def counted(part: str, _ranked_dictionaries: dict[str, dict[str, int]]) -> Any:
        searched.append(len(part))
        return search(part, _ranked_dictionaries)

    monkeypatch.setattr(matching, "dictionary_match", counted)
    estimate(password, WORDS)
    # As typed and without its signs; once whole, and once more what is repeated in it; forwards, backwards, as read.
    assert sum(searched) <= 2 * 2 * (MOST_READINGS + 2) * ESTIMATED_CHARACTERS


def test_there_are_never_more_readings_than_foretold() -> None:
    estimate("the lists are read", WORDS)
    several = [*itertools.combinations("4@8({[<3691!|0$5+7%2", 4), "1|7+!4@", SIGNS]
    for signs in several:
        table = matching.relevant_l33t_subtable("".join(signs), matching.L33T_TABLE)
        assert len(matching.enumerate_l33t_subs(table)) <= min(most_readings(table), MOST_READINGS), signs


@pytest.mark.parametrize("password", ["P@$$w0rd!1234", "P@ssw0rd1234567890", "Adm1n1str@t0r2026!"])
def test_signs_that_stand_for_letters_are_still_read(password: str) -> None:
    assert not may_choose(password)


def test_every_word_of_the_list_with_a_year_after_it_is_refused() -> None:
    words = [word for kind in guessable_words().values() for word in kind]
    assert len(set(words)) > 1000
    long_enough = [f"{word.capitalize()}-2026" for word in words]
    assert accepted(password for password in long_enough if len(password) >= RULES.own_minimum_length) == []


@pytest.mark.asvs("6.2.5")
@pytest.mark.parametrize(
    "password",
    [
        "あおばの庭で大きな犬がねむる",
        "ねこがやねでひるねするなつ",
        "雨上がりの坂道を自転車で下る",
        "kumanekozurashibonote",
        "correct horse battery staple",
        "k7#Rw2!mQz9x",
        "うさぎ と ひこうき と みずうみ",
    ],
)
def test_sentences_and_long_nonsense_are_accepted_whatever_kinds_of_characters_they_have(password: str) -> None:
    assert may_choose(password)


def test_what_is_about_one_person_and_place_makes_weak_only_there() -> None:
    mine = "Kurumizawa-Ryusei-88"
    assert may_choose(mine)
    assert not may_choose(mine, words=LocalWords(own=("kurumizawa", "ryusei")))
    assert may_choose(mine), "nothing of one estimate stays for the next"


def test_only_the_beginning_of_a_long_password_is_estimated_and_its_length_does_no_harm() -> None:
    assert may_choose("雨上がりの坂道を自転車で下る" * 20)
    assert not may_choose("a" * 100 + "bcde")
    assert estimate("x1" * 500, LocalWords()).guesses_log10 < RULES.own_guesses_log10


def test_the_profile_says_how_hard_to_guess_it_must_be() -> None:
    hard = replace(RULES, own_guesses_log10=20)
    with pytest.raises(InvalidInput, match="推測"):
        check_new_password("雨上がりの坂道を自転車で", rules=hard, name="u1", words=LocalWords())


def test_the_words_are_those_of_the_rows(cast: Cast) -> None:
    with cast.database.writing() as session:
        session.get_one(Person, cast.people["staff"]).romaji = "AOKI Ichiroh"
    with cast.database.reading() as session:
        words = local_words(session, cast.people["staff"], name="aoki-i", now=NOW)
    assert {"aoki-i", "青木", "一郎", "アオキ", "あおき", "aoki", "ichiro", "Ichiroh", "100009", "u100009"} <= {
        *words.own
    }
    assert {"aokiichiro", "ichiroaoki"} <= {*words.own}
    assert {"小さな組合", "小さな", "会計システム", "会計", "ledger", "総務課", "情報システム課"} <= {*words.place}


def test_enrolling_asks_with_the_words_of_the_place(database: Database, town: Town) -> None:
    link = invite(database, town, town.staff)
    with database.reading() as session:
        place = local_words(session, town.staff, name="100001", now=NOW).place
    with pytest.raises(InvalidInput, match="この組織"), database.writing() as session:
        enrol(session, token=link, password=f"{place[0]}2026!!", policy=POLICY, now=NOW)


def test_the_command_line_does_not_wait_for_the_lists() -> None:
    loaded = "import sys, jobs.command_line, web.app, idm.passwords.password_hashing; print('zxcvbn' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
