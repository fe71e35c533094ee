"""When a password that may grow only so old falls due (KT 第59; control E5). Pure.

Each ID has a day of its own, always the same, within the last days of the period: a third of the staff that changed on
1 April does not stand before the help desk on one morning. It never falls later than the rule says.
"""

from datetime import date, timedelta
from hashlib import sha256
from uuid import UUID

WARNED_BEFORE_DAYS = 14


def due_day(changed_on: date, account: UUID, *, maximum_age_days: int, spread_days: int) -> date:
    """The last day on which the password of this account may stay what it is."""
    return changed_on + timedelta(days=maximum_age_days - _share(account, spread_days))


def _share(account: UUID, spread_days: int) -> int:
    """So many days early; the same for an account as long as the profile says the same."""
    if spread_days <= 0:
        return 0
    return int.from_bytes(sha256(account.bytes).digest()[:8], "big") % spread_days


def earliest_change(today: date, *, maximum_age_days: int, spread_days: int) -> date:
    """Who changed after this day has nothing to be told yet, whoever it is."""
    return today - timedelta(days=maximum_age_days - max(spread_days - 1, 0) - WARNED_BEFORE_DAYS)
