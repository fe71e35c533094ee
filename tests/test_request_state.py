"""Every state of an application, a line and a step, and every event: what follows, or a refusal."""

import re
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm import request_state
from idm.errors import IllegalTransition
from idm.request_state import (
    TITLES,
    TRANSITIONS,
    Event,
    LineState,
    RequestState,
    StepState,
    after,
    settlement,
)

MACHINES: dict[str, tuple[Any, dict[tuple[str, str], str]]] = {
    "application": (
        RequestState,
        {
            ("draft", "submit"): "submitted",
            ("draft", "use_standing"): "approved",
            ("submitted", "settle_approved"): "approved",
            ("submitted", "settle_returned"): "returned",
            ("submitted", "settle_rejected"): "rejected",
            ("submitted", "withdraw"): "withdrawn",
            ("submitted", "lapse"): "lapsed",
        },
    ),
    "line": (
        LineState,
        {
            ("pending", "approve"): "approved",
            ("pending", "use_standing"): "approved",
            ("pending", "return"): "returned",
            ("pending", "reject"): "rejected",
            ("pending", "withdraw"): "withdrawn",
            ("pending", "lapse"): "lapsed",
        },
    ),
    "step": (
        StepState,
        {
            ("pending", "approve"): "approved",
            ("pending", "return"): "returned",
            ("pending", "reject"): "rejected",
            ("pending", "close"): "closed",
        },
    ),
}
EVERY = [
    pytest.param(state, event, allowed.get((state.value, event.value)), id=f"{name}-{state.value}-{event.value}")
    for name, (states, allowed) in MACHINES.items()
    for state, event in product(states, Event)
]


@pytest.mark.parametrize(("state", "event", "following"), EVERY)
def test_every_event_in_every_state_leads_where_the_diagram_says_or_is_refused(
    state: Any, event: Event, following: str | None
) -> None:
    if following is None:
        with pytest.raises(IllegalTransition, match=TITLES[state.value]):
            after(state, event)
    else:
        assert after(state, event) is type(state)(following)


def test_the_diagram_names_every_transition() -> None:
    diagram = request_state.__doc__ or ""
    for states, allowed in MACHINES.values():
        assert set(TRANSITIONS) >= {states}
        for (_, event), following in allowed.items():
            assert re.search(rf"{event} ?─*► {following}", diagram), (event, following)


def test_every_state_is_final_but_draft_submitted_and_pending() -> None:
    for states, _ in MACHINES.values():
        table = TRANSITIONS[states]
        assert isinstance(table, dict)
        moving = {state for state, _ in table}
        assert {state.value for state in moving} <= {"draft", "submitted", "pending"}


def test_every_state_has_a_title_and_no_title_says_done() -> None:
    for states, _ in MACHINES.values():
        assert {state.value for state in states} <= set(TITLES)
    assert not any("完了" in title or "済み" in title for state, title in TITLES.items() if state != "approved")
    assert TITLES["approved"] == "承認済み"


def test_a_return_is_never_reopened() -> None:
    for event in Event:
        with pytest.raises(IllegalTransition):
            after(RequestState.RETURNED, event)


@given(st.lists(st.sampled_from(LineState), min_size=1))
def test_an_application_settles_when_its_last_line_is_final_and_not_before(lines: list[LineState]) -> None:
    event = settlement(lines)
    if LineState.PENDING in lines:
        assert event is None
    elif LineState.APPROVED in lines:
        assert event is Event.SETTLE_APPROVED
    elif LineState.RETURNED in lines:
        assert event is Event.SETTLE_RETURNED
    elif set(lines) == {LineState.LAPSED}:
        assert event is Event.LAPSE
    else:
        assert event is Event.SETTLE_REJECTED
    if event is not None:
        after(RequestState.SUBMITTED, event)


@given(st.lists(st.sampled_from(Event)))
def test_no_sequence_of_events_leaves_a_final_state(events: list[Event]) -> None:
    state = RequestState.DRAFT
    for event in events:
        before = state
        try:
            state = after(state, event)
        except IllegalTransition:
            assert state is before
        else:
            assert before in (RequestState.DRAFT, RequestState.SUBMITTED)
