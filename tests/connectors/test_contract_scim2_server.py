"""The connector contract on scim2-server, a service that keeps to the letter of the standard."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from idm.ports import AddMember, ExaminesItself, FindsByOwnId, KeepsLess, ReadsPasswordState, ReportsLastUse, Writes
from tests.connectors.account_contract import AccountContract
from tests.connectors.reading_contract import FaultContract
from tests.connectors.scim_target import ScimTarget
from tests.connectors.target import RichConnector
from tests.servers.scim2_server import Scim2Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scim2Server]:
    """One process for this module; each test has a service of its own in it."""
    running = Scim2Server(tmp_path_factory.mktemp("scim2-server"))
    running.start()
    yield running
    running.stop()


class TestScim2Server(AccountContract, FaultContract):
    @pytest.fixture
    def target(self, server: Scim2Server) -> Iterator[ScimTarget]:
        with ExitStack() as closing:
            yield ScimTarget(server, closing, server.another())

    def test_has_the_abilities_that_such_a_service_has(self, connector: RichConnector) -> None:
        for ability in (Writes, KeepsLess, FindsByOwnId, ExaminesItself):
            assert isinstance(connector, ability)
        assert not isinstance(connector, ReadsPasswordState)
        assert not isinstance(connector, ReportsLastUse)
        assert AddMember in connector.can


class TestFewWays(AccountContract):
    """The same service, spoken to as to one that knows fewer ways."""

    @pytest.fixture
    def target(self, server: Scim2Server) -> Iterator[ScimTarget]:
        few: dict[str, str | int | bool] = {
            "filters": False, "patches_users": False, "patches_groups": False, "page_size": 2,
        }  # fmt: skip
        with ExitStack() as closing:
            yield ScimTarget(server, closing, server.another(), few)
