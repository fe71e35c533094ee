"""The day on which a password falls due: never later than the rule, spread evenly, always the same (control E5)."""

from collections import Counter
from datetime import date, timedelta
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from idm.passwords.password_due import WARNED_BEFORE_DAYS, due_day, earliest_change

APRIL = date(2026, 4, 1)
STAFF = [uuid5(UUID(int=1), str(number)) for number in range(3000)]
DAYS = st.dates(date(2000, 1, 1), date(2090, 1, 1))
PERIODS = st.integers(1, 400).flatmap(lambda most: st.tuples(st.just(most), st.integers(0, most - 1)))


@given(DAYS, st.uuids(), PERIODS)
def test_it_is_never_later_than_the_rule_nor_too_early(day: date, account: UUID, period: tuple[int, int]) -> None:
    most, spread = period
    due = due_day(day, account, maximum_age_days=most, spread_days=spread)
    assert day + timedelta(days=most - max(spread - 1, 0)) <= due <= day + timedelta(days=most)
    assert due > day, "nobody has to change on the day they changed"
    assert due == due_day(day, account, maximum_age_days=most, spread_days=spread), "the same whoever asks"


@given(DAYS, st.uuids(), PERIODS)
def test_whoever_is_to_be_warned_is_among_those_asked_for(day: date, account: UUID, period: tuple[int, int]) -> None:
    most, spread = period
    today = due_day(day, account, maximum_age_days=most, spread_days=spread) - timedelta(days=WARNED_BEFORE_DAYS)
    assert day <= earliest_change(today, maximum_age_days=most, spread_days=spread)


def test_without_a_spread_everybody_has_the_whole_period() -> None:
    assert {due_day(APRIL, one, maximum_age_days=90, spread_days=0) for one in STAFF} == {date(2026, 6, 30)}


def test_a_third_of_the_staff_that_changed_on_one_day_does_not_fall_due_on_one() -> None:
    third = STAFF[::3]
    due = Counter(due_day(APRIL, one, maximum_age_days=90, spread_days=30) for one in third)
    assert len(due) == 30
    assert max(due.values()) < 2 * len(third) / 30
