"""From a personnel file to a plan: who joins, moves, leaves, and what waits for a human."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.employment_kind import EmploymentKind
from idm.feed.profile import PostKind
from idm.feed.row import FeedRow
from idm.personnel.career import Career, PostFacts, PostPeriod
from idm.personnel.plan import Identities, KnownEmployment, PersonnelPlan, plan, stopping
from idm.personnel.snapshot import SnapshotScope
from idm.personnel.told import Told

AS_OF = date(2026, 3, 25)
APRIL = date(2026, 4, 1)
ROW = FeedRow(
    row_number=2, staff_number="000001", name="青木　一郎", kana="アオキ　イチロウ", birth_date=date(1990, 1, 1),
    unit_code="0100", unit_name="総務課", post="主事", post_kind=PostKind.PRIMARY,
    employment_kind=EmploymentKind.REGULAR, employed_from=date(2020, 4, 1), term_end=None, left_on=None,
    assigned_from=date(2020, 4, 1), mail="aoki@example.jp",
)  # fmt: skip
POST = PostFacts("0100", "主事", True)
OTHER_POST = PostFacts("0200", "主事", True)
JOINED = date(2020, 4, 1)


def holding(post: PostFacts, valid_from: date = JOINED, valid_until: date | None = None) -> frozenset[PostPeriod]:
    return frozenset({PostPeriod(post, valid_from, valid_until)})


CAREER = Career(
    staff_number="000001", name="青木　一郎", kana="アオキ　イチロウ", work_name=None, romaji=None,
    mail="aoki@example.jp", kind=EmploymentKind.REGULAR, valid_from=JOINED, valid_until=None, posts=holding(POST),
)  # fmt: skip
KNOWN = KnownEmployment(employment_id=1, person_id=11, from_feed=True, career=CAREER)


def known_as(known: KnownEmployment = KNOWN, **changes: Any) -> KnownEmployment:
    """The known employment with another career, and another id where one is given."""
    ids = {key: changes.pop(key) for key in ("employment_id", "person_id", "from_feed") if key in changes}
    return replace(known, career=replace(known.career, **changes), **ids)


def made(*rows: FeedRow, known: tuple[KnownEmployment, ...] = (KNOWN,), **options: Any) -> PersonnelPlan:
    as_of = options.pop("as_of", AS_OF)
    return plan(Told(rows), known, identities=Identities(**options), as_of=as_of)


def reasons(personnel: PersonnelPlan) -> list[str]:
    return [held.reason for held in personnel.held]


def nothing_changes(personnel: PersonnelPlan) -> bool:
    return not (personnel.joiners or personnel.changes or personnel.held)


# --- unchanged, joiners, movers, leavers, corrections ----------------------------------------------------------------


def test_a_row_that_says_what_is_known_changes_nothing() -> None:
    personnel = made(ROW)
    assert nothing_changes(personnel)
    assert personnel.unchanged == 1


def test_a_new_number_is_a_joiner() -> None:
    personnel = made(ROW, known=())
    assert [(joiner.career.staff_number, joiner.continues) for joiner in personnel.joiners] == [("000001", None)]


def test_a_concurrent_post_is_one_more_post_of_the_same_person() -> None:
    concurrent = replace(ROW, row_number=3, unit_code="0200", post="主任", post_kind=PostKind.CONCURRENT)
    (joiner,) = made(ROW, concurrent, known=()).joiners
    assert joiner.career.posts_on(AS_OF) == {POST, PostFacts("0200", "主任", False)}
    (mover,) = made(ROW, concurrent).movers
    assert mover.added == {PostFacts("0200", "主任", False)}
    assert mover.removed == frozenset()


def test_a_new_post_is_a_move() -> None:
    (mover,) = made(replace(ROW, unit_code="0200", unit_name="会計課", assigned_from=APRIL)).movers
    assert mover.added == {PostFacts("0200", "主事", True)}
    assert mover.removed == {POST}
    assert not mover.stops_earlier


def test_a_post_whose_end_is_already_known_is_not_moved_again_by_the_next_file() -> None:
    """`posts` are those without an end: the old post, which ends in April, is no longer among them."""
    moved = known_as(posts=holding(POST, JOINED, APRIL) | holding(OTHER_POST, APRIL))
    assert nothing_changes(made(replace(ROW, unit_code="0200", assigned_from=APRIL), known=(moved,)))


@pytest.mark.parametrize(
    ("change", "until"),
    [
        ({"left_on": date(2026, 3, 31)}, APRIL),
        ({"term_end": date(2026, 3, 31)}, APRIL),
        ({"left_on": date(2026, 3, 30), "term_end": date(2026, 3, 31)}, date(2026, 3, 31)),
    ],
)
def test_a_known_end_makes_a_leaver_who_stays_until_24_00(change: dict[str, date], until: date) -> None:
    (leaver,) = made(replace(ROW, **change)).leavers  # type: ignore[arg-type]
    assert leaver.now.valid_until == until


def test_an_end_that_moves_away_or_is_taken_back_is_a_correction_and_stops_nobody() -> None:
    known = known_as(valid_until=APRIL)
    for row in (ROW, replace(ROW, term_end=date(2027, 3, 31))):
        personnel = made(row, known=(known,))
        assert [change.now.valid_until for change in personnel.corrections] == [
            row.term_end + timedelta(days=1) if row.term_end else None
        ]
        assert personnel.leavers == ()


@pytest.mark.parametrize(
    "change",
    [
        {"name": "青木　壱郎"},
        {"kana": "アカギ　イチロウ"},
        {"mail": None},
        {"employment_kind": EmploymentKind.REAPPOINTED},
    ],
)
def test_a_new_name_mail_or_kind_is_a_correction(change: dict[str, Any]) -> None:
    (correction,) = made(replace(ROW, **change)).corrections
    assert not correction.moves


def test_one_who_moves_and_leaves_is_counted_once_among_the_changes() -> None:
    personnel = made(replace(ROW, unit_code="0200", left_on=date(2026, 3, 31)))
    assert len(personnel.movers) == len(personnel.leavers) == len(personnel.changes) == 1


# --- boundary days ---------------------------------------------------------------------------------------------------


def test_whoever_left_before_the_day_and_was_never_known_is_past() -> None:
    left_yesterday = replace(ROW, left_on=AS_OF - timedelta(days=1))
    leaves_today = replace(ROW, left_on=AS_OF)
    assert (made(left_yesterday, known=()).past, made(left_yesterday, known=()).joiners) == (1, ())
    assert (made(leaves_today, known=()).past, len(made(leaves_today, known=()).joiners)) == (0, 1)


@pytest.mark.parametrize(("until", "missing"), [(AS_OF, False), (AS_OF + timedelta(days=1), True), (None, True)])
def test_only_whoever_is_still_employed_can_be_missing(until: date | None, missing: bool) -> None:
    personnel = made(known=(known_as(valid_until=until),))
    assert bool(personnel.held) == missing
    assert personnel.changes == ()


def test_absence_is_held_and_is_no_retirement() -> None:
    personnel = made()
    assert [(held.row_number, held.staff_number) for held in personnel.held] == [(None, "000001")]
    assert personnel.leavers == ()


def test_whoever_is_to_begin_and_vanishes_from_the_file_is_held() -> None:
    assert reasons(made(known=(known_as(valid_from=APRIL),)))[0].startswith("ファイルに行がありません")


def test_whoever_did_not_come_from_a_file_cannot_be_missing_from_it() -> None:
    assert nothing_changes(made(known=(replace(KNOWN, from_feed=False),)))


# --- a snapshot beside an event list ---------------------------------------------------------------------------------

BESIDE = SnapshotScope(announces=False)
ANNOUNCED = known_as(
    posts=holding(POST, JOINED, APRIL) | holding(OTHER_POST, APRIL), valid_until=date(2026, 10, 1),
)  # fmt: skip


def beside(*rows: FeedRow, known: tuple[KnownEmployment, ...] = (ANNOUNCED,)) -> PersonnelPlan:
    return plan(Told(rows, scope=BESIDE), known, identities=Identities(), as_of=AS_OF)


def test_what_events_announced_is_not_taken_back_by_the_silence_of_a_snapshot() -> None:
    assert nothing_changes(beside(ROW))
    assert {change.now.valid_until for change in made(ROW, known=(ANNOUNCED,)).changes} == {None}


def test_a_snapshot_beside_an_event_list_says_where_people_are_today() -> None:
    (mover,) = beside(replace(ROW, unit_code="0300", assigned_from=AS_OF)).movers
    assert mover.now.posts_on(AS_OF) == {PostFacts("0300", "主事", True)}
    assert mover.now.posts_on(APRIL) == {OTHER_POST}


def test_a_post_to_come_in_such_a_snapshot_says_nothing_of_the_present_one() -> None:
    assert nothing_changes(beside(replace(ROW, unit_code="0300", assigned_from=APRIL)))


def test_whoever_is_yet_to_begin_is_not_missing_from_such_a_snapshot() -> None:
    assert nothing_changes(beside(known=(known_as(valid_from=APRIL),)))


def test_an_earlier_end_is_believed_of_either() -> None:
    (leaver,) = beside(replace(ROW, left_on=date(2026, 4, 30))).leavers
    assert leaver.now.valid_until == date(2026, 5, 1)


def test_a_fact_the_file_has_no_column_for_stays_as_it_is() -> None:
    known = known_as(work_name="旧姓", romaji="Aoki")
    silent = SnapshotScope(carries=frozenset({"name"}))
    assert nothing_changes(plan(Told([ROW], scope=silent), [known], identities=Identities(), as_of=AS_OF))
    assert not nothing_changes(plan(Told([ROW]), [known], identities=Identities(), as_of=AS_OF))


# --- what waits for a human ------------------------------------------------------------------------------------------


def test_a_held_row_acts_on_nothing_and_its_person_is_not_missing() -> None:
    personnel = made(replace(ROW, post="課長", held="任用形態「謎」は定義にありません。"))
    assert reasons(personnel) == ["任用形態「謎」は定義にありません。"]
    assert personnel.changes == ()


def test_the_number_of_an_ended_employment_is_not_given_to_another() -> None:
    known = known_as(valid_until=date(2021, 4, 1))
    assert reasons(made(replace(ROW, employed_from=date(2021, 4, 1)), known=(known,))) == [
        "終わった任用の職員番号が、もう一度使われています。"
    ]


def test_the_last_file_before_the_end_may_be_read_again_after_it() -> None:
    known = known_as(valid_until=APRIL)
    personnel = made(replace(ROW, left_on=date(2026, 3, 31)), known=(known,), as_of=date(2026, 5, 1))
    assert nothing_changes(personnel)


def test_another_given_name_under_a_known_number_is_held() -> None:
    assert reasons(made(replace(ROW, kana="アオキ　ジロウ"))) == [
        "同じ職員番号の人と名が違います。番号の付け替えではないか確かめてください。"
    ]


def test_the_same_reading_in_another_width_is_the_same_name() -> None:
    (correction,) = made(replace(ROW, kana="ｱｵｷ ｲﾁﾛｳ")).corrections
    assert correction.now.kana == "ｱｵｷ ｲﾁﾛｳ"


def test_a_given_name_that_changed_is_no_doubt_where_the_birth_date_says_so() -> None:
    row = replace(ROW, kana="アオキ　イチロオ")
    assert made(row, same_human={"000001": frozenset({11})}).held == ()


def test_a_new_number_of_somebody_known_is_held() -> None:
    row = replace(ROW, staff_number="000002")
    personnel = made(row, known=(known_as(valid_until=date(2027, 4, 1)),), same_human={"000002": frozenset({11})})
    assert personnel.joiners == ()
    assert personnel.held[0].reason.startswith("カナ氏名と生年月日が同じ人")


def test_an_employment_that_began_cannot_begin_later_after_all() -> None:
    assert reasons(made(replace(ROW, employed_from=APRIL, assigned_from=APRIL))) == [
        "すでに始まった任用の採用日が、先の日に変わっています。"
    ]


def test_an_end_before_the_recorded_beginning_is_held() -> None:
    row = replace(ROW, employed_from=date(2010, 4, 1), left_on=date(2020, 3, 31))
    assert reasons(made(row)) == ["退職日又は任期満了日が、記録されている採用日より前です。"]


def test_an_employment_that_lies_ahead_may_still_be_put_off() -> None:
    known = known_as(valid_from=APRIL)
    (change,) = made(replace(ROW, employed_from=date(2026, 5, 1)), known=(known,)).corrections
    assert change.now.valid_from == date(2026, 5, 1)


def test_an_employment_that_began_keeps_its_first_day() -> None:
    assert nothing_changes(made(replace(ROW, employed_from=date(2019, 4, 1))))


# --- a successor employment ------------------------------------------------------------------------------------------

SUCCESSOR = replace(ROW, row_number=3, staff_number="000002", employed_from=APRIL, assigned_from=APRIL,
                    employment_kind=EmploymentKind.REAPPOINTED)  # fmt: skip
SAME = {"000002": frozenset({11})}


def test_a_successor_employment_continues_the_person_whose_end_is_known() -> None:
    known = known_as(valid_until=APRIL)
    personnel = made(replace(ROW, left_on=date(2026, 3, 31)), SUCCESSOR, known=(known,), same_human=SAME)
    assert [joiner.continues for joiner in personnel.joiners] == [11]


def test_a_successor_employment_continues_the_person_whose_end_this_very_file_tells() -> None:
    personnel = made(replace(ROW, left_on=date(2026, 3, 31)), SUCCESSOR, same_human=SAME)
    assert [joiner.continues for joiner in personnel.joiners] == [11]
    assert len(personnel.leavers) == 1
    assert stopping(personnel) == ()


@pytest.mark.parametrize("gap", [-1, 1])
def test_a_gap_or_an_overlap_of_a_day_is_for_a_human_to_judge(gap: int) -> None:
    left = replace(ROW, left_on=date(2026, 3, 31) - timedelta(days=gap))
    personnel = made(left, SUCCESSOR, same_human=SAME)
    assert personnel.joiners == ()
    assert len(personnel.held) == 1


def test_two_people_of_one_name_and_birth_date_are_for_a_human_to_judge() -> None:
    other = known_as(employment_id=2, person_id=12, staff_number="000003", valid_until=APRIL, from_feed=False)
    known = (known_as(valid_until=APRIL), other)
    personnel = made(
        replace(ROW, left_on=date(2026, 3, 31)), SUCCESSOR, known=known, same_human={"000002": frozenset({11, 12})}
    )
    assert personnel.joiners == ()


def test_a_doubtful_end_continues_nobody() -> None:
    doubtful = replace(ROW, kana="アオキ　ジロウ", left_on=date(2026, 3, 31))
    personnel = made(doubtful, SUCCESSOR, same_human=SAME)
    assert personnel.joiners == ()
    assert len(personnel.held) == 2


# --- properties ------------------------------------------------------------------------------------------------------

days = st.dates(date(2026, 1, 1), date(2026, 12, 31))
file_rows = st.lists(
    st.builds(
        replace,
        st.just(ROW),
        staff_number=st.sampled_from(["000001", "000002", "000003"]),
        unit_code=st.sampled_from(["0100", "0200"]),
        employed_from=days,
        left_on=st.none() | days,
        held=st.none() | st.just("理由"),
    ),
    max_size=3,
    unique_by=lambda row: row.staff_number,
)
known_people = st.lists(
    st.builds(
        known_as,
        staff_number=st.sampled_from(["000001", "000002", "000003"]),
        valid_from=days,
        valid_until=st.none() | days,
        posts=st.sampled_from([holding(POST), holding(OTHER_POST)]),
    ),
    max_size=3,
    unique_by=lambda employment: employment.career.staff_number,
).map(lambda some: [replace(one, employment_id=at, person_id=at) for at, one in enumerate(some, start=1)])


@given(file_rows, known_people, days)
def test_every_person_of_the_file_is_accounted_for_exactly_once(
    rows: list[FeedRow], known: list[KnownEmployment], as_of: date
) -> None:
    personnel = plan(Told(rows), known, identities=Identities(), as_of=as_of)
    in_file = len([held for held in personnel.held if held.row_number is not None])
    told = len(personnel.joiners) + len(personnel.changes) + in_file + personnel.unchanged + personnel.past
    assert told == len(rows)


@given(file_rows, known_people, days)
def test_whoever_is_not_in_the_file_is_never_changed(
    rows: list[FeedRow], known: list[KnownEmployment], as_of: date
) -> None:
    personnel = plan(Told(rows), known, identities=Identities(), as_of=as_of)
    acting = {row.staff_number for row in rows if row.held is None}
    assert {change.before.staff_number for change in personnel.changes} <= acting


@given(file_rows, known_people, days)
def test_a_file_whose_plan_was_applied_plans_nothing_more(
    rows: list[FeedRow], known: list[KnownEmployment], as_of: date
) -> None:
    first = plan(Told(rows), known, identities=Identities(), as_of=as_of)
    after = {employment.career.staff_number: employment for employment in known}
    for change in first.changes:
        after[change.before.staff_number] = replace(change.known, career=change.now)
    again = plan(Told(rows), after.values(), identities=Identities(), as_of=as_of)
    assert again.changes == ()
    assert {joiner.career.staff_number for joiner in again.joiners} == {
        joiner.career.staff_number for joiner in first.joiners
    }
