"""The gate as a rule: two different kinds of factor, demanded, and shown not too long ago; everything else is no."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.employment_kind import EmploymentKind
from idm.factors.factor_gate import (
    KEEPS,
    LETS_IN,
    TWO,
    VERDICT_TITLES,
    GatedRight,
    GateFacts,
    Reading,
    Verdict,
    demand_shown,
    enrolled,
    holds_back,
    in_words,
    judge,
    needs_factors,
)
from idm.ports import Attributes, TargetAccount
from idm.vocabulary import FACTORS_OF, AuthenticatorKind, Factor, VerifiedBy, Zone

NOW = datetime(2026, 4, 1, 1, 0, tzinfo=UTC)
LONGEST = timedelta(days=35)
FRESH = Reading(True, None, NOW - timedelta(days=1))
K = AuthenticatorKind
NO_CARDS, CARDS = frozenset(K) - {K.SMART_CARD}, frozenset({K.SMART_CARD})
BY_GROUP = GateFacts(False, VerifiedBy.GROUP, True, False, NO_CARDS, frozenset({K.HARDWARE_TOKEN}), FRESH)
BY_CARD = replace(BY_GROUP, by=VerifiedBy.SMART_CARD, password=False, verifiable=CARDS, registered=CARDS)
LISTED = replace(
    BY_GROUP, by=VerifiedBy.PRODUCT, lists=True, reading=replace(FRESH, kinds=frozenset({K.HARDWARE_TOKEN}))
)

kinds = st.frozensets(st.sampled_from(K))
readings = st.none() | st.builds(
    Reading,
    required=st.booleans(),
    kinds=st.none() | kinds,
    read_at=st.integers(-5, 80).map(lambda days: NOW - timedelta(days=days)),
)
facts = st.builds(
    GateFacts,
    forbidden=st.booleans(),
    by=st.none() | st.sampled_from(VerifiedBy),
    password=st.booleans(),
    lists=st.booleans(),
    verifiable=kinds,
    registered=kinds,
    reading=readings,
)


def said(of: GateFacts, now: datetime = NOW) -> Verdict:
    return judge(of, now=now, longest=LONGEST)


@pytest.mark.parametrize("open_one", [BY_GROUP, BY_CARD, LISTED])
def test_two_kinds_demanded_and_shown_lately_open(open_one: GateFacts) -> None:
    assert said(open_one) is Verdict.OPEN


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        (replace(BY_GROUP, forbidden=True), Verdict.FORBIDDEN),
        (replace(BY_GROUP, by=None), Verdict.NOTHING_VERIFIES),
        (replace(BY_GROUP, registered=frozenset()), Verdict.FACTOR_MISSING),
        (replace(BY_GROUP, password=False), Verdict.FACTOR_MISSING),
        (replace(BY_CARD, registered=frozenset({K.HARDWARE_TOKEN})), Verdict.FACTOR_MISSING),
        (replace(BY_GROUP, registered=CARDS), Verdict.FACTOR_MISSING),
        (replace(BY_CARD, password=True, registered=frozenset()), Verdict.FACTOR_MISSING),
        (replace(LISTED, reading=replace(FRESH, kinds=frozenset())), Verdict.FACTOR_MISSING),
        (replace(LISTED, reading=FRESH), Verdict.FACTOR_MISSING),
        (replace(LISTED, reading=None), Verdict.FACTOR_MISSING),
        (replace(BY_GROUP, reading=None), Verdict.NOT_SHOWN),
        (replace(BY_GROUP, reading=replace(FRESH, required=False)), Verdict.NOT_ENFORCED),
        (replace(BY_GROUP, reading=replace(FRESH, read_at=NOW - LONGEST)), Verdict.OPEN),
        (replace(BY_GROUP, reading=replace(FRESH, read_at=NOW - LONGEST - timedelta(seconds=1))), Verdict.GROWN_OLD),
    ],
)
def test_what_is_missing_is_said(changed: GateFacts, verdict: Verdict) -> None:
    assert said(changed) is verdict
    assert VERDICT_TITLES[verdict]


@given(facts)
def test_open_means_two_different_kinds_and_a_fresh_reading_that_demands_them(of: GateFacts) -> None:
    if said(of) is not Verdict.OPEN:
        return
    assert len(enrolled(of)) >= TWO
    assert not of.forbidden
    assert of.by is not None
    assert of.reading is not None
    assert of.reading.required
    assert NOW - of.reading.read_at <= LONGEST


@given(facts, kinds, st.booleans())
def test_losing_something_never_opens_and_never_lets_anybody_stay_who_would_not(
    of: GateFacts, lost: frozenset[AuthenticatorKind], in_effect: bool
) -> None:
    less = replace(of, registered=of.registered - lost)
    assert enrolled(less) <= enrolled(of)
    if holds_back(said(of), in_effect=in_effect):
        assert holds_back(said(less), in_effect=in_effect)


@given(facts, st.integers(0, 100))
def test_time_alone_lets_nobody_in_and_stops_nobody(of: GateFacts, days: int) -> None:
    later = NOW + timedelta(days=days)
    if holds_back(said(of), in_effect=False):
        assert holds_back(said(of, later), in_effect=False)
    assert holds_back(said(of), in_effect=True) == holds_back(said(of, later), in_effect=True)


@given(st.sampled_from(Verdict))
def test_what_lets_somebody_in_lets_them_stay(verdict: Verdict) -> None:
    assert LETS_IN < KEEPS
    assert not holds_back(verdict, in_effect=False) or verdict is not Verdict.OPEN
    if holds_back(verdict, in_effect=True):
        assert holds_back(verdict, in_effect=False)


@given(facts, st.sampled_from([kind for kind in K if len(FACTORS_OF[kind]) < TWO]))
def test_two_things_of_one_kind_are_one_factor(of: GateFacts, kind: AuthenticatorKind) -> None:
    alike = {one for one in K if FACTORS_OF[one] == FACTORS_OF[kind]}
    without_password = replace(of, password=False, registered=frozenset(alike), lists=False)
    assert len(enrolled(without_password)) < TWO


def test_a_password_counts_only_where_it_is_asked_for_as_well() -> None:
    assert enrolled(BY_GROUP) == {Factor.POSSESSION, Factor.KNOWLEDGE}
    assert enrolled(replace(BY_GROUP, password=False)) == {Factor.POSSESSION}
    biometric = replace(BY_GROUP, password=False, registered=frozenset({K.HARDWARE_TOKEN, K.BIOMETRIC}))
    assert said(biometric) is Verdict.OPEN
    assert in_words(enrolled(biometric)) == "所持・存在（生体）"


@pytest.mark.parametrize(
    ("right", "needed"),
    [
        (GatedRight(Zone.MYNUMBER, False, False, None), True),
        (GatedRight(Zone.LGWAN, False, True, EmploymentKind.CONTRACTOR), False),
        (GatedRight(Zone.LGWAN, True, False, None), True),
        (GatedRight(Zone.INTERNET, False, True, EmploymentKind.REGULAR), False),
        (GatedRight(Zone.INTERNET, False, True, EmploymentKind.CONTRACTOR), True),
        (GatedRight(Zone.INTERNET, False, False, EmploymentKind.CONTRACTOR), False),
    ],
)
def test_which_rights_stand_behind_the_gate(right: GatedRight, needed: bool) -> None:
    assert needs_factors(right) is needed


ATTRIBUTES = Attributes("u1", "青木　一郎", "青木", "一郎", "1", None, None)
SEEN = TargetAccount("e1", UUID(int=1), ATTRIBUTES, False, None, frozenset({"two"}), card_required=True)


@pytest.mark.parametrize(
    ("by", "group", "seen", "shown"),
    [
        (VerifiedBy.SMART_CARD, None, SEEN, True),
        (VerifiedBy.SMART_CARD, None, replace(SEEN, card_required=False), False),
        (VerifiedBy.SMART_CARD, None, replace(SEEN, card_required=None), None),
        (VerifiedBy.GROUP, "two", SEEN, True),
        (VerifiedBy.GROUP, "two", replace(SEEN, groups=frozenset()), False),
        (VerifiedBy.GROUP, "two", replace(SEEN, groups=None), None),
        (VerifiedBy.GROUP, None, SEEN, None),
        (VerifiedBy.PRODUCT, "two", SEEN, None),
    ],
)
def test_what_a_directory_shows_of_its_demand(
    by: VerifiedBy, group: str | None, seen: TargetAccount, shown: bool | None
) -> None:
    assert demand_shown(by, group, seen) is shown
