"""How many people runs may touch within a window: the whole, each department, and what a permitted batch lifts."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.personnel.safety_limits import Excess, Headcount, Past, Touched, exceeded
from idm.policy import RunLimit
from idm.vocabulary import SafetyAction

STOP, SUSPEND, REVOKE = SafetyAction.STOP, SafetyAction.SUSPEND, SafetyAction.REVOKE
LIMIT = RunLimit(window_hours=24, share=0.05, count=30, unit_share=0.5, unit_count=5)
LIMITS = dict.fromkeys(SafetyAction, LIMIT)
TOWN = Headcount(400, {"0100": 12, "0200": 300, "0300": 8}, {"0100": "総務課"})
NOBODY: frozenset[tuple[SafetyAction, str]] = frozenset()


def people(count: int, unit: str = "0200", action: SafetyAction = STOP, first: int = 0) -> list[Touched]:
    return [Touched(action, f"{unit}-{number}", unit) for number in range(first, first + count)]


def judged(
    touched: list[Touched], *past: Past, headcount: Headcount = TOWN,
    permitted: frozenset[tuple[SafetyAction, str]] = NOBODY,
) -> tuple[Excess, ...]:  # fmt: skip
    return exceeded(touched, past, headcount, LIMITS, permitted)


def test_the_share_of_everybody_stops_before_the_count_does() -> None:
    assert judged(people(20)) == ()
    assert [(e.unit_code, e.people) for e in judged(people(21))] == [(None, 21)]


def test_the_count_stops_where_the_share_would_not() -> None:
    large = replace(TOWN, total=10_000)
    assert judged(people(30), headcount=large) == ()
    assert [(e.unit_code, e.people) for e in judged(people(31), headcount=large)] == [(None, 31)]


def test_the_share_is_the_fraction_that_was_written() -> None:
    limits = {STOP: replace(LIMIT, share=0.29, count=1000)}
    assert exceeded(people(29), [], Headcount(100, {"0200": 100}), limits, NOBODY) == ()


def test_a_departments_share_counts_only_beyond_its_count_of_people() -> None:
    assert judged(people(5, "0300")) == ()  # five of eight are more than half, and yet few
    assert [(e.unit_code, e.people) for e in judged(people(6, "0300"))] == [("0300", 6)]
    assert judged(people(6, "0100")) == ()  # six of twelve are half, not more
    assert [e.unit_code for e in judged(people(7, "0100"))] == ["0100"]


def test_one_single_person_is_never_too_large_a_share() -> None:
    assert judged(people(1), headcount=Headcount(3, {"0200": 3})) == ()
    assert len(judged(people(2), headcount=Headcount(3, {"0200": 3}))) == 1


def test_what_the_window_holds_is_added_to_the_run() -> None:
    assert judged(people(10), Past(STOP, "0200", 10)) == ()
    (excess,) = judged(people(10), Past(STOP, "0200", 11))
    assert (excess.in_run, excess.before, excess.people) == (10, 11, 21)


def test_a_department_is_measured_by_its_own_past() -> None:
    assert judged(people(3, "0300"), Past(STOP, "0100", 3)) == ()
    assert [e.unit_code for e in judged(people(3, "0300"), Past(STOP, "0300", 3))] == ["0300"]


def test_each_action_has_a_window_of_its_own() -> None:
    assert judged(people(10), Past(SUSPEND, "0200", 20)) == ()
    assert [e.action for e in judged([*people(10), *people(21, action=REVOKE)])] == [REVOKE]


def test_a_run_that_touches_nobody_is_not_stopped_by_what_is_past() -> None:
    assert judged([], Past(STOP, "0200", 400)) == ()
    assert [e.action for e in judged(people(1, action=SUSPEND), Past(STOP, "0200", 400))] == []


def test_somebody_named_twice_is_one_person() -> None:
    assert judged([*people(20), *people(20)]) == ()


def test_a_permitted_batch_covers_only_whom_it_lists_and_only_that_action() -> None:
    permitted = frozenset((STOP, one.staff_number) for one in people(100))
    assert judged(people(120), permitted=permitted) == ()  # twenty more may be
    assert [e.in_run for e in judged(people(121), permitted=permitted)] == [21]
    assert [e.in_run for e in judged(people(100, action=SUSPEND), permitted=permitted)] == [100]


@pytest.mark.parametrize(
    ("touched", "words"),
    [
        (people(21), ["「利用の終了」", "全体で 24 人", "今回 21 人", "直前の 24 時間に 3 人", "30 人", "400 人の 5%"]),
        (people(7, "0100"), ["総務課で 7 人", "今回 7 人", "0 人", "5 人を超えるとき", "12 人の 50%"]),
    ],
)
def test_the_sentence_says_which_limit_whose_and_how_many(touched: list[Touched], words: list[str]) -> None:
    sentence = judged(touched, Past(STOP, "0200", 3))[0].sentence
    assert [word for word in words if word not in sentence] == []


# --- properties ------------------------------------------------------------------------------------------------------

UNITS = ("0100", "0200", "0300", "")
TOUCHED = st.lists(
    st.builds(
        Touched, st.sampled_from(SafetyAction), st.integers(0, 60).map(str), st.sampled_from(UNITS),
    ), max_size=80, unique_by=lambda one: (one.action, one.staff_number),
)  # fmt: skip
HEADCOUNT = st.builds(Headcount, st.integers(0, 500), st.dictionaries(st.sampled_from(UNITS), st.integers(0, 60)))


def past_of(runs: list[list[Touched]]) -> list[Past]:
    """What the runs leave in the window."""
    counted = Counter((one.action, one.unit_code) for run in runs for one in run)
    return [Past(action, unit, people) for (action, unit), people in counted.items()]


@given(touched=TOUCHED, headcount=HEADCOUNT, cuts=st.lists(st.integers(0, 9), min_size=80, max_size=80))
def test_ten_small_runs_never_pass_what_one_big_run_may_not(
    touched: list[Touched], headcount: Headcount, cuts: list[int]
) -> None:
    runs = [[one for one, cut in zip(touched, cuts, strict=False) if cut == number] for number in range(10)]
    each = [exceeded(run, past_of(runs[:at]), headcount, LIMITS, NOBODY) for at, run in enumerate(runs)]
    assert any(each) == bool(exceeded(touched, [], headcount, LIMITS, NOBODY))


@given(touched=TOUCHED, headcount=HEADCOUNT, data=st.data())
def test_the_order_does_not_matter(touched: list[Touched], headcount: Headcount, data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(touched))
    past = past_of([touched[: len(touched) // 2]])
    assert exceeded(touched, past, headcount, LIMITS, NOBODY) == exceeded(
        shuffled, reversed(past), headcount, LIMITS, NOBODY
    )


@given(touched=TOUCHED, more=TOUCHED, headcount=HEADCOUNT)
def test_permitted_people_never_count(touched: list[Touched], more: list[Touched], headcount: Headcount) -> None:
    permitted = frozenset((one.action, one.staff_number) for one in more)
    others = [one for one in touched if (one.action, one.staff_number) not in permitted]
    assert exceeded([*others, *more], [], headcount, LIMITS, permitted) == exceeded(
        others, [], headcount, LIMITS, NOBODY
    )
    assert exceeded(more, [], headcount, LIMITS, permitted) == ()
