"""The life of a device that was not issued: its steps, its period, its level, what a day finds wrong (control I4)."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.errors import IllegalTransition, InvalidInput
from idm.policy_file import load_profile
from idm.registers.own_device_state import (
    KEPT,
    TRANSITIONS,
    WATCHED,
    DeviceEvent,
    DeviceFacts,
    after,
    check_due,
    faults,
    next_permit,
    require_first_day,
    require_level,
    require_period,
)
from idm.vocabulary import OWN_DEVICE_END_TITLES, OWN_DEVICE_STATE_TITLES, OwnDeviceEnd, OwnDeviceState, Role

RULES = load_profile("fukuoka").policy.own_devices
DAY = timedelta(days=1)
TODAY = date(2026, 4, 1)
State = OwnDeviceState
OVER = {State.REFUSED, State.WITHDRAWN, State.LAPSED, State.REPLACED, State.CLOSED}


@given(st.lists(st.sampled_from(list(DeviceEvent)), max_size=12))
def test_whatever_happens_what_was_permitted_is_closed_only_when_it_was_cleared_or_its_loss_settled(
    events: list[DeviceEvent],
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
        assert been[-2] in (State.CLEARED, State.LOST)
    if set(been) & WATCHED:
        assert been[1] is State.PERMITTED
    if State.CLEARED in been:
        assert been[been.index(State.CLEARED) - 1] is State.TO_CLEAR


def test_every_step_of_the_table_is_possible_and_no_other() -> None:
    for state in State:
        for event in DeviceEvent:
            if (state, event) in TRANSITIONS:
                assert after(state, event) is TRANSITIONS[state, event]
            else:
                with pytest.raises(IllegalTransition, match=OWN_DEVICE_STATE_TITLES[state].split("（")[0]):
                    after(state, event)


def test_every_state_and_every_end_has_a_title() -> None:
    assert OWN_DEVICE_STATE_TITLES.keys() == set(State)
    assert OWN_DEVICE_END_TITLES.keys() == set(OwnDeviceEnd)
    assert set(State) == OVER | WATCHED | {State.ASKED}
    assert {State.LOST} == WATCHED - KEPT


def test_the_ciso_answers_before_the_manager_of_the_section() -> None:
    assert [next_permit(given, RULES) for given in range(3)] == [Role.CISO, Role.SECTION, None]


@given(st.integers(-400, 800), st.integers(-400, 1200))
def test_a_period_ends_after_it_began_and_after_today_and_is_not_too_long(begins: int, ends: int) -> None:
    allowed = begins < ends and ends > 0 and ends - begins <= RULES.longest_days
    if allowed:
        require_period(TODAY + begins * DAY, TODAY + ends * DAY, TODAY, RULES)
    else:
        with pytest.raises(InvalidInput) as refused:
            require_period(TODAY + begins * DAY, TODAY + ends * DAY, TODAY, RULES)
        assert refused.value.fields.keys() == {"last_day"}


@given(st.integers(-400, 800))
def test_a_use_does_not_begin_before_it_is_applied_for(begins: int) -> None:
    if begins >= 0:
        require_first_day(TODAY + begins * DAY, TODAY)
    else:
        with pytest.raises(InvalidInput, match="今日以後") as refused:
            require_first_day(TODAY + begins * DAY, TODAY)
        assert refused.value.fields.keys() == {"first_day"}


@pytest.mark.parametrize(
    ("state", "until", "latest"),
    [(State.PERMITTED, 30, 30), (State.PERMITTED, -1, 0), (State.TO_CLEAR, 30, 0), (State.CLEARED, -3, 0)],
)
def test_a_renewal_leaves_no_days_that_nothing_permits(state: OwnDeviceState, until: int, latest: int) -> None:
    renewed = (state, TODAY + until * DAY)
    require_first_day(TODAY + latest * DAY, TODAY, renewed)
    with pytest.raises(InvalidInput, match="間を空けられません"):
        require_first_day(TODAY + (latest + 1) * DAY, TODAY, renewed)


def test_a_period_that_is_too_long_says_its_last_possible_day() -> None:
    with pytest.raises(InvalidInput, match="令和9年4月1日"):
        require_period(TODAY, TODAY + 367 * DAY, TODAY, RULES)


def test_information_above_the_profiles_level_is_never_on_such_a_device() -> None:
    require_level(2, RULES)
    with pytest.raises(InvalidInput, match="機密性3"):
        require_level(3, RULES)


@pytest.mark.parametrize(
    ("state", "days", "told"),
    [
        (State.PERMITTED, 0, None), (State.TO_CLEAR, RULES.clear_within_days - 1, None),
        (State.TO_CLEAR, RULES.clear_within_days, "消したことが報告されていません"),
        (State.CLEARED, RULES.clear_within_days - 1, None),
        (State.CLEARED, RULES.clear_within_days, "確認されていません"), (State.LOST, 99, None),
    ],
)  # fmt: skip
def test_what_waits_too_long_is_wrong(state: OwnDeviceState, days: int, told: str | None) -> None:
    found = faults(DeviceFacts(state, TODAY - days * DAY, TODAY), TODAY, RULES)
    assert len(found) == (told is not None)
    assert told is None or told in found[0]


def test_a_check_is_overdue_the_day_after_its_last_one() -> None:
    due = check_due(TODAY, RULES)
    assert due == TODAY + RULES.check_every_days * DAY
    facts = DeviceFacts(State.PERMITTED, TODAY, due)
    assert faults(facts, due, RULES) == ()
    assert faults(facts, due + DAY, RULES) == ("定期確認の期限が過ぎています。",)
