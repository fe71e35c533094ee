"""From posts to periods of rights, and from periods to what has to be applied for."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from idm.calendar_days import Period
from idm.employment_kind import EmploymentKind
from idm.organisation import PostRight
from idm.personnel.post_rights import Post, RightName, rights_by_post
from idm.personnel.right_periods import (
    Difference,
    Holding,
    Overlap,
    PostSpell,
    differences,
    merged,
    right_periods,
)
from idm.vocabulary import LineEffect

AS_OF = date(2026, 3, 25)
APRIL, MAY, OCTOBER = date(2026, 4, 1), date(2026, 5, 1), date(2026, 10, 1)
JOINED = date(2020, 4, 1)
GENERAL = Post(frozenset({"0100"}), "主事", EmploymentKind.REGULAR)
ACCOUNTS = Post(frozenset({"0200"}), "主事", EmploymentKind.REGULAR)
RULES = (
    PostRight("office", ("account",)),
    PostRight("office", ("general",), units=("0100",)),
    PostRight("office", ("accounts",), units=("0200",)),
)
ACCOUNT, IN_GENERAL, IN_ACCOUNTS = (RightName("office", code) for code in ("account", "general", "accounts"))
BY_HAND = RightName("office", "by-hand")
BY_RULE = frozenset({ACCOUNT, IN_GENERAL, IN_ACCOUNTS})
FIVE_DAYS = Overlap(lambda right: 5, {})
HOLDING = Holding({ACCOUNT: None, IN_GENERAL: None, BY_HAND: None}, employed_until=None, changes_on=APRIL)
MOVED = [PostSpell(GENERAL, JOINED, APRIL), PostSpell(ACCOUNTS, APRIL, None)]


def lines(
    spells: list[PostSpell], holding: Holding = HOLDING, overlap: Overlap = FIVE_DAYS, as_of: date = AS_OF
) -> set[tuple[str, str, date, date | None]]:
    found = differences(right_periods(spells, RULES), holding, BY_RULE, overlap=overlap, as_of=as_of)
    return {(line.right.right, line.effect.value, line.valid_from, line.valid_until) for line in found}


def test_a_right_that_two_posts_give_one_after_the_other_is_one_period_without_a_seam() -> None:
    assert right_periods(MOVED, RULES) == {
        ACCOUNT: ((JOINED, None),), IN_GENERAL: ((JOINED, APRIL),), IN_ACCOUNTS: ((APRIL, None),)
    }  # fmt: skip


def test_a_mover_is_given_the_new_at_once_and_loses_the_old_after_the_overlap() -> None:
    assert lines(MOVED) == {
        ("accounts", "grant", APRIL, None), ("general", "revoke", APRIL + timedelta(days=5), None)
    }  # fmt: skip


def test_what_is_taken_stands_before_what_is_given() -> None:
    found = differences(right_periods(MOVED, RULES), HOLDING, BY_RULE, overlap=FIVE_DAYS, as_of=AS_OF)
    assert [line.effect for line in found] == [LineEffect.REVOKE, LineEffect.GRANT]


def test_a_right_that_must_not_be_held_beside_the_new_one_is_taken_on_the_day() -> None:
    apart = Overlap(lambda right: 5, {IN_GENERAL: frozenset({IN_ACCOUNTS}), IN_ACCOUNTS: frozenset({IN_GENERAL})})
    assert ("general", "revoke", APRIL, None) in lines(MOVED, overlap=apart)


def test_a_concurrent_post_with_an_end_gives_its_right_until_then() -> None:
    beside = [PostSpell(GENERAL, JOINED, None), PostSpell(ACCOUNTS, APRIL, OCTOBER)]
    assert lines(beside) == {("accounts", "grant", APRIL, OCTOBER)}


def test_a_right_that_is_held_loses_it_when_the_concurrent_post_gets_an_end() -> None:
    beside = [PostSpell(GENERAL, JOINED, None), PostSpell(ACCOUNTS, APRIL, OCTOBER)]
    holding = replace(HOLDING, held={**HOLDING.held, IN_ACCOUNTS: None}, changes_on=OCTOBER)
    assert lines(beside, holding, as_of=MAY) == {("accounts", "revoke", OCTOBER + timedelta(days=5), None)}
    assert lines(beside, replace(holding, held={**HOLDING.held, IN_ACCOUNTS: OCTOBER}), as_of=MAY) == set()


def test_the_end_of_the_employment_is_no_end_of_a_right_but_a_contractors() -> None:
    spells = [PostSpell(GENERAL, APRIL, OCTOBER)]
    new = Holding({}, employed_until=OCTOBER, changes_on=APRIL)
    assert {line[3] for line in lines(spells, new)} == {None}
    assert {line[3] for line in lines(spells, replace(new, fixed_end=OCTOBER))} == {OCTOBER}


def test_a_leaver_loses_everything_on_the_day_and_is_given_nothing_from_then_on() -> None:
    spells = [PostSpell(GENERAL, JOINED, APRIL)]
    leaving = replace(HOLDING, employed_until=APRIL, leaving_on=APRIL)
    assert lines(spells, leaving) == {(code, "revoke", APRIL, None) for code in ("account", "general", "by-hand")}


def test_one_who_moves_before_leaving_is_given_what_the_new_post_gives() -> None:
    spells = [PostSpell(GENERAL, JOINED, APRIL), PostSpell(ACCOUNTS, APRIL, OCTOBER)]
    leaving = replace(HOLDING, employed_until=OCTOBER, leaving_on=OCTOBER)
    assert ("accounts", "grant", APRIL, None) in lines(spells, leaving)


def test_a_right_no_rule_speaks_of_stays_when_the_post_changes() -> None:
    assert not any(code == "by-hand" for code, *_ in lines(MOVED))


def test_what_the_old_post_gave_and_nobody_asked_for_is_not_asked_for_now() -> None:
    holding = replace(HOLDING, held={ACCOUNT: None})
    assert lines(MOVED, holding) == {("accounts", "grant", APRIL, None)}


def test_a_move_told_late_takes_the_old_right_after_what_is_left_of_the_overlap() -> None:
    late = APRIL + timedelta(days=3)
    assert ("general", "revoke", APRIL + timedelta(days=5), None) in lines(MOVED, as_of=late)
    later = APRIL + timedelta(days=9)
    assert ("general", "revoke", later, None) in lines(MOVED, as_of=later)


# --- properties ------------------------------------------------------------------------------------------------------

days = st.dates(date(2025, 1, 1), date(2027, 12, 31))
periods = st.lists(st.tuples(days, st.none() | days), max_size=8)


@given(periods, days)
def test_the_union_holds_exactly_on_the_days_on_which_a_period_holds(some: list[Period], day: date) -> None:
    def on(all_of_them: tuple[Period, ...] | list[Period]) -> bool:
        return any(begins <= day and (ends is None or day < ends) for begins, ends in all_of_them)

    assert on(merged(some)) == on(some)


@given(periods)
def test_the_union_is_in_order_and_no_two_of_its_periods_touch(some: list[Period]) -> None:
    union = merged(some)
    for (_, ends), (begins, _) in pairwise(union):
        assert ends is not None
        assert ends < begins
    assert merged(union) == union


spells = st.lists(st.builds(PostSpell, st.sampled_from([GENERAL, ACCOUNTS]), days, st.none() | days), max_size=5)


@given(spells, days)
def test_rights_on_a_day_are_those_of_the_posts_held_that_day(some: list[PostSpell], day: date) -> None:
    held = [s.post for s in some if s.valid_from <= day and (s.valid_until is None or day < s.valid_until)]
    found = right_periods(some, RULES)
    on_day = {right for right, all_of in found.items() if any(b <= day and (e is None or day < e) for b, e in all_of)}
    assert on_day == rights_by_post(held, RULES)


@given(spells, st.sets(st.sampled_from(sorted(BY_RULE))), days)
def test_nothing_is_given_that_is_held_and_nothing_taken_that_is_not(
    some: list[PostSpell], held: set[RightName], as_of: date
) -> None:
    holding = Holding(dict.fromkeys(held), None, as_of)
    found: list[Difference] = differences(right_periods(some, RULES), holding, BY_RULE, overlap=FIVE_DAYS, as_of=as_of)
    assert all((line.right in held) is (line.effect is LineEffect.REVOKE) for line in found)
    assert all(line.valid_from >= as_of for line in found)
    assert len({line.right for line in found}) == len(found)
