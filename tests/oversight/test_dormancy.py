"""When an ID counts as unused, and what an unknown last use is."""

from datetime import UTC, datetime, timedelta

import pytest

from idm.oversight.dormancy import kind_of, never_used_cutoff, unused_cutoff
from idm.policy import DormancyTimes
from idm.ports import LastUse, LastUseSource
from idm.vocabulary import FindingKind

NOW = datetime(2026, 4, 1, 1, 0, tzinfo=UTC)
RULES = DormancyTimes(unused_days=90, never_used_days=30, disable_after_days=14, delete_after_days=365)


def test_days_are_counted_back_from_the_moment_of_the_sweep() -> None:
    assert unused_cutoff(RULES, NOW) == NOW - timedelta(days=90)
    assert never_used_cutoff(RULES, NOW) == NOW - timedelta(days=30)


@pytest.mark.parametrize(
    ("last_used_at", "known", "kind"),
    [
        (NOW - timedelta(days=91), True, FindingKind.DORMANT),
        (None, True, FindingKind.NEVER_USED),
        (None, False, FindingKind.LAST_USE_UNKNOWN),
        (NOW - timedelta(days=91), False, FindingKind.LAST_USE_UNKNOWN),
    ],
)
def test_unknown_is_not_never(last_used_at: datetime | None, known: bool, kind: FindingKind) -> None:
    last_use = LastUse("entry-1", None, "u1", last_used_at, LastUseSource.PWD_LAST_SUCCESS, known)
    assert kind_of(last_use) is kind
