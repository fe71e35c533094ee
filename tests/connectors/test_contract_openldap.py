"""The connector contract on a real OpenLDAP."""

import pytest

from tests.connectors.conftest import OpenLdapTarget
from tests.connectors.contract import ConnectorContract


class TestOpenLdap(ConnectorContract):
    @pytest.fixture
    def target(self, ldap_target: OpenLdapTarget) -> OpenLdapTarget:
        return ldap_target
