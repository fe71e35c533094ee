"""What the events (発令) of one staff number say, laid over what is known of that employment. Pure (control A7).

All events of one person and day are one set, whatever their order in the file. A past day is a correction (遡及): what
followed it still follows. A cancelled event (発令取消) is taken back as if it had never been announced. An event that
does not fit what is known raises Doubt with the reason: a human looks first, and nothing of that person changes.
"""

# ruff: noqa: ARG001 - the functions of one table share one signature

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta

from idm.calendar_days import last_day_to_end
from idm.feed.event_row import EventRow
from idm.feed.profile import PostKind
from idm.personnel.career import AbsencePeriod, Career, PostFacts, PostPeriod, begins_post, called_off_post
from idm.personnel_event import EVENT_TITLES, AbsenceKind, EventKind, LeavingKind
from idm.wareki import format_wareki


class Doubt(Exception):
    """An event that does not fit what is known; its text is the reason shown to the person who must look."""


ORDER = (
    EventKind.NAME_CHANGE,
    EventKind.HIRE,
    EventKind.RENEW,
    EventKind.SECOND_RETURN,
    EventKind.LEAVE_END,
    EventKind.CONCURRENT_END,
    EventKind.TRANSFER,
    EventKind.PROMOTE,
    EventKind.CONCURRENT_BEGIN,
    EventKind.LEAVE_BEGIN,
    EventKind.SECOND_OUT,
    EventKind.RETIRE,
    EventKind.TERM_END,
)
"""In which order events of one person and day count: what ends before what begins, and leaving last."""

BEGINNINGS = frozenset({EventKind.HIRE, EventKind.RENEW})
"""The events by which a staff number that nobody knows may come into being."""


def after_events(known: Career | None, events: Iterable[EventRow], *, as_of: date) -> Career | None:
    """The career as the events of one staff number leave it; None = an employment called off before it began.

    Raises Doubt.
    """
    career = known
    # What is taken back goes first: the notice that replaces it may be in the same file.
    for event in sorted(events, key=lambda e: (not e.cancelled, e.effective, ORDER.index(_kind(e)), e.row_number)):
        if career is None and (event.cancelled or event.kind not in BEGINNINGS):
            raise Doubt(f"知らない職員番号に「{_title(event)}」の発令があります。")
        if event.cancelled:
            career = _TAKEN_BACK[_kind(event)](_required(career), event, as_of)
        else:
            career = _DONE[_kind(event)](career, event, as_of) if career is not None else _hired(event)
    return career


def _kind(event: EventRow) -> EventKind:
    if event.kind is None:  # such an event is held, and held events never come here
        raise ValueError(f"row {event.row_number} has no event kind")
    return event.kind


def _title(event: EventRow) -> str:
    return EVENT_TITLES[_kind(event)]


def _required(career: Career | None) -> Career:
    if career is None:
        raise Doubt("採用が取り消された職員番号に、ほかの発令があります。")
    return career


# --- what an event does ----------------------------------------------------------------------------------------------


def _hired(event: EventRow) -> Career:
    if event.employment_kind is None:
        raise Doubt("採用の発令に、任用形態がありません。")
    return Career(
        staff_number=event.staff_number, name=event.name, kana=event.kana, work_name=event.work_name,
        romaji=event.romaji, mail=event.mail, kind=event.employment_kind, valid_from=event.effective,
        valid_until=last_day_to_end(event.term_end), posts=frozenset({_post(event, None)}),
        published_on=event.published_on,
    )  # fmt: skip


def _hired_again(career: Career, event: EventRow, as_of: date) -> Career:
    """The same announcement again changes nothing; one that lies ahead may be put on another day."""
    if career.valid_until is not None and event.effective >= career.valid_until:
        raise Doubt("終わった任用の職員番号が、もう一度使われています。")
    if event.effective == career.valid_from:
        return _moved(career, event, as_of)
    if career.valid_from > as_of and event.effective > as_of:
        return _hired(event)
    raise Doubt("すでに始まった任用に、別の日の採用の発令があります。")


def _renewed(career: Career, event: EventRow, as_of: date) -> Career:
    """任期の更新 of one number: it goes on until the new last day."""
    if career.valid_until is not None and event.effective > career.valid_until:
        raise Doubt("任期が満了した職員番号を、間を空けて更新しています。")
    kind = event.employment_kind or career.kind
    renewed = replace(career, kind=kind, valid_until=last_day_to_end(event.term_end), leaving=None)
    return _moved(renewed, event, as_of) if event.unit_code and event.post else renewed


def _moved(career: Career, event: EventRow, as_of: date) -> Career:
    _require_within(career, event)
    return replace(career, posts=begins_post(career.posts, _post(event, career)))


def _concurrently(career: Career, event: EventRow, as_of: date) -> Career:
    _require_within(career, event)
    post = replace(_post(event, career), valid_until=last_day_to_end(event.term_end))
    return replace(career, posts=begins_post(career.posts, replace(post, facts=replace(post.facts, primary=False))))


def _concurrence_ended(career: Career, event: EventRow, as_of: date) -> Career:
    unit, post = event.former_unit_code or event.unit_code, event.former_post or event.post
    ending = [
        period
        for period in career.posts
        if not period.facts.primary
        and (unit is None or period.facts.unit_code == unit)
        and (post is None or period.facts.post == post)
        and period.valid_from < event.effective
    ]
    held = [period for period in ending if period.holds_on(event.effective)]
    if not held and any(period.valid_until == event.effective for period in ending):
        return career
    if len(held) != 1:
        raise Doubt("解除する兼務が、記録に一つに定まりません。")
    return replace(career, posts=(career.posts - {held[0]}) | {replace(held[0], valid_until=event.effective)})


def _went_away(career: Career, event: EventRow, as_of: date) -> Career:
    """休職 and 出向: from the day on, until the day before the return if that is known."""
    if event.kind is EventKind.SECOND_OUT and event.leaving is not None:
        return _left(career, replace(event, effective=event.effective - timedelta(days=1)), as_of)
    _require_within(career, event)
    kind = event.absence or _AWAY[_kind(event)]
    new = AbsencePeriod(kind, event.effective, last_day_to_end(event.absence_until), event.published_on)
    others = frozenset(p for p in career.absences if not (p.kind is kind and p.valid_from == event.effective))
    if any(p.kind is kind and p.holds_on(event.effective) for p in others):
        raise Doubt(f"すでに休職等をしている期間に、「{_title(event)}」の発令があります。")
    return replace(career, absences=others | {new})


def _came_back(career: Career, event: EventRow, as_of: date) -> Career:
    away = [p for p in career.absences if _ends_here(p, event)]
    if len(away) != 1:
        raise Doubt("休職等の記録がないか二つ以上あるため、復職させるものが定まりません。")
    back = replace(career, absences=(career.absences - {away[0]}) | {replace(away[0], valid_until=event.effective)})
    return _moved(back, event, as_of) if event.unit_code and event.post else back


def _ends_here(period: AbsencePeriod, event: EventRow) -> bool:
    """Whether the return of the event ends this absence: early, on its day, or again as announced."""
    seconded = period.kind is AbsenceKind.SECONDMENT
    if event.absence is not None and period.kind is not event.absence:
        return False
    if event.absence is None and seconded != (event.kind is EventKind.SECOND_RETURN):
        return False
    last = period.valid_until
    return period.valid_from < event.effective and (last is None or event.effective <= last)


def _renamed(career: Career, event: EventRow, as_of: date) -> Career:
    if event.effective > as_of:
        raise Doubt("先の日の氏名の変更は、その日以後のファイルで取り込んでください。")
    return replace(
        career, name=event.name, kana=event.kana, work_name=event.work_name, romaji=event.romaji or career.romaji,
        mail=event.mail or career.mail,
    )  # fmt: skip


def _left(career: Career, event: EventRow, as_of: date) -> Career:
    """退職, 任期満了 and death: the day named is the last one."""
    until = event.effective + timedelta(days=1)
    if until <= career.valid_from:
        raise Doubt("退職日又は任期満了日が、記録されている採用日より前です。")
    if career.valid_until is not None and career.valid_until < until <= as_of + timedelta(days=1):
        raise Doubt("すでに終わった任用に、後の日の退職の発令があります。")
    leaving = event.leaving or (LeavingKind.TERM if event.kind is EventKind.TERM_END else LeavingKind.OTHER)
    return replace(career, valid_until=until, leaving=leaving)


# --- what a cancelled event takes back -------------------------------------------------------------------------------


def _not_hired(career: Career, event: EventRow, as_of: date) -> Career | None:
    _require_found(career.valid_from == event.effective, event)
    if career.valid_from > as_of:
        return None
    return replace(career, valid_until=max(as_of, career.valid_from + timedelta(days=1)), leaving=LeavingKind.OTHER)


def _not_renewed(career: Career, event: EventRow, as_of: date) -> Career | None:
    if career.valid_from == event.effective:
        return _not_hired(career, event, as_of)
    return replace(career, valid_until=event.effective, leaving=LeavingKind.TERM)


def _not_moved(career: Career, event: EventRow, as_of: date) -> Career:
    primary = event.kind is not EventKind.CONCURRENT_BEGIN
    found = [
        period
        for period in career.posts
        if period.facts.primary is primary
        and period.valid_from == event.effective
        and (event.unit_code is None or period.facts.unit_code == event.unit_code)
        and (event.post is None or period.facts.post == event.post)
    ]
    _require_found(len(found) == 1, event)
    return replace(career, posts=called_off_post(career.posts, found[0]))


def _concurrence_goes_on(career: Career, event: EventRow, as_of: date) -> Career:
    ended = [p for p in career.posts if not p.facts.primary and p.valid_until == event.effective]
    _require_found(len(ended) == 1, event)
    return replace(career, posts=(career.posts - {ended[0]}) | {replace(ended[0], valid_until=None)})


def _not_away(career: Career, event: EventRow, as_of: date) -> Career:
    found = [p for p in career.absences if p.valid_from == event.effective and event.absence in (None, p.kind)]
    _require_found(len(found) == 1, event)
    return replace(career, absences=career.absences - {found[0]})


def _still_away(career: Career, event: EventRow, as_of: date) -> Career:
    found = [p for p in career.absences if p.valid_until == event.effective and event.absence in (None, p.kind)]
    _require_found(len(found) == 1, event)
    return replace(career, absences=(career.absences - {found[0]}) | {replace(found[0], valid_until=None)})


def _stays(career: Career, event: EventRow, as_of: date) -> Career:
    _require_found(career.valid_until == event.effective + timedelta(days=1), event)
    return replace(career, valid_until=last_day_to_end(event.term_end), leaving=None)


def _not_renamed(career: Career, event: EventRow, as_of: date) -> Career:
    raise Doubt("氏名の変更の取消しは、正しい氏名での変更の発令として届けてください。")


# --- parts -----------------------------------------------------------------------------------------------------------


def _post(event: EventRow, career: Career | None) -> PostPeriod:
    """The post an event names; a promotion says the title and leaves the unit as it is."""
    held = career.primary if career is not None else None
    unit, post = event.unit_code or (held and held.unit_code), event.post or (held and held.post)
    if not unit or not post:
        raise Doubt(f"「{_title(event)}」の発令に、所属又は職がありません。")
    primary = event.post_kind is PostKind.PRIMARY
    return PostPeriod(PostFacts(unit, post, primary), event.effective, None, event.published_on)


def _require_within(career: Career, event: EventRow) -> None:
    outside = career.valid_until is not None and event.effective >= career.valid_until
    if event.effective < career.valid_from or outside:
        day = format_wareki(event.effective)
        raise Doubt(f"任用の期間の外の日（{day}）に、「{_title(event)}」の発令があります。")


def _require_found(found: bool, event: EventRow) -> None:
    if not found:
        day, title = format_wareki(event.effective), _title(event)
        raise Doubt(f"取り消す発令（{day}の「{title}」）が、記録にありません。")


_AWAY = {EventKind.LEAVE_BEGIN: AbsenceKind.LEAVE, EventKind.SECOND_OUT: AbsenceKind.SECONDMENT}

_DONE: dict[EventKind, Callable[[Career, EventRow, date], Career]] = {
    EventKind.HIRE: _hired_again,
    EventKind.RENEW: _renewed,
    EventKind.TRANSFER: _moved,
    EventKind.PROMOTE: _moved,
    EventKind.CONCURRENT_BEGIN: _concurrently,
    EventKind.CONCURRENT_END: _concurrence_ended,
    EventKind.LEAVE_BEGIN: _went_away,
    EventKind.SECOND_OUT: _went_away,
    EventKind.LEAVE_END: _came_back,
    EventKind.SECOND_RETURN: _came_back,
    EventKind.NAME_CHANGE: _renamed,
    EventKind.RETIRE: _left,
    EventKind.TERM_END: _left,
}
_TAKEN_BACK: dict[EventKind, Callable[[Career, EventRow, date], Career | None]] = {
    EventKind.HIRE: _not_hired,
    EventKind.RENEW: _not_renewed,
    EventKind.TRANSFER: _not_moved,
    EventKind.PROMOTE: _not_moved,
    EventKind.CONCURRENT_BEGIN: _not_moved,
    EventKind.CONCURRENT_END: _concurrence_goes_on,
    EventKind.LEAVE_BEGIN: _not_away,
    EventKind.SECOND_OUT: _not_away,
    EventKind.LEAVE_END: _still_away,
    EventKind.SECOND_RETURN: _still_away,
    EventKind.NAME_CHANGE: _not_renamed,
    EventKind.RETIRE: _stays,
    EventKind.TERM_END: _stays,
}
