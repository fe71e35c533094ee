"""The connector contract on a real OpenLDAP."""

import pytest

from tests.connectors.ability_contracts import ChangeContract, KeepsMemberships
from tests.connectors.conftest import OpenLdapTarget
from tests.connectors.contract import ConnectorContract
from tests.connectors.kept_password_contract import KeptPasswordContract
from tests.connectors.password_contract import PasswordContract
from tests.connectors.place_contract import PlaceContract
from tests.connectors.reading_contract import FaultContract, LastUseContract


class TestOpenLdap(
    ConnectorContract,
    PlaceContract,
    PasswordContract,
    KeptPasswordContract,
    ChangeContract,
    KeepsMemberships,
    LastUseContract,
    FaultContract,
):
    @pytest.fixture
    def target(self, ldap_target: OpenLdapTarget) -> OpenLdapTarget:
        return ldap_target
