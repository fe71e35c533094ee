"""All that happens to one person on one 発令日 is one set: it makes sense as a whole, or the person is held. Pure.

Several events of one day may stand on several rows (異動 and 兼務 and 昇任), so no row is judged alone. One that is
called off (発令取消) counts for nothing but the question whether it is also ordered.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date

from idm.feed.codes import PostKind
from idm.feed.event_row import EventRow
from idm.feed.row import FeedRow
from idm.personnel_event import EventKind

Kinds = frozenset[EventKind]

LEAVING: Kinds = frozenset({EventKind.RETIRE, EventKind.TERM_END})
"""Events after whose day nobody works here."""

STARTING: Kinds = frozenset(
    {
        EventKind.HIRE, EventKind.TRANSFER, EventKind.CONCURRENT_BEGIN, EventKind.SECOND_OUT, EventKind.SECOND_RETURN,
        EventKind.LEAVE_BEGIN, EventKind.RENEW,
    }
)  # fmt: skip
"""Events with which something begins. 昇任 is none: many are promoted on the day they retire."""

PLACING: Kinds = frozenset(
    {EventKind.HIRE, EventKind.TRANSFER, EventKind.PROMOTE, EventKind.SECOND_RETURN, EventKind.RENEW}
)
"""Events that say where somebody's own post is, or what it is called."""


def contradiction(events: Sequence[EventRow]) -> str | None:
    """Why the events of one staff number on one day cannot all be meant; None = they can."""
    live = [event for event in events if not event.cancelled]
    reasons = [reason for rule, reason in RULES if rule(live)]
    if _called_off_and_ordered(events):
        reasons.append("同じ発令とその取消が同じ日にあります。")
    return "".join(reasons) or None


def contradictions(events: Iterable[EventRow]) -> dict[str, str]:
    """Why each staff number that must be held is, by its days in order."""
    days: dict[tuple[str, date], list[EventRow]] = defaultdict(list)
    for event in events:
        days[event.staff_number, event.effective].append(event)
    found: dict[str, str] = {}
    for (number, day), group in sorted(days.items(), key=lambda item: item[0]):
        if reason := contradiction(group):
            found[number] = f"{found.get(number, '')}{day.isoformat()}の発令: {reason}"
    return found


def linked_numbers(events: Iterable[EventRow]) -> dict[str, str]:
    """Staff number → the first of all numbers that are the same person by 再任用 or 更新."""
    first: dict[str, str] = {}

    def root(number: str) -> str:
        while first.get(number, number) != number:
            number = first[number]
        return number

    for event in events:
        if event.former_staff_number is not None:
            one, other = sorted((root(event.staff_number), root(event.former_staff_number)))
            first[other] = one
    return {number: root(number) for number in first}


def person_reasons(rows: Iterable[FeedRow], events: Sequence[EventRow]) -> Mapping[str, str]:
    """Why each staff number is held, whatever row of the same person says it."""
    found: dict[str, list[str]] = defaultdict(list)
    by_number: dict[str, tuple[list[FeedRow], list[EventRow]]] = defaultdict(lambda: ([], []))
    for row in rows:
        by_number[row.staff_number][0].append(row)
    for event in events:
        by_number[event.staff_number][1].append(event)
    numbers = linked_numbers(events)
    against = contradictions(events)
    for number, (posts, happenings) in by_number.items():
        reasons = list(_reasons(posts, happenings))
        reasons += [against[number]] if number in against else []
        found[numbers.get(number, number)].extend(reasons)
    return {
        number: reason for number in by_number if (reason := "".join(dict.fromkeys(found[numbers.get(number, number)])))
    }


def _reasons(rows: Sequence[FeedRow], events: Sequence[EventRow]) -> Iterator[str]:
    yield from (row.held for row in rows if row.held)
    yield from (event.held for event in events if event.held)
    everything: Sequence[FeedRow | EventRow] = (*rows, *events)
    births = {row.birth_date for row in everything if row.birth_date is not None}
    names = {row.name for row in everything}
    kana = {row.kana for row in rows} | {event.kana for event in events if event.kana}
    renamed = any(event.kind is EventKind.NAME_CHANGE for event in events)
    if len(births) > 1 or (not renamed and (len(names) > 1 or len(kana) > 1)):
        yield "同じ職員番号の行で、氏名・カナ氏名・生年月日のどれかが違います。"
    if rows and all(row.post_kind is PostKind.CONCURRENT for row in rows):
        yield "本務の行がありません。"


# --- what cannot be meant together -----------------------------------------------------------------------------------


def _two_places(events: Sequence[EventRow]) -> bool:
    placing = [event for event in events if event.kind in PLACING and event.post_kind is PostKind.PRIMARY]
    return _differ(event.unit_code for event in placing) or _differ(event.post for event in placing)


def _leaving_and_starting(events: Sequence[EventRow]) -> bool:
    kinds = {event.kind for event in events}
    return bool(kinds & LEAVING) and bool(kinds & STARTING)


def _two_leavings(events: Sequence[EventRow]) -> bool:
    leaving = [event for event in events if event.kind in LEAVING]
    return len({event.kind for event in leaving}) > 1 or _differ(event.leaving for event in leaving)


def _absence_begins_and_ends(events: Sequence[EventRow]) -> bool:
    begun = [event.absence for event in events if event.kind is EventKind.LEAVE_BEGIN]
    ended = [event.absence for event in events if event.kind is EventKind.LEAVE_END]
    return any(one is None or other is None or one is other for one in begun for other in ended)


def _two_absences(events: Sequence[EventRow]) -> bool:
    begun = [event for event in events if event.kind is EventKind.LEAVE_BEGIN]
    return _differ(event.absence for event in begun) or _differ(event.absence_until for event in begun)


def _sent_and_returned(events: Sequence[EventRow]) -> bool:
    return {EventKind.SECOND_OUT, EventKind.SECOND_RETURN} <= {event.kind for event in events}


def _second_post_begins_and_ends(events: Sequence[EventRow]) -> bool:
    begun = {(event.unit_code, event.post) for event in events if event.kind is EventKind.CONCURRENT_BEGIN}
    ended = [event for event in events if event.kind is EventKind.CONCURRENT_END]
    return any(
        event.former_unit_code == unit and event.former_post in (None, post) for event in ended for unit, post in begun
    )


def _two_names(events: Sequence[EventRow]) -> bool:
    changes = [event for event in events if event.kind is EventKind.NAME_CHANGE]
    return len({(event.name, event.kana, event.work_name) for event in changes}) > 1


def _two_terms(events: Sequence[EventRow]) -> bool:
    renewed = [event for event in events if event.kind in (EventKind.HIRE, EventKind.RENEW)]
    return _differ(event.term_end for event in renewed) or _differ(event.employment_kind for event in renewed)


def _differ(values: Iterable[object]) -> bool:
    return len({value for value in values if value is not None}) > 1


def _called_off_and_ordered(events: Sequence[EventRow]) -> bool:
    return any(
        off.kind is on.kind and (off.unit_code, off.post, off.former_unit_code) in (_what(on), (None, None, None))
        for off in events
        if off.cancelled
        for on in events
        if not on.cancelled
    )


def _what(event: EventRow) -> tuple[str | None, str | None, str | None]:
    return event.unit_code, event.post, event.former_unit_code


RULES: tuple[tuple[Callable[[Sequence[EventRow]], bool], str], ...] = (
    (_two_places, "本務の所属か職が二通りあります。"),
    (_leaving_and_starting, "退職と、その日に始まる発令が両方あります。"),
    (_two_leavings, "退職の区分か事由が二通りあります。"),
    (_absence_begins_and_ends, "同じ休職等の開始と終了が両方あります。"),
    (_two_absences, "休職等の区分か終了予定日が二通りあります。"),
    (_sent_and_returned, "出向・派遣と、そこからの復帰が両方あります。"),
    (_second_post_begins_and_ends, "同じ兼務の開始と解除が両方あります。"),
    (_two_names, "変更後の氏名が二通りあります。"),
    (_two_terms, "任期満了日か任用形態が二通りあります。"),
)
"""What the events of one person and day cannot say together, with the reason a person reads."""
