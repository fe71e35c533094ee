"""Events laid over a career: every kind, its retroactive and its cancelled form, and what does not fit."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.employment_kind import EmploymentKind
from idm.feed.event_row import EventRow
from idm.feed.profile import PostKind
from idm.personnel.career import AbsencePeriod, Career, PostFacts, PostPeriod
from idm.personnel.events import ORDER, Doubt, after_events
from idm.personnel_event import AbsenceKind, EventKind, LeavingKind

AS_OF = date(2026, 3, 25)
JOINED = date(2020, 4, 1)
APRIL, MAY, JUNE = date(2026, 4, 1), date(2026, 5, 1), date(2026, 6, 1)
GENERAL = PostFacts("0100", "主事", True)
ACCOUNTS = PostFacts("0200", "主事", True)
BESIDE = PostFacts("0300", "主任", False)
CAREER = Career(
    staff_number="000001", name="青木　一郎", kana="アオキ　イチロウ", work_name=None, romaji=None,
    mail="aoki@example.jp", kind=EmploymentKind.REGULAR, valid_from=JOINED, valid_until=None,
    posts=frozenset({PostPeriod(GENERAL, JOINED, None)}),
)  # fmt: skip


def event(kind: EventKind, effective: date, **fields: Any) -> EventRow:
    return EventRow(
        row_number=fields.pop("row_number", 2), staff_number=fields.pop("staff_number", "000001"),
        name=fields.pop("name", "青木　一郎"), kana=fields.pop("kana", "アオキ　イチロウ"), kind=kind,
        effective=effective, **fields,
    )  # fmt: skip


def move(effective: date, **fields: Any) -> EventRow:
    return event(EventKind.TRANSFER, effective, unit_code="0200", post="主事", **fields)


def after(*events: EventRow, known: Career | None = CAREER, as_of: date = AS_OF) -> Career:
    career = after_events(known, events, as_of=as_of)
    assert career is not None
    return career


def posts(career: Career) -> set[tuple[str, str, date, date | None]]:
    return {(p.facts.unit_code, p.facts.post, p.valid_from, p.valid_until) for p in career.posts}


def test_every_kind_has_its_place_in_the_order_of_a_day() -> None:
    assert sorted(ORDER) == sorted(EventKind)


# --- joining and renewing --------------------------------------------------------------------------------------------

HIRE = event(EventKind.HIRE, APRIL, unit_code="0100", post="主事", employment_kind=EmploymentKind.FISCAL_YEAR_FULL,
             term_end=date(2027, 3, 31))  # fmt: skip


def test_a_hiring_makes_an_employment_until_24_00_of_its_last_day() -> None:
    career = after(HIRE, known=None)
    assert (career.valid_from, career.valid_until) == (APRIL, date(2027, 4, 1))
    assert career.posts == {PostPeriod(GENERAL, APRIL, None)}


def test_the_same_announcement_again_changes_nothing() -> None:
    career = after(HIRE, known=None)
    assert after(HIRE, known=career) == career


def test_a_hiring_that_lies_ahead_may_be_put_on_another_day() -> None:
    career = after(replace(HIRE, effective=MAY), known=after(HIRE, known=None))
    assert (career.valid_from, posts(career)) == (MAY, {("0100", "主事", MAY, None)})


def test_a_hiring_under_the_number_of_an_ended_employment_is_a_doubt() -> None:
    with pytest.raises(Doubt, match="もう一度使われています"):
        after(HIRE, known=replace(CAREER, valid_until=date(2026, 3, 31)))


def test_a_number_nobody_knows_begins_with_a_hiring_and_with_nothing_else() -> None:
    with pytest.raises(Doubt, match="知らない職員番号に「異動」"):
        after(move(APRIL), known=None)


def test_a_renewal_of_one_number_goes_on_to_the_new_last_day() -> None:
    known = replace(CAREER, valid_until=APRIL, leaving=LeavingKind.TERM)
    renewed = after(event(EventKind.RENEW, APRIL, term_end=date(2027, 3, 31)), known=known)
    assert (renewed.valid_until, renewed.leaving, renewed.posts) == (date(2027, 4, 1), None, CAREER.posts)


def test_a_renewal_after_a_gap_is_a_doubt() -> None:
    with pytest.raises(Doubt, match="間を空けて"):
        after(event(EventKind.RENEW, MAY, term_end=date(2027, 3, 31)), known=replace(CAREER, valid_until=APRIL))


# --- moving ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("day", [AS_OF - timedelta(days=60), AS_OF, APRIL])
def test_a_move_ends_the_old_post_as_the_new_one_begins_whenever_it_is_told(day: date) -> None:
    assert posts(after(move(day))) == {("0100", "主事", JOINED, day), ("0200", "主事", day, None)}


def test_a_promotion_without_a_unit_stays_in_the_unit() -> None:
    promoted = after(event(EventKind.PROMOTE, APRIL, post="係長"))
    assert posts(promoted) == {("0100", "主事", JOINED, APRIL), ("0100", "係長", APRIL, None)}


def test_a_retroactive_move_ends_where_the_move_that_followed_it_begins() -> None:
    announced = after(event(EventKind.TRANSFER, JUNE, unit_code="0300", post="主事"))
    told = after(move(MAY), known=announced)
    assert posts(told) == {
        ("0100", "主事", JOINED, MAY), ("0200", "主事", MAY, JUNE), ("0300", "主事", JUNE, None)
    }  # fmt: skip


def test_another_post_on_the_day_of_an_announced_one_takes_its_place() -> None:
    corrected = after(event(EventKind.TRANSFER, APRIL, unit_code="0300", post="主事"), known=after(move(APRIL)))
    assert posts(corrected) == {("0100", "主事", JOINED, APRIL), ("0300", "主事", APRIL, None)}


def test_a_move_outside_the_employment_is_a_doubt() -> None:
    with pytest.raises(Doubt, match="任用の期間の外の日（令和8年4月1日）"):
        after(move(APRIL), known=replace(CAREER, valid_until=APRIL))
    with pytest.raises(Doubt, match="任用の期間の外"):
        after(move(JOINED - timedelta(days=1)))


def test_rows_of_one_day_are_one_set_in_whatever_order_they_stand() -> None:
    rows = [
        move(APRIL),
        event(EventKind.CONCURRENT_BEGIN, APRIL, unit_code="0300", post="主任", post_kind=PostKind.CONCURRENT),
        event(EventKind.LEAVE_BEGIN, JUNE, absence=AbsenceKind.CHILDCARE),
    ]
    one = after(*rows)
    assert one == after(*reversed(rows))
    assert one.posts_on(APRIL) == {ACCOUNTS, BESIDE}


# --- concurrent posts ------------------------------------------------------------------------------------------------

BEGIN = event(EventKind.CONCURRENT_BEGIN, APRIL, unit_code="0300", post="主任", post_kind=PostKind.CONCURRENT)
END = event(EventKind.CONCURRENT_END, JUNE, former_unit_code="0300", former_post="主任")


def test_a_concurrent_post_stands_beside_the_own_one_until_it_is_ended() -> None:
    assert after(BEGIN).posts_on(APRIL) == {GENERAL, BESIDE}
    ended = after(BEGIN, END)
    assert ended.posts_on(JUNE - timedelta(days=1)) == {GENERAL, BESIDE}
    assert ended.posts_on(JUNE) == {GENERAL}


def test_the_same_concurrent_post_is_held_once() -> None:
    assert after(BEGIN, known=after(BEGIN)) == after(BEGIN)


def test_a_concurrent_post_may_have_an_end_of_its_own() -> None:
    assert after(replace(BEGIN, term_end=date(2026, 5, 31))).posts_on(JUNE) == {GENERAL}


def test_of_two_concurrent_posts_the_one_to_end_must_be_named() -> None:
    known = after(BEGIN, replace(BEGIN, unit_code="0400", row_number=3))
    with pytest.raises(Doubt, match="一つに定まりません"):
        after(event(EventKind.CONCURRENT_END, JUNE), known=known)
    assert after(END, known=known).posts_on(JUNE) == {GENERAL, PostFacts("0400", "主任", False)}


def test_moving_leaves_a_concurrent_post_alone() -> None:
    assert after(BEGIN, move(MAY)).posts_on(MAY) == {ACCOUNTS, BESIDE}


# --- being away ------------------------------------------------------------------------------------------------------

AWAY = event(EventKind.LEAVE_BEGIN, APRIL, absence=AbsenceKind.CHILDCARE, absence_until=date(2027, 3, 31))
SECONDED = event(EventKind.SECOND_OUT, APRIL)


def test_a_leave_holds_until_24_00_of_its_last_day() -> None:
    assert after(AWAY).absences == {AbsencePeriod(AbsenceKind.CHILDCARE, APRIL, date(2027, 4, 1))}


def test_coming_back_early_ends_the_leave_on_that_day() -> None:
    back = after(event(EventKind.LEAVE_END, JUNE), known=after(AWAY))
    assert back.absences == {AbsencePeriod(AbsenceKind.CHILDCARE, APRIL, JUNE)}


def test_coming_back_may_be_to_another_post() -> None:
    back = after(event(EventKind.LEAVE_END, JUNE, unit_code="0200", post="主事"), known=after(AWAY))
    assert back.posts_on(JUNE) == {ACCOUNTS}


def test_being_seconded_is_an_absence_and_only_a_return_from_it_ends_it() -> None:
    seconded = after(SECONDED)
    assert {absence.kind for absence in seconded.absences} == {AbsenceKind.SECONDMENT}
    with pytest.raises(Doubt, match="復職させるものが定まりません"):
        after(event(EventKind.LEAVE_END, JUNE), known=seconded)
    assert not any(a.holds_on(JUNE) for a in after(event(EventKind.SECOND_RETURN, JUNE), known=seconded).absences)


def test_being_seconded_by_leaving_is_a_leaving() -> None:
    left = after(replace(SECONDED, leaving=LeavingKind.SECONDMENT))
    assert (left.valid_until, left.leaving, left.absences) == (APRIL, LeavingKind.SECONDMENT, frozenset())


def test_a_second_leave_within_a_leave_of_the_kind_is_a_doubt() -> None:
    with pytest.raises(Doubt, match="すでに休職等"):
        after(replace(AWAY, effective=MAY), known=after(AWAY))


def test_coming_back_from_nowhere_is_a_doubt() -> None:
    with pytest.raises(Doubt, match="復職させるもの"):
        after(event(EventKind.LEAVE_END, APRIL))


# --- leaving, and names ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "told", "leaving"),
    [
        (EventKind.RETIRE, None, LeavingKind.OTHER),
        (EventKind.RETIRE, LeavingKind.RETIREMENT, LeavingKind.RETIREMENT),
        (EventKind.RETIRE, LeavingKind.DEATH, LeavingKind.DEATH),
        (EventKind.TERM_END, None, LeavingKind.TERM),
    ],
)
def test_leaving_ends_the_employment_at_24_00_of_the_day(
    kind: EventKind, told: LeavingKind | None, leaving: LeavingKind
) -> None:
    left = after(event(kind, date(2026, 3, 31), leaving=told))
    assert (left.valid_until, left.leaving) == (APRIL, leaving)


def test_a_death_may_be_told_days_later() -> None:
    died = after(event(EventKind.RETIRE, AS_OF - timedelta(days=3), leaving=LeavingKind.DEATH))
    assert died.valid_until == AS_OF - timedelta(days=2)


def test_leaving_before_the_beginning_is_a_doubt() -> None:
    with pytest.raises(Doubt, match="採用日より前"):
        after(event(EventKind.RETIRE, JOINED - timedelta(days=1)))


def test_a_new_name_changes_nothing_else() -> None:
    renamed = after(event(EventKind.NAME_CHANGE, AS_OF, name="赤木　一郎", kana="アカギ　イチロウ", work_name="青木"))
    assert (renamed.name, renamed.kana, renamed.work_name) == ("赤木　一郎", "アカギ　イチロウ", "青木")
    assert replace(renamed, name=CAREER.name, kana=CAREER.kana, work_name=None) == CAREER


def test_a_name_of_a_day_to_come_waits_for_that_day() -> None:
    with pytest.raises(Doubt, match="その日以後のファイル"):
        after(event(EventKind.NAME_CHANGE, APRIL, name="赤木　一郎"))


# --- cancelled -------------------------------------------------------------------------------------------------------

UNDOABLE = [
    (move(APRIL), ()),
    (event(EventKind.PROMOTE, APRIL, post="係長"), ()),
    (BEGIN, ()),
    (END, (BEGIN,)),
    (replace(AWAY, absence_until=None), ()),
    (SECONDED, ()),
    (event(EventKind.LEAVE_END, JUNE), (replace(AWAY, absence_until=None),)),
    (event(EventKind.SECOND_RETURN, JUNE), (SECONDED,)),
    (event(EventKind.RETIRE, date(2026, 3, 31)), ()),
    (event(EventKind.TERM_END, date(2026, 3, 31)), ()),
]


@pytest.mark.parametrize(("told", "before"), UNDOABLE, ids=[str(one[0].kind) for one in UNDOABLE])
def test_a_cancelled_event_leaves_everything_as_it_was(told: EventRow, before: tuple[EventRow, ...]) -> None:
    known = after(*before)
    announced = after(told, known=known)
    assert announced != known
    assert after(replace(told, cancelled=True), known=announced) == known


@pytest.mark.parametrize("told", [one[0] for one in UNDOABLE], ids=[str(one[0].kind) for one in UNDOABLE])
def test_an_event_that_was_never_told_cannot_be_cancelled(told: EventRow) -> None:
    with pytest.raises(Doubt, match="記録にありません"):
        after(replace(told, cancelled=True))


def test_a_notice_that_replaces_a_cancelled_one_may_stand_in_the_same_file_before_it() -> None:
    announced = after(move(APRIL))
    corrected = event(EventKind.TRANSFER, APRIL, unit_code="0300", post="主事", row_number=2)
    cancelled = move(APRIL, cancelled=True, row_number=3)
    assert posts(after(corrected, cancelled, known=announced)) == {
        ("0100", "主事", JOINED, APRIL), ("0300", "主事", APRIL, None)
    }  # fmt: skip


def test_a_cancelled_move_in_the_middle_lets_the_post_before_it_go_on_to_the_next() -> None:
    told = after(move(MAY), event(EventKind.TRANSFER, JUNE, unit_code="0300", post="主事"))
    assert posts(after(move(MAY, cancelled=True), known=told)) == {
        ("0100", "主事", JOINED, JUNE), ("0300", "主事", JUNE, None)
    }  # fmt: skip


def test_a_hiring_cancelled_before_its_day_was_never_an_employment() -> None:
    cancelled = replace(HIRE, cancelled=True)
    assert after_events(after(HIRE, known=None), [cancelled], as_of=AS_OF) is None


def test_a_hiring_cancelled_after_its_day_ends_today() -> None:
    career = after_events(after(HIRE, known=None), [replace(HIRE, cancelled=True)], as_of=MAY)
    assert career is not None
    assert career.valid_until == MAY


def test_a_renewal_cancelled_ends_with_the_term_before_it() -> None:
    known = replace(CAREER, valid_until=APRIL)
    renewal = event(EventKind.RENEW, APRIL, term_end=date(2027, 3, 31))
    assert after(replace(renewal, cancelled=True), known=after(renewal, known=known)).valid_until == APRIL


# --- properties ------------------------------------------------------------------------------------------------------

days = st.dates(JOINED + timedelta(days=1), date(2027, 12, 31))
moves = st.lists(
    st.builds(
        lambda day, unit, post: event(EventKind.TRANSFER, day, unit_code=unit, post=post),
        days,
        st.sampled_from(["0100", "0200", "0300"]),
        st.sampled_from(["主事", "係長"]),
    ),
    max_size=6,
    unique_by=lambda told: told.effective,
)


@given(moves, st.randoms())
def test_moves_give_one_own_post_on_every_day_in_whatever_order_they_are_told(told: list[EventRow], luck: Any) -> None:
    career = after(*told)
    shuffled = list(told)
    luck.shuffle(shuffled)
    one_by_one = CAREER
    for each in shuffled:
        one_by_one = after(each, known=one_by_one)
    assert one_by_one.posts == career.posts
    for day in {JOINED, AS_OF, *(e.effective for e in told), *(e.effective - timedelta(days=1) for e in told)}:
        held = [e for e in sorted(told, key=lambda e: e.effective) if e.effective <= day]
        expected = PostFacts(held[-1].unit_code or "", held[-1].post or "", True) if held else GENERAL
        assert career.posts_on(day) == {expected}


@given(moves)
def test_the_same_file_again_changes_nothing(told: list[EventRow]) -> None:
    career = after(*told)
    assert after(*told, known=career) == career
