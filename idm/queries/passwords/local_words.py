"""What somebody who knows the place would try first when guessing a person's password (KT 第62): names, as they stand.

Readings become Latin letters by the rule that account names are made by. Units and systems have no reading: their names
stand as they are written, and so do their beginnings, for 青葉県共済組合 is known as 青葉 and 青葉県.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import permutations

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.errors import InvalidInput
from idm.models.people import OrganisationUnit, Person
from idm.models.periods import holding_on
from idm.models.systems import InformationSystem
from idm.names.romaji import romaji, words
from idm.passwords.password_strength import LocalWords
from idm.queries.governance.configuration import organisation_in_force
from idm.vocabulary import LongVowels

_TO_HIRAGANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}


def local_words(session: Session, person_id: int, *, name: str, now: datetime) -> LocalWords:
    """The words about this person, whose sign-in name is `name`, and about the organisation on the day of `now`."""
    person = session.get_one(Person, person_id)
    organisation = organisation_in_force(session, now=now)
    units = session.scalars(select(OrganisationUnit.name).where(holding_on(OrganisationUnit, day_of(now))).distinct())
    systems = session.execute(select(InformationSystem.code, InformationSystem.name)).all()
    place = [organisation.name, *(word for system in systems for word in system), *units]
    return LocalWords(own=tuple(_own(person, name)), place=tuple(_with_beginnings(place)))


def _own(person: Person, name: str) -> Iterator[str]:
    parts = list(dict.fromkeys(_names_of(person)))
    yield name
    yield from parts
    yield from (employment.staff_number for employment in person.employments)
    if person.mail:
        yield person.mail.partition("@")[0]
    yield from (first + second for first, second in permutations(parts, 2))


def _names_of(person: Person) -> Iterator[str]:
    """Every part of every name of the person: as written, in kana, in letters with and without long vowels."""
    for written in (person.name, person.work_name or "", person.romaji or ""):
        yield from (part for part in unicodedata.normalize("NFKC", written).split() if len(part) > 1)
    for reading in words(person.kana):
        yield reading
        yield reading.translate(_TO_HIRAGANA)
        yield from _in_letters(reading)


def _in_letters(reading: str) -> Iterator[str]:
    for long_vowels in LongVowels:
        try:
            yield romaji(reading, long_vowels)
        except InvalidInput:  # a sign without letters: nobody could type it in letters either
            return


def _with_beginnings(names: Iterable[str]) -> Iterator[str]:
    """The names, then every beginning of two signs or more of each."""
    known = list(names)
    yield from known
    for name in known:
        yield from (name[:length] for length in range(2, len(name)))
