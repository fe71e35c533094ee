"""A SCIM service as tests see it (`target.Target`): the running service, and the administrator at its own pages."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from connectors.scim.connector import ScimConnector, open_scim
from tests.connectors.conftest import now
from tests.connectors.target import Facts, RichConnector
from tests.servers.cutting_proxy import CuttingProxy
from tests.servers.scim_service import Administrator, ScimService

FACTS = Facts(ends_accounts=False)


@dataclass
class ScimTarget:
    """One service; `url` where it is not the server's own."""

    server: ScimService
    closing: ExitStack
    url: str
    settings: dict[str, str | int | bool] = field(default_factory=dict)
    facts: Facts = FACTS

    @property
    def administrator(self) -> Administrator:
        """Who asks the service without us."""
        return Administrator(self.server, self.url)

    def connector(self, *, clock: Callable[[], datetime] | None = None) -> RichConnector:
        return cast(RichConnector, self.opened(self.url, clock=clock))

    def opened(
        self, url: str | None = None, *, clock: Callable[[], datetime] | None = None, **changes: str | int | bool
    ) -> ScimConnector:
        """A connector, closed at the end of the test."""
        settings = {
            "url": url or self.url, "ca_file": str(self.server.ca_file), "connect_timeout_seconds": 1,
            "answer_timeout_seconds": 1, **self.settings, **changes,
        }  # fmt: skip
        connector = open_scim(settings, self.server.token, clock or now)
        self.closing.callback(connector.close)
        return connector

    def forgetful_connector(self, *, done: Callable[[], bool]) -> RichConnector:
        proxy = self.closing.enter_context(CuttingProxy(self.server.port))
        proxy.cut_when = done
        there = self.url.replace(f":{self.server.port}", f":{proxy.port}")
        return cast(RichConnector, self.opened(there, connect_timeout_seconds=10, answer_timeout_seconds=10))

    def exists(self, login_name: str) -> bool:
        return self.administrator.user(login_name) is not None

    def add_group(self, name: str) -> None:
        self.administrator.add_group(name)

    def everybodys_groups(self) -> frozenset[str]:
        return frozenset()

    def add_foreign_account(self, login_name: str) -> None:
        self.administrator.add_user(login_name)

    def stop(self) -> None:
        self.server.fall_silent()
        self.closing.callback(self.server.wake)

    def start(self) -> None:
        self.server.wake()
