"""The connector contract at somebody's own test domain: `pytest --live-directory FILE`; without the option not run."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.connectors.ability_contracts import CardContract, ChangeContract, ProtectionContract
from tests.connectors.contract import ConnectorContract
from tests.connectors.live_domain import LiveDomain, LiveTarget
from tests.connectors.password_contract import PasswordContract
from tests.connectors.place_contract import PlaceContract


@pytest.mark.live_directory
class TestLiveDomain(
    ConnectorContract, PlaceContract, PasswordContract, ChangeContract, CardContract, ProtectionContract
):
    @pytest.fixture
    def domain(self, request: pytest.FixtureRequest) -> LiveDomain:
        return LiveDomain(Path(request.config.getoption("--live-directory")))

    @pytest.fixture
    def target(self, domain: LiveDomain) -> Iterator[LiveTarget]:
        with ExitStack() as closing:
            yield LiveTarget(domain, closing)
