"""The life of one use, whatever happens to it in whatever order: it opens at most once, approved, and then it ends."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from idm.errors import IllegalTransition
from idm.privileged_use_state import LIVE, TRANSITIONS, UseEvent, after
from idm.vocabulary import UseState

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
