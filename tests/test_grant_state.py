"""Every state of a grant and every event: what follows, or a refusal."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.errors import IllegalTransition
from idm.grant_state import TITLES, TRANSITIONS, GrantEvent, GrantState, after

ALLOWED = {
    ("planned", "begin"): "in_force",
    ("planned", "end"): "ended",
    ("in_force", "suspend"): "suspended",
    ("in_force", "end"): "ended",
    ("suspended", "suspend"): "suspended",
    ("suspended", "resume"): "in_force",
    ("suspended", "end"): "ended",
}


@pytest.mark.parametrize(("state", "event"), list(product(GrantState, GrantEvent)))
def test_every_event_in_every_state_leads_where_the_diagram_says_or_is_refused(
    state: GrantState, event: GrantEvent
) -> None:
    following = ALLOWED.get((state.value, event.value))
    if following is None:
        with pytest.raises(IllegalTransition, match=TITLES[state]):
            after(state, event)
    else:
        assert after(state, event) is GrantState(following)


def test_the_table_says_nothing_else() -> None:
    written = {(state.value, event.value): following.value for (state, event), following in TRANSITIONS.items()}
    assert written == ALLOWED


def test_every_state_has_a_title() -> None:
    assert set(TITLES) == set(GrantState)


@given(st.lists(st.sampled_from(GrantEvent)))
def test_what_has_ended_stays_ended(events: list[GrantEvent]) -> None:
    state = GrantState.PLANNED
    for event in events:
        try:
            following = after(state, event)
        except IllegalTransition:
            continue
        assert state is not GrantState.ENDED
        state = following
