"""The life of an external service: which steps there are, what is asked before it ends (controls I2 and I3)."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.calendar_days import start_of
from idm.errors import IllegalTransition, InvalidInput
from idm.policy_file import load_profile
from idm.registers.external_service_state import (
    IN_USE,
    TRANSITIONS,
    Remains,
    ServiceEvent,
    ServiceFacts,
    after,
    faults,
    left_to_do,
    require_answered,
    require_end_day,
    review_due,
)
from idm.vocabulary import EXTERNAL_SERVICE_STATE_TITLES, ExternalServiceState

RULES = load_profile("fukuoka").policy.external_services
DAY = timedelta(days=1)
END = date(2026, 9, 30)
NOTHING = Remains(
    end_on=END, rights=0, accounts=0, strangers=0, registered=0, has_target=True, read_at=start_of(END), unfinished=0,
    named=1,
)  # fmt: skip
OVER = {ExternalServiceState.REFUSED, ExternalServiceState.WITHDRAWN, ExternalServiceState.REPLACED,
        ExternalServiceState.CLOSED}  # fmt: skip
KEPT = ServiceFacts(ExternalServiceState.APPROVED, END, True, None, None)


@given(st.lists(st.sampled_from(list(ServiceEvent)), max_size=8))
def test_whatever_happens_it_is_closed_only_after_its_end_was_planned_and_never_comes_back(
    events: list[ServiceEvent],
) -> None:
    state, been = ExternalServiceState.ASKED, [ExternalServiceState.ASKED]
    for event in events:
        try:
            state = after(state, event)
        except IllegalTransition:
            continue
        assert been[-1] not in OVER
        been.append(state)
    if ExternalServiceState.CLOSED in been:
        assert been[-2] is ExternalServiceState.ENDING
    if set(been) & IN_USE:
        assert been[1] is ExternalServiceState.APPROVED


def test_every_step_of_the_table_is_possible_and_no_other() -> None:
    for state in ExternalServiceState:
        for event in ServiceEvent:
            if (state, event) in TRANSITIONS:
                assert after(state, event) is TRANSITIONS[state, event]
            else:
                with pytest.raises(IllegalTransition, match=EXTERNAL_SERVICE_STATE_TITLES[state]):
                    after(state, event)


def test_every_check_of_the_provider_is_answered() -> None:
    require_answered({"law": "準拠法"}, {"law": "日本法"})
    with pytest.raises(InvalidInput) as refusal:
        require_answered({"law": "準拠法", "people": "従事者"}, {"law": " 　"})
    assert set(refusal.value.fields) == {"check_law", "check_people"}


def test_users_have_time_before_the_end() -> None:
    today = END - RULES.end_notice_days * DAY
    require_end_day(END, today, RULES)
    with pytest.raises(InvalidInput, match="30日前まで"):
        require_end_day(END, today + DAY, RULES)


def test_a_service_that_is_looked_after_has_no_faults() -> None:
    assert faults(KEPT, END, RULES) == ()
    assert review_due(END, RULES) == END + RULES.check_every_days * DAY


@pytest.mark.parametrize(
    ("changed", "day", "said"),
    [
        ({}, END + DAY, "定期確認"),
        ({"administrator_there": False}, END, "管理者"),
        ({"contract_until": END}, END, "契約"),
        ({"state": ExternalServiceState.ENDING, "end_on": END - RULES.end_within_days * DAY}, END, "利用終了"),
    ],
)
def test_what_is_wrong_is_said(changed: dict[str, object], day: date, said: str) -> None:
    (told,) = faults(replace(KEPT, **changed), day, RULES)  # type: ignore[arg-type]
    assert said in told


@pytest.mark.parametrize("changed", [{"contract_until": END + DAY}, {"end_on": END - DAY}])
def test_what_is_not_wrong_yet_is_not_said(changed: dict[str, object]) -> None:
    assert faults(replace(KEPT, **changed), END, RULES) == ()  # type: ignore[arg-type]


def test_nothing_left_is_nothing_to_do() -> None:
    assert left_to_do(NOTHING, start_of(END)) == ()
    assert left_to_do(replace(NOTHING, has_target=False, read_at=None), start_of(END)) == ()


@pytest.mark.parametrize(
    ("changed", "now", "said"),
    [
        ({}, start_of(END) - timedelta(seconds=1), "終了の日"),
        ({"rights": 2}, start_of(END), "2件"),
        ({"accounts": 1}, start_of(END), "利用者ID"),
        ({"registered": 1}, start_of(END), "特権・共用・サービスID"),
        ({"strangers": 1}, start_of(END), "点検結果"),
        ({"read_at": None}, start_of(END), "読取り"),
        ({"read_at": start_of(END) - timedelta(seconds=1)}, start_of(END), "読取り"),
        ({"named": 0}, start_of(END), "一つも"),
        ({"unfinished": 3}, start_of(END), "3件"),
    ],
)
def test_whatever_is_left_keeps_it_open(changed: dict[str, object], now: datetime, said: str) -> None:
    (told,) = left_to_do(replace(NOTHING, **changed), now)  # type: ignore[arg-type]
    assert said in told
