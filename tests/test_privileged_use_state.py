"""The life of one use, whatever happens to it in whatever order: it opens at most once, approved, and then it ends."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from idm.errors import IllegalTransition
from idm.privileged_use_state import (
    LIVE,
    TRANSITIONS,
    Lapse,
    UseEvent,
    Window,
    after,
    is_wanted_at_once,
    lapse_of,
    window_of,
)
from idm.vocabulary import UseState

START = datetime(2026, 4, 1, tzinfo=UTC)
moments = st.integers(0, 40).map(lambda minutes: START + timedelta(minutes=minutes))
windows = st.builds(Window, moments, moments)


@dataclass(frozen=True)
class Wish:
    """The times of one use. One that is wanted before it was asked for was wanted at once."""

    asked_at: datetime
    wanted_from: datetime
    hours: int
    state: UseState = UseState.ASKED
    decided_at: datetime | None = None
    opens_at: datetime | None = None
    ends_at: datetime | None = None


hours_away = st.integers(0, 50).map(lambda hours: START + timedelta(hours=hours, microseconds=hours))
wishes = st.builds(
    lambda asked, ahead, hours: Wish(asked, asked + timedelta(hours=ahead), hours),
    hours_away, st.integers(0, 30), st.integers(1, 8),
)  # fmt: skip
events = st.lists(st.sampled_from(UseEvent), max_size=12)
OVER = {UseState.ENDED, UseState.REFUSED, UseState.WITHDRAWN, UseState.LAPSED}


def lived(happening: list[UseEvent]) -> list[tuple[UseEvent, UseState]]:
    """What took effect of these events, each with the state that it led to."""
    state, took_effect = UseState.ASKED, []
    for event in happening:
        try:
            state = after(state, event)
        except IllegalTransition:
            continue
        took_effect.append((event, state))
    return took_effect


@given(events)
def test_nothing_opens_that_was_not_approved_and_nothing_opens_twice(happening: list[UseEvent]) -> None:
    effects = [event for event, _ in lived(happening)]
    assert effects.count(UseEvent.OPEN) <= 1
    if UseEvent.OPEN in effects:
        assert effects[: effects.index(UseEvent.OPEN)] == [UseEvent.APPROVE]


@given(events)
def test_what_has_opened_can_only_end_and_be_closed(happening: list[UseEvent]) -> None:
    effects = [event for event, _ in lived(happening)]
    if UseEvent.OPEN in effects:
        assert effects[effects.index(UseEvent.OPEN) + 1 :] in (
            [], [UseEvent.END], [UseEvent.END, UseEvent.CLOSE],
        )  # fmt: skip


@given(events)
def test_what_is_over_stays_over_and_holds_no_id(happening: list[UseEvent]) -> None:
    states = [state for _, state in lived(happening)]
    for before, following in pairwise(states):
        assert before not in OVER, (before, following)
    assert OVER.isdisjoint(LIVE)


def test_every_state_but_the_last_ones_leads_somewhere_and_every_one_is_reached() -> None:
    assert {state for state, _ in TRANSITIONS} == set(UseState) - OVER
    assert {*TRANSITIONS.values(), UseState.ASKED} == set(UseState)


@given(windows, windows)
def test_two_windows_overlap_where_some_moment_is_in_both(one: Window, other: Window) -> None:
    def minutes(window: Window) -> set[int]:
        return {minute for minute in range(41) if window.begins <= START + timedelta(minutes=minute) < window.until}

    assert one.overlaps(other) == other.overlaps(one) == bool(minutes(one) & minutes(other))


@given(wishes, st.integers(0, 60), st.integers(0, 60))
def test_a_permitted_use_never_needs_time_that_it_was_not_permitted_for(wish: Wish, until: int, later: int) -> None:
    """So two that did not overlap when the second was permitted never meet, however late either begins."""
    decided_at = wish.asked_at + timedelta(hours=until)
    as_asked = window_of(wish, now=decided_at)
    permitted = replace(wish, state=UseState.APPROVED, decided_at=decided_at)
    assert window_of(permitted, now=decided_at) == as_asked, "what was looked at is what is permitted"
    then = window_of(permitted, now=decided_at + timedelta(minutes=7 * later))
    assert as_asked.begins <= then.begins
    assert then.until == as_asked.until
    assert then.until <= then.begins + timedelta(hours=wish.hours)


@given(wishes, st.integers(0, 60))
def test_what_has_not_lapsed_has_time_left_that_was_asked_for(wish: Wish, waited: int) -> None:
    now = wish.asked_at + timedelta(hours=waited)
    lapse = lapse_of(wish, asked_hours=24, at_once_hours=4, now=now)
    window = window_of(wish, now=now)
    if is_wanted_at_once(wish):
        assert lapse is (Lapse.UNANSWERED if waited >= 24 else Lapse.NOT_AT_ONCE if waited >= 4 else None)
    else:
        assert (lapse is None) == (waited < 24 and window.until > now)
        assert window.until <= wish.wanted_from + timedelta(hours=wish.hours)
