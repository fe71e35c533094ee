"""389 Directory Server for tests, and what an administrator, a help desk and a user do at it from outside.

The second dialect of LDAP: a locked-out user hears 19, a disabled one 53, where OpenLDAP says 49 to both.
"""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key, pkcs12

from connectors.ldap import SCHEMA_FILE
from tests.servers import configuration_389 as configuration
from tests.servers.certificates import make_certificates
from tests.servers.ldap_tools import Administrator, Entry, LdapTools, ldif_line
from tests.servers.prepared import copy_tree, fingerprint, prepared
from tests.servers.processes import die_with_parent, free_port, program, stop, wait_port

PACKAGE = "389-ds-base"
NSS_PACKAGE = "libnss3-tools"
ACCOUNT = "dirsrv"
NICKNAME = "Server-Cert"
SECONDS_TO_ANSWER = 60
REFUSALS = {19: "constraintViolation", 49: "invalidCredentials", 53: "unwillingToPerform"}
"""What a sign-in may end with (RFC 4511 4.1.9); 389 says 19 when locked out or unused too long, 53 when disabled."""


class SignIn(NamedTuple):
    """What the directory said to somebody signing in: its result code (RFC 4511 4.1.9) and its own words.

    Who must change the password is let in for that only: not `ok`, though the password was right.
    """

    ok: bool
    code: int
    words: str

    @property
    def must_change(self) -> bool:
        """Whether the password was right and is good for changing it only."""
        return "Password must be changed" in self.words


class Directory389:
    """One directory in a folder of its own; it ends with the process that started it.

    The service account may keep people and the members of groups, and set passwords that it cannot read.
    """

    host = "localhost"
    base_dn = configuration.BASE
    people_base = configuration.PEOPLE
    groups_base = configuration.GROUPS
    service_dn = configuration.SERVICE
    administrator_dn = configuration.ADMINISTRATOR

    def __init__(self, folder: Path | None = None) -> None:
        # not under a test runner's folder: the account dirsrv could not enter it
        self.folder = (folder or Path(tempfile.mkdtemp(prefix="389-", dir="/tmp"))).absolute()
        self.ldaps_port = 0
        self.plain_port = 0
        self.ca_file = self.folder / "tls" / "good" / "ca.pem"
        self.service_password_file = self.folder / "secrets" / "service.password"
        self.administrator_password_file = self.folder / "secrets" / "administrator.password"
        self._account = ACCOUNT if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        self._process: subprocess.Popen[bytes] | None = None

    # --- its life

    def build(self) -> None:
        """Afterwards the folder holds a directory; one already there is kept."""
        if not (self.folder / "config").exists():
            with prepared("389", _version(), _make) as template:
                self._copy(template)
        self._make_certificate()
        self._give_to_server()

    def start(self) -> None:
        """Afterwards it answers on `ldaps_port`, and on `plain_port` to those who begin with StartTLS.

        Raises RuntimeError with the server's own words.
        """
        self.ldaps_port, self.plain_port = self.ldaps_port or free_port(), self.plain_port or free_port()
        ports = {"nsslapd-port": str(self.plain_port), "nsslapd-secureport": str(self.ldaps_port)}
        self._dse.write_text(configuration.changed(self._dse.read_text(), "cn=config", ports))
        command = ["-D", str(self._dse.parent), "-i", str(self.folder / "run" / "pid"), "-d", "0"]
        log = self.folder / "log" / "console"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                die_with_parent([program("ns-slapd", PACKAGE), *command], user=self._becomes),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
            )
        wait_port(self._process, self.ldaps_port, log=log, timeout_seconds=SECONDS_TO_ANSWER)

    def stop(self) -> None:
        """Afterwards it is down; its data and its ports stay."""
        if self._process is not None:
            stop(self._process)
            self._process = None

    def restart(self) -> None:
        """Afterwards it has been down and answers again where it did."""
        self.stop()
        self.start()

    def discard(self) -> None:
        """Afterwards it is down and its folder gone."""
        self.stop()
        shutil.rmtree(self.folder)

    # --- what a connector is told

    def service_password(self) -> str:
        """The password of the service account."""
        return self.service_password_file.read_text()

    # --- witnesses

    @property
    def tools(self) -> LdapTools:
        """The programs of the OpenLDAP project, for whoever signs in."""
        return LdapTools(f"ldaps://127.0.0.1:{self.ldaps_port}", self.ca_file)

    @property
    def administrator(self) -> Administrator:
        """The directory manager, whom no rule binds."""
        return Administrator(self.tools, self.administrator_dn, self.administrator_password_file)

    def apply(self, ldif: str, *extra: str) -> None:
        """Afterwards the administrator has made these changes (LDIF change records or new entries)."""
        self.administrator.apply(ldif, *extra)

    def read(self, dn: str, *attributes: str) -> Entry:
        """The attributes of an entry as the administrator sees them; empty when there is no such entry."""
        return self.administrator.read(dn, *attributes)

    def search(self, base: str, filter_text: str, *attributes: str, scope: str = "sub") -> dict[str, Entry]:
        """What the administrator finds, by DN."""
        return self.administrator.search(base, filter_text, *attributes, scope=scope)

    def people(self) -> list[str]:
        """The DNs of everyone in the directory."""
        return [*self.search(self.people_base, "(objectClass=*)", "1.1", scope="one")]

    def sign_in(self, dn: str, password: str) -> SignIn:
        """Whether the directory lets this person in, and what it says."""
        asked = ("-e", "ppolicy", "-LLL", "-s", "base", "-b", self.people_base, "1.1")
        done = self.tools.run_with("ldapsearch", dn, password, *asked)
        if done.returncode not in (0, *REFUSALS):
            raise RuntimeError(done.stderr.decode())
        return SignIn(done.returncode == 0, done.returncode, done.stderr.decode().strip())

    # --- what administrators do

    def add_person(self, uid: str, password: str | None = None, **attributes: str) -> str:
        """Afterwards there is an inetOrgPerson of that name, who must change a given password first. Its DN."""
        dn = f"uid={uid},{self.people_base}"
        given = {"objectClass": "inetOrgPerson", "uid": uid, "cn": uid, "sn": uid, **attributes}
        secret = {} if password is None else {"userPassword": password}
        self.apply("".join(ldif_line(name, value) for name, value in {"dn": dn, **given, **secret}.items()))
        return dn

    def add_group(self, name: str, *members: str) -> str:
        """Afterwards there is a groupOfNames with these members (DNs), which may be none. Its DN."""
        dn = f"cn={name},{self.groups_base}"
        lines = [ldif_line("dn", dn), ldif_line("objectClass", "groupOfNames"), ldif_line("cn", name)]
        self.apply("".join([*lines, *(ldif_line("member", member) for member in members)]))
        return dn

    def replace(self, dn: str, attribute: str, *values: str) -> None:
        """Afterwards the attribute has exactly these values."""
        lines = "".join(ldif_line(attribute, value) for value in values)
        self.apply(f"{ldif_line('dn', dn)}changetype: modify\nreplace: {attribute}\n{lines}")

    def reset_password(self, dn: str, password: str) -> None:
        """Afterwards the help desk has set this password, and it is good for changing it only."""
        self.replace(dn, "userPassword", password)

    def change_own_password(self, dn: str, old: str, new: str) -> None:
        """Afterwards this person has replaced a password by another (RFC 3062)."""
        done = self.tools.run_with("ldappasswd", dn, old, "-a", old, "-s", new)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.decode())

    def set_last_use(self, dn: str, moment: datetime) -> None:
        """Afterwards the entry says it was last used then."""
        self.replace(dn, "lastLoginTime", moment.astimezone(UTC).strftime("%Y%m%d%H%M%SZ"))

    # --- inside

    @property
    def _becomes(self) -> str | None:
        return self._account if os.getuid() == 0 else None

    @property
    def _dse(self) -> Path:
        return self.folder / "config" / "dse.ldif"

    def _copy(self, template: Path) -> None:
        """Only dse.ldif says where the folder is, and its name as a template occurs nowhere else."""
        self.folder.mkdir(parents=True, exist_ok=True)
        made_as = (template / "folder").read_text()
        for name in (*configuration.SUBFOLDERS, "secrets"):
            copy_tree(template / name, self.folder / name)
        for region in (self.folder / "db").glob("__db.*"):  # shared memory of the one that ran; made anew
            region.unlink()
        self._dse.write_text(self._dse.read_text().replace(made_as, str(self.folder)))

    def _make_passwords(self) -> None:
        for file in (self.service_password_file, self.administrator_password_file):
            file.parent.mkdir(mode=0o700, exist_ok=True)
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(24))

    def _make_certificate(self) -> None:
        """The server wants key and certificates in a database of Mozilla's NSS."""
        made = make_certificates(self.folder / "tls").good
        key = load_pem_private_key(made.key_file.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        bundle = self.folder / "tls" / "server.p12"
        bundle.write_bytes(
            pkcs12.serialize_key_and_certificates(
                NICKNAME.encode(),
                key,
                x509.load_pem_x509_certificate(made.certificate_file.read_bytes()),
                [x509.load_pem_x509_certificate(made.ca_file.read_bytes())],
                BestAvailableEncryption(NICKNAME.encode()),
            )
        )
        for old in ("cert9.db", "key4.db", "pkcs11.txt"):
            (self._dse.parent / old).unlink(missing_ok=True)
        place = f"sql:{self._dse.parent}"
        _call("certutil", NSS_PACKAGE, "-N", "-d", place, "--empty-password")
        _call("pk12util", NSS_PACKAGE, "-i", str(bundle), "-d", place, "-W", NICKNAME, "-K", "")
        _call("certutil", NSS_PACKAGE, "-A", "-n", "CA", "-t", "CT,,", "-i", str(made.ca_file), "-d", place)

    def _give_to_server(self) -> None:
        if self._becomes:
            owner = pwd.getpwnam(self._becomes)
            for name in configuration.SUBFOLDERS:
                for path in (self.folder / name, *(self.folder / name).rglob("*")):
                    os.chown(path, owner.pw_uid, owner.pw_gid)
            self.folder.chmod(0o711)


def _make(folder: Path) -> None:
    """Afterwards the folder holds an empty directory with its skeleton, stopped in order."""
    made = Directory389(folder)
    (folder / "folder").write_text(str(folder))
    made._make_passwords()
    password = made.administrator_password_file.read_text()
    configuration.write_configuration(folder, account=made._account, administrator_password=password)
    made._make_certificate()
    made._give_to_server()
    made.start()
    try:
        made.apply(configuration.skeleton(made.service_password()))
        made.apply(configuration.AT_LAST)
    finally:
        made.stop()


@cache
def _version() -> str:
    said = subprocess.run([program("ns-slapd", PACKAGE), "-v"], capture_output=True, text=True)  # its status is 1
    recipe = (Path(__file__), Path(configuration.__file__), SCHEMA_FILE)
    return fingerprint(said.stdout, said.stderr, *(path.read_text() for path in recipe))


def _call(name: str, package: str, *arguments: str) -> str:
    done = subprocess.run([program(name, package), *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{name} {arguments[0]}: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout
