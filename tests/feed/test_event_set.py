"""What happens to one person on one day is one set: it makes sense as a whole, or the person is held."""

from dataclasses import replace
from datetime import date
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.employment_kind import EmploymentKind
from idm.feed.codes import PostKind
from idm.feed.event_row import EventRow
from idm.feed.event_set import contradiction, linked_numbers, person_reasons
from idm.feed.row import FeedRow
from idm.personnel_event import AbsenceKind, EventKind, LeavingKind

DAY = date(2026, 10, 1)
BASE = EventRow(
    row_number=2, staff_number="000123", name="髙橋　太郎", kana="ﾀｶﾊｼ", kind=EventKind.TRANSFER, effective=DAY
)
TRANSFER = replace(BASE, unit_code="0200", post="主査")
PROMOTE = replace(BASE, kind=EventKind.PROMOTE, post="主査")
RETIRE = replace(BASE, kind=EventKind.RETIRE, leaving=LeavingKind.RESIGNATION)
SECOND_POST = replace(
    BASE, kind=EventKind.CONCURRENT_BEGIN, unit_code="0300", post="主任", post_kind=PostKind.CONCURRENT
)
SECOND_POST_ENDS = replace(BASE, kind=EventKind.CONCURRENT_END, former_unit_code="0400", post_kind=PostKind.CONCURRENT)
CHILDCARE = replace(BASE, kind=EventKind.LEAVE_BEGIN, absence=AbsenceKind.CHILDCARE)
BACK = replace(BASE, kind=EventKind.LEAVE_END)
RENEW = replace(BASE, kind=EventKind.RENEW, term_end=date(2027, 3, 31))
ROW = FeedRow(
    row_number=9, staff_number="000123", name="髙橋　太郎", kana="ﾀｶﾊｼ", birth_date=None, unit_code="0200",
    unit_name="総務課", post="主査", post_kind=PostKind.PRIMARY, employment_kind=EmploymentKind.REGULAR,
    employed_from=DAY, term_end=None, left_on=None, assigned_from=DAY, mail=None,
)  # fmt: skip

SENSIBLE = [
    [TRANSFER],
    [TRANSFER, PROMOTE],
    [TRANSFER, replace(PROMOTE, unit_code="0200"), SECOND_POST, SECOND_POST_ENDS],
    [PROMOTE, RETIRE],
    [SECOND_POST_ENDS, RETIRE],
    [BACK, TRANSFER],
    [BACK, replace(CHILDCARE, absence=AbsenceKind.SICK), replace(BACK, absence=AbsenceKind.CHILDCARE)][1:],
    [TRANSFER, replace(TRANSFER, unit_code="0500", cancelled=True)],
    [RETIRE, replace(TRANSFER, cancelled=True)],
    [replace(SECOND_POST, unit_code="0400"), replace(SECOND_POST_ENDS, former_post="主査")],
    [SECOND_POST, replace(SECOND_POST, unit_code="0500")],
    [RENEW, TRANSFER],
    [],
]
SENSELESS = [
    ([TRANSFER, replace(TRANSFER, unit_code="0500")], "本務"),
    ([TRANSFER, replace(PROMOTE, post="課長")], "本務"),
    ([TRANSFER, replace(BASE, kind=EventKind.HIRE, unit_code="0500", post="主査")], "本務"),
    ([TRANSFER, RETIRE], "退職と"),
    ([SECOND_POST, RETIRE], "退職と"),
    ([CHILDCARE, replace(RETIRE, kind=EventKind.TERM_END)], "退職と"),
    ([RETIRE, replace(RETIRE, leaving=LeavingKind.DEATH)], "事由"),
    ([RETIRE, replace(RETIRE, kind=EventKind.TERM_END, leaving=None)], "退職の区分"),
    ([CHILDCARE, BACK], "開始と終了"),
    ([CHILDCARE, replace(BACK, absence=AbsenceKind.CHILDCARE)], "開始と終了"),
    ([CHILDCARE, replace(CHILDCARE, absence=AbsenceKind.SICK)], "休職等の区分"),
    ([CHILDCARE, replace(CHILDCARE, absence_until=DAY), replace(CHILDCARE, absence_until=date(2027, 1, 1))], "予定日"),
    ([replace(BASE, kind=EventKind.SECOND_OUT), replace(BASE, kind=EventKind.SECOND_RETURN)], "出向"),
    ([replace(SECOND_POST, unit_code="0400"), SECOND_POST_ENDS], "同じ兼務"),
    (
        [replace(BASE, kind=EventKind.NAME_CHANGE), replace(BASE, kind=EventKind.NAME_CHANGE, name="山田")],
        "氏名が二通り",
    ),
    ([RENEW, replace(RENEW, term_end=date(2028, 3, 31))], "任期満了日"),
    ([TRANSFER, replace(TRANSFER, cancelled=True)], "取消"),
    ([RETIRE, replace(RETIRE, cancelled=True)], "取消"),
]


@pytest.mark.parametrize("events", SENSIBLE)
def test_events_that_make_sense_together_hold_nobody(events: list[EventRow]) -> None:
    assert contradiction(events) is None


@pytest.mark.parametrize(("events", "reason"), SENSELESS)
def test_events_that_contradict_each_other_hold_the_person_in_any_order(events: list[EventRow], reason: str) -> None:
    for order in permutations(events):
        assert reason in (contradiction(order) or "")


@pytest.mark.parametrize(("events", "_"), SENSELESS)
def test_the_same_events_on_different_days_contradict_nothing(events: list[EventRow], _: str) -> None:
    apart = [
        replace(event, effective=date(2026, 10, place + 1), kind=event.kind, name="x")
        for place, event in enumerate(events)
    ]
    assert person_reasons([], apart) == {}


def test_a_contradiction_holds_every_row_of_the_person_and_nobody_else() -> None:
    other = replace(TRANSFER, staff_number="000999")
    reasons = person_reasons([ROW, replace(ROW, staff_number="000888")], [TRANSFER, RETIRE, other])
    assert set(reasons) == {"000123"}
    assert reasons["000123"].startswith("2026-10-01の発令: 退職と")


def test_who_has_a_new_number_is_held_with_the_old_one() -> None:
    renewed = replace(RENEW, staff_number="008001", former_staff_number="000123")
    again = replace(RENEW, staff_number="009001", former_staff_number="008001", effective=date(2027, 4, 1))
    assert set(linked_numbers([renewed, again]).values()) == {"000123"}
    reasons = person_reasons([replace(ROW, held="外字")], [renewed, again])
    assert reasons == dict.fromkeys(("000123", "008001", "009001"), "外字")


def test_two_numbers_are_two_employments_and_contradict_nothing() -> None:
    renewed = replace(RENEW, staff_number="008001", former_staff_number="000123", unit_code="0900")
    assert person_reasons([], [renewed, TRANSFER]) == {}


def test_a_new_name_needs_the_event_that_says_so() -> None:
    renamed = replace(BASE, kind=EventKind.NAME_CHANGE, name="山田　太郎", kana="ﾔﾏﾀﾞ")
    assert person_reasons([ROW], [renamed]) == {}
    reasons = person_reasons([ROW], [replace(TRANSFER, name="山田　太郎")])
    assert "氏名・カナ氏名・生年月日" in reasons["000123"]


@given(st.lists(st.sampled_from([event for events, _ in SENSELESS for event in events]), max_size=6))
def test_any_set_of_events_has_a_verdict_that_does_not_depend_on_order(events: list[EventRow]) -> None:
    assert contradiction(events) == contradiction(events[::-1])


@given(st.sampled_from(SENSELESS), st.sampled_from([PROMOTE, SECOND_POST_ENDS, BACK, TRANSFER]))
def test_one_more_event_never_makes_a_contradiction_right(case: tuple[list[EventRow], str], more: EventRow) -> None:
    events, reason = case
    assert reason in (contradiction([*events, more]) or "")
