"""The connector contract on the memory twin: what passes here and there may be tested on the twin alone."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from connectors.memory.connector import MemoryConnector
from connectors.memory.directory import Account, Fault, MemoryDirectory
from tests.connectors.contract import ConnectorContract
from tests.connectors.target import attributes


def now() -> datetime:
    return datetime.now(UTC)


class MemoryTarget:
    """A directory in memory with its people; see `target.Target`."""

    def __init__(self) -> None:
        self.directory = MemoryDirectory()

    def connector(self, *, clock: Callable[[], datetime] | None = None) -> MemoryConnector:
        return MemoryConnector(self.directory, clock=clock or now)

    def forgetful_connector(self, *, done: Callable[[], bool]) -> MemoryConnector:
        self.directory.fault = Fault.ANSWER_LOST
        return self.connector()

    def exists(self, login_name: str) -> bool:
        return self.directory.with_login(login_name) is not None

    def add_group(self, name: str) -> None:
        self.directory.add_group(name)

    def add_foreign_account(self, login_name: str) -> None:
        self.directory.add_account(attributes(login_name), now=now())

    def sign_in(self, login_name: str, password: str) -> bool:
        return self.directory.sign_in(login_name, password, now=now())

    def reset_password(self, login_name: str, password: str) -> None:
        self.directory.reset_password(login_name, password, now=now())

    def set_last_use(self, login_name: str, moment: datetime) -> None:
        account = self.directory.with_login(login_name)
        assert isinstance(account, Account)
        account.last_used_at = moment

    def stop(self) -> None:
        self.directory.fault = Fault.UNAVAILABLE

    def start(self) -> None:
        self.directory.fault = None


class TestMemory(ConnectorContract):
    @pytest.fixture
    def target(self) -> MemoryTarget:
        return MemoryTarget()
