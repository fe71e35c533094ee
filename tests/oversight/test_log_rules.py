"""What stands out in our own record, beside a count that looks at every pair."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.calendar_days import day_of
from idm.oversight.log_rules import LogFact, StandingOut, standing_out, within_window
from idm.policy import Policy
from idm.policy_file import load_profile
from idm.vocabulary import FindingKind

POLICY: Policy = load_profile("fukuoka").policy
RULES, CALENDAR = POLICY.log_check, POLICY.calendar
WEDNESDAY = datetime(2026, 4, 1, 1, 0, tzinfo=UTC)
"""10:00 in Tokyo."""
WINDOW = timedelta(minutes=RULES.window_minutes)


def found(*facts: LogFact) -> list[StandingOut]:
    return standing_out(facts, RULES, CALENDAR)


def kinds(*facts: LogFact) -> list[tuple[FindingKind, int]]:
    return [(one.kind, one.count) for one in found(*facts)]


def acts(number: int, step: timedelta, *, action: str = "handover.asked", **more: object) -> list[LogFact]:
    return [LogFact(n, WEDNESDAY + n * step, action, str(n), "person:1", **more) for n in range(number)]  # type: ignore[arg-type]


def test_hours_are_those_of_tokyo() -> None:
    """22:00 UTC is 07:00 of the next day in Tokyo, when the organisation opens."""
    opening = datetime(2026, 4, 1, 22, 0, tzinfo=UTC)
    at_opening = LogFact(1, opening, "handover.asked", "1", "person:1")
    before = LogFact(1, opening - timedelta(seconds=1), "handover.asked", "1", "person:1")
    assert kinds(at_opening) == []
    assert kinds(before) == [(FindingKind.AFTER_HOURS, 1)]


def test_a_holiday_is_after_hours_all_day_and_ones_own_matters_never_are() -> None:
    noon_of_showa_day = datetime(2026, 4, 29, 3, 0, tzinfo=UTC)
    done = LogFact(7, noon_of_showa_day, "step.approved", "1", "person:1")
    applied = LogFact(8, noon_of_showa_day, "request.submitted", "1", "person:1")
    signed_in = LogFact(9, noon_of_showa_day, "sign_in.completed", "1", "person:1")
    assert found(done, applied, signed_in) == [
        StandingOut(FindingKind.AFTER_HOURS, "person:1", date(2026, 4, 29), 1, (7,))
    ]


@pytest.mark.parametrize("action", ["sign_in.everybodys_sessions_ended", "sign_in.invited", "sign_in.unlinked"])
def test_what_is_done_at_night_to_somebody_elses_sign_in_is_after_hours(action: str) -> None:
    """An invitation made for somebody else at 03:00 is how an account is taken over."""
    night = datetime(2026, 4, 1, 18, 0, tzinfo=UTC)
    assert kinds(LogFact(1, night, action, "7", "person:1")) == [(FindingKind.AFTER_HOURS, 1)]
    assert kinds(LogFact(1, night, action, "7", "person:7")) == []


def test_a_thousand_lines_in_one_act_are_no_burst() -> None:
    assert kinds(*acts(1000, timedelta(0), action="handover.asked")) == []


def test_more_acts_than_the_profile_allows_are_a_burst_with_the_records_of_that_window() -> None:
    step = timedelta(seconds=5)
    assert kinds(*acts(RULES.most_acts, step)) == []
    (burst,) = found(*acts(RULES.most_acts + 1, step))
    assert (burst.kind, burst.count, burst.records[0]) == (FindingKind.BURST, RULES.most_acts + 1, 0)


def test_refusals_count_in_their_window_alone() -> None:
    close = acts(RULES.most_refusals + 1, timedelta(seconds=30), refused=True)
    far = acts(RULES.most_refusals + 1, timedelta(minutes=5), refused=True)
    assert kinds(*close) == [(FindingKind.REFUSED_ATTEMPTS, RULES.most_refusals + 1)]
    assert kinds(*far) == []


def test_attempts_during_a_lock_count_as_many_as_they_were() -> None:
    locked = LogFact(1, WEDNESDAY, "sign_in.refused_during_lock", "1", "person:1", refused=True, times=500,
                     by_hand=False)  # fmt: skip
    assert kinds(locked) == [(FindingKind.REFUSED_ATTEMPTS, 500)]


def test_decisions_on_one_application_after_another_within_seconds_stand_out() -> None:
    pace = timedelta(seconds=RULES.decision_seconds - 1)
    enough = RULES.most_quick_decisions + 1  # the first has none before it
    assert kinds(*acts(enough, pace, action="step.approved")) == [
        (FindingKind.QUICK_DECISIONS, RULES.most_quick_decisions)
    ]
    assert kinds(*acts(enough - 1, pace, action="step.approved")) == []
    assert kinds(*acts(enough, timedelta(seconds=RULES.decision_seconds), action="step.approved")) == []


def test_more_decisions_in_an_hour_than_anybody_can_read_stand_out_however_evenly_they_come() -> None:
    pace = timedelta(seconds=2 * RULES.decision_seconds)
    enough = RULES.most_decisions_an_hour + 1
    (many,) = found(*acts(enough, pace, action="step.approved"))
    assert (many.kind, many.count, many.minutes) == (FindingKind.QUICK_DECISIONS, enough, 60)
    assert found(*acts(enough - 1, pace, action="step.approved")) == []
    assert found(*acts(enough, timedelta(minutes=1), action="step.approved")) == []


def test_many_lines_of_one_application_are_one_decision() -> None:
    lines = [LogFact(n, WEDNESDAY, "step.approved", "77", "person:1") for n in range(300)]
    assert kinds(*lines) == []


def test_an_id_that_rested_longer_than_the_profile_says_stands_out_when_it_is_used() -> None:
    def use(days: int | None) -> LogFact:
        return LogFact(1, WEDNESDAY, "sign_in.completed", "1", "person:1", unused_days=days)

    assert kinds(use(RULES.sudden_after_days)) == kinds(use(None)) == []
    assert kinds(use(RULES.sudden_after_days + 1)) == [(FindingKind.SUDDEN_USE, RULES.sudden_after_days + 1)]


moments = st.lists(st.tuples(st.integers(0, 5_000), st.integers(1, 4)), max_size=60).map(
    lambda some: [(WEDNESDAY + timedelta(seconds=at), times) for at, times in sorted(some)]
)


@given(moments)
def test_a_window_holds_what_a_count_over_all_pairs_says(some: list[tuple[datetime, int]]) -> None:
    naive = [sum(times for at, times in some if end - WINDOW < at <= end) for end, _ in some]
    assert within_window(some, WINDOW) == naive


facts = st.lists(
    st.builds(
        LogFact,
        record_id=st.integers(1, 10_000),
        at=st.integers(0, 200_000).map(lambda seconds: WEDNESDAY + timedelta(seconds=seconds // 20 * 3)),
        action=st.sampled_from(["step.approved", "handover.asked", "request.submitted", "sign_in.completed"]),
        object_id=st.sampled_from(["1", "2", "3"]),
        who=st.sampled_from(["person:1", "person:2", "from:192.0.2.1"]),
        refused=st.booleans(),
        times=st.integers(1, 6),
    ),
    max_size=120,
)


@given(facts)
def test_refused_attempts_are_found_exactly_where_a_naive_count_finds_them(some: list[LogFact]) -> None:
    expected: dict[tuple[str, date], int] = {}
    for end in some:
        inside = sum(
            one.times for one in some
            if one.refused and end.refused and one.who == end.who and end.at - WINDOW < one.at <= end.at
        )  # fmt: skip
        key = (end.who, day_of(end.at))
        if inside > max(RULES.most_refusals, expected.get(key, 0)):
            expected[key] = inside
    told = {(one.who, one.day): one.count for one in found(*some) if one.kind is FindingKind.REFUSED_ATTEMPTS}
    assert told == expected


@given(facts, st.randoms(use_true_random=False))
def test_the_order_in_which_records_are_read_changes_nothing(some: list[LogFact], order: object) -> None:
    numbered = [LogFact(**{**vars(fact), "record_id": n}) for n, fact in enumerate(some)]
    mixed = list(numbered)
    order.shuffle(mixed)  # type: ignore[attr-defined]
    assert found(*mixed) == found(*numbered)


@given(facts)
def test_one_fact_is_told_once(some: list[LogFact]) -> None:
    told = [(one.kind, one.key) for one in found(*some)]
    assert len(told) == len(set(told))
