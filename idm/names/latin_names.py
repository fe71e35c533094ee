"""A person's name in Latin letters: their own spelling, else the exceptions, else the passport rule. Pure.

The order is the point: nobody's spelling of themselves is corrected, an organisation's own exceptions stand above the
shipped ones, and the algorithm is asked last (`idm.names.romaji` says why it is not enough).
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from idm.errors import InvalidInput
from idm.names.name_exceptions import GIVEN_NAMES, SURNAMES
from idm.names.personal_names import split_name
from idm.names.romaji import large, romaji, words
from idm.vocabulary import LongVowels


class NameSource(StrEnum):
    """Where the letters of a name come from, strongest first."""

    OWN = "own"
    EXCEPTION = "exception"
    READING = "reading"


@dataclass(frozen=True)
class Spelling:
    """How an organisation spells readings. `exceptions`: reading (any kana) → letters, for family and given names."""

    long_vowels: LongVowels = LongVowels.DROP
    large_kana_only: bool = False
    exceptions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LatinName:
    """Family and first given name in the letters a to z; `given` is empty for a name of one part."""

    family: str
    given: str
    source: NameSource


_NOT_DECOMPOSED = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
_WITHIN_A_WORD = re.compile(r"['’‘`´ʼ.・-]")
_LETTERS = re.compile("[a-z]+")


def latin_name(kana: str, own: str | None, spelling: Spelling) -> LatinName:
    """The name to make account names from. `own` is the personnel system's ローマ字, used when it is not empty.

    Raises InvalidInput when neither gives letters.
    """
    if own is not None and own.strip():
        return own_spelling(own)
    family, given = _parts(kana)
    family_letters, listed = _spelled(family, SURNAMES, spelling)
    if not given:
        return LatinName(family_letters, "", listed)
    given_letters, given_listed = _spelled(words(given)[0], GIVEN_NAMES, spelling)
    exceptional = NameSource.EXCEPTION in (listed, given_listed)
    return LatinName(family_letters, given_letters, NameSource.EXCEPTION if exceptional else NameSource.READING)


def own_spelling(written: str) -> LatinName:
    """The name as the person writes it: SUZUKI Hanako, Hanako SUZUKI, "Suzuki, Hanako"; accents and hyphens go.

    The family name stands before a comma, else is the one word in capitals, else the first. Raises InvalidInput.
    """
    text = unicodedata.normalize("NFKC", written).strip()
    family, comma, given = (part.strip() for part in text.partition(","))
    if not comma:
        parts = text.split()
        capitals = [part for part in parts if part.isupper() and len(part) > 1]
        family = parts.pop(parts.index(capitals[0]) if len(capitals) == 1 else 0)
        given = " ".join(parts)
    first = given.split()[:1]
    letters = [_letters(part, written) for part in (family, *first)]
    return LatinName(letters[0], letters[1] if first else "", NameSource.OWN)


def _letters(part: str, written: str) -> str:
    decomposed = unicodedata.normalize("NFKD", _WITHIN_A_WORD.sub("", part).casefold().translate(_NOT_DECOMPOSED))
    plain = "".join(sign for sign in decomposed if not unicodedata.combining(sign) and not sign.isspace())
    if not _LETTERS.fullmatch(plain):
        raise InvalidInput(
            f"人事データのローマ字「{written}」に、英字でない文字があります。人事データを直すか、"
            "利用者IDを選んでください。",
            fields={"login_name": "ローマ字に英字でない文字があります"},
        )
    return plain


def _parts(kana: str) -> tuple[str, str]:
    """Family name and given names; a name that is written with ・ alone is parted there."""
    family, given = split_name(unicodedata.normalize("NFKC", kana))
    if not given:
        family, _, given = family.partition("・")
    return family, given if words(given) else ""


def _spelled(reading: str, shipped: Mapping[str, str], spelling: Spelling) -> tuple[str, NameSource]:
    """The letters of one name, and whether an exception gave them."""
    name = "".join(words(reading))
    own = {form: letters for key, letters in spelling.exceptions.items() for form in _forms(key)}
    if name in own:
        return own[name], NameSource.EXCEPTION
    if name in shipped:
        return romaji(shipped[name], spelling.long_vowels), NameSource.EXCEPTION
    letters = romaji(reading, spelling.long_vowels, large_kana_only=spelling.large_kana_only)
    return letters, NameSource.READING


def _forms(reading: str) -> tuple[str, str]:
    """A reading as files with and without small kana write it."""
    bare = "".join(words(reading))
    return large(bare), bare
