"""What follows of disuse on which day: warned, stopped, deleted; never too soon, never on a day off (control C1)."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.calendar_days import day_of
from idm.oversight.dormancy import (
    Closing,
    Holding,
    Step,
    UnusedFacts,
    delete_day,
    disable_day,
    next_step,
    room_left,
)
from idm.policy import DormancyRules, DormancyTimes
from idm.vocabulary import DormancyStage, FindingKind
from idm.working_days import WorkingDays

TIMES = DormancyTimes(unused_days=90, never_used_days=30, disable_after_days=14, delete_after_days=365)
CALENDAR = WorkingDays(("12-29", "12-30", "12-31", "01-02", "01-03"))
BEGIN = datetime(2026, 4, 1, 17, 0, tzinfo=UTC)
"""Two in the morning of 2 April in Tokyo."""
THURSDAY = BEGIN
SATURDAY = BEGIN + timedelta(days=2)
LONG_AGO = BEGIN - timedelta(days=400)
UNUSED = UnusedFacts(None, FindingKind.DORMANT, LONG_AGO, usable=True, employed=True)
WARNED = replace(UNUSED, stage=DormancyStage.WARNED, disable_on=date(2026, 4, 2))
STOPPED = replace(UNUSED, stage=DormancyStage.DISABLED, delete_on=date(2026, 4, 2), usable=False)


def step(facts: UnusedFacts, now: datetime = THURSDAY) -> tuple[Step, str | None]:
    verdict = next_step(facts, TIMES, CALENDAR, now)
    return verdict.step, verdict.reason


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (UNUSED, Step.WARN),
        (replace(UNUSED, found=FindingKind.NEVER_USED), Step.WARN),
        (replace(UNUSED, found=FindingKind.LAST_USE_UNKNOWN), Step.NONE),
        (replace(UNUSED, found=None), Step.NONE),
        (replace(UNUSED, usable=False), Step.NONE),
        (replace(UNUSED, exempt=True), Step.NONE),
        (replace(UNUSED, counts_from=BEGIN - timedelta(days=89)), Step.NONE),
        (replace(UNUSED, counts_from=BEGIN - timedelta(days=31), found=FindingKind.NEVER_USED), Step.WARN),
        (replace(UNUSED, counts_from=BEGIN - timedelta(days=29), found=FindingKind.NEVER_USED), Step.NONE),
    ],
)
def test_only_a_usable_id_that_is_known_to_be_unused_is_warned_of(facts: UnusedFacts, expected: Step) -> None:
    assert step(facts)[0] is expected


def test_a_warned_id_is_stopped_on_its_day_and_not_before() -> None:
    assert step(WARNED)[0] is Step.DISABLE
    assert step(replace(WARNED, disable_on=date(2026, 4, 3)))[0] is Step.NONE


@pytest.mark.parametrize("facts", [UNUSED, WARNED, replace(STOPPED, employed=False)])
def test_nothing_happens_on_a_day_off(facts: UnusedFacts) -> None:
    assert step(facts)[0] in (Step.WARN, Step.DISABLE, Step.DELETE)
    assert step(facts, SATURDAY)[0] is Step.NONE


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (replace(WARNED, found=None, use_read=True), Closing.USED),
        (replace(WARNED, counts_from=BEGIN - timedelta(days=1)), Closing.USED),
        (replace(WARNED, usable=False), Closing.OUT_OF_USE),
        (replace(WARNED, exempt=True), Closing.EXEMPT),
        (replace(STOPPED, found=None, use_read=True), Closing.USED),
        (replace(STOPPED, exempt=True), Closing.EXEMPT),
    ],
)
def test_a_case_ends_when_what_made_it_one_is_gone(facts: UnusedFacts, reason: Closing) -> None:
    assert step(facts) == (Step.CLOSE, reason.value)


def test_what_is_not_known_is_not_acted_on_and_says_so() -> None:
    unknown = FindingKind.LAST_USE_UNKNOWN
    assert step(replace(WARNED, found=unknown)) == (Step.HOLD, Holding.UNKNOWN.value)
    assert step(replace(STOPPED, found=unknown, employed=False)) == (Step.HOLD, Holding.UNKNOWN.value)


def test_only_of_whoever_is_employed_no_more_an_id_is_deleted() -> None:
    assert step(STOPPED) == (Step.HOLD, Holding.EMPLOYED.value)
    assert step(replace(STOPPED, employed=False))[0] is Step.DELETE
    assert step(replace(STOPPED, employed=False, delete_on=None))[0] is Step.NONE


def test_zero_days_until_the_deletion_mean_that_there_is_none() -> None:
    assert delete_day(replace(TIMES, delete_after_days=0), CALENDAR, date(2026, 4, 2)) is None


@pytest.mark.parametrize(
    ("accounts", "taken", "room"), [(1000, 0, 50), (300, 0, 30), (300, 29, 1), (300, 31, 0), (3, 0, 1), (3, 1, 0)]
)
def test_the_first_limit_that_is_reached_holds(accounts: int, taken: int, room: int) -> None:
    rules = DormancyRules(TIMES, {}, window_days=7, most_share=0.1, most_accounts=50, keep_after_leaving_days=30)
    assert room_left(rules, accounts=accounts, taken=taken) == room


def test_an_id_that_its_target_does_not_show_is_not_opened_again_for_that() -> None:
    for there in (True, False):
        facts = replace(STOPPED, there=there, found=None)
        assert step(facts) == (Step.HOLD, Holding.UNREAD.value)
    assert step(replace(WARNED, found=None)) == (Step.HOLD, Holding.UNREAD.value)
    gone = replace(STOPPED, there=False, found=None, employed=False)
    assert step(gone) == (Step.CLOSE, Closing.OUT_OF_USE.value)


class _OneId:
    """One ID over many nights, as the nightly run keeps it."""

    def __init__(self, *, employed: bool) -> None:
        self.employed, self.last_use, self.stage = employed, BEGIN, None
        self.disable_on: date | None = None
        self.delete_on: date | None = None
        self.steps: list[tuple[Step, date]] = []

    stage: DormancyStage | None

    def night(self, now: datetime) -> None:
        """The target says what it says; the step that follows is taken."""
        found = FindingKind.DORMANT if self.last_use <= now - timedelta(days=TIMES.unused_days) else None
        facts = UnusedFacts(
            self.stage, found, self.last_use, use_read=True, usable=self.stage is not DormancyStage.DISABLED,
            employed=self.employed, disable_on=self.disable_on, delete_on=self.delete_on,
        )  # fmt: skip
        taken, day = next_step(facts, TIMES, CALENDAR, now).step, day_of(now)
        if taken in (Step.WARN, Step.DISABLE, Step.DELETE):
            self.steps.append((taken, day))
        if taken is Step.WARN:
            self.stage, self.disable_on = DormancyStage.WARNED, disable_day(TIMES, CALENDAR, day)
        if taken is Step.DISABLE:
            self.stage, self.delete_on = DormancyStage.DISABLED, delete_day(TIMES, CALENDAR, day)
        if taken is Step.CLOSE:
            self.stage = None


@given(st.lists(st.integers(min_value=1, max_value=TIMES.unused_days + TIMES.disable_after_days), max_size=30))
def test_a_year_of_uses_within_the_days_never_stops_anybody(gaps: list[int]) -> None:
    one, uses, at = _OneId(employed=True), set(), 0
    for gap in gaps:
        at += gap
        uses.add(at)
    for night in range(at + 1):
        one.night(BEGIN + timedelta(days=night))
        if night in uses:
            one.last_use = BEGIN + timedelta(days=night, hours=9)
    assert all(step is Step.WARN for step, _ in one.steps)


@given(st.integers(min_value=0, max_value=700), st.booleans())
def test_whoever_stops_using_an_id_is_warned_then_stopped_and_only_then_it_is_deleted(
    last: int, employed: bool
) -> None:
    one = _OneId(employed=employed)
    one.last_use = BEGIN + timedelta(days=last)
    for night in range(last, last + 560):
        one.night(BEGIN + timedelta(days=night))
    expected = [Step.WARN, Step.DISABLE] + ([] if employed else [Step.DELETE])
    assert [step for step, _ in one.steps][: len(expected)] == expected
    assert employed is (Step.DELETE not in {step for step, _ in one.steps})
    assert all(CALENDAR.is_working(day) for _, day in one.steps)
    days = [day for _, day in one.steps]
    assert (days[0] - day_of(one.last_use)).days >= TIMES.unused_days
    assert (days[1] - days[0]).days >= TIMES.disable_after_days
