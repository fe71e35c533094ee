"""Moments as directories write them: Generalized Time (RFC 4517 3.3.13)."""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from idm.errors import TargetRefused

FORM = re.compile(
    rb"(?P<day>\d{8})(?P<hour>\d\d)(?:(?P<minute>\d\d)(?P<second>\d\d)?)?(?:[.,](?P<fraction>\d+))?"
    rb"(?:Z|(?P<sign>[+-])(?P<offset_hour>\d\d)(?P<offset_minute>\d\d)?)\Z"
)

EARLIEST = datetime(1, 1, 1, tzinfo=UTC)


def written(moment: datetime) -> bytes:
    """The moment in UTC, whole seconds, rounded down: an expiry never falls later than asked.

    Raises ValueError for a moment without a time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return moment.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").rjust(15, "0").encode()


@lru_cache(maxsize=4096)
def read(value: bytes) -> datetime:
    """The moment, in UTC; one in the year 0 is the earliest there is. Raises TargetRefused for what is no moment."""
    found = FORM.match(value)
    if found is None:
        raise _no_moment(value)
    unit = "second" if found["second"] else "minute" if found["minute"] else "hour"
    fraction = float(b"0." + found["fraction"]) if found["fraction"] else 0.0
    try:
        offset = timedelta(hours=int(found["offset_hour"] or 0), minutes=int(found["offset_minute"] or 0))
        zone = timezone(-offset if found["sign"] == b"-" else offset)
        second = min(int(found["second"] or 0), 59)  # a leap second is the second before it
        day = found["day"]
        year, month, day_of_month = int(day[:4]), int(day[4:6]), int(day[6:])
        if year == 0:
            return EARLIEST
        moment = datetime(year, month, day_of_month, int(found["hour"]), int(found["minute"] or 0), second, tzinfo=zone)
        return (moment + timedelta(**{f"{unit}s": fraction})).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _no_moment(value) from None


def _no_moment(value: bytes) -> TargetRefused:
    return TargetRefused(f"ディレクトリの日時「{value[:40].decode(errors='replace')}」を読み取れません。")
