"""A life in a test tenant of Entra ID: `pytest --live FILE`; without the option only on the emulator of Graph."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep

import pytest

from idm.ports import CheckVerdict
from tests.connectors.entra_target import EntraTarget
from tests.connectors.live_tenant import CONFIRMATION, opened, try_a_life

LONGEST_LAG, PAUSE = 120.0, 2.0
"""Seconds: a tenant shows in its own time what was written."""


def patiently(so: Callable[[], bool]) -> None:
    end = monotonic() + LONGEST_LAG
    while not so():
        assert monotonic() < end, "the tenant does not show it"
        sleep(PAUSE)


def at_once(so: Callable[[], bool]) -> None:
    assert so()


def test_the_emulator_lets_an_account_live_so(tenant_target: EntraTarget) -> None:
    tenant_target.add_group("idm tests")
    try_a_life(tenant_target.opened(), "idm tests", at_once)
    assert tenant_target.tenant.users == {}


def test_nothing_is_done_in_a_tenant_whose_owner_did_not_say_so(tmp_path: Path) -> None:
    file = tmp_path / "tenant.toml"
    file.write_text('group = "g"\nconfirmed = "yes"\n', encoding="utf-8")
    with pytest.raises(ValueError, match=CONFIRMATION):
        opened(file)


@pytest.mark.live_tenant
class TestLiveTenant:
    def test_the_connection_is_in_order(self, request: pytest.FixtureRequest) -> None:
        connector, _ = opened(Path(request.config.getoption("--live")))
        with closing(connector):
            assert [check for check in connector.examine() if check.verdict is CheckVerdict.FAILED] == []

    def test_an_account_lives_so(self, request: pytest.FixtureRequest) -> None:
        connector, group = opened(Path(request.config.getoption("--live")))
        with closing(connector):
            try_a_life(connector, group, patiently)
