"""Access reviews: who is asked about a right, and how answers look."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.reviews.review_rules import (
    Answer,
    Bar,
    Pace,
    Peers,
    ReviewFacts,
    Schedule,
    Step,
    bar_of,
    ladder,
    may_answer,
    next_opening,
    office_of,
    pace,
    step_on,
)
from idm.routing import Deputation, Rung, Seated
from idm.separation_of_duties import Human
from idm.vocabulary import ReviewDecision, ReviewScope, Role

KEEP, REMOVE = ReviewDecision.KEEP, ReviewDecision.REMOVE
NOON = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)
people = st.integers(1, 6)
some_people = st.frozensets(people, max_size=6)
humans = st.builds(Human, people, st.frozensets(people, max_size=1))
offices = st.lists(st.lists(humans, max_size=2).map(tuple), max_size=3).map(tuple)
facts = st.builds(
    ReviewFacts, offices=offices, deputies=st.lists(st.builds(Deputation, people, humans), max_size=3).map(tuple),
    vice_cisos=st.lists(humans, max_size=1).map(tuple), cisos=st.lists(humans, max_size=1).map(tuple), holder=people,
    approvers=st.frozensets(people, max_size=2), never_deciding=st.frozensets(people, max_size=2),
)  # fmt: skip


def known(of: ReviewFacts) -> list[Human]:
    deputies = [named.deputy for named in of.deputies]
    return [*(human for office in of.offices for human in office), *deputies, *of.vice_cisos, *of.cisos]


@given(facts)
def test_nobody_is_asked_who_holds_the_right_or_may_not_decide_under_any_row(of: ReviewFacts) -> None:
    barred = {of.holder} | of.approvers | of.never_deciding
    for seat in (seat for rung in ladder(of) for seat in rung):
        assert any(one.person_id == seat.person_id and not one.rows & barred for one in known(of))
        assert seat.acting_for is None or seat.acting_for not in barred


@given(facts)
def test_no_rung_is_empty_and_nobody_stands_on_two(of: ReviewFacts) -> None:
    rungs = ladder(of)
    assert all(rungs)
    asked = [{seat.person_id for seat in rung} for rung in rungs]
    assert sum(len(rung) for rung in asked) == len(set().union(*asked))


@given(facts)
def test_somebody_is_asked_unless_everybody_is_barred(of: ReviewFacts) -> None:
    free = [one for one in (*(h for o in of.offices for h in o), *of.vice_cisos, *of.cisos) if bar_of(one, of) is None]
    assert bool(ladder(of)) is bool(free)


@given(facts)
def test_the_last_day_being_over_adds_one_rung_and_takes_nobody_away(of: ReviewFacts) -> None:
    before, after = may_answer(of, escalated=False), may_answer(of, escalated=True)
    assert after[: len(before)] == before
    assert len(ladder(of)) < 2 or len(after) > len(before)


def test_a_right_goes_to_the_section_and_what_is_privileged_or_by_system_to_the_systems_manager() -> None:
    asked = {(scope, privileged): office_of(scope, privileged=privileged) for scope in ReviewScope
             for privileged in (False, True)}  # fmt: skip
    assert {key for key, role in asked.items() if role is Role.SECTION} == {
        (ReviewScope.UNIT, False), (ReviewScope.ENTITLEMENT, False),
    }  # fmt: skip


def test_the_holders_own_right_goes_up_past_their_own_deputy() -> None:
    holder, above, deputy, ciso = Human(1), Human(2), Human(3), Human(9)
    of = ReviewFacts(((holder,), (above,)), (Deputation(1, deputy),), (), (ciso,), holder=1)
    assert ladder(of) == ((Seated(2, Rung.HOLDER),), (Seated(9, Rung.CISO),))


def test_a_deputy_of_the_manager_is_asked_beside_them_and_not_about_their_own_right() -> None:
    manager, deputy = Human(1), Human(3)
    of = ReviewFacts(((manager,),), (Deputation(1, deputy),), (), (), holder=5)
    assert may_answer(of, escalated=False) == (Seated(1, Rung.HOLDER), Seated(3, Rung.DEPUTY, 1))
    own = ReviewFacts(((manager,),), (Deputation(1, deputy),), (), (), holder=3)
    assert may_answer(own, escalated=False) == (Seated(1, Rung.HOLDER),)


@pytest.mark.parametrize(
    ("rows", "bar"), [({5}, Bar.HOLDER), ({6}, Bar.APPROVER), ({7}, Bar.NEVER), ({8}, None), ({8, 5}, Bar.HOLDER)]
)
def test_what_keeps_somebody_from_a_right_is_said(rows: set[int], bar: Bar | None) -> None:
    of = ReviewFacts((), (), (), (), holder=5, approvers=frozenset({6}), never_deciding=frozenset({7}))
    assert bar_of(Human(max(rows), frozenset(rows)), of) is bar


@given(
    st.dictionaries(people, st.sampled_from([("0100", "主事"), ("0100", "係長"), ("0200", "主事")])),
    some_people,
    people,
)
def test_alike_are_the_others_of_the_same_unit_and_post(
    posts: dict[int, tuple[str, str]], holding: frozenset[int], holder: int
) -> None:
    have, there = Peers.of(posts).alike(holder, holding)
    others = [person for person in posts if person != holder and posts[person] == posts.get(holder)]
    assert (have, there) == (sum(person in holding for person in others), len(others))


def answer(seconds: float, decision: ReviewDecision = KEEP, *, shown: float = 0) -> Answer:
    return Answer(decision, NOON + timedelta(seconds=shown), NOON + timedelta(seconds=seconds))


def test_what_is_decided_in_one_act_shares_its_time_and_later_acts_count_from_the_one_before() -> None:
    assert pace([answer(20), answer(20)]) == Pace(2, 2, 10, 2)
    assert pace([answer(20), answer(24), answer(60, REMOVE, shown=50)]) == Pace(3, 2, (20 + 4 + 10) / 3, 1)
    assert pace([]) == Pace(0, 0, None)


def test_waiting_before_everything_is_kept_in_one_act_does_not_make_it_careful() -> None:
    day_long = [answer(86_400) for _ in range(30)]
    assert pace(day_long).rubber_stamped(3) is False
    assert (pace(day_long).hurried(3, 30), pace(day_long).hurried(3, 31)) == (True, False)
    assert pace([*day_long[1:], answer(86_400, REMOVE)]).hurried(3, 30) is False, "something was found not to be needed"
    assert pace([answer(4), answer(4)]).hurried(3, 30) is True


def test_rubber_stamping_and_keeping_everything_are_told_apart() -> None:
    quick, slow = pace([answer(4), answer(4)]), pace([answer(60), answer(60, REMOVE)])
    assert (quick.rubber_stamped(3), quick.all_kept) == (True, True)
    assert (slow.rubber_stamped(3), slow.all_kept) == (False, False)
    assert (pace([]).rubber_stamped(3), pace([]).all_kept) == (False, False)


@given(st.lists(st.tuples(st.floats(0, 500), st.floats(0, 500)), max_size=8))
def test_nobody_can_have_taken_more_time_than_passed(times: list[tuple[float, float]]) -> None:
    answers = [answer(max(pair), shown=min(pair)) for pair in times]
    found = pace(answers)
    span = max((a.decided_at for a in answers), default=NOON) - min((a.shown_at for a in answers), default=NOON)
    assert (found.seconds_each or 0) * found.answers <= span.total_seconds() + 1e-3


OPENED, LAST = date(2026, 4, 1), date(2026, 4, 30)


def steps(until: date, nights: int = 1) -> list[tuple[date, Step]]:
    """What the calendar does up to a day, looking every so many nights."""
    schedule, found, day = Schedule(OPENED, LAST), [], OPENED
    while day <= until:
        step = step_on(day, schedule, remind_every_days=7, escalate_after_days=14)
        if step is not None:
            found.append((day, step))
        if step is Step.END:
            break
        reminded = day if step is Step.REMIND else schedule.reminded_on
        escalated = day if step is Step.ESCALATE else schedule.escalated_on
        schedule = Schedule(OPENED, LAST, reminded, escalated)
        day += timedelta(days=nights)
    return found


def test_a_campaign_reminds_every_week_then_asks_the_next_rung_then_ends() -> None:
    assert steps(date(2026, 6, 30)) == [
        (date(2026, 4, 8), Step.REMIND), (date(2026, 4, 15), Step.REMIND), (date(2026, 4, 22), Step.REMIND),
        (date(2026, 4, 29), Step.REMIND), (date(2026, 5, 1), Step.ESCALATE), (date(2026, 5, 8), Step.REMIND),
        (date(2026, 5, 15), Step.REMIND), (date(2026, 5, 16), Step.END),
    ]  # fmt: skip


@given(st.integers(1, 60))
def test_however_many_nights_are_missed_nothing_ends_before_the_next_rung_had_its_days(nights: int) -> None:
    found = steps(date(2027, 4, 1), nights)
    escalated = next(day for day, step in found if step is Step.ESCALATE)
    ended = next(day for day, step in found if step is Step.END)
    assert escalated > LAST
    assert ended > escalated + timedelta(days=14)
    assert [step for _, step in found].count(Step.ESCALATE) == 1


@pytest.mark.parametrize(
    ("last", "months", "due"),
    [(date(2026, 4, 1), 12, date(2027, 4, 1)), (date(2026, 8, 31), 6, date(2027, 2, 28)),
     (date(2026, 11, 30), 1, date(2026, 12, 30)), (date(2026, 12, 31), 12, date(2027, 12, 31))],
)  # fmt: skip
def test_the_next_campaign_is_due_so_many_months_later(last: date, months: int, due: date) -> None:
    assert next_opening(last, months) == due
