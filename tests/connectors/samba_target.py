"""A Samba domain with its people and programs: what the contract does at it."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta

from connectors.ldap.active_directory.connector import ActiveDirectoryConnector, open_active_directory
from connectors.ldap.distinguished_names import child
from idm.ports import SOURCE_LAG, LastUseSource, PasswordPolicy
from tests.connectors.target import Facts
from tests.servers.cutting_proxy import CuttingProxy
from tests.servers.ldap_tools import ldif_line
from tests.servers.samba_ad import SambaAD

MUST_CHANGE = "773"
"""The password is right, and good for nothing but being changed: which nobody can do by LDAP then."""


class SambaTarget:
    """See `target.Target` and `ability_contracts.GuardedTarget`. Whoever was there before is gone."""

    facts = Facts(
        last_use_lag=SOURCE_LAG[LastUseSource.LAST_LOGON_TIMESTAMP],
        dates_temporary_passwords=False,
        awkward_group="税務(照会)#1",
        awkward_names=("o'hara k-1", "a#b!c", "#1", "葛󠄀城", "髙﨑", "a(b)c&d", "x^{y}~z"),
    )

    def __init__(self, server: SambaAD, closing: ExitStack, clock: Callable[[], datetime]) -> None:
        self.server = server
        self._closing = closing
        self._clock = clock
        self._clear()

    def connector_settings(self) -> dict[str, object]:
        """What a connector needs to know, all but the password."""
        return {
            "host": self.server.host,
            "ca_file": str(self.server.ca_file),
            "bind_dn": self.server.service_dn,
            "people_base": self.server.people_ou,
            "more_people_bases": [self.server.stopped_ou],
            "groups_base": self.server.groups_ou,
            "upn_suffix": self.server.domain,
        }

    def connector(self, *, clock: Callable[[], datetime] | None = None, **changes: object) -> ActiveDirectoryConnector:
        """A connector, closed at the end of the test."""
        values = {**self.connector_settings(), **changes}
        connector = open_active_directory(values, self.server.service_password(), clock or self._clock)
        self._closing.callback(connector.close)
        return connector

    def forgetful_connector(self, *, done: Callable[[], bool]) -> ActiveDirectoryConnector:
        """A connector whose wire is cut at the first answer after `done`."""
        proxy = self._closing.enter_context(CuttingProxy(self.server.ldaps_port, server_host=self.server.host))
        proxy.cut_when = done
        return self.connector(host="localhost", port=proxy.port)

    def dn(self, login_name: str) -> str:
        """Where an account is."""
        return child("CN", login_name, self.server.people_ou)

    def exists(self, login_name: str) -> bool:
        """Whether the account is there."""
        return bool(self.server.read(self.dn(login_name), "cn"))

    def add_group(self, name: str) -> None:
        """Somebody makes a group with nobody in it."""
        dn = child("CN", name, self.server.groups_ou)
        lines = {"dn": dn, "objectClass": "group", "sAMAccountName": name}
        self.server.apply("".join(ldif_line(attribute, value) for attribute, value in lines.items()))

    def everybodys_groups(self) -> frozenset[str]:
        """Their primary group."""
        return frozenset({str(self.server.guid(f"CN=Domain Users,CN=Users,{self.server.base_dn}"))})

    def put_into_group(self, outer: str, inner: str) -> None:
        """Somebody puts one group into another."""
        groups = self.server.groups_ou
        self.server.apply(f"dn: CN={outer},{groups}\nchangetype: modify\nadd: member\nmember: CN={inner},{groups}\n")

    def other_container(self) -> str:
        """Where leavers are kept."""
        return self.server.stopped_ou

    def outside_container(self) -> str:
        """Where the service account itself is."""
        return self.server.services_ou

    def add_foreign_account(self, login_name: str) -> None:
        """Somebody makes an account by hand."""
        self.server.add_user(login_name, "Given-by-hand-1")

    def choose_password(self, login_name: str, old: str, new: str) -> None:
        """The person has replaced a password: by Kerberos or a remote procedure call, whose outcome this is."""
        self.server.reset_password(self.dn(login_name), new)

    def rules(self) -> PasswordPolicy:
        """As the domain is built."""
        return PasswordPolicy(
            name=self.server.base_dn,
            is_default=True,
            minimum_length=10,
            complex=True,
            history=3,
            maximum_age=timedelta(days=42),
            lockout_after=3,
            lockout_for=timedelta(minutes=30),
        )

    def give_own_rules(self, login_name: str) -> None:
        """A password settings object, which the service account was let read."""
        self.server.add_password_settings_object("strict", 10, "--min-pwd-length=20", applies_to=login_name)
        self.server.let_service_read(f"CN=Password Settings Container,CN=System,{self.server.base_dn}")

    def sign_in(self, login_name: str, password: str) -> bool:
        """Somebody tries to get in; a password that must be changed gets in so far."""
        if not password:
            return False  # an empty one is an anonymous visitor, whom the program lets in and the domain shows nothing
        said = self.server.sign_in(f"{login_name}@{self.server.domain}", password)
        return said.ok or said.code == MUST_CHANGE

    def reset_password(self, login_name: str, password: str) -> None:
        """Somebody at the help desk sets a password."""
        self.server.reset_password(self.dn(login_name), password)

    def set_last_use(self, login_name: str, moment: datetime) -> None:
        """The account was last used then, as every domain controller knows after a while."""
        self.server.set_last_logon_timestamp(self.dn(login_name), moment)

    def make_administrator(self, login_name: str) -> None:
        """Somebody puts an account into Domain Admins."""
        admins = f"CN=Domain Admins,CN=Users,{self.server.base_dn}"
        self.server.apply(f"dn: {admins}\nchangetype: modify\nadd: member\nmember: {self.dn(login_name)}\n")

    def stop(self) -> None:
        """The domain controller goes down."""
        self.server.stop()

    def start(self) -> None:
        """It comes back where it was."""
        self.server.start()

    def _clear(self) -> None:
        """Afterwards nobody is in the domain but those who were there at first."""
        server = self.server
        settings = f"CN=Password Settings Container,CN=System,{server.base_dn}"
        kinds = "(|(objectClass=user)(objectClass=group)(objectClass=msDS-PasswordSettings))"
        places = (server.people_ou, server.stopped_ou, server.groups_ou, settings)
        left = [dn for dn in server.search(server.base_dn, kinds, "1.1") if dn.endswith(places)]
        if left:
            server.apply("\n".join(f"{ldif_line('dn', dn)}changetype: delete\n" for dn in left))
