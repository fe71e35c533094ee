"""From a personnel file and what is known to a plan: who joins, moves, leaves, and which rows wait for a human. Pure.

A snapshot says who is employed and where. Absence from it is not a retirement: whoever is missing is held, and stays.
A number that has changed hands, or that may belong to somebody known, is held too: HR decides, not we (control A7).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from idm.calendar_days import holds, last_day_to_end
from idm.employment_kind import EmploymentKind
from idm.errors import SafetyLimit
from idm.feed_profile import PostKind
from idm.feed_row import FeedRow
from idm.policy import PersonnelRules


@dataclass(frozen=True, order=True)
class PostFacts:
    """One post as files and records both can say it."""

    unit_code: str
    post: str
    primary: bool


@dataclass(frozen=True)
class KnownEmployment:
    """One employment as recorded. `posts` are those valid on the day of the plan or later."""

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
    joiners, changed, unchanged, past = [], [], 0, 0
    for number, group in groups.items():
        employment = by_number.get(number)
        if employment is None and _over(group, as_of):
            past += 1
        elif reason := _doubt(employment, group, same_human.get(number, frozenset()), by_number.values()):
            held.append(Held(_primary(group).row_number, number, group[0].name, reason))
        elif employment is None:
            joiners.append(Joiner(group, _continued(group, same_human.get(number, frozenset()), by_number.values())))
        elif (change := _change(employment, group)) is not None:
            changed.append(change)
        else:
            unchanged += 1
    held.extend(_missing(by_number, {row.staff_number for row in rows}, as_of))
    return PersonnelPlan(
        as_of=as_of,
        joiners=tuple(joiners),
        movers=tuple(c for c in changed if c.moves),
        leavers=tuple(c for c in changed if c.stops_earlier),
        corrections=tuple(c for c in changed if not c.moves and not c.stops_earlier),
        held=tuple(held),
        unchanged=unchanged,
        past=past,
    )


def require_within_limits(personnel: PersonnelPlan, rules: PersonnelRules, employed: int) -> None:
    """Afterwards the plan stops no more people than one run may. Raises SafetyLimit."""
    continued = {joiner.continues for joiner in personnel.joiners}
    stopped = len({c.known.person_id for c in personnel.leavers} - continued)
    share = stopped / employed if employed else 0.0
    if stopped > rules.max_stopped_count or share > rules.max_stopped_share:
        raise SafetyLimit(
            f"この取込は在職者 {employed} 人のうち {stopped} 人（{share:.1%}）の利用を終わらせます。"
            f"上限は {rules.max_stopped_count} 人又は {rules.max_stopped_share:.0%} です。"
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


def _doubt(
    known: KnownEmployment | None,
    rows: Sequence[FeedRow],
    candidates: frozenset[int],
    everyone: Iterable[KnownEmployment],
) -> str | None:
    """Why a human must look before these rows act; None = they may."""
    primary = _primary(rows)
    if known is not None:
        if known.valid_until is not None and primary.employed_from >= known.valid_until:
            return "終わった任用の職員番号が、もう一度使われています。"
        if _given(primary.kana) != _given(known.kana) and known.person_id not in candidates:
            return "同じ職員番号の人と名が違います。番号の付け替えではないか確かめてください。"
        return None
    if candidates and _continued(rows, candidates, everyone) is None:
        return "カナ氏名と生年月日が同じ人がすでに登録されています。同じ人かどうか確かめてください。"
    return None


def _given(kana: str) -> str:
    parts = kana.replace("\u3000", " ").split()
    return parts[-1] if parts else ""


def _continued(rows: Sequence[FeedRow], candidates: frozenset[int], everyone: Iterable[KnownEmployment]) -> int | None:
    """The one known person whose employment ends at the very instant at which this one begins."""
    begins = _primary(rows).employed_from
    matching = {e.person_id for e in everyone if e.person_id in candidates and e.valid_until == begins}
    return matching.pop() if len(matching) == 1 and len(candidates) == 1 else None


def posts_of(rows: Iterable[FeedRow]) -> frozenset[PostFacts]:
    """The posts that the rows of one person name."""
    return frozenset(PostFacts(row.unit_code, row.post, row.post_kind is PostKind.PRIMARY) for row in rows)


def _change(known: KnownEmployment, rows: tuple[FeedRow, ...]) -> Changed | None:
    primary, until, posts = _primary(rows), end_of(rows), posts_of(rows)
    change = Changed(known, rows, until, posts - known.posts, known.posts - posts)
    personal = (primary.name, primary.kana, primary.mail, primary.employment_kind)
    same = personal == (known.name, known.kana, known.mail, known.kind) and until == known.valid_until
    return None if same and not change.moves else change


def _missing(known: Mapping[str, KnownEmployment], present: set[str], as_of: date) -> list[Held]:
    return [
        Held(None, number, employment.name, "ファイルに行がありません。退職日が届くまで在職のまま扱います。")
        for number, employment in known.items()
        if employment.from_feed
        and number not in present
        and holds(employment.valid_from, employment.valid_until, as_of)
    ]
