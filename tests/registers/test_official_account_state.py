"""The life of an official account: its steps, and what a day finds wrong with one (FK 6-1(22); control I6)."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.errors import IllegalTransition
from idm.policy_file import load_profile
from idm.registers.official_account_state import (
    IN_THE_REGISTER,
    POSTING,
    TRANSITIONS,
    WATCHED,
    AccountEvent,
    OfficialAccountFacts,
    after,
    check_due,
    faults,
)
from idm.vocabulary import OFFICIAL_ACCOUNT_STATE_TITLES, OfficialAccountState

RULES = load_profile("fukuoka").policy.official_accounts
DAY = timedelta(days=1)
TODAY = date(2026, 4, 1)
State = OfficialAccountState
OVER = {State.REFUSED, State.WITHDRAWN, State.CLOSED}
KEPT = OfficialAccountFacts(State.IN_USE, TODAY, TODAY, True, True, False)


@given(st.lists(st.sampled_from(list(AccountEvent)), max_size=12))
def test_whatever_happens_it_is_closed_only_after_it_was_given_up_and_never_comes_back(
    events: list[AccountEvent],
) -> None:
    state, been = State.ASKED, [State.ASKED]
    for event in events:
        try:
            state = after(state, event)
        except IllegalTransition:
            continue
        assert been[-1] not in OVER
        been.append(state)
    if State.CLOSED in been:
        assert been[-2] is State.ENDED
    if set(been) & WATCHED:
        assert been[1] is State.IN_USE


def test_every_step_of_the_table_is_possible_and_no_other() -> None:
    for state in State:
        for event in AccountEvent:
            if (state, event) in TRANSITIONS:
                assert after(state, event) is TRANSITIONS[state, event]
            else:
                with pytest.raises(IllegalTransition, match=OFFICIAL_ACCOUNT_STATE_TITLES[state]):
                    after(state, event)


def test_every_state_has_a_title_and_stands_where_it_belongs() -> None:
    assert OFFICIAL_ACCOUNT_STATE_TITLES.keys() == set(State)
    assert set(State) == OVER | WATCHED | {State.ASKED}
    assert {State.ENDED} == WATCHED - POSTING
    assert WATCHED | {State.ASKED} == IN_THE_REGISTER


def test_what_is_kept_as_approved_has_no_fault() -> None:
    assert faults(KEPT, TODAY, RULES) == ()


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (replace(KEPT, responsible_there=False), "責任者が在籍"),
        (replace(KEPT, password_due=True), "パスワード"),
        (replace(KEPT, two_factors=False), "二要素認証"),
        (replace(KEPT, check_due=TODAY - DAY), "定期確認"),
        (replace(KEPT, state=State.ENDED, since=TODAY - RULES.confirm_within_days * DAY), "確認されていません"),
    ],
)  # fmt: skip
def test_each_fault_is_told_by_itself(facts: OfficialAccountFacts, told: str) -> None:
    (said,) = faults(facts, TODAY, RULES)
    assert told in said


@pytest.mark.parametrize("state", [State.ASKED, *sorted(OVER)])
def test_what_is_not_in_use_has_no_fault(state: OfficialAccountState) -> None:
    worst = OfficialAccountFacts(state, date(2020, 1, 1), date(2020, 1, 1), False, False, True)
    assert faults(worst, TODAY, RULES) == ()


def test_what_was_given_up_has_its_time_for_the_confirmation() -> None:
    ended = replace(KEPT, state=State.ENDED, since=TODAY - (RULES.confirm_within_days - 1) * DAY, password_due=True)
    assert faults(ended, TODAY, RULES) == ()


def test_a_check_is_due_so_many_days_after_the_last() -> None:
    assert check_due(TODAY, RULES) == TODAY + RULES.check_every_days * DAY
