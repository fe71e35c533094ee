"""The connector contract on the emulator of Graph, signed in by certificate at a real token service."""

import pytest

from idm.ports import (
    ChecksPasswords,
    ExaminesItself,
    FindsByOwnId,
    KeepsLess,
    KnowsProtected,
    ReadsPasswordState,
    ReportsChanges,
    ReportsLastUse,
    TellsTime,
    Writes,
)
from tests.connectors.ability_contracts import ChangeContract
from tests.connectors.account_contract import AccountContract
from tests.connectors.entra_target import EntraTarget
from tests.connectors.reading_contract import FaultContract, LastUseContract
from tests.connectors.target import RichConnector


class TestEntra(AccountContract, LastUseContract, FaultContract, ChangeContract):
    @pytest.fixture
    def target(self, tenant_target: EntraTarget) -> EntraTarget:
        return tenant_target

    def test_has_the_abilities_that_a_tenant_has(self, connector: RichConnector) -> None:
        for ability in (
            Writes, ReadsPasswordState, ReportsLastUse, ReportsChanges, KeepsLess, KnowsProtected, FindsByOwnId,
            TellsTime, ExaminesItself,
        ):  # fmt: skip
            assert isinstance(connector, ability)
        assert not isinstance(connector, ChecksPasswords)
