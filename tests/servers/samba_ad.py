"""Active Directory for tests: a real Samba domain controller (LDAP only), and what administrators and users do at it.

Where Samba is known to answer otherwise than Active Directory, a test that leans on it proves nothing about the real
one: it limits neither pages nor ranges of values (tests.servers.limits_proxy does), enables accounts without a
password, knows no AdminSDHolder, and honours no permissive modify for `member`.
"""

import re
import secrets
import shutil
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from idm.errors import ConfigurationInvalid
from tests.servers.addresses import OwnAddress
from tests.servers.certificates import make_certificates
from tests.servers.ldap_tools import Administrator, Entry, LdapTools, ldif_line, raw
from tests.servers.prepared import copy_tree, fingerprint, prepared
from tests.servers.processes import die_with_parent, program, stop, wait_port

PACKAGES = "samba, samba-ad-provision, samba-dsdb-modules, samba-vfs-modules, python3-samba"
PORTS = (389, 636, 3268, 3269)
"""LDAP, LDAPS and the two of the global catalogue: no option of Samba changes them."""

COPIED = ("private", "state")
SUBFOLDERS = ("etc", "cache", "lock", "pid", "ncalrpc", "bind-dns", "winbindd")
SECONDS_TO_ANSWER = 30
LONGEST_FOLDER = 70
"""Bytes. Samba's sockets lie up to 35 bytes deeper, and the system takes 107 (unix(7))."""
INVALID_CREDENTIALS = 49
FILETIME_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
"""[MS-DTYP] 2.3.3: hundreds of nanoseconds are counted from here."""

# `ldb:nosync` spares the disk; without `/8` Samba finds no interface.
CONFIGURATION = """\
[global]
    workgroup = {workgroup}
    realm = {realm}
    netbios name = {computer}
    server role = active directory domain controller
    server services = ldap
    dcerpc endpoint servers =
    interfaces = {host}/8
    bind interfaces only = yes
    private dir = {folder}/private
    state directory = {folder}/state
    cache directory = {folder}/cache
    lock directory = {folder}/lock
    pid directory = {folder}/pid
    ncalrpc dir = {folder}/ncalrpc
    binddns dir = {folder}/bind-dns
    winbindd socket directory = {folder}/winbindd
    ntp signd socket directory = {folder}/ntp
    log file = {folder}/log.%m
    log level = 1
    tls enabled = yes
    tls keyfile = {folder}/tls/good/server.key
    tls certfile = {folder}/tls/good/server.pem
    tls cafile = {folder}/tls/good/ca.pem
    idmap_ldb:use rfc2307 = yes
    load printers = no
    disable spoolss = yes
    ldb:nosync = true
    old password allowed period = {old_password_minutes}
[sysvol]
    path = {folder}/state/sysvol
    read only = no
[netlogon]
    path = {folder}/state/sysvol/{domain}/scripts
    read only = no
"""

# [MS-ADTS] 5.1.3.2.1 control access rights; [MS-ADSC], [MS-ADA2] schemaIDGUIDs.
USER_CLASS = "bf967aba-0de6-11d0-a285-00aa003049e2"
GROUP_CLASS = "bf967a9c-0de6-11d0-a285-00aa003049e2"
MEMBER_ATTRIBUTE = "bf9679c0-0de6-11d0-a285-00aa003049e2"
RESET_PASSWORD = "00299570-246d-11d0-a768-00aa006e0529"
MAY_KEEP_USERS = (
    f"(OA;CI;CCDC;{USER_CLASS};;{{sid}})"  # create and delete users
    f"(OA;CIIO;RPWP;;{USER_CLASS};{{sid}})"  # read and write what they have, lockoutTime and pwdLastSet among it
    f"(OA;CIIO;CR;{RESET_PASSWORD};{USER_CLASS};{{sid}})"
)
MAY_CHANGE_MEMBERS = f"(OA;CIIO;RPWP;{MEMBER_ATTRIBUTE};{GROUP_CLASS};{{sid}})"

PASSWORD_SETTINGS = (
    "--complexity=on",
    "--min-pwd-length=10",
    "--history-length=3",
    "--min-pwd-age=0",
    "--max-pwd-age=42",
    "--account-lockout-threshold=3",
    "--account-lockout-duration=30",
    "--reset-account-lockout-after=30",
)


class SignIn(NamedTuple):
    """What the directory said to somebody signing in: `code` is AD's own reason ("52e", "773" ...), empty when let in.

    52e wrong password, 532 expired, 533 disabled, 701 account expired, 773 must change, 775 locked
    (https://learn.microsoft.com/windows/win32/debug/system-error-codes, the values in hexadecimal).
    """

    ok: bool
    code: str


class SambaAD:
    """One domain controller in a folder and on an address of its own; it ends with the process that started it.

    The service account may do what an organisation delegates to it in three OUs, and is no administrator.
    `old_password_minutes`: how long a password that was changed or reset is still good (Samba's own default is 60).
    """

    realm = "AD.EXAMPLE.JP"
    domain = "ad.example.jp"
    workgroup = "TOWN"
    computer = "DC1"
    base_dn = "DC=ad,DC=example,DC=jp"
    people_ou = f"OU=People,{base_dn}"
    groups_ou = f"OU=Groups,{base_dn}"
    stopped_ou = f"OU=Stopped,{base_dn}"
    services_ou = f"OU=Services,{base_dn}"
    service_name = "svc-idm"
    service_upn = f"{service_name}@{domain}"
    service_dn = f"CN={service_name},{services_ou}"
    administrator_dn = f"CN=Administrator,CN=Users,{base_dn}"
    ldaps_port = 636

    def __init__(self, folder: Path | None = None, *, old_password_minutes: int = 0) -> None:
        self.folder = (folder or Path(tempfile.mkdtemp(prefix="samba-", dir="/tmp"))).absolute()
        if len(bytes(self.folder)) > LONGEST_FOLDER:
            raise ValueError(f"too long for Samba's sockets: {self.folder}")
        self.old_password_minutes = old_password_minutes
        self.host = ""
        self.ca_file = self.folder / "tls" / "good" / "ca.pem"
        self.service_password_file = self.folder / "private" / "service.password"
        self.administrator_password_file = self.folder / "private" / "administrator.password"
        self._address: OwnAddress | None = None
        self._process: subprocess.Popen[bytes] | None = None

    # --- its life

    def build(self) -> None:
        """Afterwards the folder holds a domain, and `host` is the address it will answer on; one already there is kept.

        Provisioning takes seconds: it is done once per machine and version, and copied.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / "private").exists():
            version = fingerprint(_version(), Path(__file__).read_text())
            with prepared("samba", version, _provision) as template:
                for name in COPIED:
                    copy_tree(template / name, self.folder / name)
        self._address = self._address or OwnAddress(PORTS)
        self.host = self._address.host
        self._configure()

    def start(self) -> None:
        """Afterwards it answers on `host`, port `ldaps_port`. Raises RuntimeError with Samba's own words."""
        command = ["-i", "-M", "single", "--debug-stdout", "-s", str(self.configuration_file)]
        log = self.folder / "samba.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                die_with_parent([program("samba", PACKAGES), *command]),
                stdin=subprocess.PIPE,  # with -i it ends at the end of its input: also when this process was killed
                stdout=output,
                stderr=output,
            )
        self._wait(self._process, log)

    def stop(self) -> None:
        """Afterwards it is down; its data and its address stay."""
        if self._process is not None:
            stop(self._process)
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process = None

    def restart(self) -> None:
        """Afterwards it has been down and answers again where it did."""
        self.stop()
        self.start()

    def accept_old_passwords(self, minutes: int) -> None:
        """Afterwards it takes an account's former password for so long beside the new one."""
        self.old_password_minutes = minutes
        self._configure()
        self.restart()

    def discard(self) -> None:
        """Afterwards it is down, its folder gone and its address free."""
        self.stop()
        if self._address is not None:
            self._address.release()
            self._address = None
        shutil.rmtree(self.folder)

    # --- what a connector is told

    def service_password(self) -> str:
        """The password of the service account."""
        return self.service_password_file.read_text()

    # --- witnesses

    @property
    def tools(self) -> LdapTools:
        """The programs of the OpenLDAP project, for whoever signs in."""
        return LdapTools(f"ldaps://{self.host}:{self.ldaps_port}", self.ca_file)

    @property
    def administrator(self) -> Administrator:
        """The domain's own administrator."""
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

    def guid(self, dn: str) -> UUID:
        """The objectGUID of an entry ([MS-DTYP] 2.3.4: its first three fields have their low bytes first)."""
        return UUID(bytes_le=raw(self.read(dn, "objectGUID")["objectGUID"][0]))

    def sign_in(self, name: str, password: str) -> SignIn:
        """Whether the directory lets in whoever has this UPN or DN, and its reason if not."""
        done = self.tools.run_with("ldapsearch", name, password, "-LLL", "-s", "base", "-b", self.base_dn, "1.1")
        if done.returncode == 0:
            return SignIn(True, "")
        said = done.stderr.decode()
        reason = re.search(r"\bdata ([0-9a-f]+)", said)
        if done.returncode != INVALID_CREDENTIALS or reason is None:
            raise RuntimeError(said)
        return SignIn(False, reason[1])

    # --- what administrators do

    def add_user(
        self, name: str, password: str | None = None, *, ou: str | None = None, **attributes: str | list[str]
    ) -> str:
        """Afterwards there is a user with that CN, sAMAccountName and UPN, enabled if it has a password. Its DN."""
        dn = f"CN={name},{ou or self.people_ou}"
        given = {
            "objectClass": "user",
            "sAMAccountName": name,
            "userPrincipalName": f"{name}@{self.domain}",
            "userAccountControl": "514" if password is None else "512",
            **attributes,
        }
        secret = [] if password is None else [ldif_line("unicodePwd", unicode_password(password))]
        self.apply("".join([ldif_line("dn", dn), *_lines(given), *secret]))
        return dn

    def add_group(self, name: str, *members: str, ou: str | None = None) -> str:
        """Afterwards there is a global security group with these members (DNs). Its DN."""
        dn = f"CN={name},{ou or self.groups_ou}"
        self.apply(
            "".join(
                [ldif_line("dn", dn), *_lines({"objectClass": "group", "sAMAccountName": name, "member": [*members]})]
            )
        )
        return dn

    def replace(self, dn: str, attribute: str, *values: str | bytes) -> None:
        """Afterwards the attribute has exactly these values."""
        lines = "".join(ldif_line(attribute, value) for value in values)
        self.apply(f"{ldif_line('dn', dn)}changetype: modify\nreplace: {attribute}\n{lines}")

    def reset_password(self, dn: str, password: str, *, must_change: bool = False) -> None:
        """Afterwards the help desk has set this password; with `must_change` it is good for changing it only."""
        self.replace(dn, "unicodePwd", unicode_password(password))
        if must_change:
            self.replace(dn, "pwdLastSet", "0")

    def set_last_logon_timestamp(self, dn: str, moment: datetime) -> None:
        """Afterwards the entry says it was last used then. The real Active Directory lets nobody write this."""
        self.replace(dn, "lastLogonTimestamp", str(filetime(moment)))

    def set_password_settings(self, *options: str) -> None:
        """Afterwards these rules hold for the domain ("--min-pwd-length=12"; see samba-tool)."""
        self._samba_tool("domain", "passwordsettings", "set", *options)

    def add_password_settings_object(self, name: str, precedence: int, *options: str, applies_to: str) -> str:
        """Afterwards these rules hold for that user or group (sAMAccountName) instead of the domain's. Its DN."""
        tool = ("domain", "passwordsettings", "pso")
        self._samba_tool(*tool, "create", name, str(precedence), *options)
        self._samba_tool(*tool, "apply", name, applies_to)
        return f"CN={name},CN=Password Settings Container,CN=System,{self.base_dn}"

    def let_service_read(self, dn: str) -> None:
        """Afterwards the service account reads this entry and what lies below it."""
        sid = security_id(raw(self.read(self.service_dn, "objectSid")["objectSid"][0]))
        self._samba_tool("dsacl", "set", f"--objectdn={dn}", f"--sddl=(A;CI;RPLCLORC;;;{sid})")

    # --- inside

    @property
    def configuration_file(self) -> Path:
        """Its smb.conf."""
        return self.folder / "etc" / "smb.conf"

    def _configure(self) -> None:
        for name in SUBFOLDERS:
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / "ntp").mkdir(mode=0o750, exist_ok=True)  # Samba ends at once when this one is wider
        names = (f"{self.computer.lower()}.{self.domain}", self.domain, "localhost")
        make_certificates(self.folder / "tls", names=names, addresses=(self.host,))
        self.write_configuration()

    def write_configuration(self) -> None:
        """Afterwards smb.conf says where this instance lives."""
        self.configuration_file.write_text(
            CONFIGURATION.format(
                workgroup=self.workgroup,
                realm=self.realm,
                domain=self.domain,
                computer=self.computer,
                host=self.host,
                folder=self.folder,
                old_password_minutes=self.old_password_minutes,
            )
        )

    def _wait(self, process: subprocess.Popen[bytes], log: Path) -> None:
        """It opens its ports before all of it works, and may still end: so it must answer a question."""
        deadline = time.monotonic() + SECONDS_TO_ANSWER
        while True:
            wait_port(process, self.ldaps_port, host=self.host, log=log)
            asked = ("-LLL", "-s", "base", "-b", self.base_dn, "1.1")
            done = self.tools.run("ldapsearch", self.administrator_dn, self.administrator_password_file, *asked)
            if done.returncode == 0:
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"{done.stderr.decode()}\n{log.read_text(errors='replace')[-2000:]}")

    def _samba_tool(self, *arguments: str) -> None:
        _samba_tool(self.folder, *arguments)


def unicode_password(password: str) -> bytes:
    """A password as `unicodePwd` takes it: in quotes, UTF-16 ([MS-ADTS] 3.1.1.3.1.5.1)."""
    return f'"{password}"'.encode("utf-16-le")


def security_id(octets: bytes) -> str:
    """A security identifier as it is written ([MS-DTYP] 2.4.2)."""
    authority = int.from_bytes(octets[2:8], "big")
    numbers = [int.from_bytes(octets[start : start + 4], "little") for start in range(8, len(octets), 4)]
    return "-".join(["S", str(octets[0]), str(authority), *map(str, numbers)])


def filetime(moment: datetime) -> int:
    """A moment as Active Directory counts it ([MS-DTYP] 2.3.3)."""
    since = moment.astimezone(UTC) - FILETIME_EPOCH
    return (since.days * 86_400 + since.seconds) * 10_000_000 + since.microseconds * 10


def _lines(attributes: dict[str, str | list[str]]) -> list[str]:
    return [
        ldif_line(name, value)
        for name, values in attributes.items()
        for value in ([values] if isinstance(values, str) else values)
    ]


@cache
def _version() -> str:
    done = subprocess.run([program("samba", PACKAGES), "--version"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _provision(folder: Path) -> None:
    """Afterwards the folder holds a domain with the OUs, the service account and what is delegated to it."""
    made = SambaAD(folder)
    made.host = "127.0.0.1"  # nothing listens while this runs
    for name in (*SUBFOLDERS, *COPIED):
        (folder / name).mkdir()
    made.write_configuration()
    password = _password_file(made.administrator_password_file)
    _call(
        *(program("samba-tool", PACKAGES), "domain", "provision", f"--configfile={made.configuration_file}"),
        *("--server-role=dc", "--use-rfc2307", f"--realm={made.realm}", f"--domain={made.workgroup}"),
        *("--dns-backend=NONE", f"--host-name={made.computer.lower()}", f"--host-ip={made.host}"),
        f"--adminpass={password}",
    )
    for ou in (made.people_ou, made.groups_ou, made.stopped_ou, made.services_ou):
        _samba_tool(folder, "ou", "create", ou)
    _samba_tool(folder, "domain", "passwordsettings", "set", *PASSWORD_SETTINGS)
    in_services = f"--userou={made.services_ou.removesuffix(',' + made.base_dn)}"
    _samba_tool(folder, "user", "create", made.service_name, _password_file(made.service_password_file), in_services)
    for name in ("Administrator", made.service_name):  # a template may grow old
        _samba_tool(folder, "user", "setexpiry", name, "--noexpiry")
    shown = _samba_tool(folder, "user", "show", made.service_name, "--attributes=objectSid")
    sid = shown.partition("objectSid: ")[2].split()[0]
    for ou, rights in (
        (made.people_ou, MAY_KEEP_USERS),
        (made.stopped_ou, MAY_KEEP_USERS),
        (made.groups_ou, MAY_CHANGE_MEMBERS),
    ):
        _samba_tool(folder, "dsacl", "set", f"--objectdn={ou}", f"--sddl={rights.format(sid=sid)}")


def _password_file(path: Path) -> str:
    password = f"Aa1-{secrets.token_urlsafe(24)}"
    path.touch(mode=0o600)
    path.write_text(password)
    return password


def _samba_tool(folder: Path, *arguments: str) -> str:
    """What samba-tool says to this about the database in the folder, whether or not Samba is running on it."""
    database = ("-H", str(folder / "private" / "sam.ldb"), "-s", str(folder / "etc" / "smb.conf"))
    return _call(program("samba-tool", PACKAGES), *arguments, *database)


def _call(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise ConfigurationInvalid(f"{' '.join(command[:4])}: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout
