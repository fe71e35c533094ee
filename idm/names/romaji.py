"""From kana to Latin letters as passports write names (旅券の表記（ヘボン式）). Pure.

The rule for passports, in words: ん is n, and m before b, m and p; っ doubles the consonant after it, and is t before
ch; a long o (おう, おお) or u (うう) is written once, but a name that ends in おお ends in oo (高遠 takatoo); ー is
left out; small ァィゥェォ are read as large ones (ファ fua, ティ tei, チェ chie), and ヴ is bu.

Kana do not show where one word in a name ends and the next begins: いのうえ is い＋の＋うえ. So no algorithm is enough;
`idm.names.latin_names` asks the person's own spelling and the table of exceptions first.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from idm.errors import InvalidInput
from idm.vocabulary import LongVowels

_ROWS = {
    "": "アイウエオ", "k": "カキクケコ", "g": "ガギグゲゴ", "s": "サシスセソ", "z": "ザジズゼゾ", "t": "タチツテト",
    "d": "ダヂヅデド", "n": "ナニヌネノ", "h": "ハヒフヘホ", "b": "バビブベボ", "p": "パピプペポ", "m": "マミムメモ",
    "r": "ラリルレロ",
}  # fmt: skip
_IRREGULAR = {
    "シ": "shi", "ジ": "ji", "チ": "chi", "ヂ": "ji", "ツ": "tsu", "ヅ": "zu", "フ": "fu", "ヤ": "ya", "ユ": "yu",
    "ヨ": "yo", "ワ": "wa", "ヰ": "i", "ヱ": "e", "ヲ": "o", "ヴ": "bu",
}  # fmt: skip
_SOUNDS = {
    kana: consonant + vowel for consonant, row in _ROWS.items() for kana, vowel in zip(row, "aiueo", strict=True)
} | _IRREGULAR
_GLIDES = {"ャ": "a", "ュ": "u", "ョ": "o"}
_SMALL = "ァィゥェォッャュョヮヵヶ"
_LARGE = "アイウエオツヤユヨワカケ"
_TO_LARGE = str.maketrans(_SMALL, _LARGE)
_TO_KATAKANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}
# Signs that stand for a prolonged sound or a hyphen in files of older systems.
_BARS = str.maketrans(dict.fromkeys("‐‑‒–—―−-", "ー"))
_BETWEEN_WORDS = re.compile(r"[\s・･·.,、，．=＝゠'’]+")
_WITHOUT_SMALL = (
    (re.compile("(?<=[キギシジチヂニヒビピミリ])ヨ(?=ウ)"), "ョ"),
    (re.compile("(?<=[キギシジチヂニヒビピリ])ユ(?=[ウン])"), "ュ"),
    (re.compile("ツ(?=[パピプペポ])"), "ッ"),
)
"""What can be said of a reading without small kana: リヨウ is りょう, シユン is しゅん, テツペイ is てっぺい."""

BORDER = "|"
"""Where one word of a name ends and the next begins: no vowel is long across it (イノ|ウエ)."""


class Sound(NamedTuple):
    """The letters of one sound, whether it can be part of a long vowel, and whether a word of the name begins here."""

    letters: str
    whole: bool
    begins: bool


def words(kana: str) -> tuple[str, ...]:
    """The words of a reading in large and small katakana: width, hiragana and signs between words no longer matter."""
    text = unicodedata.normalize("NFKC", kana).translate(_TO_KATAKANA).translate(_BARS)
    return tuple(word for word in (word.strip("ー") for word in _BETWEEN_WORDS.split(text)) if word)


def large(word: str) -> str:
    """The word as a system without small kana writes it (ハッチョウ → ハツチヨウ)."""
    return word.translate(_TO_LARGE)


def romaji(kana: str, long_vowels: LongVowels = LongVowels.DROP, *, large_kana_only: bool = False) -> str:
    """The reading in the letters a to z, words joined; never empty. Latin letters in it stay, in lower case.

    `large_kana_only` says that the file has no small kana; then the ones that are certain are put back. A border marked
    in the reading parts its vowels. Raises InvalidInput when the reading is empty or holds anything else.
    """
    found = "".join(_word(word, long_vowels, large_kana_only=large_kana_only) for word in words(kana))
    if not found:
        raise InvalidInput("フリガナがないため、ローマ字を作れません。")
    return found


def _word(word: str, long_vowels: LongVowels, *, large_kana_only: bool) -> str:
    if large_kana_only and not set(word) & set(_SMALL):
        for pattern, small in _WITHOUT_SMALL:
            word = pattern.sub(small, word)
    return _spelled([sound for sound in _sounds(word) if sound.letters], long_vowels)


def _sounds(word: str) -> Iterator[Sound]:
    """The sounds of a word; ッ and ン stand as themselves until their neighbour is known."""
    position = 0
    while position < len(word):
        begins = position > 0 and word[position - 1] == BORDER
        sign, following = word[position], word[position + 1 : position + 2]
        sound = _SOUNDS.get(sign, "")
        if following in _GLIDES and len(sound) > 1 and sound.endswith("i"):
            yield Sound(_with_glide(sound, _GLIDES[following]), whole=True, begins=begins)
            position += 1
        else:
            yield Sound(sound or _other(sign, word), whole=sign in _SOUNDS or sign in _GLIDES, begins=begins)
        position += 1


def _other(sign: str, word: str) -> str:
    """What a sign that is no large kana stands for; nothing for a bar or a border. Raises InvalidInput."""
    if sign in "ンッ":
        return sign
    if sign in _SMALL:
        return _SOUNDS[sign.translate(_TO_LARGE)]
    if sign.isascii() and sign.isalpha():
        return sign.lower()
    if sign in ("ー", BORDER):
        return ""
    raise InvalidInput(f"フリガナ「{word}」に、ローマ字にできない文字「{sign}」があります。")


def _with_glide(sound: str, vowel: str) -> str:
    stem = sound[:-1]
    return stem + vowel if stem in ("sh", "ch", "j") else f"{stem}y{vowel}"


def _spelled(sounds: Sequence[Sound], long_vowels: LongVowels) -> str:
    """The letters of a word's sounds. A vowel is lengthened once: オオオ is oo and オオウチ is ouchi."""
    letters, lengthened = "", False
    for position, sound in enumerate(sounds):
        after = sounds[position + 1].letters if position + 1 < len(sounds) else ""
        long = not lengthened and position > 0 and _lengthens(sounds[position - 1], sound)
        if sound.letters == "ン":
            letters += "m" if after.startswith(("b", "m", "p")) else "n"
        elif sound.letters == "ッ":
            letters += _doubled(after)
        elif long:
            letters += _second_half(letters[-1], long_vowels, ends_in_oo=not after and sound.letters == "o")
        else:
            letters += sound.letters
        lengthened = long
    return letters


def _doubled(after: str) -> str:
    """ッ before a consonant; at the end, or before a vowel, nothing can be doubled and it is ツ."""
    if not after or after[0] in "aiueoンッ":
        return "tsu"
    return "t" if after.startswith("ch") else after[0]


def _lengthens(before: Sound, sound: Sound) -> bool:
    """Whether a large ウ or オ makes the vowel before it long."""
    long = (before.letters[-1], sound.letters) in {("o", "o"), ("o", "u"), ("u", "u")}
    return long and before.whole and sound.whole and not sound.begins


def _second_half(vowel: str, long_vowels: LongVowels, *, ends_in_oo: bool) -> str:
    """What stands after the vowel because it is long."""
    if long_vowels is LongVowels.OO:
        return vowel
    if long_vowels is LongVowels.OH:
        return "h" if vowel == "o" else ""
    return "o" if ends_in_oo else ""
