"""From a personnel file and what is known to a plan: who joins, moves, is away, leaves, and what waits. Pure.

A snapshot says who is employed and where; an event list says what changes. Both give careers (`idm.personnel.career`),
and the difference to what is known is the plan. Absence from a snapshot is not a retirement: whoever is missing is
held, and stays. A number that has changed hands, or that may belong to somebody known, is held too: HR decides
(control A7).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from idm.employment_kind import EmploymentKind
from idm.personnel.career import AbsencePeriod, Career, PostFacts, PostPeriod
from idm.personnel.doubts import (
    given_name,
    require_news,
    require_plausible,
    require_same_human,
    require_sure_end,
    require_under_contract,
)  # fmt: skip
from idm.personnel.events import Doubt, after_events
from idm.personnel.snapshot import SnapshotScope, after_snapshot
from idm.personnel.told import Held, PersonTold, Told, UnitTold, people_of, units_of
from idm.vocabulary import HeldKind


@dataclass(frozen=True)
class KnownEmployment:
    """One employment as recorded."""

    employment_id: int
    person_id: int
    from_feed: bool
    career: Career


@dataclass(frozen=True)
class Identities:
    """Who a staff number of the file may be.

    `keys` are the match keys of the file's people, `same_human` the known people of an equal key, `answers` what HR
    decided of a number: the person it belongs to, or None for somebody else.
    """

    keys: Mapping[str, str] = field(default_factory=dict)
    same_human: Mapping[str, frozenset[int]] = field(default_factory=dict)
    answers: Mapping[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Joiner:
    """An employment that was not known. `continues` is the known person it is another employment of."""

    career: Career
    continues: int | None
    birth_date: date | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Changed:
    """A known employment of which the file says something new. `career` None = it never begins after all."""

    known: KnownEmployment
    career: Career | None
    birth_date: date | None = field(default=None, repr=False)

    @property
    def before(self) -> Career:
        """The career as it was known."""
        return self.known.career

    @property
    def now(self) -> Career:
        """The career as it is now, or as it would have been."""
        return self.career if self.career is not None else self.before

    @property
    def added(self) -> frozenset[PostFacts]:
        """The posts that begin."""
        known = {(period.facts, period.valid_from) for period in self.before.posts}
        bounded = {p.facts for p in self.now.posts if p.valid_until and (p.facts, p.valid_from) not in known}
        return frozenset(bounded | (_lasting(self.career) - _lasting(self.before)))

    @property
    def removed(self) -> frozenset[PostFacts]:
        """The posts that end, or never begin."""
        return _lasting(self.before) - _lasting(self.career)

    @property
    def moves(self) -> bool:
        """Whether the posts change."""
        return bool(self.added or self.removed)

    @property
    def absences(self) -> frozenset[AbsencePeriod]:
        """The absences that are new or end on another day."""
        return self.now.absences - self.before.absences

    @property
    def first_day(self) -> date | None:
        """The first day on which posts or employment are no longer as they were known; None = they are."""
        days = {period.valid_from for period in self.now.posts ^ self.before.posts if not self._goes_on(period)}
        ends = [(p.valid_until, q.valid_until) for p in self.now.posts for q in self.before.posts if _same_start(p, q)]
        ends.append((self.now.valid_until, self.before.valid_until))
        days |= {min(day for day in pair if day is not None) for pair in ends if pair[0] != pair[1]}
        return min(days, default=None)

    def _goes_on(self, period: PostPeriod) -> bool:
        """Whether the post is both known and told, be it with another end."""
        return all(any(_same_start(period, p) for p in career.posts) for career in (self.now, self.before))

    @property
    def stops_earlier(self) -> bool:
        """Whether access would end sooner than was known."""
        before, now = self.before.valid_until, self.now.valid_until
        return self.career is None or (now is not None and (before is None or now < before))


def _same_start(one: PostPeriod, other: PostPeriod) -> bool:
    return (one.facts, one.valid_from) == (other.facts, other.valid_from)


def _lasting(career: Career | None) -> frozenset[PostFacts]:
    """The posts whose end is not known."""
    return frozenset(p.facts for p in career.posts if p.valid_until is None) if career is not None else frozenset()


@dataclass(frozen=True)
class PersonnelPlan:
    """What applying a file would do. Nothing has been done."""

    as_of: date
    joiners: tuple[Joiner, ...]
    movers: tuple[Changed, ...]
    leavers: tuple[Changed, ...]
    absent: tuple[Changed, ...]
    corrections: tuple[Changed, ...]
    held: tuple[Held, ...]
    unchanged: int
    past: int
    """Rows of people who had left before the day and were never known: nothing to do."""
    units: tuple[UnitTold, ...] = ()

    @property
    def changes(self) -> tuple[Changed, ...]:
        """Every known employment that changes, once each."""
        groups = (self.movers, self.leavers, self.absent, self.corrections)
        return tuple({c.known.employment_id: c for group in groups for c in group}.values())


def plan(told: Told, known: Iterable[KnownEmployment], *, identities: Identities, as_of: date) -> PersonnelPlan:
    """What the file would change on the day."""
    by_number = {employment.career.staff_number: employment for employment in known}
    people = people_of(told)
    held = [held for person in people.values() for held in person.held()]
    changed, unchanged = [], 0
    for number, employment in ((number, by_number[number]) for number in people if number in by_number):
        person = people[number]
        if person.waits:
            continue
        try:
            change = _change(employment, person, told.scope, identities, as_of)
        except Doubt as doubt:
            held.append(person.held_for(str(doubt)))
            continue
        changed += [change] if change is not None else []
        unchanged += change is None
    coming = {n: p for n, p in people.items() if n not in by_number and not p.waits and not p.over(as_of)}
    joiners, doubtful = _joiners(coming, by_number, changed, told.scope, identities, as_of)
    missing = _missing(by_number, people.keys(), told.scope, as_of) if told.covers_all else []
    waiting = {n for n, p in people.items() if p.waits}
    return PersonnelPlan(
        as_of=as_of,
        joiners=tuple(joiners),
        movers=tuple(c for c in changed if c.moves),
        leavers=tuple(c for c in changed if c.stops_earlier),
        absent=tuple(c for c in changed if c.absences),
        corrections=tuple(c for c in changed if not (c.moves or c.stops_earlier or c.absences)),
        held=(*held, *doubtful, *missing),
        unchanged=unchanged,
        past=len(people.keys() - by_number.keys() - coming.keys() - waiting),
        units=tuple(units_of(told)),
    )


def stopping(personnel: PersonnelPlan) -> tuple[Changed, ...]:
    """The changes that end somebody's access sooner; a successor employment at that instant ends nothing."""
    continued = {joiner.continues for joiner in personnel.joiners}
    return tuple(change for change in personnel.leavers if change.known.person_id not in continued)


# --- known employments -----------------------------------------------------------------------------------------------


def _change(
    known: KnownEmployment, person: PersonTold, scope: SnapshotScope, identities: Identities, as_of: date
) -> Changed | None:
    """What the file says new of a known number; None = nothing. Raises Doubt."""
    before = known.career
    recognised = known.person_id in identities.same_human.get(before.staff_number, frozenset())
    require_same_human(before, person, recognised=recognised)
    career: Career | None = before
    if person.rows:
        require_plausible(before, person.rows, as_of)
        career = after_snapshot(before, person.rows, as_of=as_of, scope=scope)
    if person.events:
        career = after_events(career, person.events, as_of=as_of)
    require_under_contract(before, career)
    if career == before:
        return None
    change = Changed(known, career, person.birth_date)
    if change.stops_earlier:
        require_sure_end(before, career, person, as_of, recognised=recognised)
    if person.events:
        require_news(change.absences, before.absences, as_of)
    return change


# --- new numbers -----------------------------------------------------------------------------------------------------


def _joiners(
    coming: Mapping[str, PersonTold],
    by_number: Mapping[str, KnownEmployment],
    changed: Iterable[Changed],
    scope: SnapshotScope,
    identities: Identities,
    as_of: date,
) -> tuple[list[Joiner], list[Held]]:
    """Those whose number is new; whoever may be a known person continues their employment without a gap, or is held."""
    people_by_end = _people_by_end(by_number.values(), changed)
    joiners, held = [], []
    keys: set[str] = set()
    for number, person in coming.items():
        key = identities.keys.get(number)
        try:
            career = _new_career(person, scope, as_of)
            _require_once(key, keys)
            former = _former_person(person, by_number)
        except Doubt as doubt:
            held.append(person.held_for(str(doubt)))
            continue
        candidates = identities.same_human.get(number, frozenset()) - {former}
        if career is None:
            continue
        continues = identities.answers.get(number, former)
        ending = candidates & people_by_end.get(career.valid_from, set())
        if former is None and number not in identities.answers and candidates:
            if len(candidates) != 1 or len(ending) != 1:
                reason = "カナ氏名と生年月日が同じ人がすでに登録されています。同じ人かどうか確かめてください。"
                held.append(person.held_for(reason, HeldKind.MATCH, candidates))
                continue
            continues = next(iter(ending))
        keys |= {key} if key else set()
        joiners.append(Joiner(career, continues, person.birth_date))
    return joiners, held


def _new_career(person: PersonTold, scope: SnapshotScope, as_of: date) -> Career | None:
    career = after_snapshot(None, person.rows, as_of=as_of, scope=scope) if person.rows else None
    if person.events:
        career = after_events(career, person.events, as_of=as_of)
    if career is not None and career.kind is EmploymentKind.CONTRACTOR:
        raise Doubt("委託事業者は人事データでは登録できません。契約とともに外部者登録簿で登録してください。")
    return career


def _require_once(key: str | None, keys: set[str]) -> None:
    if key is not None and key in keys:
        raise Doubt(
            "このファイルの別の職員番号と、カナ氏名と生年月日が同じです。先の番号を登録したので、次の取込みで"
            "同じ人かどうか確かめてください。"
        )


def _former_person(person: PersonTold, by_number: Mapping[str, KnownEmployment]) -> int | None:
    """The person of the number that the notice itself names as the former one (再任用, 更新). Raises Doubt."""
    number = next((event.former_staff_number for event in person.events if event.former_staff_number), None)
    if number is None:
        return None
    former = by_number.get(number)
    if former is None:
        raise Doubt(f"前の職員番号「{number}」が記録にありません。")
    if given_name(former.career.kana) != given_name(person.first.kana):
        raise Doubt(f"前の職員番号「{number}」の人と名が違います。")
    return former.person_id


def _people_by_end(known: Iterable[KnownEmployment], changed: Iterable[Changed]) -> dict[date, set[int]]:
    """The day from which an employment no longer holds, as this very file may say it → the people."""
    ends = {e.employment_id: (e.career.valid_until, e.person_id) for e in known}
    ends |= {c.known.employment_id: (c.now.valid_until, c.known.person_id) for c in changed}
    found: dict[date, set[int]] = defaultdict(set)
    for end, person_id in ends.values():
        if end is not None:
            found[end].add(person_id)
    return found


def _missing(
    known: Mapping[str, KnownEmployment], present: Iterable[str], scope: SnapshotScope, as_of: date
) -> list[Held]:
    """Whoever is employed, or is to be, and has no row: absence says neither retirement nor withdrawal."""
    reason = "ファイルに行がありません。退職日が届くまで在職のまま扱います。"
    told = set(present)
    return [
        Held(None, number, employment.career.name, reason, kind=HeldKind.MISSING)
        for number, employment in known.items()
        if number not in told and employment.from_feed and _expected(employment.career, scope, as_of)
    ]


def _expected(career: Career, scope: SnapshotScope, as_of: date) -> bool:
    """Whether a file of the whole staff must name the employment; one to come only where the file announces."""
    over = career.valid_until is not None and career.valid_until <= as_of
    return not over and (scope.announces or career.valid_from <= as_of)
