"""The two times that an HTTP answer may name: when it was made, and how long to wait before asking again."""

from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_ASKED_WAIT = 24 * 60 * 60.0
"""Seconds: whoever asks for more is asked again after a day."""


def retry_after(said: str | None, now: datetime | None) -> float | None:
    """The seconds that `Retry-After` asks us to wait (RFC 9110 10.2.3), at most a day; None = it does not say.

    `now` is what a date is counted from; None = dates say nothing.
    """
    if said is None:
        return None
    if said.strip().isdecimal() and said.isascii():
        return min(float(said), LONGEST_ASKED_WAIT)
    moment = moment_of(said)
    if moment is None or now is None:
        return None
    return min(max((moment - now).total_seconds(), 0.0), LONGEST_ASKED_WAIT)


def moment_of(date: str | None) -> datetime | None:
    """The time of a `Date` (RFC 9110 5.6.7); None = there is none to be read."""
    with suppress(ValueError, TypeError, OverflowError):
        moment = parsedate_to_datetime(date) if date is not None else None
        if moment is not None:
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return None
