"""When a person should have which right by post, and what has to be applied for so that it comes true. Pure.

The union of all valid assignments counts (control A7): where one post ends and another that gives the same right begins
at that instant, nothing is taken and nothing given. A mover keeps what only the old post gave for the days of 猶予期間
(none in My Number systems, none for a right that must not be held beside a new one, SOD-8).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from idm.calendar_days import Period
from idm.organisation import PostRight
from idm.personnel.post_rights import Post, RightName, rights_by_post
from idm.vocabulary import LineEffect


@dataclass(frozen=True)
class PostSpell:
    """One post for as long as both the assignment and the employment behind it hold."""

    post: Post
    valid_from: date
    valid_until: date | None


@dataclass(frozen=True)
class Difference:
    """One line to apply for. `valid_from` is the day it takes effect; `valid_until` the end of a right to give."""

    right: RightName
    effect: LineEffect
    valid_from: date
    valid_until: date | None


@dataclass(frozen=True)
class Holding:
    """One person's side of the comparison: what they hold (right → its known end), and when all employment ends.

    `employed_until` is the end of the unbroken time of employment that counts, None = no end known; `leaving_on` is
    set where that end is new, and everything held is then to be taken. `fixed_end` is the end that a contractor's
    rights carry of their own. `changes_on` is the first day on which the file changes something: what was so before it
    is not what this file is about.
    """

    held: Mapping[RightName, date | None]
    employed_until: date | None
    changes_on: date
    leaving_on: date | None = None
    fixed_end: date | None = None


@dataclass(frozen=True)
class Overlap:
    """猶予期間 in days per system, and the pairs of rights that nobody holds at once."""

    days: Callable[[RightName], int]
    conflicts: Mapping[RightName, frozenset[RightName]]


def right_periods(spells: Iterable[PostSpell], rules: Iterable[PostRight]) -> dict[RightName, tuple[Period, ...]]:
    """Right → the periods in which the union of the posts gives it, in order, without seams."""
    rules = tuple(rules)
    found: dict[RightName, list[Period]] = defaultdict(list)
    for spell in spells:
        for right in rights_by_post([spell.post], rules):
            found[right].append((spell.valid_from, spell.valid_until))
    return {right: merged(periods) for right, periods in found.items()}


def merged(periods: Iterable[Period]) -> tuple[Period, ...]:
    """The union of half-open periods: in order, no two of them touching; empty ones are gone."""
    joined: list[Period] = []
    for begins, ends in sorted((p for p in periods if p[1] is None or p[1] > p[0]), key=lambda p: p[0]):
        if joined and (joined[-1][1] is None or begins <= joined[-1][1]):
            first, last = joined[-1]
            joined[-1] = (first, None if last is None or ends is None else max(last, ends))
        else:
            joined.append((begins, ends))
    return tuple(joined)


def differences(
    periods: Mapping[RightName, tuple[Period, ...]],
    holding: Holding,
    by_rule: frozenset[RightName],
    *,
    overlap: Overlap,
    as_of: date,
) -> list[Difference]:
    """What to apply for, what is taken before what is given; a right no rule speaks of stays until leaving."""
    first = max(as_of, holding.changes_on)
    coming = {right: found for right, spells in periods.items() if (found := _coming(spells, first)) is not None}
    given = list(_given(coming, holding, as_of))
    if holding.leaving_on is not None:
        taken = [Difference(right, LineEffect.REVOKE, holding.leaving_on, None) for right in sorted(holding.held)]
    else:
        together = {*coming, *holding.held}
        taken = list(_taken(periods, coming, holding, by_rule, overlap, together, as_of))
    return [*taken, *given]


def _coming(periods: tuple[Period, ...], as_of: date) -> Period | None:
    """The period that holds on the day, else the next one after it."""
    return next((period for period in periods if period[1] is None or period[1] > as_of), None)


def _given(coming: Mapping[RightName, Period], holding: Holding, as_of: date) -> Iterable[Difference]:
    for right, (begins, ends) in sorted(coming.items()):
        too_late = holding.leaving_on is not None and begins >= holding.leaving_on
        if right not in holding.held and not too_late:
            end = holding.fixed_end if ends == holding.employed_until else ends
            yield Difference(right, LineEffect.GRANT, max(begins, as_of), end)


def _taken(
    periods: Mapping[RightName, tuple[Period, ...]],
    coming: Mapping[RightName, Period],
    holding: Holding,
    by_rule: frozenset[RightName],
    overlap: Overlap,
    together: set[RightName],
    as_of: date,
) -> Iterable[Difference]:
    for right in sorted(holding.held):
        end = coming[right][1] if right in coming else _last_end(periods.get(right, ()), as_of)
        if right not in by_rule or end is None or (right in coming and end == holding.employed_until):
            continue
        days = 0 if overlap.conflicts.get(right, frozenset()) & together else overlap.days(right)
        day, known_end = max(end + timedelta(days=days), as_of), holding.held[right]
        if known_end is None or known_end > day:
            yield Difference(right, LineEffect.REVOKE, day, None)


def _last_end(periods: tuple[Period, ...], as_of: date) -> date:
    """The day on which the last post that gave the right ended; of a right no post ever gave, today."""
    ends = [ends for _, ends in periods if ends is not None]
    return max(ends, default=as_of)
