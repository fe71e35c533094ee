"""Moments and spans as Active Directory writes them: hundreds of nanoseconds, since 1601 UTC ([MS-DTYP] 2.3.3)."""

from datetime import UTC, datetime, timedelta

from idm.errors import TargetRefused

EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
UNITS_PER_MICROSECOND = 10
NEVER = 2**63 - 1
"""As accountExpires; so is 0 ([MS-ADA1] 2.3)."""

FOREVER = -(2**63)
"""As a span: without end."""


def written(moment: datetime) -> bytes:
    """The moment, whole seconds, rounded down: an expiry never falls later than asked.

    Raises ValueError for a moment without a time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    whole = (moment - EPOCH) // timedelta(seconds=1)
    return str(whole * 1_000_000 * UNITS_PER_MICROSECOND).encode()


def read(value: bytes | None) -> datetime | None:
    """The moment; None for a missing one, for 0 and for what lies beyond the calendar: they all mean never.

    Raises TargetRefused for what is no number.
    """
    units = number(value)
    if units is None or units <= 0 or units == NEVER:
        return None
    try:
        return EPOCH + timedelta(microseconds=units // UNITS_PER_MICROSECOND)
    except OverflowError:
        return None


def span(value: bytes | None) -> timedelta | None:
    """A span, which the directory writes as a negative number; None for a missing one, for 0 and for one without end.

    Raises TargetRefused for what is no number.
    """
    units = number(value)
    if units is None or units >= 0 or units == FOREVER:
        return None
    return timedelta(microseconds=-units // UNITS_PER_MICROSECOND)


def number(value: bytes | None) -> int | None:
    """A number that may be missing. Raises TargetRefused for what is none."""
    try:
        return None if value is None else int(value)
    except ValueError:
        raise TargetRefused(
            f"ディレクトリの値「{value[:40].decode(errors='replace') if value else ''}」は数ではありません。"
        ) from None
