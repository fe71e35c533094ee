"""What ought to be true of everybody's ID on every night, from the table of their lives alone.

Nothing of the product is asked: the numbers stand here as the standard and the town's profile have them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.year.lives import DAY, DIRECTORY_AWAY, FIRST, LAST, Life, days, working_day_from, works

UNUSED = timedelta(days=90)
WARNING = timedelta(days=14)
DELETED_UNUSED = timedelta(days=60)
KEPT_AFTER_LEAVING = timedelta(days=30)
"""A stopped ID is kept so long after the last day: the record of a new term may come late."""
DELETED_LEFT = timedelta(days=90)
OVERLAP = timedelta(days=5)
FOLDERS = {
    "02": "folder-general", "03": "folder-pension", "04": "folder-health", "05": "folder-welfare",
    "06": "folder-review", "07": "folder-systems",
}  # fmt: skip


@dataclass(frozen=True)
class Truth:
    """How an ID ought to be once a night is over. None = it may be either way."""

    there: bool | None
    opens: bool | None
    folders: frozenset[str] = frozenset()


@dataclass
class Case:
    """One disuse, as it ought to go: from which day the ID counts as unused, and when what follows happened."""

    warned: date | None = None
    stopped: date | None = None


@dataclass
class Year:
    """Everything that ought to be true of one person's ID."""

    life: Life
    nights: dict[date, Truth] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)


def year_of(life: Life) -> Year:
    """The year of one person, night by night; a night of a day is the one before its morning."""
    year, case, counts_from = Year(life), Case(), None
    for night in days(FIRST + DAY, LAST + DAY):
        counts_from, begins_anew = _counting(life, night, counts_from)
        if begins_anew:
            case = Case()
        if counts_from is not None and _opens(life, night) and not _covered(life, night):
            _follow(case, counts_from, night)
            if case.warned == night:
                year.cases.append(case)
        year.nights[night] = _truth(life, case, night)
        if case.stopped is not None and life.asks_back == night:
            counts_from, case = night + DAY, Case()
        elif case.stopped is None and night in life.uses and _opens(life, night + DAY):
            counts_from = night + DAY  # they sign in at ten in the morning: no night is 90 days later before that
    return year


def _counting(life: Life, night: date, counts_from: date | None) -> tuple[date | None, bool]:
    """From which night the days of disuse count, and whether the case there was is over."""
    for handed in life.handed:
        if handed in life.uses and night == handed + DAY:
            return night, True
    if life.away is not None and night == life.away[1]:
        return night, True
    used_yesterday = counts_from == night
    return counts_from, used_yesterday


def _follow(case: Case, counts_from: date, night: date) -> None:
    if not works(night) or night in DIRECTORY_AWAY:
        return
    if case.warned is None:
        case.warned = night if night >= counts_from + UNUSED else None
    elif case.stopped is None and night >= working_day_from(case.warned + WARNING):
        case.stopped = night


def _truth(life: Life, case: Case, night: date) -> Truth:
    deletion = _deletion(life, case)
    if night < life.joins or (deletion is not None and night > deletion):
        return Truth(there=False, opens=False)
    if night == deletion:
        return Truth(there=None, opens=False)  # the days are counted in hours and minutes
    opens = _opens(life, night) and case.stopped is None
    if not opens and life.opened_by_hand and life.put_right and life.opened_by_hand < night <= life.put_right:
        return Truth(there=True, opens=None)
    if night - DAY in life.handed and night - DAY not in life.uses:
        return Truth(there=True, opens=None)  # the temporary password is good for one day
    return Truth(there=True, opens=opens, folders=_folders(life, night))


def _opens(life: Life, night: date) -> bool:
    """Whether the ID lets its owner in as far as employment and hand-over go."""
    return life.here(night) and any(handed < night for handed in life.handed if handed in life.uses)


def _covered(life: Life, night: date) -> bool:
    return life.covered is not None and life.covered[0] <= night < life.covered[1]


def _deletion(life: Life, case: Case) -> date | None:
    if life.last_day is None:
        return None
    left = life.last_day + DAY + DELETED_LEFT
    if case.stopped is None:
        return left
    kept = life.last_day + DAY + KEPT_AFTER_LEAVING
    return min(left, max(working_day_from(case.stopped + DELETED_UNUSED), working_day_from(kept)))


def _folders(life: Life, night: date) -> frozenset[str]:
    """Of the unit of the day, and of the one before for some days more."""
    units, here = [], life.unit
    for day, unit in life.moves:
        if night >= day:
            units = [here] if night < day + OVERLAP else []
            here = unit
    return frozenset(FOLDERS[unit[:2]] for unit in (*units, here) if unit[:2] in FOLDERS and not life.contract)


def years(everybody: Iterator[Life] | tuple[Life, ...]) -> Mapping[str, Year]:
    """Everybody's year, by number."""
    return {life.number: year_of(life) for life in everybody}
