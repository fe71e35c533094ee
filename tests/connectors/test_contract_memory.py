"""The connector contract on the memory twin: what passes here and there may be tested on the twin alone."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connectors.memory.connector import MemoryConnector
from connectors.memory.directory import USUAL_CONTAINER, Account, Fault, MemoryDirectory
from idm.ports import PasswordPolicy
from tests.connectors.ability_contracts import CardContract, ChangeContract, EndsMemberships, ProtectionContract
from tests.connectors.contract import ConnectorContract
from tests.connectors.kept_password_contract import KeptPasswordContract
from tests.connectors.password_contract import PasswordContract
from tests.connectors.place_contract import PlaceContract
from tests.connectors.reading_contract import FaultContract, LastUseContract
from tests.connectors.target import Facts, attributes


def now() -> datetime:
    return datetime.now(UTC)


class MemoryTarget:
    """A directory in memory with its people; see `target.Target`."""

    facts = Facts()

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

    def everybodys_groups(self) -> frozenset[str]:
        return frozenset()

    def put_into_group(self, outer: str, inner: str) -> None:
        groups = {group.name: group for group in self.directory.groups.values()}
        groups[outer].members.add(groups[inner].external_id)

    def other_container(self) -> str:
        self.directory.containers.add("elsewhere")
        return "elsewhere"

    def outside_container(self) -> str:
        return "outside"

    def choose_password(self, login_name: str, old: str, new: str) -> None:
        self.directory.change_password(login_name, new, now=now())

    def rules(self) -> PasswordPolicy:
        return self.directory.policy

    def give_own_rules(self, login_name: str) -> None:
        rules = replace(self.directory.policy, name="own", is_default=False, minimum_length=20)
        self._account(login_name).policy = rules

    def make_administrator(self, login_name: str) -> None:
        if "administrators" not in {group.name for group in self.directory.groups.values()}:
            self.directory.add_group("administrators", protected=True)
        [group] = [group for group in self.directory.groups.values() if group.protected]
        group.members.add(self._account(login_name).external_id)

    def add_foreign_account(self, login_name: str) -> None:
        self.directory.add_account(attributes(login_name), now=now())

    def sign_in(self, login_name: str, password: str) -> bool:
        return self.directory.sign_in(login_name, password, now=now())

    def reset_password(self, login_name: str, password: str) -> None:
        self.directory.reset_password(login_name, password, now=now())

    def set_last_use(self, login_name: str, moment: datetime) -> None:
        self._account(login_name).last_used_at = moment

    def stop(self) -> None:
        self.directory.fault = Fault.UNAVAILABLE

    def start(self) -> None:
        self.directory.fault = None

    def _account(self, login_name: str) -> Account:
        account = self.directory.with_login(login_name)
        assert isinstance(account, Account)
        assert account.container == USUAL_CONTAINER
        return account


class TestMemory(
    ConnectorContract,
    PlaceContract,
    PasswordContract,
    KeptPasswordContract,
    ChangeContract,
    EndsMemberships,
    CardContract,
    ProtectionContract,
    LastUseContract,
    FaultContract,
):
    @pytest.fixture
    def target(self) -> MemoryTarget:
        return MemoryTarget()
