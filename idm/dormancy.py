"""When an ID counts as unused (FK 6-2(2)③, MT 7-2(1)イ(ウ); control C1). Pure.

Unknown is not the same as never: where the target may have lost the date, the ID is listed as unknown.
"""

from datetime import datetime, timedelta

from idm.policy import DormancyTimes
from idm.ports import LastUse
from idm.vocabulary import FindingKind


def unused_cutoff(times: DormancyTimes, now: datetime) -> datetime:
    """An ID last used at or before this instant is unused."""
    return now - timedelta(days=times.unused_days)


def never_used_cutoff(times: DormancyTimes, now: datetime) -> datetime:
    """An ID created before this instant and never used since is unused."""
    return now - timedelta(days=times.never_used_days)


def kind_of(last_use: LastUse) -> FindingKind:
    """What a reading of last use that the target filtered out stands for."""
    if not last_use.known:
        return FindingKind.LAST_USE_UNKNOWN
    return FindingKind.DORMANT if last_use.last_used_at is not None else FindingKind.NEVER_USED
