"""Working days of an organisation: neither Saturday nor Sunday, a national holiday, nor a day it is closed. Pure.

National holidays come from the law as `jpholiday` knows it, with those moved to a weekday (振替休日) and those between
two others (国民の休日); closed days are the profile's, the same every year (12/29-1/3).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache

import jpholiday

from idm.calendar_days import TOKYO
from idm.policy import CalendarRules

_DAY = timedelta(days=1)
_SATURDAY = 5


@dataclass(frozen=True)
class WorkingDays:
    """The calendar. `closed_days`: month and day (`12-29`) of each day of the year on which nobody works."""

    closed_days: Collection[str] = ()

    def is_working(self, day: date) -> bool:
        """Whether people work on the day."""
        return day.weekday() < _SATURDAY and f"{day:%m-%d}" not in self.closed_days and day not in _holidays(day.year)

    def on_or_after(self, day: date) -> date:
        """The day itself if people work on it, otherwise the next on which they do."""
        while not self.is_working(day):
            day += _DAY
        return day

    def after(self, day: date, working_days: int) -> date:
        """The day that comes so many working days after the day; 0 = the day itself."""
        for _ in range(working_days):
            day = self.on_or_after(day + _DAY)
        return day

    def within_hours(self, instant: datetime, rules: CalendarRules) -> bool:
        """Whether the instant lies in the working hours of a working day: from opening up to closing."""
        local = instant.astimezone(TOKYO)
        opens, closes = time.fromisoformat(rules.opens_at), time.fromisoformat(rules.closes_at)
        return self.is_working(local.date()) and opens <= local.time() < closes


def working_days(rules: CalendarRules) -> WorkingDays:
    """The calendar of the profile."""
    return WorkingDays(frozenset(rules.closed_days))


@cache
def _holidays(year: int) -> frozenset[date]:
    return frozenset(day for day, _ in jpholiday.year_holidays(year))
