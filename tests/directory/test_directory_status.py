"""What the directory shows of a decision: every combination of grant and read-back, and never "done" for approved."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest

from idm.directory.directory_status import CONFIRMED, TITLES, DirectoryFacts, DirectoryStatus, Reflection, reflection
from idm.directory.hand_work import HandProgress
from idm.grant_state import GrantState
from idm.vocabulary import EntitlementKind

READ = datetime(2026, 4, 1, 1, 15, tzinfo=UTC)
GROUP = DirectoryFacts(
    kind=EntitlementKind.GROUP, group="g1", grant_state=GrantState.IN_FORCE, handed_over=True, seen_at=READ,
    present=True, enabled=True, groups=frozenset({"g1"}),
)  # fmt: skip
ACCOUNT = replace(GROUP, kind=EntitlementKind.ACCOUNT, group=None, groups=frozenset())


def status(facts: DirectoryFacts) -> DirectoryStatus:
    return reflection(facts).status


def test_a_right_read_in_the_directory_is_shown_with_the_time_of_reading() -> None:
    assert reflection(GROUP) == Reflection(DirectoryStatus.SHOWN, READ)
    assert reflection(ACCOUNT) == Reflection(DirectoryStatus.SHOWN, READ)


def test_an_approved_right_that_nobody_has_read_waits() -> None:
    assert reflection(replace(GROUP, seen_at=None)) == Reflection(DirectoryStatus.WAITING)
    assert reflection(replace(GROUP, groups=frozenset())) == Reflection(DirectoryStatus.WAITING)
    assert reflection(replace(ACCOUNT, present=False, enabled=False)) == Reflection(DirectoryStatus.WAITING)


def test_a_group_that_was_never_resolved_is_not_taken_for_shown() -> None:
    assert status(replace(GROUP, group=None)) is DirectoryStatus.WAITING


def test_a_privileged_id_sleeps_until_it_is_used_and_waits_for_no_hand_over() -> None:
    asleep = replace(ACCOUNT, sleeps=True, enabled=False, handed_over=False)
    group = replace(GROUP, sleeps=True, enabled=False, handed_over=False, groups=frozenset())
    assert reflection(asleep) == Reflection(DirectoryStatus.ASLEEP, READ)
    assert reflection(group) == Reflection(DirectoryStatus.ASLEEP, READ)
    assert status(replace(asleep, enabled=True)) is DirectoryStatus.SHOWN
    assert status(replace(group, enabled=True, groups=frozenset({"g1"}))) is DirectoryStatus.SHOWN
    assert status(replace(asleep, present=False)) is DirectoryStatus.WAITING
    assert status(replace(asleep, grant_state=GrantState.ENDED)) is DirectoryStatus.TAKEN


@pytest.mark.parametrize(
    ("progress", "waiting"),
    [
        (HandProgress.NOTHING_OPEN, DirectoryStatus.HAND_WAITING),
        (HandProgress.ISSUED, DirectoryStatus.HAND_WAITING),
        (HandProgress.DONE, DirectoryStatus.HAND_DONE),
    ],
)
def test_work_by_hand_is_complete_only_once_it_was_confirmed(progress: HandProgress, waiting: DirectoryStatus) -> None:
    by_hand = replace(GROUP, by_hand=progress)
    assert status(replace(by_hand, groups=frozenset())) is waiting
    assert status(replace(by_hand, seen_at=None)) is waiting
    assert reflection(by_hand) == Reflection(DirectoryStatus.COMPLETE, READ)
    assert status(replace(by_hand, grant_state=GrantState.ENDED)) is waiting
    assert status(replace(by_hand, grant_state=GrantState.PLANNED)) is DirectoryStatus.NOT_YET


def test_what_cannot_be_carried_out_says_so() -> None:
    absent = replace(GROUP, groups=frozenset())
    assert status(replace(absent, refused=True)) is DirectoryStatus.REFUSED
    assert status(replace(absent, retrying=True)) is DirectoryStatus.RETRYING
    assert status(replace(GROUP, refused=True)) is DirectoryStatus.SHOWN


def test_an_account_made_but_not_handed_over_waits_for_its_temporary_password() -> None:
    assert status(replace(ACCOUNT, enabled=False, handed_over=False)) is DirectoryStatus.HANDOVER
    assert status(replace(ACCOUNT, enabled=False, handed_over=True)) is DirectoryStatus.WAITING


def test_an_ended_right_is_taken_only_when_the_directory_no_longer_shows_it() -> None:
    ended = replace(GROUP, grant_state=GrantState.ENDED)
    assert status(ended) is DirectoryStatus.WAITING
    assert status(replace(ended, groups=frozenset())) is DirectoryStatus.TAKEN
    assert status(replace(ended, present=False)) is DirectoryStatus.TAKEN
    assert status(replace(ACCOUNT, grant_state=GrantState.ENDED, enabled=False)) is DirectoryStatus.TAKEN
    assert status(replace(ACCOUNT, grant_state=GrantState.ENDED)) is DirectoryStatus.WAITING


def test_a_suspended_right_is_stopped_only_when_the_directory_shows_it_stopped() -> None:
    suspended = replace(ACCOUNT, grant_state=GrantState.SUSPENDED)
    assert status(suspended) is DirectoryStatus.WAITING
    assert status(replace(suspended, enabled=False)) is DirectoryStatus.STOPPED


def test_a_right_that_has_not_begun_waits_for_its_day() -> None:
    assert reflection(replace(GROUP, grant_state=GrantState.PLANNED)) == Reflection(DirectoryStatus.NOT_YET)


@pytest.mark.parametrize("state", GrantState)
def test_a_time_of_reading_stands_exactly_with_what_was_read(state: GrantState) -> None:
    for base, seen_at, present, enabled in product((GROUP, ACCOUNT), (READ, None), (True, False), (True, False)):
        told = reflection(replace(base, grant_state=state, seen_at=seen_at, present=present, enabled=enabled))
        assert (told.checked_at is not None) == (told.status in CONFIRMED)
        assert seen_at is not None or told.checked_at is None


def test_every_status_has_its_words() -> None:
    assert set(TITLES) == set(DirectoryStatus)
