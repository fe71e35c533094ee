"""Whatever can be the state of a right has its words and its look on a page."""

import pytest

from idm.directory.directory_status import TITLES, DirectoryStatus, Reflection
from idm.grant_state import EndReason, GrantState
from web.approval.request_words import END_TITLES, GRANT_CHIPS, directory_chip


@pytest.mark.parametrize("status", DirectoryStatus)
def test_every_status_of_a_directory_has_a_look_and_a_title(status: DirectoryStatus) -> None:
    assert directory_chip(Reflection(status)) in {"neutral", "info", "success", "warning", "error"}
    assert TITLES[status]


def test_every_state_and_every_end_of_a_right_is_told() -> None:
    assert set(GRANT_CHIPS) == {state.value for state in GrantState}
    assert set(END_TITLES) == set(EndReason)
