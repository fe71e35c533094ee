"""A directory of many accounts to measure with: real OpenLDAP, durable, over TLS, restorable to its first state."""

import base64
import random
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from connectors.ldap.connector import LdapConnector
from connectors.ldap.dialects.openldap import OpenLdap
from connectors.ldap.settings import LdapSettings
from connectors.registry import open_directory
from idm.ports import Attributes, CreateAccount
from jobs.demo.directory import LocalDirectory
from tests.benchmarks.harness import Command, apart

DORMANT_EVERY = 100
ACTIVE, DORMANT = "20261101000000Z", "20240101000000Z"


class WithMemberOf(LocalDirectory):
    """A directory that also writes on each account which groups it is in, as many are set up."""

    def configuration(self) -> str:
        """The text of slapd.conf."""
        loaded = super().configuration().replace("moduleload refint\n", "moduleload refint\nmoduleload memberof\n")
        return loaded.replace("overlay refint\n", "overlay memberof\noverlay refint\n")


class SampleDirectory:
    """One account in a hundred has not been used since 2024; the groups `g0`, `g1`, … have nobody in them."""

    def __init__(self, folder: Path, accounts: int, *, groups: int = 0, memberof: bool = False) -> None:
        self.accounts = accounts
        self.groups = groups
        self.server = (WithMemberOf if memberof else LocalDirectory)(folder / "directory")
        self._kept = folder / "first state"

    def start(self) -> None:
        """Afterwards the accounts are in the directory, their state is kept aside, and it answers."""
        apart(self._build)
        _copy(self.server.folder / "db", self._kept)
        self.server.start()

    def _build(self) -> None:
        people = new_accounts(self.accounts, prefix="u")
        seeded = "".join(self._seeded(number, person) for number, person in enumerate(people))
        self.server.build(seeded + "".join(self._group(number) for number in range(self.groups)))

    def restore(self) -> None:
        """Afterwards the directory is as it was built, and answers where it did."""
        port = self.server.ldaps_port
        self.server.stop()
        _copy(self._kept, self.server.folder / "db")
        self.server.start(port)

    def stop(self) -> None:
        """Afterwards the directory is down."""
        self.server.stop()

    def settings(self) -> LdapSettings:
        """The settings of a connector to it."""
        return LdapSettings.from_mapping(
            self.server.connector_settings(), self.server.service_password(), OpenLdap.defaults
        )

    def connector(self) -> LdapConnector:
        """A connector to it."""
        connector = open_directory("openldap", self.server.connector_settings(), self.server.service_password())
        assert isinstance(connector, LdapConnector)
        return connector

    def ldif(self, people: Iterable[CreateAccount]) -> str:
        """The same accounts as the connector creates, for `ldapmodify -a`."""
        return "".join(f"{self._entry(person)}pwdEndTime: 19700101000000Z\n\n" for person in people)

    def command(self, program: str, *arguments: str) -> Command:
        """A program of the OpenLDAP project, signed in over TLS as the same service account."""
        signed_in = ("-x", "-H", f"ldaps://localhost:{self.server.ldaps_port}", "-D", self.server.service_dn)
        password = ("-y", str(self.server.service_password_file))
        return Command((program, *signed_in, *password, *arguments), {"LDAPTLS_CACERT": str(self.server.ca_file)})

    def ldapsearch(self, condition: str, attributes: Iterable[str], *, paged: bool) -> Command:
        """The search people would type."""
        paging = ("-E", "pr=1000/noprompt") if paged else ()
        return self.command("ldapsearch", "-LLL", *paging, "-b", self.server.people_base, condition, *attributes)

    def _seeded(self, number: int, person: CreateAccount) -> str:
        used = ACTIVE if number % DORMANT_EVERY else DORMANT
        return f"{self._entry(person)}authTimestamp: {used}\nmodifyTimestamp: {DORMANT}\n\n"

    def _group(self, number: int) -> str:
        return (
            f"dn: cn=g{number},{self.server.groups_base}\nobjectClass: groupOfNames\ncn: g{number}\n"
            f"member: {self.server.placeholder_dn}\n\n"
        )

    def _entry(self, person: CreateAccount) -> str:
        said = person.attributes
        return (
            f"dn: uid={said.login_name},{self.server.people_base}\n"
            "objectClass: inetOrgPerson\nobjectClass: idmAccount\n"
            f"uid: {said.login_name}\nidmAccountUuid: {person.account_uuid}\nemployeeNumber: {said.employee_number}\n"
            f"mail: {said.mail}\ncn:: {_base64(said.display_name)}\ndisplayName:: {_base64(said.display_name)}\n"
            f"sn:: {_base64(said.family_name)}\ngivenName:: {_base64(said.given_name)}\nou:: {_base64('総務課')}\n"
        )


def new_accounts(count: int, *, prefix: str) -> list[CreateAccount]:
    """That many accounts to create, the same ones each time."""
    chance = random.Random(prefix)  # a fixed seed, so that every run measures the same bytes
    return [
        CreateAccount(
            UUID(int=chance.getrandbits(128), version=4),
            Attributes(
                login_name=f"{prefix}{number:06d}",
                display_name=f"髙橋　太郎{number}",
                family_name="髙橋",
                given_name=f"太郎{number}",
                employee_number=f"{number:07d}",
                mail=f"{prefix}{number:06d}@town.example.jp",
                unit_name="総務課",
            ),
        )
        for number in range(count)
    ]


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _copy(source: Path, destination: Path) -> None:
    shutil.rmtree(destination, ignore_errors=True)
    # the database file is mostly a hole, which only cp keeps
    subprocess.run(["cp", "--recursive", "--sparse=always", str(source), str(destination)], check=True)
