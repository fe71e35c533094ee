"""From a personnel file and what is known to a plan: who joins, moves, leaves, and which rows wait for a human. Pure.

A snapshot says who is employed and where. Absence from it is not a retirement: whoever is missing is held, and stays.
A number that has changed hands, or that may belong to somebody known, is held too: HR decides, not we (control A7).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from idm.calendar_days import last_day_to_end
from idm.employment_kind import EmploymentKind
from idm.errors import SafetyLimit
from idm.feed.profile import PostKind
from idm.feed.row import FeedRow
from idm.personal_names import fold, split_name
from idm.policy import RunLimit


@dataclass(frozen=True, order=True)
class PostFacts:
    """One post as files and records both can say it."""

    unit_code: str
    post: str
    primary: bool


@dataclass(frozen=True)
class KnownEmployment:
    """One employment as recorded. `posts` are those whose end is not known yet, begun or coming."""

    employment_id: int
    person_id: int
    staff_number: str
    name: str
    kana: str
    mail: str | None
    kind: EmploymentKind
    valid_from: date
    valid_until: date | None
    posts: frozenset[PostFacts]
    from_feed: bool


@dataclass(frozen=True)
class Joiner:
    """An employment that was not known. `continues` is the person whose last employment ends as this one begins."""

    rows: tuple[FeedRow, ...]
    continues: int | None

    @property
    def primary(self) -> FeedRow:
        """The row of the person's own post."""
        return _primary(self.rows)


@dataclass(frozen=True)
class Changed:
    """A known employment of which the file says something new."""

    known: KnownEmployment
    rows: tuple[FeedRow, ...]
    valid_from: date
    valid_until: date | None
    added: frozenset[PostFacts]
    removed: frozenset[PostFacts]

    @property
    def primary(self) -> FeedRow:
        """The row of the person's own post."""
        return _primary(self.rows)

    @property
    def moves(self) -> bool:
        """Whether the posts change."""
        return bool(self.added or self.removed)

    @property
    def stops_earlier(self) -> bool:
        """Whether access would end sooner than was known."""
        before = self.known.valid_until
        return self.valid_until is not None and (before is None or self.valid_until < before)


@dataclass(frozen=True)
class Held:
    """Something that waits for a human. `row_number` None = a person missing from the file."""

    row_number: int | None
    staff_number: str
    name: str
    reason: str


@dataclass(frozen=True)
class PersonnelPlan:
    """What applying a file would do. Nothing has been done."""

    as_of: date
    joiners: tuple[Joiner, ...]
    movers: tuple[Changed, ...]
    leavers: tuple[Changed, ...]
    corrections: tuple[Changed, ...]
    held: tuple[Held, ...]
    unchanged: int
    past: int
    """Rows of people who had left before the day and were never known: nothing to do."""

    @property
    def changes(self) -> tuple[Changed, ...]:
        """Every known employment that changes, once each."""
        unique = {c.known.employment_id: c for c in (*self.movers, *self.leavers, *self.corrections)}
        return tuple(unique.values())


def plan(
    rows: Sequence[FeedRow],
    known: Iterable[KnownEmployment],
    *,
    same_human: Mapping[str, frozenset[int]],
    as_of: date,
) -> PersonnelPlan:
    """What the file would change on the day.

    `same_human` maps a staff number of the file to the known people of equal kana and birth date.
    """
    by_number = {employment.staff_number: employment for employment in known}
    groups = _by_person(rows)
    held = [Held(row.row_number, row.staff_number, row.name, row.held) for row in rows if row.held]
    changed, unchanged = [], 0
    for number, employment in ((number, by_number[number]) for number in groups if number in by_number):
        group = groups[number]
        if reason := _doubt(employment, group, same_human.get(number, frozenset()), as_of):
            held.append(_held(group, reason))
        elif (change := _change(employment, group, as_of)) is not None:
            changed.append(change)
        else:
            unchanged += 1
    coming = {number: group for number, group in groups.items() if number not in by_number and not _over(group, as_of)}
    joiners, doubtful = _joiners(coming, same_human, _people_by_end(by_number.values(), changed))
    held.extend([*doubtful, *_missing(by_number, {row.staff_number for row in rows}, as_of)])
    return PersonnelPlan(
        as_of=as_of,
        joiners=tuple(joiners),
        movers=tuple(c for c in changed if c.moves),
        leavers=tuple(c for c in changed if c.stops_earlier),
        corrections=tuple(c for c in changed if not c.moves and not c.stops_earlier),
        held=tuple(held),
        unchanged=unchanged,
        past=len(groups.keys() - by_number.keys() - coming.keys()),
    )


def require_within_limits(personnel: PersonnelPlan, limit: RunLimit, employed: int) -> None:
    """Afterwards the plan stops no more people than one run may. Raises SafetyLimit."""
    continued = {joiner.continues for joiner in personnel.joiners}
    stopped = len({c.known.person_id for c in personnel.leavers} - continued)
    share = stopped / employed if employed else 0.0
    if stopped > limit.count or share > limit.share:
        raise SafetyLimit(
            f"この取込は在職者 {employed} 人のうち {stopped} 人（{share:.1%}）の利用を終わらせます。"
            f"上限は {limit.count} 人又は {limit.share:.0%} です。"
            "何も変更していません。ファイルを確かめてください。"
        )


def _by_person(rows: Iterable[FeedRow]) -> dict[str, tuple[FeedRow, ...]]:
    groups: dict[str, list[FeedRow]] = defaultdict(list)
    for row in rows:
        if row.held is None:
            groups[row.staff_number].append(row)
    return {number: tuple(group) for number, group in groups.items()}


def _primary(rows: Sequence[FeedRow]) -> FeedRow:
    return next(row for row in rows if row.post_kind is PostKind.PRIMARY)


def end_of(rows: Sequence[FeedRow]) -> date | None:
    """The first day on which the employment no longer holds: after 退職日, else after 任期満了日."""
    primary = _primary(rows)
    return last_day_to_end(primary.left_on or primary.term_end)


def _over(rows: Sequence[FeedRow], as_of: date) -> bool:
    end = end_of(rows)
    return end is not None and end <= as_of


def _held(rows: Sequence[FeedRow], reason: str) -> Held:
    primary = _primary(rows)
    return Held(primary.row_number, primary.staff_number, primary.name, reason)


def _doubt(known: KnownEmployment, rows: Sequence[FeedRow], candidates: frozenset[int], as_of: date) -> str | None:
    """Why a human must look before these rows of a known number act; None = they may."""
    primary, end = _primary(rows), end_of(rows)
    if known.valid_until is not None and primary.employed_from >= known.valid_until:
        return "終わった任用の職員番号が、もう一度使われています。"
    if _given(primary.kana) != _given(known.kana) and known.person_id not in candidates:
        return "同じ職員番号の人と名が違います。番号の付け替えではないか確かめてください。"
    if known.valid_from <= as_of < primary.employed_from:
        return "すでに始まった任用の採用日が、先の日に変わっています。"
    if end is not None and end <= _begins(known, primary, as_of):
        return "退職日又は任期満了日が、記録されている採用日より前です。"
    return None


def _given(kana: str) -> str:
    """The last part of a reading, however it is written: a family name may change, the other rarely does."""
    return fold(split_name(kana)[1] or kana)


def _begins(known: KnownEmployment, primary: FeedRow, as_of: date) -> date:
    """The day on which a known employment begins: the file may still move one that lies ahead."""
    return primary.employed_from if known.valid_from > as_of else known.valid_from


def _people_by_end(known: Iterable[KnownEmployment], changed: Iterable[Changed]) -> dict[date, set[int]]:
    """The day from which an employment no longer holds, as this very file may say it → the people."""
    ends = {employment.employment_id: (employment.valid_until, employment.person_id) for employment in known}
    ends |= {change.known.employment_id: (change.valid_until, change.known.person_id) for change in changed}
    found: dict[date, set[int]] = defaultdict(set)
    for end, person_id in ends.values():
        if end is not None:
            found[end].add(person_id)
    return found


def _joiners(
    coming: Mapping[str, tuple[FeedRow, ...]],
    same_human: Mapping[str, frozenset[int]],
    people_by_end: Mapping[date, set[int]],
) -> tuple[list[Joiner], list[Held]]:
    """Those whose number is new; whoever may be a known person continues their employment without a gap, or is held."""
    joiners, held = [], []
    for number, group in coming.items():
        candidates = same_human.get(number, frozenset())
        ending = candidates & people_by_end.get(_primary(group).employed_from, set())
        if not candidates:
            joiners.append(Joiner(group, None))
        elif len(candidates) == len(ending) == 1:
            joiners.append(Joiner(group, next(iter(ending))))
        else:
            reason = "カナ氏名と生年月日が同じ人がすでに登録されています。同じ人かどうか確かめてください。"
            held.append(_held(group, reason))
    return joiners, held


def posts_of(rows: Iterable[FeedRow]) -> frozenset[PostFacts]:
    """The posts that the rows of one person name."""
    return frozenset(PostFacts(row.unit_code, row.post, row.post_kind is PostKind.PRIMARY) for row in rows)


def _change(known: KnownEmployment, rows: tuple[FeedRow, ...], as_of: date) -> Changed | None:
    primary, posts = _primary(rows), posts_of(rows)
    begins, until = _begins(known, primary, as_of), end_of(rows)
    change = Changed(known, rows, begins, until, posts - known.posts, known.posts - posts)
    personal = (primary.name, primary.kana, primary.mail, primary.employment_kind)
    same_person = personal == (known.name, known.kana, known.mail, known.kind)
    same_period = (begins, until) == (known.valid_from, known.valid_until)
    return None if same_person and same_period and not change.moves else change


def _missing(known: Mapping[str, KnownEmployment], present: set[str], as_of: date) -> list[Held]:
    """Whoever is employed, or is to be, and has no row: absence says neither retirement nor withdrawal."""
    return [
        Held(None, number, employment.name, "ファイルに行がありません。退職日が届くまで在職のまま扱います。")
        for number, employment in known.items()
        if employment.from_feed
        and number not in present
        and (employment.valid_until is None or as_of < employment.valid_until)
    ]
