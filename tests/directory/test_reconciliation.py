"""Wave by wave, a target comes to show what is wanted: it stops first, opens last, and leaves the rest alone."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.directory.reconciliation import MAX_WAVES, demanded_needlessly, in_our_care, next_wave, undemanded
from idm.directory.wanted_account import AccountFacts, GrantFacts, WantedAccount
from idm.grant_state import GrantState
from idm.ports import (
    AddMember,
    AdoptAccount,
    Attributes,
    CreateAccount,
    DeleteAccount,
    MoveAccount,
    RemoveMember,
    RequireSmartCard,
    SetEnabled,
    Step,
    TargetAccount,
    UpdateAttributes,
)
from idm.vocabulary import EntitlementKind

ACCOUNT = UUID(int=7)
ON_TARGET = "entry-1"
MANAGED = frozenset({"a", "b", "c"})
MAY, JUNE = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
ATTRIBUTES = Attributes("u1", "青木　一郎", "青木", "一郎", "1", None, "総務課")
OPEN = WantedAccount(True, True, True, None, frozenset({"a"}), ATTRIBUTES)
KEPT = replace(OPEN, required=False, enabled=False, groups=frozenset())
ABSENT = replace(KEPT, present=False)
SHOWN = TargetAccount(ON_TARGET, ACCOUNT, ATTRIBUTES, True, None, frozenset({"a"}))


@dataclass
class Target:
    """A directory with one account in it, or none: it does what it is told."""

    account: TargetAccount | None
    waves: list[tuple[Step, ...]] = field(default_factory=list)
    can: tuple[type[Step], ...] = ()

    def carry_out(self, wave: tuple[Step, ...]) -> None:
        self.waves.append(wave)
        for step in wave:
            self.account = self.after(step)

    def after(self, step: Step) -> TargetAccount | None:
        if isinstance(step, CreateAccount):
            assert self.account is None
            made = TargetAccount(ON_TARGET, step.account_uuid, step.attributes, False, None, frozenset())
            return replace(made, card_required=False if RequireSmartCard in self.can else None)
        assert self.account is not None
        assert not isinstance(step, CreateAccount)
        assert step.external_id == self.account.external_id
        return _changed(self.account, step)

    def bring_to(self, wanted: WantedAccount) -> None:
        while wave := next_wave(ACCOUNT, wanted, self.account, MANAGED, can=self.can):
            assert len(self.waves) < MAX_WAVES
            self.carry_out(wave)


def _changed(account: TargetAccount, step: Step) -> TargetAccount | None:
    groups = account.groups or frozenset()
    if isinstance(step, SetEnabled):
        return replace(account, enabled=step.enabled, expires_at=step.expires_at)
    if isinstance(step, AddMember):
        return replace(account, groups=groups | {step.group_id})
    if isinstance(step, RemoveMember):
        return replace(account, groups=groups - {step.group_id})
    if isinstance(step, UpdateAttributes):
        return replace(account, attributes=step.attributes)
    if isinstance(step, RequireSmartCard):
        return replace(account, card_required=step.required)
    assert isinstance(step, DeleteAccount)
    return None


moments = st.none() | st.sampled_from([MAY, JUNE])
attributes = st.sampled_from([ATTRIBUTES, replace(ATTRIBUTES, unit_name="会計課"), replace(ATTRIBUTES, mail="a@b.jp")])
wants = st.one_of(
    st.builds(
        WantedAccount,
        present=st.just(True),
        required=st.just(True),
        enabled=st.booleans(),
        expires_at=moments,
        groups=st.frozensets(st.sampled_from(sorted(MANAGED))),
        attributes=attributes,
    ),
    st.builds(replace, st.sampled_from([KEPT, ABSENT]), attributes=attributes),
)
targets = st.none() | st.builds(
    TargetAccount,
    external_id=st.just(ON_TARGET),
    account_uuid=st.just(ACCOUNT),
    attributes=attributes,
    enabled=st.booleans(),
    expires_at=moments,
    groups=st.frozensets(st.sampled_from([*sorted(MANAGED), "foreign"])),
)


@given(wants, targets)
def test_repeated_waves_bring_the_target_to_what_is_wanted(wanted: WantedAccount, seen: TargetAccount | None) -> None:
    target = Target(seen)
    target.bring_to(wanted)
    shown = target.account
    if shown is None:
        assert not wanted.required
        assert not wanted.present or seen is None
        return
    assert wanted.present
    assert shown.enabled == wanted.enabled
    assert shown.attributes == wanted.attributes
    assert (shown.groups or frozenset()) & MANAGED == wanted.groups
    if wanted.enabled:
        assert shown.expires_at == wanted.expires_at


@given(wants, targets)
def test_a_disabled_account_is_opened_only_when_all_else_is_right(
    wanted: WantedAccount, seen: TargetAccount | None
) -> None:
    target = Target(seen)
    while wave := next_wave(ACCOUNT, wanted, target.account, MANAGED):
        opens = [step for step in wave if isinstance(step, SetEnabled) and step.enabled]
        if opens and target.account is not None and not target.account.enabled:
            assert wave == tuple(opens)
            assert (target.account.groups or frozenset()) & MANAGED == wanted.groups
            assert target.account.attributes == wanted.attributes
        target.carry_out(wave)


@given(wants, targets)
def test_stopping_comes_before_everything_else(wanted: WantedAccount, seen: TargetAccount | None) -> None:
    if seen is None or not seen.enabled or wanted.enabled:
        return
    assert next_wave(ACCOUNT, wanted, seen, MANAGED) == (SetEnabled(ON_TARGET, enabled=False),)


@given(wants, targets)
def test_groups_that_stand_for_no_right_are_left_alone(wanted: WantedAccount, seen: TargetAccount | None) -> None:
    target = Target(seen)
    target.bring_to(wanted)
    if seen is not None and target.account is not None:
        assert (target.account.groups or frozenset()) - MANAGED == (seen.groups or frozenset()) - MANAGED


@given(wants, targets)
def test_the_steps_of_one_wave_do_not_depend_on_each_other(wanted: WantedAccount, seen: TargetAccount | None) -> None:
    target = Target(seen)
    while wave := next_wave(ACCOUNT, wanted, target.account, MANAGED):
        backwards = Target(target.account)
        backwards.carry_out(tuple(reversed(wave)))
        target.carry_out(wave)
        assert backwards.account == target.account


def test_nothing_is_done_where_the_target_shows_what_is_wanted() -> None:
    assert next_wave(ACCOUNT, OPEN, SHOWN, MANAGED) == ()


def test_a_new_account_is_made_disabled_then_given_its_groups_then_opened() -> None:
    target = Target(None)
    target.bring_to(OPEN)
    assert target.waves == [
        (CreateAccount(ACCOUNT, ATTRIBUTES),),
        (AddMember(ON_TARGET, "a"),),
        (SetEnabled(ON_TARGET, enabled=True),),
    ]


def test_a_stopped_account_that_is_not_there_is_not_made() -> None:
    assert next_wave(ACCOUNT, KEPT, None, MANAGED) == ()


def test_a_leavers_account_is_disabled_then_emptied_then_deleted() -> None:
    target = Target(SHOWN)
    target.bring_to(ABSENT)
    assert target.waves == [
        (SetEnabled(ON_TARGET, enabled=False),),
        (RemoveMember(ON_TARGET, "a"),),
        (DeleteAccount(ON_TARGET),),
    ]


@pytest.mark.parametrize("seen_end", [None, JUNE])
def test_an_end_that_comes_nearer_is_written_before_groups_are_touched(seen_end: datetime | None) -> None:
    wanted = replace(OPEN, expires_at=MAY, groups=frozenset({"b"}))
    seen = replace(SHOWN, expires_at=seen_end)
    assert next_wave(ACCOUNT, wanted, seen, MANAGED) == (SetEnabled(ON_TARGET, enabled=True, expires_at=MAY),)


@pytest.mark.parametrize("wanted_end", [None, JUNE])
def test_an_end_that_moves_away_is_written_last(wanted_end: datetime | None) -> None:
    wanted = replace(OPEN, expires_at=wanted_end, groups=frozenset({"a", "b"}))
    target = Target(replace(SHOWN, expires_at=MAY))
    target.bring_to(wanted)
    assert target.waves == [
        (AddMember(ON_TARGET, "b"),),
        (SetEnabled(ON_TARGET, enabled=True, expires_at=wanted_end),),
    ]


def test_groups_that_were_not_read_are_asked_for_and_none_is_taken() -> None:
    assert next_wave(ACCOUNT, OPEN, replace(SHOWN, groups=None), MANAGED) == (AddMember(ON_TARGET, "a"),)


# --- what was there before us, and where it is kept ------------------------------------------------------------------


def test_an_account_that_is_to_be_taken_over_is_never_made_beside_itself() -> None:
    assert next_wave(ACCOUNT, replace(OPEN, adopts="old-1"), None, MANAGED) == (AdoptAccount("old-1", ACCOUNT),)
    assert next_wave(ACCOUNT, replace(KEPT, adopts="old-1"), None, MANAGED) == (AdoptAccount("old-1", ACCOUNT),)


def test_once_it_is_ours_it_is_brought_to_what_was_approved() -> None:
    wave = next_wave(ACCOUNT, replace(OPEN, adopts="old-1"), replace(SHOWN, groups=frozenset({"a", "b"})), MANAGED)
    assert wave == (RemoveMember(ON_TARGET, "b"),)


def test_while_taking_over_only_groups_that_were_decided_about_are_taken_away() -> None:
    given_once = GrantFacts(EntitlementKind.GROUP, "a", GrantState.ENDED, date(2026, 4, 1), None, date(2026, 4, 2))
    facts = AccountFacts(ATTRIBUTES, (given_once,), (), handed_over=True, adopted_on=date(2026, 4, 1))
    assert in_our_care(facts, MANAGED, adopting=True) == {"a"}
    assert in_our_care(facts, MANAGED, adopting=False) == MANAGED
    assert in_our_care(replace(facts, adopted_on=None), MANAGED, adopting=True) == MANAGED


PLACED = replace(OPEN, container="OU=Staff,DC=x")


def test_an_account_in_another_place_is_moved_where_the_target_can() -> None:
    seen = replace(SHOWN, container="ou=old,dc=x")
    assert next_wave(ACCOUNT, PLACED, seen, MANAGED, can=[MoveAccount]) == (MoveAccount(ON_TARGET, "OU=Staff,DC=x"),)
    assert next_wave(ACCOUNT, PLACED, seen, MANAGED) == ()


@pytest.mark.parametrize("container", ["ou=staff, dc=X", "OU=Staff,DC=x", None])
def test_an_account_in_its_place_or_in_none_is_not_moved(container: str | None) -> None:
    assert next_wave(ACCOUNT, PLACED, replace(SHOWN, container=container), MANAGED, can=[MoveAccount]) == ()


def test_without_a_rule_an_account_stays_where_it_is() -> None:
    assert next_wave(ACCOUNT, OPEN, replace(SHOWN, container="ou=old,dc=x"), MANAGED, can=[MoveAccount]) == ()


def test_an_account_is_made_where_its_unit_is_kept() -> None:
    assert next_wave(ACCOUNT, PLACED, None, MANAGED) == (CreateAccount(ACCOUNT, ATTRIBUTES, "OU=Staff,DC=x"),)


def test_somebody_who_left_is_stopped_before_anything_is_moved() -> None:
    seen = replace(SHOWN, container="ou=old,dc=x")
    kept = replace(KEPT, container="ou=stopped,dc=x")
    assert next_wave(ACCOUNT, kept, seen, MANAGED, can=[MoveAccount]) == (SetEnabled(ON_TARGET, enabled=False),)


# --- what demands two kinds of factor (control B2) -------------------------------------------------------------------

CARDS = (RequireSmartCard,)
demanding = st.builds(
    lambda wanted, card, group, inside: replace(
        wanted, card_required=card if wanted.required else None, factor_group="m" if group else None,
        group_required=inside if wanted.required else False if inside is False else None,
    ),
    wants, st.sampled_from([None, True, False]), st.booleans(), st.sampled_from([None, True, False]),
)  # fmt: skip
with_cards = st.builds(
    lambda seen, card, inside: replace(
        seen, card_required=card, groups=(seen.groups or frozenset()) | ({"m"} if inside else frozenset())
    ) if seen is not None else None,
    targets, st.booleans(), st.booleans(),
)  # fmt: skip


@given(demanding, with_cards)
def test_an_account_is_never_opened_before_its_demand_was_seen_and_the_target_ends_up_as_wanted(
    wanted: WantedAccount, seen: TargetAccount | None
) -> None:
    target = Target(seen, can=CARDS)
    while wave := next_wave(ACCOUNT, wanted, target.account, MANAGED, can=CARDS):
        before = target.account
        for step in wave:
            if before is not None and undemanded(wanted, before):
                assert not (isinstance(step, SetEnabled) and step.enabled)
            if isinstance(step, RequireSmartCard) or getattr(step, "group_id", None) == "m":
                assert before is not None
                assert not before.enabled, "it is set, and lifted, while nobody can sign in"
        target.carry_out(wave)
        assert len(target.waves) <= MAX_WAVES
    if target.account is not None and wanted.present:
        assert target.account.enabled == wanted.enabled
        assert not undemanded(wanted, target.account)
        assert (target.account.groups or frozenset()) & MANAGED == wanted.groups


@given(demanding, with_cards)
def test_a_demand_is_lifted_only_where_no_right_needs_it_and_a_card_only_of_who_comes_back(
    wanted: WantedAccount, seen: TargetAccount | None
) -> None:
    target = Target(seen, can=CARDS)
    target.bring_to(wanted)
    steps = [step for wave in target.waves for step in wave]
    if RequireSmartCard(ON_TARGET, required=False) in steps:
        assert (wanted.card_required, wanted.required) == (False, True)
    if RemoveMember(ON_TARGET, "m") in steps:
        assert wanted.group_required is False
    if target.account is not None and not target.account.enabled and wanted.required:
        assert not demanded_needlessly(wanted, target.account)


def test_the_right_goes_before_the_demand_and_comes_after_it() -> None:
    held = replace(SHOWN, enabled=False, groups=frozenset({"a", "m"}))
    for none_left in (replace(OPEN, groups=frozenset()), KEPT):
        lifted = replace(none_left, factor_group="m", group_required=False)
        assert next_wave(ACCOUNT, lifted, held, MANAGED) == (RemoveMember(ON_TARGET, "a"),)
        assert next_wave(ACCOUNT, lifted, replace(held, groups=frozenset({"m"})), MANAGED) == (
            RemoveMember(ON_TARGET, "m"),
        )
    bare = replace(SHOWN, enabled=False, groups=frozenset())
    both = replace(OPEN, factor_group="m", group_required=True)
    assert next_wave(ACCOUNT, both, bare, MANAGED) == (AddMember(ON_TARGET, "m"),)


def test_nobody_who_can_sign_in_is_taken_out_of_the_group_that_demands_factors() -> None:
    inside = replace(SHOWN, groups=frozenset({"a", "m"}))
    for required in (None, False):
        wanted = replace(OPEN, factor_group="m", group_required=required)
        assert next_wave(ACCOUNT, wanted, inside, MANAGED) == ()
    stays = replace(OPEN, enabled=False, factor_group="m", group_required=None)
    assert next_wave(ACCOUNT, stays, replace(inside, enabled=False), MANAGED) == ()


def test_where_no_card_can_be_demanded_nobody_who_needs_one_is_let_in() -> None:
    wanted = replace(OPEN, card_required=True)
    assert next_wave(ACCOUNT, wanted, SHOWN, MANAGED) == (SetEnabled(ON_TARGET, enabled=False),)
    assert next_wave(ACCOUNT, wanted, replace(SHOWN, enabled=False), MANAGED) == ()
    assert next_wave(ACCOUNT, wanted, replace(SHOWN, card_required=True), MANAGED) == (), "somebody has seen to it"


def test_a_privileged_id_whose_use_the_directory_has_ended_is_switched_off_all_the_same() -> None:
    asleep = replace(OPEN, enabled=False, groups=frozenset(), asleep=True)
    merely_past_its_end = replace(SHOWN, enabled=False, expires_at=MAY, groups=frozenset())
    assert next_wave(ACCOUNT, asleep, merely_past_its_end, MANAGED) == (SetEnabled(ON_TARGET, enabled=False),)
    switched_off = replace(merely_past_its_end, expires_at=None)
    assert next_wave(ACCOUNT, asleep, switched_off, MANAGED) == ()


def test_a_membership_that_is_time_boxed_is_given_with_its_end() -> None:
    boxed = replace(OPEN, expires_at=MAY, groups_until=MAY)
    shown = replace(SHOWN, enabled=False, groups=frozenset())
    assert next_wave(ACCOUNT, boxed, shown, MANAGED) == (AddMember(ON_TARGET, "a", MAY),)
