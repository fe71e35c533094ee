"""Who lives in the town and what happens to them in a year: a table, made from a seed before anything runs.

What is due on which day is the oracle's to say (`tests.year.oracle`); here stands only what people do.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from idm.samples.people import OFFICERS, Invention

SEED = 20260323
DAY = timedelta(days=1)
FIRST, LAST = date(2026, 3, 23), date(2027, 4, 9)
APRIL, OCTOBER, NEXT_APRIL = date(2026, 4, 1), date(2026, 10, 1), date(2027, 4, 1)
LONG_AGO = date(2019, 4, 1)
DIRECTORY_AWAY = frozenset({date(2026, 9, 2)})
"""Nights on which the directory does not answer: somebody's stop would be due."""
KILLED = {date(2026, 7, 24): "reading", date(2026, 12, 14): "answered"}
"""Nights that are killed with signal 9, and when: before anything is on record, or after the directory's answer."""
ORPHAN = ("tetuduke", date(2026, 11, 5), date(2026, 11, 19))
"""An ID that somebody makes in the directory by hand, on which day, and on which it is taken away again."""
HOLIDAYS = frozenset(
    date(year, month, day) for year, month, day in (
        (2026, 3, 20), (2026, 4, 29), (2026, 5, 3), (2026, 5, 4), (2026, 5, 5), (2026, 5, 6), (2026, 7, 20),
        (2026, 8, 11), (2026, 9, 21), (2026, 9, 22), (2026, 9, 23), (2026, 10, 12), (2026, 11, 3), (2026, 11, 23),
        (2026, 12, 29), (2026, 12, 30), (2026, 12, 31), (2027, 1, 1), (2027, 1, 2), (2027, 1, 3), (2027, 1, 11),
        (2027, 2, 11), (2027, 2, 23), (2027, 3, 21), (2027, 3, 22),
    )
)  # fmt: skip
"""From the Cabinet Office's list, with the days around New Year on which town halls are closed."""


def works(day: date) -> bool:
    """Whether the town hall is open on the day."""
    return day.weekday() < 5 and day not in HOLIDAYS


def working_day_from(day: date) -> date:
    """The day, or the next on which the town hall is open."""
    while not works(day):
        day += DAY
    return day


def days(begin: date, end: date) -> Iterator[date]:
    """Every day from one up to, not including, the other."""
    while begin < end:
        yield begin
        begin += DAY


@dataclass(frozen=True)
class Life:
    """One person's year. Days in `uses` are those on which they sign in, or try to; `last_day` is the last employed."""

    number: str
    name: str
    kana: str
    born: date
    unit: str
    post: str = "主事"
    joins: date = LONG_AGO
    handed: tuple[date, ...] = (FIRST,)
    """When the desk gives them a temporary password; they change it that day if it is one of `uses`."""
    uses: frozenset[date] = frozenset()
    last_day: date | None = None
    leaving: str = "普通退職"
    away: tuple[date, date] | None = None
    """Leave of absence: from that day, back on that."""
    back_is_ordered: bool = False
    """The leave has no planned end: an order of that day ends it."""
    moves: tuple[tuple[date, str], ...] = ()
    covered: tuple[date, date] | None = None
    """An exception covers the disuse of their ID, from that day and no more on that."""
    asks_back: date | None = None
    """On that day somebody opens their stopped ID again, at their request."""
    opened_by_hand: date | None = None
    """On that day somebody opens their closed ID in the directory; the next working day it is put right."""
    contract: bool = False
    """They come by a contract, which ends with `last_day`."""
    prolonged: tuple[date, date] | None = None
    """On that day the contract, which was to end with that one, was prolonged to `last_day`."""

    @property
    def put_right(self) -> date | None:
        """When what was opened by hand is put right."""
        return working_day_from(self.opened_by_hand + DAY) if self.opened_by_hand else None

    def here(self, day: date) -> bool:
        """Whether they are at work in the town on the day."""
        gone = self.last_day is not None and day > self.last_day
        absent = self.away is not None and self.away[0] <= day < self.away[1]
        return self.joins <= day and not gone and not absent


class Habits:
    """How often people sign in."""

    def __init__(self, dice: Invention) -> None:
        self._dice = dice

    def daily(self, begin: date = FIRST, end: date = LAST) -> frozenset[date]:
        """On nearly every working day."""
        return frozenset(day for day in days(begin, end) if works(day) and self._dice.below(20)) | {begin}

    def weekly(self, begin: date = FIRST, end: date = LAST) -> frozenset[date]:
        """Once in most weeks."""
        weekday = self._dice.below(5)
        found = (day for day in days(begin, end) if day.weekday() == weekday and works(day) and self._dice.below(8))
        return frozenset(found) | {begin}

    def rarely(self, begin: date = FIRST, end: date = LAST) -> frozenset[date]:
        """Every month to every quarter, never so seldom that the ID counts as unused."""
        found, day = {begin}, begin
        while (day := working_day_from(day + timedelta(days=30 + self._dice.below(50)))) < end:
            found.add(day)
        return frozenset(found)


def lives() -> tuple[Life, ...]:
    """Everybody in the town, by number."""
    dice = Invention(SEED)
    habits = Habits(dice)
    return (*_officers(habits), *_numbered(_staff(habits), dice))


def _officers(habits: Habits) -> Iterator[Life]:
    for worker in OFFICERS:
        known = Life(worker.staff_number, worker.name, worker.kana, worker.birth_date, worker.unit, worker.post)
        if worker.staff_number == "000462":
            yield replace(known, handed=())  # who hands over passwords cannot hand over their own
        elif worker.staff_number == "000440":
            yield replace(known, uses=habits.rarely())
        else:
            yield replace(known, uses=habits.daily())


def _numbered(people: Iterable[Life], dice: Invention) -> Iterator[Life]:
    for at, life in enumerate(people):
        name, kana = dice.name()
        number = f"外{at:03}" if life.contract else f"{3001 + at:06}"
        yield replace(life, number=number, name=name, kana=kana, born=dice.day_in(1970 + dice.below(30)))


def _someone(unit: str, **more: object) -> Life:
    return replace(Life("", "", "", LONG_AGO, unit), **more)  # type: ignore[arg-type]


def _staff(habits: Habits) -> Iterator[Life]:
    yield from _ordinary(habits)
    yield from _joining(habits)
    yield from _leaving(habits)
    yield from _away(habits)
    yield from _unused(habits)
    yield from _outside(habits)


def _ordinary(habits: Habits) -> Iterator[Life]:
    """Some stay where they are, others move in April, in October, or a year later."""
    for unit in ("0210", "0420", "0620"):
        yield _someone(unit, uses=habits.weekly())
        yield _someone(unit, uses=habits.rarely())
    for old, new in (("0210", "0310"), ("0310", "0410"), ("0410", "0510"), ("0510", "0610"), ("0610", "0720")):
        yield _someone(old, uses=habits.daily(), moves=((APRIL, new),))
    yield _someone("0720", uses=habits.weekly(), moves=((APRIL, "0210"), (OCTOBER, "0330")))
    yield _someone("0320", uses=habits.rarely(), moves=((OCTOBER, "0520"),))
    for old, new in (("0230", "0430"), ("0430", "0630")):
        yield _someone(old, uses=habits.daily(), moves=((NEXT_APRIL, new),))


def _joining(habits: Habits) -> Iterator[Life]:
    yield _someone("0310", joins=APRIL, handed=(APRIL,), uses=habits.daily(APRIL))
    late = date(2026, 4, 8)
    yield _someone("0410", joins=APRIL, handed=(late,), uses=habits.weekly(late))
    again = date(2026, 4, 20)  # the first temporary password is never taken up
    yield _someone("0510", joins=APRIL, handed=(APRIL, again), uses=habits.daily(again))
    yield _someone("0610", joins=OCTOBER, handed=(OCTOBER,), uses=habits.daily(OCTOBER))
    yield _someone("0720", joins=NEXT_APRIL, handed=(NEXT_APRIL,), uses=habits.daily(NEXT_APRIL))
    yield _someone("0330", joins=APRIL, handed=())  # nobody ever comes for the password


def _leaving(habits: Habits) -> Iterator[Life]:
    for unit in ("0210", "0320", "0630"):
        last = APRIL - DAY
        yield _someone(unit, last_day=last, leaving="定年退職", uses=habits.daily(FIRST, last))
    june = date(2026, 6, 30)
    yield _someone("0420", last_day=june, uses=habits.daily(FIRST, june), opened_by_hand=date(2026, 7, 8))
    september = date(2026, 9, 30)
    yield _someone("0530", last_day=september, uses=habits.weekly(FIRST, september))
    for unit in ("0310", "0520", "0610"):
        last = NEXT_APRIL - DAY
        yield _someone(unit, last_day=last, leaving="定年退職", uses=habits.daily(FIRST, last))


def _away(habits: Habits) -> Iterator[Life]:
    begins, back = date(2026, 6, 1), date(2026, 12, 1)
    yield _someone(
        "0310", away=(begins, back), uses=habits.daily(FIRST, begins) | habits.daily(back)
    )  # fmt: skip
    begins, back = date(2026, 5, 1), date(2026, 9, 1)
    yield _someone("0410", away=(begins, back), uses=habits.daily(FIRST, begins))  # back, and never signs in again
    begins, back = date(2026, 10, 15), date(2027, 2, 1)
    yield _someone(
        "0620", away=(begins, back), back_is_ordered=True, uses=habits.weekly(FIRST, begins) | habits.weekly(back)
    )  # fmt: skip


def _unused(habits: Habits) -> Iterator[Life]:
    """Who stops using their ID: for good, or until before the warning, after it, or after the stop."""
    until = date(2026, 5, 8)
    yield _someone("0210", uses=habits.daily(FIRST, until) | habits.daily(until + timedelta(days=87)))
    until = date(2026, 4, 21)  # the warning falls due on 海の日
    yield _someone("0310", uses=habits.daily(FIRST, until) | habits.weekly(date(2026, 7, 31)))
    until = date(2026, 5, 21)  # the stop falls due on the night without a directory
    yield _someone("0510", uses=habits.weekly(FIRST, until - DAY) | {until - DAY}, opened_by_hand=date(2026, 10, 14))
    until = date(2026, 6, 9)  # the stop falls due in the long holidays of September
    back = date(2026, 10, 5)
    yield _someone("0610", uses=habits.daily(FIRST, until - DAY) | {until - DAY} | habits.daily(back), asks_back=back)
    until = date(2026, 9, 16)  # the stop falls due at the end of the year
    yield _someone("0720", uses=habits.weekly(FIRST, until - DAY) | {until - DAY})
    yield _someone("0330", uses=habits.daily(FIRST, date(2026, 4, 11)) | {date(2026, 4, 10)},
                   last_day=date(2026, 8, 31))  # fmt: skip
    covered, back = (date(2026, 6, 25), date(2026, 11, 1)), date(2027, 1, 20)
    yield _someone("0520", uses={date(2026, 3, 23), date(2026, 4, 6)} | habits.weekly(back), covered=covered,
                   asks_back=back)  # fmt: skip


def _outside(habits: Habits) -> Iterator[Life]:
    september, march = date(2026, 9, 30), date(2027, 3, 31)
    yield _someone("0700", post="常駐SE", contract=True, last_day=september, uses=habits.daily(FIRST, september))
    yield _someone("0700", post="常駐SE", contract=True, last_day=march, uses=habits.weekly(FIRST, march),
                   prolonged=(date(2026, 9, 10), september))  # fmt: skip
