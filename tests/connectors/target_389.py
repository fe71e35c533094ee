"""A 389 Directory Server with its people and programs: what the contract does at it."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta

from connectors.ldap.connector import LdapConnector
from connectors.ldap.distinguished_names import child
from connectors.ldap.plain_connectors import open_directory_389
from idm.ports import PasswordPolicy
from tests.connectors.target import Facts
from tests.servers.cutting_proxy import CuttingProxy
from tests.servers.directory_389 import Directory389
from tests.servers.ldap_tools import ldif_line

UNWILLING = 53


class Target389:
    """See `target.Target`. Whoever was there before is gone."""

    facts = Facts(
        ends_accounts=False,
        awkward_names=("o'hara, k+1", 'a"b<c>d;e\\f#g=h', "#1", "a*b(c)d", "a&b|c!d"),  # 7-bit only, as delivered
    )

    def __init__(self, server: Directory389, closing: ExitStack, clock: Callable[[], datetime]) -> None:
        self.server = server
        self._closing = closing
        self._clock = clock
        self._clear()

    def connector_settings(self) -> dict[str, object]:
        """What a connector needs to know, all but the password."""
        return {
            "host": self.server.host,
            "port": self.server.ldaps_port,
            "ca_file": str(self.server.ca_file),
            "bind_dn": self.server.service_dn,
            "people_base": self.server.people_base,
            "groups_base": self.server.groups_base,
        }

    def connector(self, *, clock: Callable[[], datetime] | None = None, **changes: object) -> LdapConnector:
        """A connector, closed at the end of the test."""
        values = {**self.connector_settings(), **changes}
        connector = open_directory_389(values, self.server.service_password(), clock or self._clock)
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
        lines = {"dn": dn, "objectClass": "groupOfNames", "cn": name}
        self.server.apply("".join(ldif_line(attribute, value) for attribute, value in lines.items()))

    def everybodys_groups(self) -> frozenset[str]:
        """None."""
        return frozenset()

    def put_into_group(self, outer: str, inner: str) -> None:
        """Somebody puts one group into another."""
        groups = self.server.groups_base
        self.server.apply(f"dn: cn={outer},{groups}\nchangetype: modify\nadd: member\nmember: cn={inner},{groups}\n")

    def other_container(self) -> str:
        """A unit below the people."""
        dn = f"ou=elsewhere,{self.server.people_base}"
        if not self.server.read(dn, "ou"):
            self.server.apply(f"dn: {dn}\nobjectClass: organizationalUnit\nou: elsewhere\n")
        return dn

    def outside_container(self) -> str:
        """Where the service account itself is."""
        return f"ou=services,{self.server.base_dn}"

    def add_foreign_account(self, login_name: str) -> None:
        """Somebody makes an account by hand."""
        self.server.add_person(login_name)

    def choose_password(self, login_name: str, old: str, new: str) -> None:
        """The person has replaced a password by one of their own."""
        self.server.change_own_password(self.dn(login_name), old, new)

    def rules(self) -> PasswordPolicy:
        """As the directory is built."""
        return PasswordPolicy(
            name="cn=config",
            is_default=True,
            minimum_length=10,
            complex=True,
            history=3,
            maximum_age=None,
            lockout_after=3,
            lockout_for=timedelta(minutes=15),
        )

    def give_own_rules(self, login_name: str) -> None:
        """A local policy, as `dsconf localpwp adduser` makes it."""
        container = f"cn=nsPwPolicyContainer,{self.server.people_base}"
        policy = f"cn=strict,{container}"
        entries = (
            f"dn: {container}\nobjectClass: nsContainer\ncn: nsPwPolicyContainer\n\n"
            f"dn: {policy}\nobjectClass: ldapsubentry\nobjectClass: passwordPolicy\ncn: strict\n"
            "passwordCheckSyntax: on\npasswordMinLength: 20\n"
        )
        self.server.apply(entries)
        self.server.replace(self.dn(login_name), "pwdpolicysubentry", policy)

    def sign_in(self, login_name: str, password: str) -> bool:
        """Somebody tries to get in; a password that must be changed gets in so far."""
        if not password:
            return False
        said = self.server.sign_in(self.dn(login_name), password)
        return said.ok or (said.code == UNWILLING and "must be changed" in said.words)

    def reset_password(self, login_name: str, password: str) -> None:
        """Somebody at the help desk sets a password."""
        self.server.reset_password(self.dn(login_name), password)

    def set_last_use(self, login_name: str, moment: datetime) -> None:
        """The account was last used then."""
        self.server.set_last_use(self.dn(login_name), moment)

    def stop(self) -> None:
        """The directory goes down."""
        self.server.stop()

    def start(self) -> None:
        """It comes back where it was."""
        self.server.start()

    def _clear(self) -> None:
        """Afterwards nobody is in the directory but those who were there at first."""
        server = self.server
        everything = "(|(objectClass=*)(objectClass=ldapsubentry))"
        places = (f",{server.people_base}", f",{server.groups_base}")
        left = [dn for dn in server.search(server.base_dn, everything, "1.1") if dn.endswith(places)]
        if left:
            deepest_first = sorted(left, key=lambda dn: -dn.count(","))
            server.apply("\n".join(f"{ldif_line('dn', dn)}changetype: delete\n" for dn in deepest_first))
