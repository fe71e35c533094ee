"""Opening a target by its kind."""

from datetime import UTC, datetime

import pytest

from connectors.ldap.connector import LdapConnector
from connectors.memory.connector import MemoryConnector
from connectors.memory.directory import MemoryDirectory
from connectors.registry import open_directory
from idm.errors import ConfigurationInvalid
from idm.ports import Writes
from tests.connectors.target import attributes
from tests.servers.openldap import OpenLDAP


def test_an_openldap_is_opened_by_what_its_own_starter_says(openldap: OpenLDAP) -> None:
    directory = open_directory("openldap", openldap.connector_settings(), openldap.service_password())
    assert isinstance(directory, LdapConnector)
    assert list(directory.accounts()) == []
    directory.close()


def test_memory_directories_of_one_name_are_one(request: pytest.FixtureRequest) -> None:
    name = request.node.name
    MemoryDirectory.named(name).add_account(attributes("taro"), now=datetime(2026, 4, 1, tzinfo=UTC))
    directory = open_directory("memory", {"name": name}, None)
    assert isinstance(directory, MemoryConnector)
    assert isinstance(directory, Writes)
    assert [account.login_name for account in directory.account_ids()] == ["taro"]
    assert list(open_directory("memory", {"name": f"{name} another"}, None).account_ids()) == []


@pytest.mark.parametrize("settings", [{}, {"name": ""}, {"name": 3}, {"name": "x", "host": "y"}])
def test_a_memory_directory_has_a_name_and_nothing_else(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigurationInvalid):
        open_directory("memory", settings, None)


def test_an_unknown_kind_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ConfigurationInvalid, match="openldap"):
        open_directory("openldpa", {}, None)
