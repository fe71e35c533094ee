"""Rules of the register of people outside HR: numbers, periods, ends, units."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.employment_kind import EmploymentKind
from idm.errors import InvalidInput
from idm.personnel.outside_rules import (
    Period,
    earliest_end,
    end_of_shortened,
    narrowest,
    next_number,
    require_contract_period,
    require_end,
    require_period,
    requires_consent,
)
from idm.policy_file import load_profile

RULES = load_profile("fukuoka").policy.outside
TODAY = date(2026, 4, 1)
YEAR = Period(TODAY, date(2027, 4, 1))
days = st.dates(date(2025, 1, 1), date(2028, 1, 1))
lengths = st.integers(1, 800).map(lambda count: timedelta(days=count))
periods = st.builds(lambda begins, length: Period(begins, begins + length), days, lengths)


def field_of(refused: pytest.ExceptionInfo[InvalidInput]) -> list[str]:
    return list(refused.value.fields)


def test_numbers_go_on_from_the_highest_ever_given() -> None:
    assert next_number("G", []) == "G00001"
    assert next_number("G", ["G00003", "G00011", "100009", "GX00099", "G123456", "G0２000"]) == "G00012"


def test_a_register_that_is_full_says_so() -> None:
    with pytest.raises(InvalidInput, match="number_prefix"):
        next_number("G", ["G99999"])


@given(st.lists(st.integers(1, 99998).map(lambda number: f"G{number:05d}")))
def test_a_number_is_never_given_twice(given_before: list[str]) -> None:
    assert next_number("G", given_before) not in given_before


@pytest.mark.parametrize(
    ("period", "field"),
    [
        (Period(TODAY - timedelta(days=1), YEAR.valid_until), "valid_from"),
        (Period(TODAY, TODAY), "valid_until"),
        (Period(TODAY, TODAY - timedelta(days=9)), "valid_until"),
        (Period(TODAY, TODAY + timedelta(days=RULES.longest_days + 1)), "valid_until"),
        (Period(date(2027, 3, 1), date(2027, 4, 2)), "valid_until"),
    ],
)
def test_an_entry_lies_in_its_time(period: Period, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        require_period(period, RULES, contract=YEAR, day=TODAY)
    assert field_of(refused) == [field]


def test_an_entry_begins_no_earlier_than_its_contract() -> None:
    with pytest.raises(InvalidInput) as refused:
        require_period(YEAR, RULES, contract=replace(YEAR, valid_from=date(2026, 4, 2)), day=TODAY)
    assert field_of(refused) == ["valid_from"]


def test_the_longest_entry_and_the_whole_contract_are_allowed() -> None:
    longest = Period(TODAY, TODAY + timedelta(days=RULES.longest_days))
    require_period(longest, RULES, contract=None, day=TODAY)
    require_period(YEAR, RULES, contract=YEAR, day=TODAY)


@given(periods, st.none() | periods, days)
def test_no_end_that_is_let_through_is_past_too_far_or_after_the_contract(
    period: Period, contract: Period | None, day: date
) -> None:
    try:
        require_end(period, RULES, contract=contract, day=day)
    except InvalidInput:
        return
    assert max(period.valid_from, day) < period.valid_until
    assert period.valid_until <= max(period.valid_from, day) + timedelta(days=RULES.longest_days)
    assert contract is None or period.valid_until <= contract.valid_until


@pytest.mark.parametrize(
    ("period", "above", "field"),
    [
        (Period(TODAY, TODAY), None, "valid_until"),
        (Period(date(2025, 4, 1), TODAY), None, "valid_until"),
        (YEAR, Period(date(2025, 4, 1), TODAY), "above_id"),
        (YEAR, replace(YEAR, valid_from=date(2026, 4, 2)), "valid_from"),
        (YEAR, replace(YEAR, valid_until=date(2027, 3, 31)), "valid_until"),
    ],
)
def test_a_contract_lies_within_the_one_above_it(period: Period, above: Period | None, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        require_contract_period(period, above, day=TODAY)
    assert field_of(refused) == [field]


def test_a_contract_registered_late_may_have_begun() -> None:
    require_contract_period(Period(date(2025, 4, 1), date(2027, 4, 1)), None, day=TODAY)


@given(st.lists(periods, min_size=1), days)
def test_all_of_several_periods_hold_exactly_within_the_narrowest(several: list[Period], day: date) -> None:
    within = narrowest(several)
    assert (within.valid_from <= day < within.valid_until) == all(p.valid_from <= day < p.valid_until for p in several)


@given(periods, days, days)
def test_shortening_never_lengthens_and_leaves_nothing_that_is_still_to_begin(
    period: Period, end: date, day: date
) -> None:
    until = end_of_shortened(period, end, day=day)
    if until is None:
        assert period.valid_from > day
        assert period.valid_from >= end
    else:
        assert period.valid_from < until <= period.valid_until
        assert until <= max(end, period.valid_from + timedelta(days=1))


@given(days, days)
def test_an_end_that_was_not_known_is_known_afterwards(begins: date, end: date) -> None:
    until = end_of_shortened((begins, None), end, day=begins)
    assert until == max(end, begins + timedelta(days=1))


def test_a_contract_ends_after_the_first_day_of_everything_that_began_under_it() -> None:
    assert earliest_end([], contract_from=TODAY) == date(2026, 4, 2)
    assert earliest_end([date(2026, 5, 1), date(2026, 4, 20)], contract_from=TODAY) == date(2026, 5, 2)


def test_the_profile_says_who_needs_a_consent() -> None:
    assert requires_consent(EmploymentKind.FISCAL_YEAR_PART, RULES)
    assert not requires_consent(EmploymentKind.REGULAR, RULES)
