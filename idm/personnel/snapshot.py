"""What a snapshot (全職員一覧) says of one employment, laid over what is known of it. Pure (control A7).

A snapshot says where everybody is and, where it announces, what is to come. One that stands beside an event list does
not announce: of a day to come, its silence says nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from idm.calendar_days import last_day_to_end
from idm.feed.profile import FIELDS, PostKind
from idm.feed.row import FeedRow
from idm.personnel.career import AbsencePeriod, Career, PostFacts, PostPeriod
from idm.personnel_event import LeavingKind


@dataclass(frozen=True)
class SnapshotScope:
    """What a snapshot's silence means: the facts it has columns for, and whether it tells of days to come."""

    announces: bool = True
    carries: frozenset[str] = frozenset(FIELDS)


def primary_row(rows: Sequence[FeedRow]) -> FeedRow:
    """The row of the person's own post."""
    return next(row for row in rows if row.post_kind is PostKind.PRIMARY)


def facts_of(row: FeedRow) -> PostFacts:
    """The post that a row names."""
    return PostFacts(row.unit_code, row.post, row.post_kind is PostKind.PRIMARY)


def end_of(rows: Sequence[FeedRow]) -> date | None:
    """The first day on which the employment no longer holds: after 退職日, else after 任期満了日."""
    primary = primary_row(rows)
    return last_day_to_end(primary.left_on or primary.term_end)


def after_snapshot(known: Career | None, rows: Sequence[FeedRow], *, as_of: date, scope: SnapshotScope) -> Career:
    """The career as the rows of one staff number leave it. Raises ValueError for rows without a kind: they are held."""
    primary = primary_row(rows)
    if primary.employment_kind is None:
        raise ValueError(f"row {primary.row_number} has no employment kind")
    begins = primary.employed_from if known is None or known.valid_from > as_of else known.valid_from
    until = end_of(rows)
    if known is not None and not scope.announces:
        until = _sooner_to_come(known.valid_until, until, as_of)
    career = Career(
        staff_number=primary.staff_number,
        name=primary.name,
        kana=primary.kana,
        work_name=_kept("work_name", primary.work_name, known, scope),
        romaji=_kept("romaji", primary.romaji, known, scope),
        mail=_kept("mail", primary.mail, known, scope),
        kind=primary.employment_kind,
        valid_from=begins,
        valid_until=until,
        leaving=_leaving(primary, known, until),
        published_on=known.published_on if known is not None else primary.published_on,
    )
    return replace(
        career, posts=_posts(known, rows, begins, as_of, scope), absences=_absences(known, primary, as_of, scope)
    )


def _kept(field: str, told: str | None, known: Career | None, scope: SnapshotScope) -> str | None:
    """What the file says, or what is known where it has no such column."""
    if field in scope.carries or known is None:
        return told
    return {"work_name": known.work_name, "romaji": known.romaji, "mail": known.mail}[field]


def _leaving(primary: FeedRow, known: Career | None, until: date | None) -> LeavingKind | None:
    if primary.leaving is not None or known is None or known.valid_until != until:
        return primary.leaving
    return known.leaving


def _sooner_to_come(known: date | None, told: date | None, as_of: date) -> date | None:
    """The end, where an announced one must not be taken back by a file that does not speak of days to come."""
    if known is None or known <= as_of:
        return told
    return known if told is None else min(known, told)


# --- posts -----------------------------------------------------------------------------------------------------------


def _posts(
    known: Career | None, rows: Sequence[FeedRow], begins: date, as_of: date, scope: SnapshotScope
) -> frozenset[PostPeriod]:
    before = known.posts if known is not None else frozenset()
    if known is not None and not scope.announces:
        rows = [row for row in rows if row.assigned_from <= as_of]
    told = {facts_of(row) for row in rows}
    # Announcing files speak of posts without an end, begun or coming; the others of those held on the day.
    spoken = {p for p in before if (p.valid_until is None if scope.announces else p.holds_on(as_of))}
    added = told - {period.facts for period in spoken}
    own_told = any(facts.primary for facts in told)
    # A file that only tells of an own post to come says nothing of the present one.
    removed = {p for p in spoken if p.facts not in told and (own_told or not p.facts.primary)}
    moved_on = _moved_on([row for row in rows if facts_of(row) in added], as_of)
    posts = {kept for period in before if (kept := _old(period, period in removed, moved_on, begins, as_of))}
    for row in rows:
        if facts_of(row) in added:
            posts = _with(posts, row, begins, as_of)
    return frozenset(posts)


def _moved_on(new: Sequence[FeedRow], as_of: date) -> date:
    """The day on which posts that are gone end: the 発令日 of the new own post, else of any new one, else `as_of`."""
    own = [row.assigned_from for row in new if row.post_kind is PostKind.PRIMARY]
    return min(own or [row.assigned_from for row in new] or [as_of])


def _old(period: PostPeriod, removed: bool, moved_on: date, begins: date, as_of: date) -> PostPeriod | None:
    """A known post as the file leaves it; None = it was announced and will never begin, or lies before the start."""
    if removed and period.valid_from > as_of:
        return None
    until = period.valid_until
    if removed:
        end = max(moved_on, period.valid_from + timedelta(days=1))
        until = min(end, until or end)
    if until is not None and until <= begins:
        return None
    return replace(period, valid_from=max(period.valid_from, begins), valid_until=until)


def _with(posts: set[PostPeriod], row: FeedRow, begins: date, as_of: date) -> set[PostPeriod]:
    """One more post. One whose coming end was called off is the same post as before, and so is what follows from it."""
    facts = facts_of(row)
    ended = {p for p in posts if p.facts == facts and p.valid_until is not None}
    ends = [p.valid_until for p in ended if p.valid_until is not None]
    if ends and as_of < max(ends) and row.assigned_from <= max(ends):
        return {replace(p, valid_until=None) if p in ended and p.valid_until == max(ends) else p for p in posts}
    first = max(row.assigned_from, begins, *ends)
    following = [p.valid_from for p in posts if facts.primary and p.facts.primary and p.valid_from > first]
    return posts | {PostPeriod(facts, first, min(following, default=None), row.published_on)}


# --- absences --------------------------------------------------------------------------------------------------------


def _absences(known: Career | None, primary: FeedRow, as_of: date, scope: SnapshotScope) -> frozenset[AbsencePeriod]:
    before = known.absences if known is not None else frozenset()
    if "absence" not in scope.carries:
        return before
    away = {period for period in before if period.holds_on(as_of)}
    if primary.absence is None:
        back = _returned(before, away, as_of)
        return frozenset(period for period in back if not scope.announces or period.valid_from <= as_of)
    until = last_day_to_end(primary.absence_until)
    same = {period for period in away if period.kind is primary.absence}
    if same:
        goes_on = {replace(period, valid_until=until) for period in same}
        return frozenset({*_returned(before - same, away - same, as_of), *goes_on})
    begins = primary.absence_from or as_of
    others = {period for period in _returned(before, away, as_of) if period.valid_from < begins}
    return frozenset({*others, AbsencePeriod(primary.absence, begins, until, primary.published_on)})


def _returned(before: Iterable[AbsencePeriod], away: Iterable[AbsencePeriod], as_of: date) -> set[AbsencePeriod]:
    """The absences once whoever was away is back on the day; one that would have begun that very day never was."""
    ended = {replace(period, valid_until=as_of) for period in away if period.valid_from < as_of}
    return {*(set(before) - set(away)), *ended}
