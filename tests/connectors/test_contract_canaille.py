"""The connector contract on Canaille, which ignores filters, names members by their login names and forgets our id."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.connectors.account_contract import AccountContract
from tests.connectors.reading_contract import FaultContract
from tests.connectors.scim_target import ScimTarget
from tests.servers.canaille import Canaille, canaille


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canaille]:
    """One service for this module, emptied before each test."""
    with canaille(tmp_path_factory.mktemp("canaille")) as running:
        yield running


class TestCanaille(AccountContract, FaultContract):
    @pytest.fixture
    def target(self, server: Canaille) -> Iterator[ScimTarget]:
        with ExitStack() as closing:
            settings: dict[str, str | int | bool] = {"service": "canaille", "account_uuid_attribute": "profileUrl"}
            target = ScimTarget(server, closing, server.url, settings)
            target.administrator.clear()
            yield target
