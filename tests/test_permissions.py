"""Who may do what: one page, deny by default."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.errors import NotPermitted
from idm.permissions import PERMISSIONS, TITLES, Action, may, require
from idm.vocabulary import Role

CHANGES = frozenset(action for action in Action if not action.value.startswith("see_"))


def test_every_action_has_its_roles_and_its_title() -> None:
    assert set(PERMISSIONS) == set(TITLES) == set(Action)
    assert all(roles <= frozenset(Role) and roles for roles in PERMISSIONS.values())


@pytest.mark.asvs("8.2.1", "8.3.1")
@pytest.mark.parametrize("action", Action)
def test_without_a_role_nothing_is_allowed(action: Action) -> None:
    assert not may(frozenset(), action)
    with pytest.raises(NotPermitted, match=TITLES[action]):
        require(frozenset(), action)


@given(st.frozensets(st.sampled_from(Role)), st.sampled_from(Action))
def test_roles_allow_exactly_what_one_of_them_allows(roles: frozenset[Role], action: Action) -> None:
    assert may(roles, action) == any(may(frozenset({role}), action) for role in roles)


def test_an_auditor_looks_and_changes_nothing() -> None:
    assert {action for action in Action if may(frozenset({Role.AUDITOR}), action)} & CHANGES == set()


def test_no_action_is_called_approving() -> None:
    assert not [action for action in Action if "approve" in action.value or "decide" in action.value]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Action.PROPOSE_CONFIGURATION, Action.ACCEPT_CONFIGURATION),
        (Action.NAME_DEPUTY, Action.ACCEPT_DEPUTY),
        (Action.SUBMIT_DRAFT, Action.PERMIT_EXCEPTION),
    ],
)
def test_no_single_role_does_both_halves_of_what_takes_two_people(one: Action, other: Action) -> None:
    assert not PERMISSIONS[one] & PERMISSIONS[other]


def test_only_the_ciso_permits_exceptions_and_accepts_what_governs() -> None:
    for action in (Action.PERMIT_EXCEPTION, Action.ACCEPT_CONFIGURATION, Action.ACCEPT_DEPUTY):
        assert PERMISSIONS[action] == {Role.CISO}


def test_only_the_hand_over_desk_hands_over_and_only_hr_submits_drafts() -> None:
    assert PERMISSIONS[Action.HAND_OVER] == {Role.HANDOVER}
    assert PERMISSIONS[Action.SUBMIT_DRAFT] == {Role.HR}
