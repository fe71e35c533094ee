"""OpenLDAP for tests: the demonstration's own server, and what an administrator or a user does at it from outside."""

import base64
import os
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from jobs.demo.directory import LocalDirectory
from tests.servers.processes import free_port, program

REFUSED = (49, 53)
"""invalidCredentials, and unwillingToPerform: a blank password is not even tried."""


class OpenLDAP(LocalDirectory):
    """A directory in a folder of its own, without the disk's durability, also listening for StartTLS.

    Other programs of the OpenLDAP project are the witnesses here: what they see does not depend on our connector.
    """

    def __init__(self, folder: Path | None = None, *, durable: bool = False) -> None:
        super().__init__(folder or Path(tempfile.mkdtemp(prefix="openldap-")), durable=durable)
        self.plain_port = 0

    def start(self, port: int | None = None) -> None:
        """Afterwards it answers on `ldaps_port`, and on `plain_port` to those who begin with StartTLS."""
        self.plain_port = self.plain_port or free_port()
        super().start(port)

    def restart(self) -> None:
        """Afterwards it has been down and answers again where it did."""
        port = self.ldaps_port
        self.stop()
        self.start(port)

    def apply(self, ldif: str, *extra: str) -> None:
        """Afterwards the administrator has made these changes (LDIF change records or new entries)."""
        done = self._as_administrator("ldapmodify", "-a", *extra, given=ldif)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.decode())

    def read(self, dn: str, *attributes: str) -> dict[str, list[str]]:
        """The attributes of an entry as the administrator sees them; empty when there is no such entry."""
        done = self._as_administrator("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-s", "base", "-b", dn, *attributes)
        found: dict[str, list[str]] = {}
        for line in done.stdout.decode().splitlines():
            name, separator, value = line.partition(": ")
            if separator and name != "dn":
                text = base64.b64decode(value).decode() if name.endswith(":") else value
                found.setdefault(name.rstrip(":"), []).append(text)
        return found

    def people(self) -> list[str]:
        """The DNs of everyone in the directory."""
        done = self._as_administrator(
            "ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-s", "one", "-b", self.people_base, "1.1"
        )
        return [line.removeprefix("dn: ") for line in done.stdout.decode().splitlines() if line.startswith("dn: ")]

    def sign_in(self, dn: str, password: str) -> bool:
        """Whether the directory lets this person in."""
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(password)
            file.flush()
            done = self.run("ldapwhoami", dn, Path(file.name))
        if done.returncode not in (0, *REFUSED):
            raise RuntimeError(done.stderr.decode())
        return done.returncode == 0

    def reset_password(self, dn: str, password: str) -> None:
        """Afterwards the administrator has set this password, as a help desk would."""
        self.apply(f"dn: {dn}\nchangetype: modify\nreplace: userPassword\nuserPassword: {password}\n")

    def set_last_use(self, dn: str, moment: datetime) -> None:
        """Afterwards the entry says it was last used then."""
        stamp = moment.astimezone(UTC).strftime("%Y%m%d%H%M%SZ")
        change = f"dn: {dn}\nchangetype: modify\nreplace: authTimestamp\nauthTimestamp: {stamp}\n"
        self.apply(change, "-e", "relax")

    def run(
        self, tool: str, dn: str, password_file: Path, *arguments: str, given: str = ""
    ) -> subprocess.CompletedProcess[bytes]:
        """What a program of the OpenLDAP project answers somebody who signs in with the password in that file."""
        uri = f"ldaps://127.0.0.1:{self.ldaps_port}"
        command = [program(tool, "ldap-utils"), "-x", "-H", uri, "-D", dn, "-y", str(password_file), *arguments]
        environment = {**os.environ, "LDAPTLS_CACERT": str(self.ca_file), "LC_ALL": "C.UTF-8"}
        return subprocess.run(command, input=given.encode(), capture_output=True, env=environment)

    def _listeners(self) -> str:
        return f"{super()._listeners()} ldap://127.0.0.1:{self.plain_port}/"

    def _as_administrator(self, tool: str, *arguments: str, given: str = "") -> subprocess.CompletedProcess[bytes]:
        return self.run(tool, self.administrator_dn, self.administrator_password_file, *arguments, given=given)
