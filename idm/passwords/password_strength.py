"""How soon a password would be guessed by somebody who knows the place (FK 5-4(3)③, MT 6-4(2)ウ, KT 第62). Pure.

The estimate is zxcvbn's: its lists of common passwords, English words and names, keyboard rows, repeats, sequences and
dates. It knows no Japanese, and nothing of one organisation: on its own it calls "Shiyakusho2026!" strong. So the words
of `guessable_words.txt` stand beside its lists, and the names of this place and of this person before all of them.

Kinds of characters are not asked for; a sentence is better than a sign.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import log10
from typing import Any, cast

from idm.errors import InvalidInput

ESTIMATED_CHARACTERS = 48
"""So many are looked at; what follows them only makes a password better. (The estimate takes cubic time.)"""
MOST_READINGS = 32
"""In so many ways at most the signs of a password are read as letters ("p@ssw0rd"); where there are more, in none.

Each way costs a search of all lists, and one password of signs alone has thousands of them.
"""

OWN, PLACE = "own", "place"
KINDS = {
    OWN: "あなたの氏名・利用者名・職員番号",
    PLACE: "この組織・部署・情報システムの名前",
    "passwords": "よく使われるパスワード",
    "english_wikipedia": "英語の単語",
    "us_tv_and_film": "英語の単語",
    "surnames": "英語の人名",
    "male_names": "英語の人名",
    "female_names": "英語の人名",
    "spatial": "キーボードの並び",
    "repeat": "同じ文字や言葉の繰り返し",
    "sequence": "続いた文字や数字",
    "regex": "年・日付",
    "date": "年・日付",
}
"""What made a password weak, in words. A list of our own is called what its heading calls it."""

_SIGNS = re.compile(r"[\W_]+")
_SECTION = re.compile(r"\[(.+)\]")


@dataclass(frozen=True)
class LocalWords:
    """What somebody who knows the place tries first: about the person, and about the organisation."""

    own: tuple[str, ...] = ()
    place: tuple[str, ...] = ()


@dataclass(frozen=True)
class Estimate:
    """How many tries a password takes, as a power of ten, and what of it is guessable, the longest part first."""

    guesses_log10: float
    kinds: tuple[str, ...]


def estimate(password: str, words: LocalWords) -> Estimate:
    """How soon the password would be guessed, with these words tried before every other.

    Signs between words count once, however many there are: who guesses the words tries a hyphen everywhere.
    """
    as_it_is, joined = _estimate(password, words), _SIGNS.sub("", password)
    if not 0 < len(joined) < len(password):
        return as_it_is
    without = _estimate(joined, words)
    return min(as_it_is, Estimate(without.guesses_log10 + 1, without.kinds), key=lambda one: one.guesses_log10)


def most_readings(signs: Mapping[str, Iterable[str]]) -> int:
    """In how many ways at most these signs are read, by letter → the signs of the password that may stand for it."""
    ways, seen = 1, set[str]()
    for of_letter in map(frozenset, signs.values()):
        ways *= len(of_letter) + len(seen & of_letter)  # one that stands for two letters is read both ways
        seen |= of_letter
    return ways


def _estimate(password: str, words: LocalWords) -> Estimate:
    from zxcvbn import matching, scoring  # noqa: PLC0415 - its lists are large, and only a new password needs them

    # Not through `zxcvbn.zxcvbn`, which keeps the words of one person where another's estimate reads them.
    lists = {OWN: _ranked(words.own), PLACE: _ranked(words.place), **_shipped()}
    matched = matching.omnimatch(password[:ESTIMATED_CHARACTERS], lists)
    # Without its surcharge for every further word: a city, a year and a flower are soon tried together.
    result = scoring.most_guessable_match_sequence(password[:ESTIMATED_CHARACTERS], matched, _exclude_additive=True)
    sequence = cast(list[dict[str, Any]], result["sequence"])  # its stubs know nothing of parts that are just tried
    found = sorted((part for part in sequence if part["pattern"] != "bruteforce"), key=lambda part: -len(part["token"]))
    return Estimate(log10(result["guesses"]), tuple(dict.fromkeys(_kind_of(part) for part in found)))


def require_unguessable(password: str, *, guesses_log10: int, words: LocalWords) -> None:
    """Afterwards guessing the password takes 10 to the power of `guesses_log10` tries or more. Raises InvalidInput."""
    found = estimate(password, words)
    if found.guesses_log10 >= guesses_log10:
        return
    made_of = f"（{'、'.join(found.kinds)}が使われています）" if found.kinds else ""
    message = (
        f"このパスワードは推測されやすいため使えません{made_of}。関係のない言葉をいくつかつなげて、長くしてください。"
        "記号や数字を足すだけでは足りません。"
    )
    raise InvalidInput(message, fields={"password": message})


@cache
def guessable_words() -> dict[str, tuple[str, ...]]:
    """The product's own lists: what the words of a list are → the words, the likeliest first."""
    text = resources.files("idm.passwords").joinpath("guessable_words.txt").read_text(encoding="utf-8")
    lists: dict[str, list[str]] = {}
    kind = ""
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        if heading := _SECTION.fullmatch(line):
            kind = heading[1]
        else:
            lists.setdefault(kind, []).extend(line.split())
    return {kind: tuple(words) for kind, words in lists.items() if words}


@cache
def _shipped() -> dict[str, dict[str, int]]:
    """Its lists and ours, word → rank. Afterwards it knows ours, and the bound on readings, wherever it looks.

    It looks at what is repeated by itself, with its own lists alone.
    """
    from zxcvbn import matching  # noqa: PLC0415

    matching.add_frequency_lists(guessable_words())
    all_readings = matching.enumerate_l33t_subs

    def few_readings(table: Mapping[str, Iterable[str]]) -> list[dict[str, str]]:
        return all_readings(table) if most_readings(table) <= MOST_READINGS else []

    matching.enumerate_l33t_subs = few_readings
    return {name: dict(ranked) for name, ranked in matching.RANKED_DICTIONARIES.items()}


def _ranked(words: tuple[str, ...]) -> dict[str, int]:
    """Word → rank. A word of one letter is in everything."""
    wanted = dict.fromkeys(word.lower() for word in words if len(word) > 1)
    return {word: rank for rank, word in enumerate(wanted, 1)}


def _kind_of(part: dict[str, Any]) -> str:
    name = str(part.get("dictionary_name") or part["pattern"])
    return KINDS.get(name, name)
