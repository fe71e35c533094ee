"""What stands out in our own record (FK 6-1(6)③, MT 7-1(6)ウ, KT 第89; control G4). Pure: facts in, verdicts out.

An act is one person at one instant: an act that touches a thousand lines writes a thousand records of one instant. When
an application was first shown is not recorded; how soon one decision came after the one before it is.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate, pairwise

from idm.calendar_days import day_of
from idm.policy import CalendarRules, LogCheckRules
from idm.vocabulary import FindingKind
from idm.working_days import working_days

APPLICATIONS, SIGN_IN = "request.", "sign_in."
"""What everybody does at any hour: applying, and what they do with their own sign-in. The rest is a decision or
administration, also what is done to somebody else's sign-in."""
DECISIONS = frozenset({"step.approved", "step.returned", "step.rejected"})
AN_HOUR = 60
NAMED = 20
"""So many records of one kind are named; how many there are is always said."""


@dataclass(frozen=True)
class LogFact:
    """One record as the rules see it.

    `who` is whose act it was; of a failed sign-in, whose name was tried, or where it came from when it was nobody's.
    `times`: how many attempts one record tells of. `unused_days`: of a use, since the last use of the same ID.
    """

    record_id: int
    at: datetime
    action: str
    object_id: str
    who: str
    refused: bool = False
    times: int = 1
    by_hand: bool = True
    """Whether the one named did it, signed in; a failed sign-in is somebody's who may be anybody."""
    unused_days: int | None = None


@dataclass(frozen=True)
class StandingOut:
    """What stands out of one person, or one place, on one day of Asia/Tokyo."""

    kind: FindingKind
    who: str
    day: date
    count: int
    records: tuple[int, ...]

    minutes: int | None = None
    """The length of the window that holds them; None = they are those of the whole day."""

    @property
    def key(self) -> str:
        """The same fact has the same key, however often the record is read."""
        return f"{self.who}:{self.day.isoformat()}"


def standing_out(facts: Iterable[LogFact], rules: LogCheckRules, calendar: CalendarRules) -> list[StandingOut]:
    """Everything that stands out in the facts, of each person (or place) and day at most once of each kind."""
    by_who: dict[str, list[LogFact]] = defaultdict(list)
    for fact in facts:
        by_who[fact.who].append(fact)
    found: list[StandingOut] = []
    for who, theirs in sorted(by_who.items()):
        theirs.sort(key=lambda fact: (fact.at, fact.record_id))
        found += _after_hours(who, theirs, calendar)
        found += _bursts(who, theirs, rules)
        found += _refused(who, theirs, rules)
        found += _quick(who, theirs, rules)
        found += _sudden(who, theirs, rules)
    return found


def within_window(moments: Sequence[tuple[datetime, int]], window: timedelta) -> list[int]:
    """For each moment (in order; with how much it counts), how much fell into the window that ends with it.

    The window is open at its beginning: what is exactly as old as the window has left it.
    """
    instants = [at for at, _ in moments]
    before = [0, *accumulate(times for _, times in moments)]
    return [before[bisect_right(instants, at)] - before[bisect_right(instants, at - window)] for at in instants]


def _after_hours(who: str, facts: Sequence[LogFact], calendar: CalendarRules) -> Iterator[StandingOut]:
    days = working_days(calendar)
    outside = [
        fact for fact in facts
        if fact.by_hand and not _is_own_matter(fact) and not days.within_hours(fact.at, calendar)
    ]  # fmt: skip
    return _per_day(FindingKind.AFTER_HOURS, who, outside, lambda some: len({fact.at for fact in some}), most=0)


def _is_own_matter(fact: LogFact) -> bool:
    own_sign_in = fact.action.startswith(SIGN_IN) and fact.who == f"person:{fact.object_id}"
    return own_sign_in or fact.action.startswith(APPLICATIONS)


def _bursts(who: str, facts: Sequence[LogFact], rules: LogCheckRules) -> Iterator[StandingOut]:
    acts: dict[datetime, LogFact] = {}
    for fact in facts:
        if fact.by_hand:
            acts.setdefault(fact.at, fact)
    return _peaks(FindingKind.BURST, who, [(one, 1) for one in acts.values()], rules.window_minutes, rules.most_acts)


def _refused(who: str, facts: Sequence[LogFact], rules: LogCheckRules) -> Iterator[StandingOut]:
    refused = [(fact, fact.times) for fact in facts if fact.refused]
    return _peaks(FindingKind.REFUSED_ATTEMPTS, who, refused, rules.window_minutes, rules.most_refusals)


def _quick(who: str, facts: Sequence[LogFact], rules: LogCheckRules) -> Iterator[StandingOut]:
    """Decisions on an application so soon after the decision on another, or so many in an hour, that none was read."""
    decisions: dict[tuple[datetime, str], LogFact] = {}
    for fact in facts:
        if fact.action in DECISIONS:
            decisions.setdefault((fact.at, fact.object_id), fact)
    one_by_one = list(decisions.values())
    soon = timedelta(seconds=rules.decision_seconds)
    quick = [
        later for earlier, later in pairwise(one_by_one)
        if later.object_id != earlier.object_id and later.at - earlier.at < soon
    ]  # fmt: skip
    kind, each = FindingKind.QUICK_DECISIONS, [(fact, 1) for fact in one_by_one]
    hurried = {one.day: one for one in _per_day(kind, who, quick, len, most=rules.most_quick_decisions - 1)}
    many = {one.day: one for one in _peaks(kind, who, each, AN_HOUR, rules.most_decisions_an_hour)}
    yield from (hurried | many).values()


def _sudden(who: str, facts: Sequence[LogFact], rules: LogCheckRules) -> Iterator[StandingOut]:
    sudden = [fact for fact in facts if (fact.unused_days or 0) > rules.sudden_after_days]
    return _per_day(
        FindingKind.SUDDEN_USE, who, sudden, lambda some: max(fact.unused_days or 0 for fact in some), most=0
    )


def _peaks(
    kind: FindingKind, who: str, counted: Sequence[tuple[LogFact, int]], minutes: int, most: int
) -> Iterator[StandingOut]:
    """The fullest window that ends on each day, where it holds more than `most`."""
    window = timedelta(minutes=minutes)
    counts = within_window([(fact.at, times) for fact, times in counted], window)
    fullest: dict[date, tuple[int, int]] = {}
    for position, count in enumerate(counts):
        day = day_of(counted[position][0].at)
        if count > fullest.get(day, (most, 0))[0]:
            fullest[day] = (count, position)
    for day, (count, position) in fullest.items():
        end = counted[position][0].at
        inside = [fact.record_id for fact, _ in counted if end - window < fact.at <= end]
        yield StandingOut(kind, who, day, count, tuple(inside[:NAMED]), minutes)


def _per_day(
    kind: FindingKind, who: str, facts: Sequence[LogFact], count: Callable[[Sequence[LogFact]], int], *, most: int
) -> Iterator[StandingOut]:
    by_day: dict[date, list[LogFact]] = defaultdict(list)
    for fact in facts:
        by_day[day_of(fact.at)].append(fact)
    for day, some in by_day.items():
        if (number := count(some)) > most:
            yield StandingOut(kind, who, day, number, tuple(fact.record_id for fact in some[:NAMED]))
