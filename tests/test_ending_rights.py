"""Rights that come to their end: each of the profile's steps is told of once, and renewal begins in time."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.ending_rights import days_left, may_renew, step_due
from idm.policy import GivingBackRules

DAY = date(2026, 4, 1)
RULES = GivingBackRules(way="application", remind_before_days=(60, 30, 7), renew_from_days=60)


def told_on(until: date, days: list[date]) -> list[int]:
    """Which steps are told of when a run is made on these days."""
    told: int | None = None
    steps = []
    for day in days:
        step = step_due(until, told, day, RULES)
        if step is not None:
            told = step
            steps.append(step)
    return steps


@given(st.integers(0, 400))
def test_with_a_run_every_day_each_step_that_is_still_to_come_is_told_of_once(length: int) -> None:
    until = DAY + timedelta(days=length)
    left = length - 1
    expected = [step for step in (60, 30, 7) if step <= left]
    if left >= 0 and left not in (60, 30, 7):
        nearer = [step for step in (60, 30, 7) if step > left]
        expected = ([min(nearer)] if nearer else []) + expected
    assert told_on(until, [DAY + timedelta(days=n) for n in range(length + 3)]) == expected


@given(st.sets(st.integers(0, 120), max_size=12))
def test_no_step_is_told_of_twice_nor_a_farther_one_after_a_nearer_one(missed: set[int]) -> None:
    until = DAY + timedelta(days=100)
    steps = told_on(until, [DAY + timedelta(days=n) for n in range(121) if n not in missed])
    assert steps == sorted(set(steps), reverse=True)


def test_after_an_outage_only_the_nearest_step_is_told_of() -> None:
    until = DAY + timedelta(days=100)
    assert told_on(until, [DAY, DAY + timedelta(days=95), DAY + timedelta(days=96)]) == [7]


@given(st.integers(-50, 200))
def test_renewal_is_for_what_still_holds_and_ends_within_the_profiles_days(length: int) -> None:
    until = DAY + timedelta(days=length)
    assert may_renew(until, DAY, RULES) is (0 <= days_left(until, DAY) <= 60)


@pytest.mark.parametrize("day", [DAY, DAY + timedelta(days=1000)])
def test_what_has_no_end_is_not_renewed(day: date) -> None:
    assert not may_renew(None, day, RULES)
