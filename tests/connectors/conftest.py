"""Real directories for the connector tests, one per test, and the memory twin dressed the same way."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.ldap.connector import LdapConnector
from connectors.ldap.dialects.openldap import OpenLdap
from connectors.ldap.distinguished_names import child
from connectors.ldap.plain_connectors import open_openldap
from connectors.ldap.settings import LdapSettings
from idm.ports import PasswordPolicy
from tests.connectors.entra_tenant import graph, own_certificate, tenant_target
from tests.connectors.target import Facts
from tests.servers.cutting_proxy import CuttingProxy
from tests.servers.openldap import OpenLDAP
from tests.servers.samba_ad import SambaAD

__all__ = ["graph", "own_certificate", "tenant_target"]

LIVE = {"live_directory": "--live-directory", "live_tenant": "--live"}
"""Marker of tests at what only its owner has → the option that names it."""


def pytest_configure(config: pytest.Config) -> None:
    """Some tests are for a directory that only its owner has."""
    config.addinivalue_line("markers", "live_directory: runs at a test domain, with --live-directory only")
    config.addinivalue_line("markers", "live_tenant: runs in a test tenant of Entra ID, with --live only")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a domain its tests are not there; they are not skipped, for nobody forgot anything."""
    missing = [marker for marker, option in LIVE.items() if config.getoption(option) is None]
    live = [item for item in items if any(item.get_closest_marker(marker) for marker in missing)]
    if live:
        items[:] = [item for item in items if item not in live]
        config.hook.pytest_deselected(items=live)


def now() -> datetime:
    """The directory's own time."""
    return datetime.now(UTC)


class OpenLdapTarget:
    """A running OpenLDAP with its people and programs; see `target.Target`."""

    facts = Facts()

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

    def everybodys_groups(self) -> frozenset[str]:
        """None."""
        return frozenset()

    def put_into_group(self, outer: str, inner: str) -> None:
        """Somebody puts one group into another."""
        inner_dn = child("cn", inner, self.server.groups_base)
        self.server.apply(
            f"dn: {child('cn', outer, self.server.groups_base)}\nchangetype: modify\nadd: member\nmember: {inner_dn}\n"
        )

    def other_container(self) -> str:
        """A unit below the people."""
        dn = f"ou=elsewhere,{self.server.people_base}"
        if not self.server.read(dn, "ou"):
            self.server.apply(f"dn: {dn}\nobjectClass: organizationalUnit\nou: elsewhere\n")
        return dn

    def outside_container(self) -> str:
        """Where the policies are."""
        return f"ou=policies,{self.server.base_dn}"

    def choose_password(self, login_name: str, old: str, new: str) -> None:
        """The person has replaced a password by one of their own (RFC 3062)."""
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(old)
            file.flush()
            done = self.server.run("ldappasswd", self.dn(login_name), Path(file.name), "-s", new)
        assert done.returncode == 0, done.stderr.decode()

    def rules(self) -> PasswordPolicy:
        """As the demonstration's directory is built."""
        return PasswordPolicy(
            name=f"cn=default,ou=policies,{self.server.base_dn}",
            is_default=True,
            minimum_length=12,
            complex=False,
            history=3,
            maximum_age=None,
            lockout_after=5,
            lockout_for=timedelta(minutes=15),
        )

    def give_own_rules(self, login_name: str) -> None:
        """A policy of its own, as ppolicy has it."""
        dn = f"cn=strict,ou=policies,{self.server.base_dn}"
        self.server.apply(
            f"dn: {dn}\nobjectClass: organizationalRole\nobjectClass: pwdPolicy\ncn: strict\n"
            f"pwdAttribute: userPassword\npwdMinLength: 20\n\n"
            f"dn: {self.dn(login_name)}\nchangetype: modify\nadd: pwdPolicySubentry\npwdPolicySubentry: {dn}\n"
        )

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


@pytest.fixture(scope="module")
def samba() -> Iterator[SambaAD]:
    """A running domain controller, one for all tests of a module."""
    server = SambaAD()
    server.build()
    server.start()
    yield server
    server.discard()
