"""How long logs are kept, and what holds them longer (FK 6-1(6), MT 7-1(6)ア; control G3). Pure.

Records (applications, decisions, registers, findings, names under results) are never erased by the product. Of the
audit record nothing is ever erased either; what its entries say beyond who, what and when may go after the period of
records. Logs, which say what machines did, go after theirs. While a hold is open, what it covers stays.
"""

from calendar import monthrange
from collections.abc import Iterable
from datetime import date, datetime

from idm.calendar_days import start_of


def months_before(day: date, months: int) -> date:
    """The same day so many months earlier; the last one of that month where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def erased_before(day: date, months: int, holds: Iterable[date | None]) -> datetime | None:
    """What is older than this moment is erased on the day; None = nothing is.

    `holds`: from which day on each open hold keeps what there is; None = it keeps everything.
    """
    until = months_before(day, months)
    for from_day in holds:
        if from_day is None:
            return None
        until = min(until, from_day)
    return start_of(until)
