"""Days of Asia/Tokyo, half-open: the boundaries everything else stands on."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.calendar_days import Period, day_of, end_to_last_day, holds, last_day_to_end, overlap, start_of

DAY = date(2026, 4, 1)
days = st.dates(date(1873, 1, 1), date(2199, 12, 31))
ends = st.none() | days


def test_a_day_begins_at_midnight_in_tokyo() -> None:
    assert start_of(DAY) == datetime(2026, 3, 31, 15, 0, tzinfo=UTC)
    assert day_of(start_of(DAY)) == DAY
    assert day_of(start_of(DAY) - timedelta(microseconds=1)) == date(2026, 3, 31)


def test_the_zone_in_which_an_instant_is_written_does_not_matter() -> None:
    instant = start_of(DAY).astimezone(timezone(timedelta(hours=-8)))
    assert day_of(instant) == DAY


def test_a_moment_without_a_zone_has_no_day() -> None:
    with pytest.raises(ValueError, match="time zone"):
        day_of(datetime(2026, 4, 1))  # noqa: DTZ001 - the very mistake


@given(days)
def test_every_day_begins_within_itself(day: date) -> None:
    assert day_of(start_of(day)) == day
    assert start_of(day).tzinfo is UTC


def test_a_last_day_holds_to_its_24_00() -> None:
    retired = date(2026, 3, 31)
    assert last_day_to_end(retired) == DAY
    assert holds(date(2020, 4, 1), last_day_to_end(retired), retired)
    assert not holds(date(2020, 4, 1), last_day_to_end(retired), DAY)


@given(ends)
def test_a_last_day_and_our_end_say_the_same(last_day: date | None) -> None:
    assert end_to_last_day(last_day_to_end(last_day)) == last_day


def test_the_last_day_of_the_calendar_is_no_end() -> None:
    assert last_day_to_end(date.max) is None


@given(days, ends, days)
def test_a_period_holds_from_its_first_day_to_the_day_before_its_end(
    begins: date, until: date | None, day: date
) -> None:
    assert holds(begins, until, day) == (day >= begins and (until is None or day <= until - timedelta(days=1)))


@given(st.tuples(days, ends), st.tuples(days, ends))
def test_two_periods_overlap_where_a_day_is_in_both(one: Period, other: Period) -> None:
    first_common = max(one[0], other[0])
    both = holds(*one, first_common) and holds(*other, first_common)
    assert overlap(*one, *other) == both
    assert overlap(*one, *other) == overlap(*other, *one)
