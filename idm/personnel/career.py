"""One employment through time, as frozen values: its period, its posts and its absences. Pure.

What a personnel file says is laid over a career and gives another career; the difference between the two is what
changes. Files of every shape, retroactive (遡及) and cancelled (発令取消) events come down to this one comparison.
Every period is half-open in days of Asia/Tokyo.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date

from idm.calendar_days import Lasting
from idm.employment_kind import EmploymentKind
from idm.personnel_event import AbsenceKind, LeavingKind


@dataclass(frozen=True, order=True)
class PostFacts:
    """One post as files and records both can say it."""

    unit_code: str
    post: str
    primary: bool


@dataclass(frozen=True)
class PostPeriod(Lasting):
    """A post for a time. `published_on` (内示) is no part of what it is."""

    facts: PostFacts
    valid_from: date
    valid_until: date | None
    published_on: date | None = field(default=None, compare=False)


@dataclass(frozen=True)
class AbsencePeriod(Lasting):
    """A time away from work (休職, 育児休業, 出向 …)."""

    kind: AbsenceKind
    valid_from: date
    valid_until: date | None
    published_on: date | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Career:
    """One employment (職員番号) with everything a personnel file can say of it. Names stand as received."""

    staff_number: str
    name: str
    kana: str
    work_name: str | None
    romaji: str | None
    mail: str | None
    kind: EmploymentKind
    valid_from: date
    valid_until: date | None
    leaving: LeavingKind | None = None
    posts: frozenset[PostPeriod] = frozenset()
    absences: frozenset[AbsencePeriod] = frozenset()
    published_on: date | None = field(default=None, compare=False)

    def posts_on(self, day: date) -> frozenset[PostFacts]:
        """The posts held on the day."""
        return frozenset(period.facts for period in self.posts if period.holds_on(day))

    @property
    def primary(self) -> PostFacts | None:
        """The own post (本務) held last."""
        own = [period for period in self.posts if period.facts.primary]
        return max(own, key=lambda period: period.valid_from).facts if own else None


def begins_post(posts: Iterable[PostPeriod], new: PostPeriod) -> frozenset[PostPeriod]:
    """The posts with one more of its kind: an own post takes the place of the one held that day (異動).

    A post that was already to follow still follows: the new one then ends where that begins (遡及).
    """
    if not new.facts.primary:
        return _begins_concurrent(frozenset(posts), new)
    kept: set[PostPeriod] = set()
    following: list[date] = []
    for period in posts:
        if not period.facts.primary:
            kept.add(period)
        elif period.valid_from > new.valid_from:
            following.append(period.valid_from)
            kept.add(period)
        elif period.valid_from < new.valid_from:
            kept.add(replace(period, valid_until=_earlier(period.valid_until, new.valid_from)))
    until = _earlier(new.valid_until, min(following)) if following else new.valid_until
    return frozenset({*kept, replace(new, valid_until=until)})


def _begins_concurrent(posts: frozenset[PostPeriod], new: PostPeriod) -> frozenset[PostPeriod]:
    if any(period.facts == new.facts and period.holds_on(new.valid_from) for period in posts):
        return posts
    return posts | {new}


def called_off_post(posts: Iterable[PostPeriod], gone: PostPeriod) -> frozenset[PostPeriod]:
    """The posts as if `gone` had never been announced: an own post before it goes on to where the next one begins."""
    left = frozenset(posts) - {gone}
    if not gone.facts.primary:
        return left
    before = [period for period in left if period.facts.primary and period.valid_until == gone.valid_from]
    return frozenset(replace(period, valid_until=gone.valid_until) if period in before else period for period in left)


def _earlier(one: date | None, other: date | None) -> date | None:
    known = [day for day in (one, other) if day is not None]
    return min(known, default=None)
