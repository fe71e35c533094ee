"""Working days: weekends, national holidays as the law moves them, and the days an organisation is closed."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.calendar_days import TOKYO
from idm.policy import CalendarRules
from idm.working_days import WorkingDays, working_days

RULES = CalendarRules(closed_days=("12-29", "12-30", "12-31", "01-02", "01-03"), opens_at="07:00", closes_at="22:00")
CALENDAR = working_days(RULES)
DAYS = st.dates(date(2020, 1, 1), date(2040, 12, 31))


@pytest.mark.parametrize("day", [
    date(2026, 4, 4), date(2026, 4, 5), date(2026, 4, 29), date(2026, 5, 6), date(2026, 9, 22), date(2026, 12, 29),
    date(2027, 1, 1), date(2027, 1, 2),
])  # fmt: skip
def test_nobody_works_on_weekends_holidays_moved_or_not_and_closed_days(day: date) -> None:
    assert not CALENDAR.is_working(day)


@pytest.mark.parametrize("day", [date(2026, 4, 1), date(2026, 5, 7), date(2026, 12, 28), date(2027, 1, 4)])
def test_people_work_on_the_others(day: date) -> None:
    assert CALENDAR.is_working(day)


def test_closed_days_are_the_organisations_own() -> None:
    assert WorkingDays().is_working(date(2026, 12, 29))


def test_the_turn_of_the_year_is_passed_over() -> None:
    assert CALENDAR.on_or_after(date(2026, 12, 29)) == date(2027, 1, 4)
    assert CALENDAR.after(date(2026, 12, 25), 2) == date(2027, 1, 4)
    assert CALENDAR.after(date(2026, 12, 27), 0) == date(2026, 12, 27)


@given(DAYS)
def test_the_next_working_day_is_the_first_one(day: date) -> None:
    following = CALENDAR.on_or_after(day)
    passed = [day + timedelta(days=days) for days in range((following - day).days)]
    assert CALENDAR.is_working(following)
    assert not any(map(CALENDAR.is_working, passed))


@given(DAYS, st.integers(0, 40))
def test_so_many_working_days_lie_between(day: date, number: int) -> None:
    last = CALENDAR.after(day, number)
    between = [day + timedelta(days=days + 1) for days in range((last - day).days)]
    assert sum(map(CALENDAR.is_working, between)) == number


@pytest.mark.parametrize(("day", "hour", "within"), [(1, 7, True), (1, 6, False), (1, 22, False), (4, 12, False)])
def test_working_hours_are_those_of_working_days_from_opening_up_to_closing(day: int, hour: int, within: bool) -> None:
    assert CALENDAR.within_hours(datetime(2026, 4, day, hour, tzinfo=TOKYO), RULES) is within
