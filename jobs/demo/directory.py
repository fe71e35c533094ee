"""A real OpenLDAP of one's own: built in a folder, started on a free port, gone with the process that started it.

It is what `idm demo` shows and what the tests talk to, so that there is one server configuration in the project. It is
also the configuration to copy from when a real OpenLDAP is prepared, line by line:

* TLS only: a password never crosses the wire in clear (`security simple_bind`).
* The service account may *write* passwords but neither read nor `manage` them: quality rules bind it too. A mere
  writer's reset does not set pwdReset, so the connector sets that itself.
* Each system has a service account of its own, which writes in that system's part and nowhere else.
* ppolicy: change at first sign-in (FK 6-2(9)②), lockout, a service account that cannot be locked out by strangers.
* `lastbind` and the overlay of that name: pwdLastSuccess is lost at each password change, authTimestamp is not.
* unique: a login name and our account UUID exist once, also when two workers create at the same moment.
* refint: whoever moves or deletes an entry, group membership follows. memberof is not loaded: the connector asks
  the groups themselves, and the overlay would make large groups several times slower.
"""

import secrets
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connectors.ldap import SCHEMA_FILE
from idm.errors import ConfigurationInvalid
from jobs.child_processes import die_with_parent, free_port, program, stop, wait_port
from jobs.demo.certificates import VALID_DAYS, Authority, expires_at

PACKAGE = "slapd, slapd-contrib"
SCHEMA_PLACES = (Path("/etc/ldap/schema"), Path("/etc/openldap/schema"))
MODULE_PLACES = (Path("/usr/lib/ldap"), Path("/usr/lib64/openldap"), Path("/usr/lib/openldap"))
RENEW_WITHIN = timedelta(days=30)

CONFIGURATION = """\
include "{schemas}/core.schema"
include "{schemas}/cosine.schema"
include "{schemas}/inetorgperson.schema"
include "{our_schema}"
pidfile "{folder}/slapd.pid"
argsfile "{folder}/slapd.args"
modulepath "{modules}"
moduleload back_mdb
moduleload ppolicy
moduleload unique
moduleload refint
moduleload lastbind
TLSCACertificateFile "{folder}/tls/ca.pem"
TLSCertificateFile "{folder}/tls/server.pem"
TLSCertificateKeyFile "{folder}/tls/server.key"
TLSProtocolMin 3.3
TLSVerifyClient never
disallow bind_anon
security simple_bind=128

database mdb
suffix "{base}"
rootdn "{administrator}"
rootpw "{administrator_password}"
directory "{folder}/db"
maxsize 4294967296
{syncing}
lastbind on
index objectClass,entryUUID,idmAccountUuid,uid,cn,member eq
index employeeNumber,mail eq
index authTimestamp,pwdLastSuccess,modifyTimestamp eq
sizelimit size.soft=500 size.hard=500 size.pr=500
{limits}
{passwords}
access to attrs=userPassword
  by self =w
  by anonymous auth
  by * none
{entries}
access to *
{readers}
  by self read
  by * none
overlay ppolicy
ppolicy_default "cn=default,ou=policies,{base}"
ppolicy_use_lockout
ppolicy_hash_cleartext
overlay unique
{unique}
overlay refint
refint_attributes member
refint_nothing "{placeholder}"
overlay lastbind
"""

LIMITS = 'limits dn.exact="{service}" size=unlimited size.pr=unlimited size.prtotal=unlimited'
PASSWORDS = """\
access to dn.subtree="{people}" attrs=userPassword
  by dn.exact="{service}" =w
  by self =w
  by anonymous auth
  by * none"""
ENTRIES = """\
access to dn.subtree="{people}"
  by dn.exact="{service}" write
  by users read
  by * none
access to dn.subtree="{groups}"
  by dn.exact="{service}" write
  by users read
  by * none"""
BRANCH_ENTRIES = """\
access to dn.subtree="{people}"
  by dn.exact="{service}" write
  by self read
  by * none
access to dn.subtree="{groups}"
  by dn.exact="{service}" write
  by * none
access to dn.subtree="{branch}"
  by dn.exact="{service}" read
  by * none"""
"""Nobody else reads what is in a branch: it is another system's, with another zone perhaps."""
READERS = '  by dn.exact="{service}" read'
UNIQUE = """\
unique_uri ldap:///{people}?uid?sub
unique_uri ldap:///{people}?idmAccountUuid?sub"""

SKELETON = """\
dn: {base}
objectClass: dcObject
objectClass: organization
o: {domain}
dc: {domain}

dn: {people}
objectClass: organizationalUnit
ou: people

dn: {groups}
objectClass: organizationalUnit
ou: groups

dn: ou=policies,{base}
objectClass: organizationalUnit
ou: policies

dn: cn=default,ou=policies,{base}
objectClass: organizationalRole
objectClass: pwdPolicy
cn: default
pwdAttribute: userPassword
pwdMustChange: TRUE
pwdMinLength: 12
pwdCheckQuality: 2
pwdInHistory: 3
pwdLockout: TRUE
pwdMaxFailure: 5
pwdLockoutDuration: 900
pwdFailureCountInterval: 900
pwdAllowUserChange: TRUE

dn: cn=services,ou=policies,{base}
objectClass: organizationalRole
objectClass: pwdPolicy
cn: services
pwdAttribute: userPassword
pwdMustChange: FALSE
pwdLockout: FALSE

dn: ou=services,{base}
objectClass: organizationalUnit
ou: services

"""
SERVICE = """\
dn: {service}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: {service_name}
pwdPolicySubentry: cn=services,ou=policies,{base}
userPassword: {service_password}

"""
BRANCH = """\
dn: {branch}
objectClass: organizationalUnit
ou: {branch_name}

dn: {people}
objectClass: organizationalUnit
ou: people

dn: {groups}
objectClass: organizationalUnit
ou: groups

"""


@dataclass(frozen=True)
class Part:
    """One system's own part of the directory, and the account of idm that may write there and nowhere else."""

    base: str
    """Where its people and groups are: the directory's own base, or a branch of it."""
    service_dn: str
    password_file: Path

    @property
    def people(self) -> str:
        """Where its accounts are."""
        return f"ou=people,{self.base}"

    @property
    def groups(self) -> str:
        """Where its groups are."""
        return f"ou=groups,{self.base}"

    def names(self) -> dict[str, str]:
        """What stands for what in the texts above."""
        return {
            "branch": self.base, "branch_name": _first_value(self.base), "people": self.people, "groups": self.groups,
            "service": self.service_dn, "service_name": _first_value(self.service_dn),
        }  # fmt: skip


class LocalDirectory:
    """One OpenLDAP in one folder. Passwords are random and lie in files that only the owner may read.

    Each of `branches` is the part of another system beside the first: `ou=NAME` below the base, with a service account
    `cn=idm-NAME` of its own.
    """

    host = "localhost"
    base_dn = "dc=example,dc=jp"
    people_base = f"ou=people,{base_dn}"
    groups_base = f"ou=groups,{base_dn}"
    service_dn = f"cn=idm,ou=services,{base_dn}"
    administrator_dn = f"cn=admin,{base_dn}"
    placeholder_dn = f"cn=placeholder,ou=services,{base_dn}"

    def __init__(self, folder: Path, *, durable: bool = True, branches: Sequence[str] = ()) -> None:
        if '"' in str(folder) or "\n" in str(folder):
            raise ConfigurationInvalid(f"フォルダー名に引用符や改行は使えません: {folder}")
        self.folder = folder.absolute()
        self.durable = durable
        self.ldaps_port = 0
        self.ca_file = self.folder / "tls" / "ca.pem"
        self.service_password_file = self.folder / "service.password"
        self.administrator_password_file = self.folder / "administrator.password"
        self.branches = {name: self._branch(name) for name in branches}
        self._process: subprocess.Popen[bytes] | None = None

    def build(self, seed_ldif: str = "") -> None:
        """Afterwards the folder holds a directory with these entries beside the skeleton; one already there is kept.

        The seed is loaded as a backup would be: operational attributes such as authTimestamp may be given, and no
        quality rule looks at its passwords. Raises ConfigurationInvalid naming what is wrong with it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._make_certificate()
        database = self.folder / "db"
        built = self.folder / "built"
        if not built.exists():
            shutil.rmtree(database, ignore_errors=True)
            database.mkdir(mode=0o700)
            for file in (*(part.password_file for part in self._parts), self.administrator_password_file):
                _write_secret(file, secrets.token_urlsafe(24))
        _write_secret(self._configuration_file, self.configuration())
        if not built.exists():
            self._offline("slapadd", "-q", ldif=self._skeleton() + seed_ldif)
            built.touch()

    def start(self, port: int | None = None) -> None:
        """Afterwards the directory answers on `ldaps_port`. Raises RuntimeError with slapd's own words.

        Where no port is given, another is tried if somebody took the one that was free a moment ago.
        """
        if port is None:
            with suppress(RuntimeError):
                return self._start(free_port())
        return self._start(port or free_port())

    def _start(self, port: int) -> None:
        self.ldaps_port = port
        log = self.folder / "slapd.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603  # slapd, with arguments of ours
                die_with_parent(self._command()), stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        try:
            wait_port(self._process, self.ldaps_port, log=log)
        except RuntimeError:
            self.stop()
            raise

    def stop(self) -> None:
        """Afterwards the directory is down; its data stays."""
        if self._process is not None:
            stop(self._process)
            self._process = None

    def put_in(self, values: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
        """Afterwards each entry (by its DN) has these values of these attributes, operational ones too, and no others.

        As after a backup was loaded in which they had been written; the directory is down for a moment. Raises
        ConfigurationInvalid naming what is wrong with them.
        """
        port = self.ldaps_port
        self.stop()
        entries = self._offline("slapcat", "-o", "ldif-wrap=no").split("\n\n")
        shutil.rmtree(self.folder / "db")
        (self.folder / "db").mkdir(mode=0o700)
        self._offline("slapadd", "-q", ldif="\n\n".join(_with_values(entry, values) for entry in entries))
        self.start(port)

    def service_password(self) -> str:
        """The password of the service account."""
        return self.service_password_file.read_text()

    def connector_settings(self) -> dict[str, object]:
        """What an "openldap" connector needs to know to reach this directory, all but the password."""
        return {
            "host": self.host,
            "port": self.ldaps_port,
            "ca_file": str(self.ca_file),
            "bind_dn": self.service_dn,
            "people_base": self.people_base,
            "groups_base": self.groups_base,
            "placeholder_member_dn": self.placeholder_dn,
            "password_policy_dn": f"cn=default,ou=policies,{self.base_dn}",
            "last_use_attribute": "authTimestamp",
        }

    def configuration(self) -> str:
        """The text of slapd.conf."""
        return CONFIGURATION.format(
            **self._names(),
            limits=self._for_each(LIMITS),
            passwords=self._for_each(PASSWORDS),
            entries="\n".join([ENTRIES.format(**self._names()), *self._for_branches(BRANCH_ENTRIES)]),
            readers=self._for_each(READERS),
            unique=self._for_each(UNIQUE),
            schemas=_first_existing(SCHEMA_PLACES),
            modules=_first_existing(MODULE_PLACES),
            our_schema=SCHEMA_FILE,
            folder=self.folder,
            administrator_password=self.administrator_password_file.read_text(),
            syncing="" if self.durable else "dbnosync",
        )

    @property
    def _configuration_file(self) -> Path:
        return self.folder / "slapd.conf"

    @property
    def _parts(self) -> list[Part]:
        return [Part(self.base_dn, self.service_dn, self.service_password_file), *self.branches.values()]

    def _branch(self, name: str) -> Part:
        return Part(
            f"ou={name},{self.base_dn}", f"cn=idm-{name},ou=services,{self.base_dn}", self.folder / f"{name}.password"
        )

    def _for_each(self, text: str) -> str:
        return "\n".join(text.format(**part.names()) for part in self._parts)

    def _for_branches(self, text: str) -> list[str]:
        return [text.format(**part.names()) for part in self.branches.values()]

    def _skeleton(self) -> str:
        services = (
            SERVICE.format(**part.names(), base=self.base_dn, service_password=part.password_file.read_text())
            for part in self._parts
        )
        return "".join([SKELETON.format(**self._names()), *services, *self._for_branches(BRANCH)])

    def _names(self) -> dict[str, str]:
        return {
            **self._parts[0].names(),
            "base": self.base_dn,
            "domain": _first_value(self.base_dn),
            "administrator": self.administrator_dn,
            "placeholder": self.placeholder_dn,
        }

    def _command(self) -> list[str]:
        # "-d none": in the foreground, and it still says why it cannot start; "-d 0" would hold even that back
        return [program("slapd", PACKAGE), "-f", str(self._configuration_file), "-h", self._listeners(), "-d", "none"]

    def _listeners(self) -> str:
        return f"ldaps://127.0.0.1:{self.ldaps_port}/"

    def _make_certificate(self) -> None:
        now = datetime.now(UTC)  # the machine's clock on purpose: every TLS client judges by it
        certificate = self.folder / "tls" / "server.pem"
        if not certificate.exists() or expires_at(certificate) < now + RENEW_WITHIN:
            authority = Authority("Local directory CA", now=now)
            not_after = now + timedelta(days=VALID_DAYS)
            # ldapsearch and its kin replace "localhost" by the machine's own name before they compare
            names = tuple(dict.fromkeys((self.host, socket.gethostname(), socket.getfqdn())))
            authority.issue(self.folder / "tls", names=names, not_before=now - timedelta(days=1), not_after=not_after)

    def _offline(self, tool: str, *options: str, ldif: str = "") -> str:
        command = [program(tool, PACKAGE), *options, "-f", str(self._configuration_file), "-b", self.base_dn]
        done = subprocess.run(command, input=ldif.encode(), capture_output=True)  # noqa: S603  # a tool of slapd's
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace")[-2000:]
            raise ConfigurationInvalid(f"ディレクトリの初期データを読み込めません: {said}")
        return done.stdout.decode()


def _with_values(entry: str, values: Mapping[str, Mapping[str, Sequence[str]]]) -> str:
    """The LDIF of an entry with what it has to have instead."""
    lines = entry.splitlines()
    wanted = values.get(lines[0].removeprefix("dn: "), {}) if lines else {}
    kept = [line for line in lines if line.partition(":")[0] not in wanted]
    return "\n".join([*kept, *(f"{name}: {value}" for name, those in wanted.items() for value in those)])


def _first_value(dn: str) -> str:
    return dn.partition(",")[0].partition("=")[2]


def _first_existing(places: tuple[Path, ...]) -> Path:
    for place in places:
        if place.is_dir():
            return place
    raise ConfigurationInvalid(f"OpenLDAP のファイルがありません。パッケージ {PACKAGE} を導入してください。")


def _write_secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
