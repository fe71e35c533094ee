"""How many people runs may touch within a sliding window, of everyone and of one department (control A7). Pure.

Whoever a permitted batch lists does not count. Everybody else in the run is added to what the window already holds, so
that ten small runs never do what one big run may not. One single person never is too large a share: the smallest
office must be able to let somebody go.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from idm.policy import RunLimit
from idm.vocabulary import SAFETY_ACTION_TITLES, SafetyAction


@dataclass(frozen=True, order=True)
class Touched:
    """One person to whom a run does something. `unit_code` is the unit of the primary post ("" = none)."""

    action: SafetyAction
    staff_number: str
    unit_code: str


@dataclass(frozen=True)
class Past:
    """What the window already holds of one action and unit, without what ran inside a permitted batch."""

    action: SafetyAction
    unit_code: str
    people: int


@dataclass(frozen=True)
class Headcount:
    """How many people there are to be touched. `names` says what units are called, where that is known."""

    total: int
    by_unit: Mapping[str, int]
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Excess:
    """One limit that the run would pass. `unit_code` None = the limit of the whole."""

    action: SafetyAction
    unit_code: str | None
    in_run: int
    before: int
    sentence: str

    @property
    def people(self) -> int:
        """How many it would be within the window."""
        return self.in_run + self.before


def exceeded(
    touched: Iterable[Touched],
    past: Iterable[Past],
    headcount: Headcount,
    limits: Mapping[SafetyAction, RunLimit],
    permitted: frozenset[tuple[SafetyAction, str]],
) -> tuple[Excess, ...]:
    """Every limit that the run would pass, whole before departments; empty = it may run.

    A limit is judged only where the run itself touches somebody: what is past cannot be stopped.
    """
    counted = {one for one in touched if (one.action, one.staff_number) not in permitted}
    before = _before(past)
    found: list[Excess] = []
    for action in SafetyAction:
        people = {one.staff_number for one in counted if one.action is action}
        if not people:
            continue
        found += _whole(action, len(people), before[action], headcount, limits[action])
        by_unit: dict[str, set[str]] = defaultdict(set)
        for one in counted:
            if one.action is action:
                by_unit[one.unit_code].add(one.staff_number)
        for unit_code in sorted(by_unit):
            found += _department(
                action, unit_code, len(by_unit[unit_code]), before[action][unit_code], headcount, limits[action]
            )
    return tuple(found)


def _before(past: Iterable[Past]) -> dict[SafetyAction, dict[str, int]]:
    sums: dict[SafetyAction, dict[str, int]] = {action: defaultdict(int) for action in SafetyAction}
    for one in past:
        sums[one.action][one.unit_code] += one.people
    return sums


def _whole(
    action: SafetyAction, in_run: int, before: Mapping[str, int], headcount: Headcount, limit: RunLimit
) -> list[Excess]:
    earlier = sum(before.values())
    people = in_run + earlier
    if people <= limit.count and not _too_large(people, limit.share, headcount.total):
        return []
    bound = f"{limit.count} 人又は在職者 {headcount.total} 人の {_percent(limit.share)}"
    return [Excess(action, None, in_run, earlier, _sentence(action, "全体", (in_run, earlier), limit, bound))]


def _department(
    action: SafetyAction, unit_code: str, in_run: int, earlier: int, headcount: Headcount, limit: RunLimit
) -> list[Excess]:
    people, members = in_run + earlier, headcount.by_unit.get(unit_code, 0)
    if people <= limit.unit_count or not _too_large(people, limit.unit_share, members):
        return []
    name = headcount.names.get(unit_code) or (f"所属 {unit_code}" if unit_code else "所属のない人")
    bound = f"{limit.unit_count} 人を超えるときは在職者 {members} 人の {_percent(limit.unit_share)}"
    return [Excess(action, unit_code, in_run, earlier, _sentence(action, name, (in_run, earlier), limit, bound))]


def _too_large(people: int, share: float, total: int) -> bool:
    # As people wrote it: 0.29 of 100 people are 29, whatever binary fractions make of it.
    return people > 1 and people > Fraction(str(share)) * total


def _percent(share: float) -> str:
    return f"{float(Fraction(str(share)) * 100):g}%"


def _sentence(action: SafetyAction, whose: str, people: tuple[int, int], limit: RunLimit, bound: str) -> str:
    in_run, earlier = people
    return (
        f"「{SAFETY_ACTION_TITLES[action]}」が{whose}で {in_run + earlier} 人になります"
        f"（今回 {in_run} 人、直前の {limit.window_hours} 時間に {earlier} 人）。上限は {bound} です。"
    )
