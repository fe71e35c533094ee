"""Access reviews (棚卸し; MT 7-2(1)イ(エ), control A10): who is asked about a right, and how the answers look. Pure.

A right is looked at by the section manager of its holder's unit, else of the nearest unit above that has one; a
privileged right, and every right in a campaign by system, by the manager of the system. Never by the holder, nor by who
saw to it that they have it where the profile says so, under any row of theirs (SOD-5), nor by auditors and contractors
(SOD-6, SOD-7); nor by a deputy of somebody who may not (SOD-3). Then the vice-CISO is asked, then the CISO. Whom nobody
answers for by the last day is also asked of the next rung of this ladder.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from idm.routing import Deputation, Rung, Seated
from idm.separation_of_duties import Human, PersonId
from idm.vocabulary import ReviewDecision, ReviewScope, Role


@dataclass(frozen=True)
class ReviewFacts:
    """Who is who for one right at one moment.

    `offices`: the managers who could be asked, nearest first. `approvers` decided on the application that gave the
    right, where the profile keeps them from reviewing it. `never_deciding`: auditors and contractors, by any row.
    """

    offices: tuple[tuple[Human, ...], ...]
    deputies: tuple[Deputation, ...]
    vice_cisos: tuple[Human, ...]
    cisos: tuple[Human, ...]
    holder: PersonId
    approvers: frozenset[PersonId] = frozenset()
    never_deciding: frozenset[PersonId] = frozenset()

    @property
    def people(self) -> frozenset[PersonId]:
        """Everybody who could be asked, under every row of theirs."""
        humans = [human for office in (*self.offices, self.vice_cisos, self.cisos) for human in office]
        humans += [named.deputy for named in self.deputies]
        return frozenset().union(*(human.rows for human in humans)) | {named.principal for named in self.deputies}


class Bar(StrEnum):
    """Why somebody may not answer for a right, whatever their office."""

    HOLDER = "holder"
    APPROVER = "approver"
    NEVER = "never"


BAR_SENTENCES = {
    Bar.HOLDER: "自分の権限を自分で棚卸しすることはできません。",
    Bar.APPROVER: "自分が決裁した権限を自分で棚卸しすることは、プロファイルにより認められていません。",
    Bar.NEVER: "監査を行う者及び委託事業者は、棚卸しの回答をすることはできません。",
}


def office_of(scope: ReviewScope, *, privileged: bool) -> Role:
    """Whose manager is asked: the system's, or that of the holder's section."""
    return Role.SYSTEM if privileged or scope is ReviewScope.SYSTEM else Role.SECTION


def bar_of(human: Human, facts: ReviewFacts) -> Bar | None:
    """What keeps this human from the right; None = they may answer, if their office is asked."""
    among = {
        Bar.HOLDER: frozenset({facts.holder}), Bar.APPROVER: facts.approvers, Bar.NEVER: facts.never_deciding,
    }  # fmt: skip
    return next((bar for bar, people in among.items() if human.is_one_of(people)), None)


def ladder(facts: ReviewFacts) -> tuple[tuple[Seated, ...], ...]:
    """Those who may be asked, rung by rung, the nearest first; no rung is empty, and no rungs = nobody may.

    Managers and their deputies stand on one rung. Nobody stands on two.
    """
    rungs = [_office(holders, facts) for holders in facts.offices]
    rungs += [_free(facts.vice_cisos, Rung.VICE_CISO, facts), _free(facts.cisos, Rung.CISO, facts)]
    seen: set[PersonId] = set()
    found = []
    for rung in rungs:
        fresh = tuple(seat for seat in rung if seat.person_id not in seen)
        seen |= {seat.person_id for seat in fresh}
        if fresh:
            found.append(fresh)
    return tuple(found)


def may_answer(facts: ReviewFacts, *, escalated: bool) -> tuple[Seated, ...]:
    """Who may answer now: the lowest rung; and, once the last day is over without an answer, the next one too."""
    rungs = ladder(facts)
    return tuple(seat for rung in rungs[: 2 if escalated else 1] for seat in rung)


def _office(holders: Sequence[Human], facts: ReviewFacts) -> tuple[Seated, ...]:
    managers = _free(holders, Rung.HOLDER, facts)
    principals = frozenset(seat.person_id for seat in managers)
    deputies = (
        Seated(named.deputy.person_id, Rung.DEPUTY, named.principal)
        for named in facts.deputies
        if named.principal in principals and bar_of(named.deputy, facts) is None
        and not named.deputy.is_one_of(principals)
    )  # fmt: skip
    return (*managers, *deputies)


def _free(humans: Iterable[Human], rung: Rung, facts: ReviewFacts) -> tuple[Seated, ...]:
    return tuple(Seated(human.person_id, rung) for human in humans if bar_of(human, facts) is None)


Post = tuple[str, str]
"""Unit and post."""


@dataclass(frozen=True)
class Peers:
    """Who works where on a day, and who works there too."""

    posts: Mapping[PersonId, Post]
    people: Mapping[Post, frozenset[PersonId]]

    @classmethod
    def of(cls, posts: Mapping[PersonId, Post]) -> "Peers":
        """Everybody by unit and post."""
        found: dict[Post, set[PersonId]] = {}
        for person, post in posts.items():
            found.setdefault(post, set()).add(person)
        return cls(posts, {post: frozenset(people) for post, people in found.items()})

    def alike(self, holder: PersonId, holding: AbstractSet[PersonId]) -> tuple[int, int]:
        """How many other people of the same unit and post hold the right, and how many there are."""
        own = self.posts.get(holder)
        others = self.people[own] - {holder} if own is not None else frozenset()
        return len(others & holding), len(others)


KEEP = ReviewDecision.KEEP


@dataclass(frozen=True)
class Answer:
    """One decision on one right, as the measure of care looks at it."""

    decision: ReviewDecision
    shown_at: datetime
    decided_at: datetime


@dataclass(frozen=True)
class Pace:
    """How one reviewer answered. `seconds_each` None = they have answered nothing."""

    answers: int
    kept: int
    seconds_each: float | None
    most_at_once: int = 0
    """The most that was answered in one act that kept everything: no waiting before it makes that careful."""

    @property
    def all_kept(self) -> bool:
        """Whether they found everything to be needed."""
        return self.answers > 0 and self.kept == self.answers

    def rubber_stamped(self, seconds: int) -> bool:
        """Whether they took less time for each than anybody needs to read it."""
        return self.seconds_each is not None and self.seconds_each < seconds

    def hurried(self, seconds: int, at_once: int) -> bool:
        """Whether they took too little time for each, or kept too many in one act."""
        return self.rubber_stamped(seconds) or self.most_at_once >= at_once


def pace(answers: Iterable[Answer]) -> Pace:
    """The seconds that one reviewer took for each, and how many they kept.

    What was decided in one act shares its time: from when it was shown, or from their act before it if that was later.
    """
    known = sorted(answers, key=lambda answer: answer.decided_at)
    acts: dict[datetime, list[Answer]] = {}
    for answer in known:
        acts.setdefault(answer.decided_at, []).append(answer)
    spent, before = timedelta(), None
    for decided_at, together in acts.items():
        shown = min(answer.shown_at for answer in together)
        begun = shown if before is None else max(shown, before)
        spent += max(decided_at - begun, timedelta())
        before = decided_at
    kept = sum(answer.decision is KEEP for answer in known)
    most = max((len(act) for act in acts.values() if all(one.decision is KEEP for one in act)), default=0)
    return Pace(len(known), kept, spent.total_seconds() / len(known) if known else None, most)


def with_bulk(
    chosen: Mapping[int, ReviewDecision | None], bulk: ReviewDecision | None, never_in_bulk: Collection[int]
) -> dict[int, ReviewDecision]:
    """Line → its answer: its own, else the one for all the rest; privileged rights have none but their own."""
    found = {line: own or (None if line in never_in_bulk else bulk) for line, own in chosen.items()}
    return {line: decision for line, decision in found.items() if decision is not None}


class Step(StrEnum):
    """What the calendar does with a campaign on a day."""

    REMIND = "remind"
    ESCALATE = "escalate"
    END = "end"


@dataclass(frozen=True)
class Schedule:
    """When a campaign was opened, until when it is answered, and what was done of it. All are days."""

    opened_on: date
    answer_until: date
    reminded_on: date | None = None
    escalated_on: date | None = None
    asked_on: date | None = None
    """When somebody was last asked in another's place about what still waits."""


def step_on(day: date, schedule: Schedule, *, remind_every_days: int, escalate_after_days: int) -> Step | None:
    """What falls due on the day while somebody has yet to answer; each step once, whatever nights were missed.

    Before the last day is over: a reminder every so many days. After it the next rung is asked, and is given so many
    days; then whatever has no answer is at its end, unless somebody was asked in another's place since: they have as
    many days.
    """
    if day > schedule.answer_until:
        if schedule.escalated_on is None:
            return Step.ESCALATE
        asked = max(schedule.escalated_on, schedule.asked_on or schedule.escalated_on)
        if day > asked + timedelta(days=escalate_after_days):
            return Step.END
    last = max(one for one in (schedule.opened_on, schedule.reminded_on, schedule.escalated_on) if one is not None)
    return Step.REMIND if day >= last + timedelta(days=remind_every_days) else None


def next_opening(last: date, every_months: int) -> date:
    """The day on which the next campaign is due: so many months later, the last day of a shorter month."""
    months = last.month - 1 + every_months
    year, month = last.year + months // 12, months % 12 + 1
    following = date(year + month // 12, month % 12 + 1, 1)
    return min(date(year, month, 1) + timedelta(days=last.day - 1), following - timedelta(days=1))
