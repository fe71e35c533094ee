"""The life of a finding: where it stands on a day, what may happen to it, whose it is and until when."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.errors import IllegalTransition
from idm.oversight.finding_state import (
    ANSWERED,
    NEVER_ANSWERED,
    OFFICE,
    TRANSITIONS,
    FindingFacts,
    after,
    due_on,
    levels_due,
    office_of,
    state_of,
)
from idm.policy import FindingRules
from idm.vocabulary import FINDING_STATE_TITLES, FindingEventKind, FindingKind, FindingState, Role

DAY = date(2026, 4, 1)
RULES = FindingRules(
    due_days=30, urgent_due_days=3, urgent=frozenset({FindingKind.LEFT}),
    escalate_to=(Role.SYSTEM, Role.SECURITY, Role.CHIEF, Role.CISO), escalate_every_days=7, accept_longest_days=365,
)  # fmt: skip
ENDS = st.none() | st.dates(DAY - timedelta(days=40), DAY + timedelta(days=40))
FACTS = st.builds(FindingFacts, st.booleans(), ENDS, ENDS, ENDS)
DAYS = st.dates(DAY - timedelta(days=60), DAY + timedelta(days=60))


@given(FACTS, DAYS)
def test_a_finding_is_open_unless_it_is_repaired_or_an_answer_holds(facts: FindingFacts, day: date) -> None:
    ends = (facts.answered_until, facts.excepted_until, facts.accepted_until)
    holding = any(end is not None and day < end for end in ends)
    assert (state_of(facts, day) is FindingState.OPEN) is (not facts.repaired and not holding)


@given(FACTS, DAYS)
def test_what_is_repaired_is_nothing_else(facts: FindingFacts, day: date) -> None:
    assert state_of(replace(facts, repaired=True), day) is FindingState.REPAIRED


@given(FACTS, DAYS, DAYS)
def test_an_answer_that_has_ended_never_holds_again_by_itself(facts: FindingFacts, one: date, other: date) -> None:
    if state_of(facts, min(one, other)) is FindingState.OPEN:
        assert state_of(facts, max(one, other)) is FindingState.OPEN


@given(FACTS, DAYS)
def test_an_accepted_risk_is_shown_as_such_whatever_else_was_said(facts: FindingFacts, day: date) -> None:
    accepted = replace(facts, repaired=False, accepted_until=day + timedelta(days=1))
    assert state_of(accepted, day) is FindingState.ACCEPTED
    assert state_of(accepted, day + timedelta(days=1)) is not FindingState.ACCEPTED


def test_an_answer_holds_up_to_the_day_before_its_end() -> None:
    for facts in (FindingFacts(answered_until=DAY), FindingFacts(excepted_until=DAY)):
        assert state_of(facts, DAY - timedelta(days=1)) is FindingState.JUSTIFIED
        assert state_of(facts, DAY) is FindingState.OPEN


REFUSED = {
    ("accepted", "justified"), ("justified", "due_moved"), ("accepted", "due_moved"), ("justified", "escalated"),
    ("accepted", "escalated"), ("open", "answer_ended"),
}  # fmt: skip


@pytest.mark.parametrize(("state", "event"), list(product(FindingState, FindingEventKind)))
def test_every_event_in_every_state_is_allowed_or_refused_in_words(
    state: FindingState, event: FindingEventKind
) -> None:
    gone = state is FindingState.REPAIRED and event is not FindingEventKind.NOTED
    if gone or event is FindingEventKind.FOUND or (state.value, event.value) in REFUSED:
        with pytest.raises(IllegalTransition, match=FINDING_STATE_TITLES[state]):
            after(state, event)
    else:
        assert after(state, event) is TRANSITIONS[state, event]


@given(st.lists(st.sampled_from(FindingEventKind)))
def test_what_is_repaired_has_no_other_life(events: list[FindingEventKind]) -> None:
    state = FindingState.OPEN
    for event in events:
        if (state, event) in TRANSITIONS:
            following = after(state, event)
            assert state is not FindingState.REPAIRED or following is FindingState.REPAIRED
            assert following is FindingState.OPEN or following is not state or event is not FindingEventKind.REPAIRED
            state = following


def test_every_answer_can_end_and_only_answers_do() -> None:
    ended = {state for state, event in TRANSITIONS if event is FindingEventKind.ANSWER_ENDED}
    assert ended == ANSWERED == {FindingState.JUSTIFIED, FindingState.ACCEPTED}


def test_every_kind_has_an_office() -> None:
    assert set(OFFICE) == set(FindingKind)
    assert {office_of(kind, of_system=False) for kind in FindingKind} == {Role.SECURITY}
    assert office_of(FindingKind.LEFT, of_system=True) is Role.SYSTEM
    assert office_of(FindingKind.BURST, of_system=True) is Role.SECURITY


def test_ids_of_people_who_left_and_privilege_that_nobody_approved_are_never_accepted() -> None:
    assert {
        FindingKind.LEFT, FindingKind.CONTRACT_ENDED, FindingKind.SHARED_USER_LEFT, FindingKind.OUT_OF_BAND,
        FindingKind.UNREGISTERED_PRIVILEGE, FindingKind.FACTOR_MISSING,
    } <= set(NEVER_ANSWERED)  # fmt: skip


def test_an_urgent_kind_has_the_shorter_time_and_the_last_day_is_a_working_day() -> None:
    def next_working(day: date) -> date:
        return day if day.weekday() < 5 else day + timedelta(days=7 - day.weekday())

    assert due_on(FindingKind.LEFT, DAY, RULES, next_working) == date(2026, 4, 6), "the third day is a Saturday"
    assert due_on(FindingKind.ORPHAN, DAY, RULES, next_working) == date(2026, 5, 1)


def test_each_level_is_due_a_step_later_and_the_last_one_is_the_last() -> None:
    due = [levels_due(DAY, DAY + timedelta(days=days), RULES) for days in (-3, 0, 1, 7, 8, 14, 15, 22, 400)]
    assert due == [0, 0, 1, 1, 2, 2, 3, 4, 4]


@given(DAYS, DAYS, DAYS)
def test_time_takes_no_level_back(due: date, one: date, other: date) -> None:
    assert levels_due(due, min(one, other), RULES) <= levels_due(due, max(one, other), RULES)
