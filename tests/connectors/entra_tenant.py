"""A tenant for tests: fixtures to be named in a conftest."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.connectors.entra_target import EntraTarget, OwnCertificate, applications
from tests.servers.graph_emulator.server import GraphEmulator
from tests.servers.graph_emulator.server import running as graph_running
from tests.servers.oidc_provider import ProviderServer
from tests.servers.oidc_provider import running as provider_running


@pytest.fixture(scope="session")
def own_certificate(tmp_path_factory: pytest.TempPathFactory) -> OwnCertificate:
    """What our application signs in to Entra ID with."""
    return OwnCertificate(tmp_path_factory.mktemp("application"))


@pytest.fixture(scope="session")
def graph(tmp_path_factory: pytest.TempPathFactory, own_certificate: OwnCertificate) -> Iterator[GraphEmulator]:
    """One emulator and one token service for all tests of a process."""
    folder, made = tmp_path_factory.mktemp("token-service"), applications(own_certificate.key)
    provider = ProviderServer(folder, answer_at="https://localhost/none", applications=made)
    with provider_running(provider), graph_running(GraphEmulator(provider)) as emulator:
        yield emulator


@pytest.fixture
def tenant_target(graph: GraphEmulator, own_certificate: OwnCertificate) -> Iterator[EntraTarget]:
    """A tenant of its own for each test."""
    with ExitStack() as closing:
        yield EntraTarget(graph, closing, own_certificate)
