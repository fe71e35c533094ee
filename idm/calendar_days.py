"""Days as a Japanese office counts them: Asia/Tokyo, half-open.

A 発令日 begins at 00:00 of that day; a 退職日 or 任期満了日 ends at 24:00 of that day. Everywhere in this product
a period is [valid_from, valid_until): `valid_until` is the first day on which it no longer holds; None = no end.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

TOKYO = ZoneInfo("Asia/Tokyo")

Period = tuple[date, date | None]
"""Half-open: the first day on which something holds, and the first on which it no longer does (None = no end)."""


def day_of(instant: datetime) -> date:
    """The day in Tokyo at an aware instant."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(TOKYO).date()


def start_of(day: date) -> datetime:
    """00:00 of the day in Tokyo, as an aware instant in UTC."""
    return datetime.combine(day, time(), TOKYO).astimezone(UTC)


def last_day_to_end(last_day: date | None) -> date | None:
    """From a last day as people write it (退職日) to the first day on which it no longer holds; 9999-12-31 is none."""
    return None if last_day in (None, date.max) else last_day + timedelta(days=1)


def end_to_last_day(valid_until: date | None) -> date | None:
    """From our half-open end back to the last day as people write it."""
    return None if valid_until is None else valid_until - timedelta(days=1)


def holds(valid_from: date, valid_until: date | None, day: date) -> bool:
    """Whether a half-open period holds on a day: the one place where "active at" is written."""
    return valid_from <= day and (valid_until is None or day < valid_until)


class Lasting:
    """Something with a half-open period of its own: the fields are those of the frozen dataclass that is one."""

    valid_from: date
    valid_until: date | None

    def holds_on(self, day: date) -> bool:
        """Whether it holds on the day."""
        return holds(self.valid_from, self.valid_until, day)


def iso(moment: date | None) -> str | None:
    """The day or instant as records write it (ISO 8601)."""
    return None if moment is None else moment.isoformat()


def overlap(from_a: date, until_a: date | None, from_b: date, until_b: date | None) -> bool:
    """Whether two half-open periods share a day; an empty one shares none."""
    latest = max(from_a, from_b)
    return holds(from_a, until_a, latest) and holds(from_b, until_b, latest)
