"""What falls due to one right on one day."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from idm.grant_state import GrantEvent, GrantState, after
from idm.personnel.due_changes import NOBODY, Due, RightFacts, Service, Standing, due_on, standing

DAY = date(2026, 4, 1)
YESTERDAY, TOMORROW = DAY - timedelta(days=1), DAY + timedelta(days=1)
EMPLOYED = Standing(employed=True, left=False, coming=False, absent=False)
ABSENT = replace(EMPLOYED, absent=True)
GONE = Standing(employed=False, left=True, coming=False, absent=False)
TO_COME = Standing(employed=False, left=False, coming=True, absent=False)
BETWEEN = Standing(employed=False, left=True, coming=True, absent=False)
IN_FORCE = RightFacts(GrantState.IN_FORCE, date(2020, 4, 1), None, on_leave=False)
RESTING = RightFacts(GrantState.SUSPENDED, date(2020, 4, 1), None, on_leave=True)
PLANNED = RightFacts(GrantState.PLANNED, DAY, None, on_leave=False)


@pytest.mark.parametrize(
    ("right", "person", "due"),
    [
        (IN_FORCE, EMPLOYED, ()),
        (IN_FORCE, GONE, (Due.STOP,)),
        (RESTING, GONE, (Due.STOP,)),
        (PLANNED, GONE, (Due.STOP,)),
        (IN_FORCE, BETWEEN, (Due.STOP,)),
        (PLANNED, BETWEEN, ()),
        (IN_FORCE, TO_COME, ()),
        (PLANNED, TO_COME, ()),
        (IN_FORCE, ABSENT, (Due.SUSPEND,)),
        (RESTING, ABSENT, ()),
        (RESTING, EMPLOYED, (Due.RESUME,)),
        (replace(RESTING, on_leave=False), EMPLOYED, ()),  # suspended for another reason
        (replace(RESTING, on_leave=False), ABSENT, (Due.SUSPEND,)),
        (PLANNED, EMPLOYED, (Due.BEGIN,)),
        (PLANNED, ABSENT, (Due.SUSPEND, Due.BEGIN)),
        (replace(PLANNED, valid_from=TOMORROW), EMPLOYED, ()),
        (replace(PLANNED, valid_from=TOMORROW), ABSENT, ()),
        (replace(PLANNED, valid_from=YESTERDAY), EMPLOYED, (Due.BEGIN,)),
        (replace(PLANNED, on_leave=True), EMPLOYED, (Due.RESUME, Due.BEGIN)),
        (replace(IN_FORCE, valid_until=DAY), EMPLOYED, (Due.EXPIRE,)),
        (replace(IN_FORCE, valid_until=TOMORROW), EMPLOYED, ()),
        (replace(IN_FORCE, valid_until=DAY), ABSENT, (Due.EXPIRE,)),
        (replace(IN_FORCE, valid_until=DAY), GONE, (Due.STOP,)),
        (replace(PLANNED, valid_from=YESTERDAY, valid_until=DAY), EMPLOYED, (Due.EXPIRE,)),
        (IN_FORCE, NOBODY, ()),
        (PLANNED, NOBODY, (Due.BEGIN,)),
        (replace(IN_FORCE, valid_until=DAY), NOBODY, (Due.EXPIRE,)),
        (replace(IN_FORCE, state=GrantState.ENDED), GONE, ()),
        (replace(IN_FORCE, post_lost=True), EMPLOYED, (Due.POST_LOST,)),
        (replace(IN_FORCE, post_lost=True), ABSENT, (Due.POST_LOST,)),
        (replace(RESTING, post_lost=True), EMPLOYED, (Due.POST_LOST,)),
        (replace(PLANNED, post_lost=True), EMPLOYED, (Due.POST_LOST,)),
        (replace(IN_FORCE, post_lost=True, valid_until=DAY), EMPLOYED, (Due.EXPIRE,)),
        (replace(IN_FORCE, post_lost=True), GONE, (Due.STOP,)),
        (replace(IN_FORCE, post_moved=True), EMPLOYED, (Due.POST_MOVED,)),
        (replace(IN_FORCE, post_moved=True), ABSENT, (Due.POST_MOVED, Due.SUSPEND)),
        (replace(PLANNED, post_moved=True), EMPLOYED, (Due.POST_MOVED, Due.BEGIN)),
        (replace(IN_FORCE, post_moved=True), GONE, (Due.STOP,)),
    ],
)
def test_what_is_due(right: RightFacts, person: Standing, due: tuple[Due, ...]) -> None:
    assert due_on(right, person, DAY) == due


LEAVE = (DAY, None)


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        ([Service(date(2020, 4, 1), None)], EMPLOYED),
        ([Service(date(2020, 4, 1), TOMORROW)], EMPLOYED),
        ([Service(date(2020, 4, 1), DAY)], GONE),
        ([Service(TOMORROW, None)], TO_COME),
        ([Service(date(2020, 4, 1), DAY), Service(TOMORROW, None)], BETWEEN),
        ([Service(date(2020, 4, 1), DAY), Service(DAY, None)], replace(EMPLOYED, left=True)),
        ([Service(date(2020, 4, 1), None, (LEAVE,))], ABSENT),
        ([Service(date(2020, 4, 1), None, ((YESTERDAY, DAY),))], EMPLOYED),
        ([Service(date(2020, 4, 1), None, ((YESTERDAY, DAY), LEAVE))], ABSENT),
        ([Service(date(2020, 4, 1), None, (LEAVE,)), Service(date(2021, 4, 1), None)], EMPLOYED),
        ([Service(date(2020, 4, 1), None, (LEAVE,)), Service(date(2021, 4, 1), None, (LEAVE,))], ABSENT),
        ([Service(date(2020, 4, 1), None, (LEAVE,)), Service(TOMORROW, None)], replace(ABSENT, coming=True)),
        ([], Standing(employed=False, left=False, coming=False, absent=False)),
    ],
)
def test_how_somebody_stands_on_the_day(services: list[Service], expected: Standing) -> None:
    assert standing(services, DAY) == expected


RIGHTS = st.builds(
    RightFacts, st.sampled_from(GrantState), st.sampled_from([YESTERDAY, DAY, TOMORROW]),
    st.sampled_from([None, DAY, TOMORROW]), st.booleans(), post_moved=st.booleans(),
)  # fmt: skip
STANDINGS = st.builds(Standing, *(st.booleans() for _ in range(5)))


def carried_out(right: RightFacts, due: Due) -> RightFacts:
    """The right after one thing that was due to it."""
    match due:
        case Due.POST_MOVED:
            return replace(right, post_moved=False)
        case Due.SUSPEND:
            state = right.state if right.state is GrantState.PLANNED else after(right.state, GrantEvent.SUSPEND)
            return replace(right, on_leave=True, state=state)
        case Due.RESUME:
            state = after(right.state, GrantEvent.RESUME) if right.state is GrantState.SUSPENDED else right.state
            return replace(right, on_leave=False, state=state)
        case Due.BEGIN:
            state = after(right.state, GrantEvent.BEGIN)
            return replace(right, state=after(state, GrantEvent.SUSPEND) if right.on_leave else state)
        case _:
            return replace(right, state=after(right.state, GrantEvent.END))


@given(right=RIGHTS, person=STANDINGS)
def test_carried_out_one_after_another_nothing_is_due_any_more(right: RightFacts, person: Standing) -> None:
    due = due_on(right, person, DAY)
    for at, one in enumerate(due):
        assert due_on(right, person, DAY) == due[at:]  # broken off here, the rest is still due
        right = carried_out(right, one)
    assert due_on(right, person, DAY) == ()


@given(right=RIGHTS, person=STANDINGS)
def test_nothing_gives_access_to_somebody_who_is_away_or_not_employed(right: RightFacts, person: Standing) -> None:
    assume(
        not (right.on_leave and right.state is GrantState.IN_FORCE)
    )  # an open reason suspends: there is no such right
    before = right.state
    for one in due_on(right, person, DAY):
        right = carried_out(right, one)
    if person.absent:
        assert right.state is not GrantState.IN_FORCE
    if before is GrantState.PLANNED and person.somebody and not person.employed:
        assert right.state is not GrantState.IN_FORCE
