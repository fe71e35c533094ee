"""What an account should be, day by day: from the application to the hand-over, the stop and the deletion."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.calendar_days import Period, holds, start_of
from idm.directory.wanted_account import (
    AccountFacts,
    DemandFacts,
    GrantFacts,
    UseFacts,
    WantedAccount,
    changes_by_itself_on,
    employed_until,
    wanted_account,
)
from idm.grant_state import GrantState
from idm.ports import Attributes
from idm.vocabulary import EntitlementKind

DAY = date(2026, 4, 1)
NOON = start_of(DAY) + timedelta(hours=12)
ATTRIBUTES = Attributes("u100009", "青木　一郎", "青木", "一郎", "100009", None, "総務課")
ACCOUNT = GrantFacts(EntitlementKind.ACCOUNT, None, GrantState.IN_FORCE, date(2026, 1, 1), None, None)
ENTER = replace(ACCOUNT, kind=EntitlementKind.GROUP, group="g-enter")
EMPLOYED: tuple[Period, ...] = ((date(2020, 4, 1), None),)
FACTS = AccountFacts(ATTRIBUTES, (ACCOUNT, ENTER), EMPLOYED, handed_over=True)
KEEP_DAYS = 90


def wanted(facts: AccountFacts = FACTS, *, now: datetime = NOON) -> WantedAccount:
    return wanted_account(facts, now=now, delete_after_days=KEEP_DAYS)


def shape(account: WantedAccount) -> tuple[bool, bool, bool, frozenset[str]]:
    return account.present, account.required, account.enabled, account.groups


OPEN = (True, True, True, frozenset({"g-enter"}))
NOT_HANDED_OVER = (True, True, False, frozenset({"g-enter"}))
SUSPENDED = (True, True, False, frozenset[str]())
KEPT = (True, False, False, frozenset[str]())
ABSENT = (False, False, False, frozenset[str]())


def ended(on: date, *grants: GrantFacts) -> tuple[GrantFacts, ...]:
    return tuple(replace(grant, state=GrantState.ENDED, ended_on=on) for grant in grants)


def test_a_right_in_force_and_handed_over_opens_the_account() -> None:
    assert shape(wanted()) == OPEN
    assert wanted().attributes == ATTRIBUTES


def test_before_the_hand_over_the_account_is_there_and_disabled() -> None:
    assert shape(wanted(replace(FACTS, handed_over=False))) == NOT_HANDED_OVER


def test_without_any_right_there_is_no_account() -> None:
    assert shape(wanted(replace(FACTS, grants=()))) == ABSENT


def test_a_group_alone_makes_no_account() -> None:
    assert shape(wanted(replace(FACTS, grants=(ENTER,)))) == ABSENT


def test_a_right_that_has_not_begun_makes_no_account() -> None:
    planned = replace(ACCOUNT, state=GrantState.PLANNED, valid_from=DAY + timedelta(days=1))
    assert shape(wanted(replace(FACTS, grants=(planned,)))) == ABSENT


def test_a_stopped_account_is_kept_disabled_and_in_no_group_whatever_is_approved() -> None:
    assert shape(wanted(replace(FACTS, stopped=True), now=NOON + timedelta(days=365))) == SUSPENDED


def test_a_stop_opens_no_privileged_id_that_is_in_use() -> None:
    use = UseFacts(NOON - timedelta(hours=1), NOON + timedelta(hours=1), frozenset({"g-enter"}))
    asleep = replace(FACTS, sleeps=True, use=use)
    assert shape(wanted(asleep)) == OPEN
    assert shape(wanted(replace(asleep, stopped=True))) == SUSPENDED


def test_a_suspended_account_is_kept_for_years_without_its_groups() -> None:
    suspended = replace(ACCOUNT, state=GrantState.SUSPENDED)
    facts = replace(FACTS, grants=(suspended, replace(ENTER, state=GrantState.SUSPENDED)))
    assert shape(wanted(facts, now=NOON + timedelta(days=3 * 365))) == SUSPENDED


def test_only_groups_in_force_and_within_their_period_are_wanted() -> None:
    over = replace(ENTER, group="g-over", valid_until=DAY)
    coming = replace(ENTER, group="g-coming", valid_from=DAY + timedelta(days=1))
    suspended = replace(ENTER, group="g-suspended", state=GrantState.SUSPENDED)
    facts = replace(FACTS, grants=(ACCOUNT, ENTER, over, coming, suspended))
    assert wanted(facts).groups == {"g-enter"}


@pytest.mark.parametrize(
    ("right_until", "employed_to", "expected"),
    [
        (None, None, None),
        (date(2026, 5, 1), None, date(2026, 5, 1)),
        (None, date(2026, 6, 1), date(2026, 6, 1)),
        (date(2026, 5, 1), date(2026, 6, 1), date(2026, 5, 1)),
        (date(2026, 7, 1), date(2026, 6, 1), date(2026, 6, 1)),
    ],
)
def test_the_earlier_known_end_is_written_into_the_directory(
    right_until: date | None, employed_to: date | None, expected: date | None
) -> None:
    facts = replace(
        FACTS, grants=(replace(ACCOUNT, valid_until=right_until),), employments=((date(2020, 4, 1), employed_to),)
    )
    assert wanted(facts).expires_at == (start_of(expected) if expected else None)


LAST_SECOND = datetime(2026, 3, 31, 14, 59, 59, tzinfo=UTC)
"""23:59:59 on 31 March in Tokyo."""
MIDNIGHT = datetime(2026, 3, 31, 15, 0, tzinfo=UTC)
LEFT = replace(FACTS, employments=((date(2020, 4, 1), DAY),))


def test_a_leaver_works_until_24_00_and_is_stopped_from_then_on() -> None:
    assert shape(wanted(LEFT, now=LAST_SECOND)) == OPEN
    assert wanted(LEFT, now=LAST_SECOND).expires_at == MIDNIGHT
    assert shape(wanted(LEFT, now=MIDNIGHT)) == KEPT


def test_a_joiner_begins_at_00_00() -> None:
    facts = replace(FACTS, employments=((DAY, None),))
    assert not wanted(facts, now=LAST_SECOND).enabled
    assert shape(wanted(facts, now=MIDNIGHT)) == OPEN


def test_a_successor_employment_at_the_instant_of_the_end_is_no_interruption() -> None:
    facts = replace(FACTS, employments=((DAY, date(2027, 4, 1)), (date(2020, 4, 1), DAY)))
    for moment in (LAST_SECOND, MIDNIGHT):
        assert shape(wanted(facts, now=moment)) == OPEN
        assert wanted(facts, now=moment).expires_at == start_of(date(2027, 4, 1))


def test_a_gap_of_one_day_is_an_interruption() -> None:
    facts = replace(FACTS, employments=((date(2020, 4, 1), DAY), (DAY + timedelta(days=1), None)))
    assert wanted(facts, now=LAST_SECOND).expires_at == MIDNIGHT
    assert not wanted(facts, now=MIDNIGHT).enabled


def test_a_leavers_account_goes_when_its_days_are_over() -> None:
    last = start_of(DAY + timedelta(days=KEEP_DAYS)) - timedelta(seconds=1)
    assert shape(wanted(LEFT, now=last)) == KEPT
    assert shape(wanted(LEFT, now=last + timedelta(seconds=1))) == ABSENT


def test_a_late_run_does_not_lengthen_the_days() -> None:
    late = replace(LEFT, grants=ended(DAY + timedelta(days=30), ACCOUNT, ENTER))
    assert shape(wanted(late, now=start_of(DAY + timedelta(days=KEEP_DAYS)))) == ABSENT


def test_an_ended_right_of_somebody_employed_counts_from_its_own_end() -> None:
    """The person's former employment ended years ago: that is not when the right ended."""
    facts = AccountFacts(
        ATTRIBUTES,
        ended(DAY, ACCOUNT),
        ((date(2015, 4, 1), date(2020, 4, 1)), (date(2020, 4, 1), None)),
        handed_over=True,
    )
    assert shape(wanted(facts)) == KEPT
    assert shape(wanted(facts, now=NOON + timedelta(days=KEEP_DAYS - 1))) == KEPT
    assert shape(wanted(facts, now=NOON + timedelta(days=KEEP_DAYS))) == ABSENT


def test_a_new_right_after_an_ended_one_opens_the_account_again() -> None:
    facts = replace(FACTS, grants=(*ended(date(2026, 2, 1), ACCOUNT), ACCOUNT, ENTER))
    assert shape(wanted(facts)) == OPEN


def test_an_account_without_a_person_is_never_open() -> None:
    assert not wanted(replace(FACTS, employments=())).enabled


days = st.dates(date(2026, 1, 1), date(2026, 12, 31))
ends = st.none() | days
periods = st.lists(st.tuples(days, ends).filter(lambda p: p[1] is None or p[1] > p[0]), max_size=4).map(tuple)
grants = st.builds(
    GrantFacts,
    kind=st.just(EntitlementKind.ACCOUNT),
    group=st.none(),
    state=st.sampled_from(GrantState),
    valid_from=days,
    valid_until=ends,
    ended_on=ends,
)


@given(periods, days)
def test_whoever_is_employed_is_so_without_a_gap_until_the_end_that_is_given(
    employments: tuple[Period, ...], day: date
) -> None:
    employed, until = employed_until(employments, day)
    assert employed == any(holds(begins, ends_on, day) for begins, ends_on in employments)
    if employed and until is not None:
        span = [day + timedelta(days=offset) for offset in range((until - day).days)]
        assert all(any(holds(begins, ends_on, one) for begins, ends_on in employments) for one in span)
        assert not any(holds(begins, ends_on, until) for begins, ends_on in employments)


@given(st.lists(grants, max_size=3).map(tuple), periods, st.booleans(), days)
def test_an_account_is_open_only_for_an_employed_person_with_a_right_that_was_handed_over(
    held: tuple[GrantFacts, ...], employments: tuple[Period, ...], handed_over: bool, day: date
) -> None:
    account = wanted(AccountFacts(ATTRIBUTES, held, employments, handed_over), now=start_of(day))
    if account.enabled:
        assert handed_over
        assert account.required
        assert employed_until(employments, day)[0]
        assert any(g.state is GrantState.IN_FORCE and holds(g.valid_from, g.valid_until, day) for g in held)
        assert account.expires_at is None or account.expires_at > start_of(day)
    if account.required:
        assert account.present
    if not account.required:
        assert not account.groups


# --- what was there before us ----------------------------------------------------------------------------------------

ADOPTED = replace(FACTS, adopts="entry-1", adopted_on=DAY)


def test_an_account_that_was_there_is_taken_over_and_open_at_once() -> None:
    assert (wanted(ADOPTED).adopts, shape(wanted(ADOPTED))) == ("entry-1", OPEN)


def test_an_account_that_was_there_and_nobody_approved_is_stopped_and_kept_for_the_profiles_days() -> None:
    refused = replace(ADOPTED, grants=())
    assert (wanted(refused).adopts, shape(wanted(refused))) == ("entry-1", KEPT)
    later = NOON + timedelta(days=KEEP_DAYS)
    assert shape(wanted(refused, now=later)) == ABSENT


def test_an_account_that_was_there_is_left_alone_before_its_right_begins() -> None:
    planned = replace(ACCOUNT, state=GrantState.PLANNED, valid_from=DAY + timedelta(days=1))
    assert wanted(replace(ADOPTED, grants=(planned,))).adopts is None


def test_an_account_is_kept_where_its_unit_is_and_a_stopped_one_where_stopped_ones_are() -> None:
    placed = replace(FACTS, container="ou=a", stopped_container="ou=stopped")
    assert wanted(placed).container == "ou=a"
    assert wanted(replace(placed, grants=(replace(ACCOUNT, state=GrantState.SUSPENDED),))).container == "ou=a"
    assert wanted(replace(placed, grants=ended(DAY, ACCOUNT))).container == "ou=stopped"


group_grants = grants.map(lambda grant: replace(grant, kind=EntitlementKind.GROUP, group="g-enter"))


@given(st.lists(grants | group_grants, max_size=4).map(tuple), periods, ends, days, st.integers(0, 120), st.booleans())
def test_until_the_day_of_the_next_change_the_same_is_wanted_every_day(
    held: tuple[GrantFacts, ...],
    employed: tuple[Period, ...],
    adopted_on: date | None,
    day: date,
    keep: int,
    given_over: bool,
) -> None:
    facts = AccountFacts(ATTRIBUTES, held, employed, handed_over=given_over, adopted_on=adopted_on)
    today = start_of(day)
    change = changes_by_itself_on(facts, now=today, delete_after_days=keep)
    assert change is None or change > day
    last = day + timedelta(days=500) if change is None else change - timedelta(days=1)
    on_the_day = wanted_account(facts, now=today, delete_after_days=keep)
    for later in {day + (last - day) * part / 4 for part in range(5)}:
        assert wanted_account(facts, now=start_of(later), delete_after_days=keep) == on_the_day


# --- what demands two kinds of factor (control B2) -------------------------------------------------------------------

GATED = replace(ACCOUNT, gated=True)
CARD = DemandFacts(by_card=True, group=None, enrolled=True, card_in_hand=True)
GROUP = DemandFacts(by_card=False, group="g-two", enrolled=True, card_in_hand=False)
WITHOUT = {"enrolled": False, "card_in_hand": False}


def held_back(*grants: GrantFacts) -> tuple[GrantFacts, ...]:
    return tuple(replace(grant, state=GrantState.SUSPENDED) for grant in grants)


@pytest.mark.parametrize("demand", [CARD, GROUP, replace(CARD, **WITHOUT), replace(GROUP, **WITHOUT)])  # type: ignore[arg-type]
def test_factors_are_demanded_of_a_held_back_account_whether_or_not_its_owner_has_them(demand: DemandFacts) -> None:
    account = wanted(replace(FACTS, grants=held_back(GATED, ENTER), demand=demand))
    assert (account.present, account.enabled) == (True, False)
    assert account.card_required is (True if demand.by_card else None)
    assert account.member_of == (frozenset() if demand.by_card else {"g-two"})


def test_where_only_a_card_lets_people_in_the_card_is_the_hand_over() -> None:
    facts = replace(FACTS, grants=(GATED,), demand=CARD, handed_over=False)
    assert wanted(facts).enabled
    assert not wanted(replace(facts, handed_over=True, demand=replace(CARD, card_in_hand=False))).enabled
    assert not wanted(replace(facts, demand=GROUP)).enabled, "with a group the password is handed over as usual"


def test_nobody_is_shut_out_of_their_ordinary_account_for_having_applied_for_more() -> None:
    more = replace(ENTER, gated=True, state=GrantState.SUSPENDED)
    facts = replace(FACTS, grants=(ACCOUNT, more), demand=replace(CARD, **WITHOUT))  # type: ignore[arg-type]
    assert (wanted(facts).enabled, wanted(facts).card_required) == (True, None)
    by_group = wanted(replace(facts, demand=replace(GROUP, enrolled=False)))
    assert (by_group.enabled, by_group.group_required) == (True, None), "nor taken out of the group they may be in"
    with_card = replace(facts, demand=CARD)
    assert (wanted(with_card).enabled, wanted(with_card).card_required) == (True, True)


def test_the_demand_is_taken_back_when_no_right_needs_it_and_only_where_one_did() -> None:
    over = ended(DAY, replace(ENTER, gated=True))
    assert wanted(replace(FACTS, grants=(ACCOUNT, *over), demand=CARD)).card_required is False
    assert wanted(replace(FACTS, grants=(ACCOUNT, *over), demand=GROUP)).group_required is False
    assert wanted(replace(FACTS, demand=GROUP)).group_required is None
    assert wanted(replace(FACTS, demand=CARD)).card_required is None
    assert wanted(replace(FACTS, grants=(GATED,))).card_required is None, "nothing that we set demands factors there"


def test_what_is_left_of_the_cards_is_lifted_where_something_else_demands_factors_now() -> None:
    for demand in (GROUP, DemandFacts(by_card=False, group=None, enrolled=False, card_in_hand=False)):
        assert wanted(replace(FACTS, grants=(GATED,), demand=demand)).card_required is None
        before = replace(demand, once_by_card=True)
        assert wanted(replace(FACTS, grants=(GATED,), demand=before)).card_required is False
        assert wanted(replace(FACTS, demand=before)).card_required is None, "nobody who never had such a right"


def test_of_a_stopped_account_the_group_is_known_so_that_it_goes_last() -> None:
    stopped = wanted(replace(FACTS, grants=ended(DAY, GATED), demand=GROUP))
    assert (stopped.required, stopped.factor_group, stopped.group_required) == (False, "g-two", False)
    assert wanted(replace(FACTS, grants=ended(DAY, ACCOUNT), demand=GROUP)).group_required is None


# --- privileged IDs: asleep between their uses (D6) ------------------------------------------------------------------

ADMIN = replace(ENTER, group="g-admin")
USE = UseFacts(NOON - timedelta(hours=1), NOON + timedelta(hours=1), frozenset({"g-admin"}))
ASLEEP = replace(FACTS, grants=(ACCOUNT, ENTER, ADMIN), handed_over=False, sleeps=True)
AWAKE = replace(ASLEEP, use=USE)
SLEEPING = (True, True, False, frozenset[str]())


def test_a_privileged_id_is_there_disabled_and_in_no_group_while_nobody_uses_it() -> None:
    assert shape(wanted(ASLEEP)) == SLEEPING
    assert wanted(ASLEEP).asleep
    assert shape(wanted(replace(ASLEEP, handed_over=True))) == SLEEPING, "no hand-over opens it"


def test_in_use_it_is_enabled_until_the_end_in_the_groups_of_what_is_used_only() -> None:
    awake = wanted(AWAKE)
    assert shape(awake) == (True, True, True, frozenset({"g-admin"}))
    assert (awake.expires_at, awake.groups_until) == (USE.ends_at, USE.ends_at)


@pytest.mark.parametrize(("moment", "enabled"), [(-3600, True), (-3601, False), (3599, True), (3600, False)])
def test_the_window_is_half_open_to_the_second(moment: int, enabled: bool) -> None:
    assert wanted(AWAKE, now=NOON + timedelta(seconds=moment)).enabled is enabled


def test_the_end_of_the_right_comes_before_the_end_of_the_use() -> None:
    midnight = start_of(DAY + timedelta(days=1))
    ends_today = replace(ACCOUNT, valid_until=DAY + timedelta(days=1))
    late = replace(AWAKE, grants=(ends_today, ADMIN), use=replace(USE, ends_at=midnight + timedelta(hours=1)))
    assert (wanted(late).expires_at, wanted(late).groups_until) == (midnight, midnight)


@pytest.mark.parametrize("state", [GrantState.SUSPENDED, GrantState.ENDED, GrantState.PLANNED])
def test_what_is_held_back_or_gone_is_not_given_by_a_use(state: GrantState) -> None:
    ended_on = DAY if state is GrantState.ENDED else None
    held = replace(ADMIN, state=state, ended_on=ended_on)
    assert wanted(replace(AWAKE, grants=(ACCOUNT, held))).groups == frozenset()
    itself = replace(ACCOUNT, state=state, ended_on=ended_on)
    assert not wanted(replace(AWAKE, grants=(itself, ADMIN))).enabled


@pytest.mark.parametrize("in_hand", [True, False])
def test_where_a_card_is_demanded_a_use_opens_only_with_the_card(in_hand: bool) -> None:
    demand = DemandFacts(by_card=True, group=None, enrolled=in_hand, card_in_hand=in_hand)
    gated = replace(AWAKE, grants=(replace(ACCOUNT, gated=True), ADMIN), demand=demand)
    assert (wanted(gated).enabled, wanted(gated).card_required) == (in_hand, True)


@given(
    st.integers(-5000, 5000), st.sampled_from([None, USE]), st.booleans(), st.sampled_from(list(GrantState)),
    st.sampled_from([EMPLOYED, (), ((date(2020, 4, 1), DAY),)]),
)  # fmt: skip
def test_nothing_wakes_a_privileged_id_but_an_open_use_in_its_window(
    moment: int, use: UseFacts | None, handed_over: bool, state: GrantState, employed: tuple[Period, ...]
) -> None:
    ended_on = DAY if state is GrantState.ENDED else None
    grants = (replace(ACCOUNT, state=state, ended_on=ended_on), ADMIN)
    now = NOON + timedelta(seconds=moment)
    facts = replace(AWAKE, grants=grants, use=use, handed_over=handed_over, employments=employed)
    account = wanted(facts, now=now)
    in_window = use is not None and use.opens_at <= now < use.ends_at
    may_be = in_window and state is GrantState.IN_FORCE and employed == EMPLOYED
    assert account.enabled is may_be
    assert bool(account.groups) is may_be
    assert account.asleep is not may_be
    if use is not None and may_be:
        assert account.expires_at is not None
        assert account.expires_at <= use.ends_at
