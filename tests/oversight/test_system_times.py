"""Times of a system's own for unused IDs: of every kind of account the sooner holds, and never is the latest (C1)."""

from hypothesis import given
from hypothesis import strategies as st

from idm.policy import DormancyRules, DormancyTimes
from idm.vocabulary import AccountKind

TIMES = DormancyTimes(unused_days=90, never_used_days=30, disable_after_days=14, delete_after_days=365)
PRIVILEGED = DormancyTimes(unused_days=60, never_used_days=30, disable_after_days=7, delete_after_days=0)
RULES = DormancyRules(
    TIMES,
    {AccountKind.PRIVILEGED: PRIVILEGED},
    window_days=7,
    most_share=0.1,
    most_accounts=50,
    keep_after_leaving_days=30,
)
OWN = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.integers(1, 400) for name in ("unused_days", "never_used_days", "disable_after_days")},
        "delete_after_days": st.integers(0, 400),
    },
)


def test_what_a_system_says_holds_there_and_what_it_does_not_say_is_as_in_the_profile() -> None:
    assert RULES.in_system({"unused_days": 45}).times == DormancyTimes(45, 30, 14, 365)
    assert RULES.in_system({}) == RULES


def test_the_times_of_a_kind_of_account_that_are_sooner_still_hold() -> None:
    found = RULES.in_system({"unused_days": 70, "disable_after_days": 10, "delete_after_days": 200})
    assert found.times_of(AccountKind.PRIVILEGED) == DormancyTimes(60, 30, 7, 200)


@given(OWN)
def test_no_time_is_ever_later_than_the_profiles(own: dict[str, int]) -> None:
    for kind in AccountKind:
        times, profile = RULES.in_system(own).times_of(kind), RULES.times_of(kind)
        assert times.unused_days <= profile.unused_days
        assert times.never_used_days <= profile.never_used_days
        assert times.disable_after_days <= profile.disable_after_days
        assert (times.delete_after_days or 9_999) <= (profile.delete_after_days or 9_999)


def test_never_is_later_than_any_day() -> None:
    assert TIMES.longer({"delete_after_days": 0}) == ["delete_after_days"]
    assert PRIVILEGED.longer({"delete_after_days": 9_999}) == []
    assert TIMES.longer({"unused_days": 90, "never_used_days": 31}) == ["never_used_days"]
