"""What a standing approval may cover and when it no longer holds, without a database."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.organisation import PostRight
from idm.standing_rules import (
    RIGHT_BAR_TITLES,
    STOP_REASONS,
    Basis,
    LineBar,
    LineFacts,
    Makers,
    RightBar,
    RightFacts,
    Seats,
    StandingContent,
    Stop,
    content_digest,
    lapse_day,
    line_bar,
    right_bar,
    rules_digest,
    seats_of,
    stop,
)
from idm.vocabulary import Role, Zone

ORDINARY = RightFacts(zone=Zone.LGWAN, privileged=False, external_access=False, by_name_only=False, by_post=True)
MAKERS = Makers(proposer=frozenset({1, 11}), approvers=frozenset({2, 12, 3}), rights=frozenset({100}))
LINE = LineFacts(
    entitlement_id=100, right=ORDINARY, subject=frozenset({9, 99}), officer=False, contractor=False,
    follows_from_post=True,
)  # fmt: skip
GIVEN = Basis("規程 第1条", "d" * 64)
SEATS = Seats(Role.CHIEF, Role.SYSTEM)
DAY = date(2026, 5, 1)
RULES = (
    PostRight("ledger", ("account", "enter"), units=("0100",)),
    PostRight("ledger", ("approve",), posts=("課長",)),
    PostRight("pension", ("account",)),
)


@pytest.mark.parametrize("zone", [Zone.LGWAN, Zone.INTERNET])
def test_an_ordinary_right_by_post_may_be_covered(zone: Zone) -> None:
    assert right_bar(replace(ORDINARY, zone=zone)) is None


@pytest.mark.parametrize(
    ("right", "bar"),
    [
        (replace(ORDINARY, zone=Zone.MYNUMBER), RightBar.MYNUMBER),
        (replace(ORDINARY, privileged=True), RightBar.PRIVILEGED),
        (replace(ORDINARY, external_access=True), RightBar.EXTERNAL_ACCESS),
        (replace(ORDINARY, by_name_only=True), RightBar.BY_NAME_ONLY),
        (replace(ORDINARY, by_post=False), RightBar.NOT_BY_POST),
    ],
)
def test_each_kind_of_right_that_is_never_covered_says_why(right: RightFacts, bar: RightBar) -> None:
    assert right_bar(right) is bar
    assert RIGHT_BAR_TITLES[bar]
    assert line_bar(replace(LINE, right=right), MAKERS) is LineBar.RIGHT


@given(st.sampled_from(Zone), st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_only_an_ordinary_right_by_post_outside_my_number_is_covered(
    zone: Zone, privileged: bool, external_access: bool, by_name_only: bool, by_post: bool
) -> None:
    right = RightFacts(zone, privileged, external_access, by_name_only, by_post)
    ordinary = by_post and not (privileged or external_access or by_name_only) and zone is not Zone.MYNUMBER
    assert (right_bar(right) is None) == ordinary


def test_a_line_about_somebody_else_with_a_named_right_is_covered() -> None:
    assert line_bar(LINE, MAKERS) is None


@pytest.mark.parametrize(
    ("line", "bar"),
    [
        (replace(LINE, entitlement_id=101), LineBar.RIGHT),
        (replace(LINE, follows_from_post=False), LineBar.POST),
        (replace(LINE, officer=True), LineBar.OFFICER),
        (replace(LINE, contractor=True), LineBar.CONTRACTOR),
        (replace(LINE, subject=frozenset({9, 11})), LineBar.PROPOSER),
        (replace(LINE, subject=frozenset({9, 12})), LineBar.APPROVER),
        (replace(LINE, subject=frozenset({3})), LineBar.APPROVER),
    ],
)
def test_each_line_that_is_not_covered_says_why(line: LineFacts, bar: LineBar) -> None:
    assert line_bar(line, MAKERS) is bar


def stopped(current: Basis = GIVEN, seats: Seats | None = SEATS, lapses_on: date | None = None) -> Stop | None:
    return stop(GIVEN, current, seats=seats, lapses_on=lapses_on, day=DAY)


def test_what_it_rests_on_ends_it_at_once() -> None:
    assert stopped() is None
    assert stopped(replace(GIVEN, rule="")) is Stop.OFF
    assert stopped(replace(GIVEN, rule="規程 第2条")) is Stop.RULE
    assert stopped(replace(GIVEN, rules_digest="e" * 64)) is Stop.POST_RIGHTS
    assert stopped(seats=None) is Stop.ROUTE
    assert set(STOP_REASONS) == set(Stop)


def test_on_its_day_it_no_longer_holds_and_the_day_before_it_does() -> None:
    assert stopped(lapses_on=DAY) is Stop.LAPSED
    assert stopped(lapses_on=DAY + timedelta(days=1)) is None


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 400))
def test_it_holds_exactly_so_many_days_after_an_approver_changed(since: date, days: int) -> None:
    lapses_on = lapse_day(since, days)
    held = [
        day
        for day in (since + timedelta(days=number) for number in range(days + 3))
        if stop(GIVEN, GIVEN, seats=SEATS, lapses_on=lapses_on, day=day) is None
    ]
    assert len(held) == days
    assert held[0] == since


@pytest.mark.parametrize("route", [(Role.CHIEF, Role.SYSTEM), (Role.SYSTEM, Role.CHIEF)])
def test_the_systems_manager_is_always_the_manager(route: tuple[Role, Role]) -> None:
    assert seats_of(route) == SEATS


@pytest.mark.parametrize(
    "route", [(), (Role.CHIEF,), (Role.CHIEF, Role.CHIEF), (Role.SECTION, Role.CHIEF, Role.SYSTEM)]
)
def test_a_route_of_other_than_two_seats_has_no_standing_approvals(route: tuple[Role, ...]) -> None:
    assert seats_of(route) is None


@given(st.permutations(RULES))
def test_the_order_of_the_rules_does_not_matter_and_other_systems_rules_do_not(rules: list[PostRight]) -> None:
    assert rules_digest("ledger", rules) == rules_digest("ledger", RULES[:2])


def test_every_change_of_a_rule_changes_the_digest() -> None:
    variants = [
        RULES, RULES[1:], (*RULES, PostRight("ledger", ("account",))),
        (replace(RULES[0], rights=("account",)), *RULES[1:]), (replace(RULES[0], units=("0200",)), *RULES[1:]),
        (replace(RULES[0], posts=("主事",)), *RULES[1:]),
    ]  # fmt: skip
    digests = [rules_digest("ledger", rules) for rules in variants]
    assert len(set(digests)) == len(variants)


def test_everything_that_is_approved_is_in_the_hash_of_what_was_shown() -> None:
    content = StandingContent(1, "規程", "理由", "d", 5, frozenset({1, 2}))
    variants = [
        content, replace(content, system_id=2), replace(content, rule="別"), replace(content, reason="別"),
        replace(content, rules_digest="e"), replace(content, proposed_by_id=6), replace(content, rights=frozenset({1})),
    ]  # fmt: skip
    assert all(content_digest(one) != content_digest(other) for one, other in combinations(variants, 2))
    assert content_digest(content) == content_digest(replace(content, rights=frozenset({2, 1})))
