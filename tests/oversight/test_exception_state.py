"""Exceptions of the register as rules: when one holds, what it may cover, what falls due and how often it is told."""

from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.errors import IllegalTransition, InvalidInput
from idm.oversight.exception_state import (
    TRANSITIONS,
    Covered,
    Covering,
    ExceptionEvent,
    after,
    check_due,
    check_to_tell,
    in_force,
    may_renew,
    reminder_due,
    report_levels,
    require_coverable,
    require_period,
)
from idm.oversight.finding_state import NEVER_ANSWERED
from idm.policy import ExceptionRules
from idm.vocabulary import EXCEPTION_STATE_TITLES, ExceptionScope, ExceptionState, FindingKind, Role

DAY = date(2026, 4, 1)
AT = datetime(2026, 4, 1, 1, tzinfo=UTC)
RULES = ExceptionRules(
    asked_by=(Role.SECTION, Role.SYSTEM), longest_days=365, remind_before_days=30, check_every_days=92,
    emergency_report_hours=24, emergency_escalate_to=(Role.CHIEF, Role.CISO),
)  # fmt: skip
DAYS = st.dates(DAY - timedelta(days=500), DAY + timedelta(days=500))
KINDS = [FindingKind.DORMANT, FindingKind.NEVER_USED, FindingKind.LEFT]
COVERINGS = st.builds(
    Covering, st.integers(1, 5), st.sampled_from(KINDS), st.sampled_from(ExceptionScope), DAYS,
    system_id=st.integers(1, 2), account_id=st.integers(1, 2), people=st.frozensets(st.integers(1, 3), min_size=1),
    units=st.frozensets(st.sampled_from(["0100", "0110"]), min_size=1),
)  # fmt: skip
ASKED = st.fixed_dictionaries({
    "system_id": st.none() | st.integers(1, 3), "account_id": st.none() | st.integers(1, 3),
    "person_id": st.none() | st.integers(1, 4), "unit_code": st.none() | st.sampled_from(["0100", "0110", "0600"]),
})  # fmt: skip


@given(st.sampled_from(ExceptionState), DAYS, DAYS, DAYS)
def test_it_holds_only_permitted_and_within_its_period(
    state: ExceptionState, begins: date, until: date, day: date
) -> None:
    holding = state is ExceptionState.PERMITTED and begins <= day < until
    assert in_force(state, begins, until, day) is holding


@pytest.mark.parametrize(("state", "event"), list(product(ExceptionState, ExceptionEvent)))
def test_every_event_in_every_state_is_allowed_or_refused_in_words(
    state: ExceptionState, event: ExceptionEvent
) -> None:
    if (state, event) in TRANSITIONS:
        assert after(state, event) is TRANSITIONS[state, event]
        return
    with pytest.raises(IllegalTransition, match=EXCEPTION_STATE_TITLES[state]):
        after(state, event)


def test_nothing_comes_to_be_permitted_but_by_an_answer_to_what_was_asked() -> None:
    ways = {key for key, following in TRANSITIONS.items() if following is ExceptionState.PERMITTED}
    assert ways == {(ExceptionState.ASKED, ExceptionEvent.PERMIT)}


@pytest.mark.parametrize("kind", list(FindingKind))
def test_what_the_standard_leaves_no_choice_about_is_never_covered(kind: FindingKind) -> None:
    covering = Covering(1, kind, ExceptionScope.ORGANISATION, DAY)
    if kind not in NEVER_ANSWERED:
        require_coverable(kind)
        assert Covered([covering]).of(kind) == 1
        return
    with pytest.raises(InvalidInput):
        require_coverable(kind)
    assert Covered([covering]).of(kind) is None


@given(st.lists(COVERINGS, max_size=6), st.sampled_from(KINDS), ASKED)
def test_what_covers_is_found_exactly_where_one_reaches(
    coverings: list[Covering], kind: FindingKind, asked: dict[str, int | str | None]
) -> None:
    reaching = {one.exception_id for one in coverings if _reaches(one, kind, asked)}
    found = Covered(coverings).of(kind, **asked)  # type: ignore[arg-type]
    assert (found is not None) is bool(reaching)
    assert found is None or found in reaching


def _reaches(one: Covering, kind: FindingKind, asked: dict[str, int | str | None]) -> bool:
    """The same said once more, one exception at a time."""
    if one.kind is not kind or kind in NEVER_ANSWERED:
        return False
    there = one.system_id is None or one.system_id == asked["system_id"]
    match one.scope:
        case ExceptionScope.ACCOUNT:
            return asked["account_id"] == one.account_id
        case ExceptionScope.PERSON:
            return there and asked["person_id"] in one.people
        case ExceptionScope.UNIT:
            return there and asked["unit_code"] in one.units
        case ExceptionScope.SYSTEM:
            return one.system_id == asked["system_id"]
        case ExceptionScope.ORGANISATION:
            return True


@pytest.mark.parametrize(
    ("begins", "days", "emergency", "problem"),
    [
        (0, 1, False, None), (0, 365, False, None), (0, 366, False, "365日まで"), (10, 0, False, "終わりの日"),
        (-1, 10, False, "さかのぼって"), (-1, 10, True, None), (-10, 5, True, "終わりの日"),
    ],
)  # fmt: skip
def test_a_period_is_not_over_not_too_long_and_never_backdated_but_for_an_emergency(
    begins: int, days: int, *, emergency: bool, problem: str | None
) -> None:
    first = DAY + timedelta(days=begins)
    if problem is None:
        require_period(first, first + timedelta(days=days), DAY, emergency=emergency, rules=RULES)
        return
    with pytest.raises(InvalidInput, match=problem):
        require_period(first, first + timedelta(days=days), DAY, emergency=emergency, rules=RULES)


@given(DAYS, st.sets(st.integers(-60, 60), min_size=1, max_size=20))
def test_the_end_is_told_of_once_however_many_days_are_missed(until: date, offsets: set[int]) -> None:
    reminded: date | None = None
    told = 0
    for offset in sorted(offsets):
        day = until + timedelta(days=offset)
        if reminder_due(until, reminded, day, RULES):
            told, reminded = told + 1, day
    assert told == (1 if any(-30 <= offset < 0 for offset in offsets) else 0)


@given(st.integers(0, 200))
def test_an_unreported_emergency_is_told_to_one_more_every_day_and_never_to_more_than_there_are(hours: int) -> None:
    levels = report_levels(AT, AT + timedelta(hours=hours), RULES)
    assert levels == (0 if hours <= 24 else 1 if hours < 48 else 2)


def test_renewal_is_asked_for_near_the_end_or_after_it_and_never_of_what_somebody_ended() -> None:
    until = DAY + timedelta(days=30)
    assert may_renew(ExceptionState.PERMITTED, until, DAY, RULES)
    assert not may_renew(ExceptionState.PERMITTED, until + timedelta(days=1), DAY, RULES)
    assert may_renew(ExceptionState.EXPIRED, DAY - timedelta(days=1), DAY, RULES)
    assert not may_renew(ExceptionState.ENDED, until, DAY, RULES)


def test_a_check_is_due_a_quarter_after_the_last_one_and_told_of_once_for_each_that_is_missed() -> None:
    due = check_due(DAY, None, RULES)
    assert (due, check_due(DAY, due, RULES)) == (DAY + timedelta(days=92), due + timedelta(days=92))
    late = due + timedelta(days=1)
    assert [check_to_tell(due, None, due), check_to_tell(due, None, late)] == [False, True]
    assert not check_to_tell(due, late, late + timedelta(days=1))
    assert check_to_tell(due + timedelta(days=92), late, due + timedelta(days=93))
