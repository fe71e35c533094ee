"""Real directories for the connector tests, one per test, and the memory twin dressed the same way."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.ldap.connector import LdapConnector
from connectors.ldap.dialects.openldap import OpenLdap
from connectors.ldap.distinguished_names import child
from connectors.ldap.plain_connectors import open_openldap
from connectors.ldap.settings import LdapSettings
from tests.servers.cutting_proxy import CuttingProxy
from tests.servers.openldap import OpenLDAP

for part in ("contract", "reading_contract", "target"):
    pytest.register_assert_rewrite(f"tests.connectors.{part}")


def now() -> datetime:
    """The directory's own time."""
    return datetime.now(UTC)


class OpenLdapTarget:
    """A running OpenLDAP with its people and programs; see `target.Target`."""

    def __init__(self, server: OpenLDAP, closing: ExitStack) -> None:
        self.server = server
        self._closing = closing

    def settings(self, **changes: object) -> LdapSettings:
        """The settings of a connector to it."""
        return LdapSettings.from_mapping(
            {**self.server.connector_settings(), **changes}, self.server.service_password(), OpenLdap.defaults
        )

    def connector(self, *, clock: Callable[[], datetime] | None = None, **changes: object) -> LdapConnector:
        """A connector, closed at the end of the test."""
        values = {**self.server.connector_settings(), **changes}
        connector = open_openldap(values, self.server.service_password(), clock or now)
        self._closing.callback(connector.close)
        return connector

    def forgetful_connector(self, *, done: Callable[[], bool]) -> LdapConnector:
        """A connector whose wire is cut at the first answer after `done`."""
        proxy = self._closing.enter_context(CuttingProxy(self.server.ldaps_port))
        proxy.cut_when = done
        return self.connector(port=proxy.port)

    def dn(self, login_name: str) -> str:
        """Where an account is."""
        return child("uid", login_name, self.server.people_base)

    def exists(self, login_name: str) -> bool:
        """Whether the account is there."""
        return bool(self.server.read(self.dn(login_name), "uid"))

    def add_group(self, name: str) -> None:
        """Somebody makes a group with nobody in it."""
        dn = child("cn", name, self.server.groups_base)
        placeholder = self.server.placeholder_dn
        self.server.apply(f"dn: {dn}\nobjectClass: groupOfNames\ncn: {name}\nmember: {placeholder}\n")

    def add_foreign_account(self, login_name: str) -> None:
        """Somebody makes an account by hand."""
        self.server.apply(f"dn: {self.dn(login_name)}\nobjectClass: inetOrgPerson\nuid: {login_name}\ncn: x\nsn: x\n")

    def sign_in(self, login_name: str, password: str) -> bool:
        """Somebody tries to get in."""
        return self.server.sign_in(self.dn(login_name), password)

    def reset_password(self, login_name: str, password: str) -> None:
        """Somebody sets a password as the directory's administrator."""
        self.server.reset_password(self.dn(login_name), password)

    def set_last_use(self, login_name: str, moment: datetime) -> None:
        """The account was last used then."""
        self.server.set_last_use(self.dn(login_name), moment)

    def stop(self) -> None:
        """The directory goes down."""
        self.server.stop()

    def start(self) -> None:
        """It comes back on the same port."""
        self.server.start(self.server.ldaps_port)


@pytest.fixture
def openldap(tmp_path: Path) -> Iterator[OpenLDAP]:
    """A running OpenLDAP with nobody in it."""
    server = OpenLDAP(tmp_path / "openldap")
    server.build()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def ldap_target(openldap: OpenLDAP) -> Iterator[OpenLdapTarget]:
    """The same, with its people."""
    with ExitStack() as closing:
        yield OpenLdapTarget(openldap, closing)
