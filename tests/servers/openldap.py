"""OpenLDAP for tests: the demonstration's own server, and what an administrator or a user does at it from outside."""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from jobs.demo.directory import LocalDirectory
from tests.servers.ldap_tools import Administrator, Entry, LdapTools
from tests.servers.processes import free_port

REFUSED = (49, 53)
"""invalidCredentials, and unwillingToPerform: a blank password is not even tried."""


class OpenLDAP(LocalDirectory):
    """A directory in a folder of its own, without the disk's durability, also listening for StartTLS on `plain_port`.

    Other programs of the OpenLDAP project are the witnesses here: what they see does not depend on our connector.
    """

    def __init__(
        self, folder: Path | None = None, *, durable: bool = False, branches: Sequence[str] = ()
    ) -> None:  # fmt: skip
        super().__init__(folder or Path(tempfile.mkdtemp(prefix="openldap-")), durable=durable, branches=branches)
        self.plain_port = 0

    def restart(self) -> None:
        """Afterwards it has been down and answers again where it did."""
        port = self.ldaps_port
        self.stop()
        self.start(port)

    @contextmanager
    def hiding(self, attribute: str) -> Iterator[None]:
        """Within it nobody but the administrator may read the attribute."""
        before = self._configuration_file.read_text()
        at = before.index("access to ")
        self._configuration_file.write_text(f"{before[:at]}access to attrs={attribute}\n  by * none\n{before[at:]}")
        self.restart()
        try:
            yield
        finally:
            self._configuration_file.write_text(before)
            self.restart()

    @property
    def tools(self) -> LdapTools:
        """The programs of the OpenLDAP project, for whoever signs in."""
        return LdapTools(f"ldaps://127.0.0.1:{self.ldaps_port}", self.ca_file)

    @property
    def administrator(self) -> Administrator:
        """The account that no rule binds."""
        return Administrator(self.tools, self.administrator_dn, self.administrator_password_file)

    def apply(self, ldif: str, *extra: str) -> None:
        """Afterwards the administrator has made these changes (LDIF change records or new entries)."""
        self.administrator.apply(ldif, *extra)

    def read(self, dn: str, *attributes: str) -> Entry:
        """The attributes of an entry as the administrator sees them; empty when there is no such entry."""
        return self.administrator.read(dn, *attributes)

    def people(self) -> list[str]:
        """The DNs of everyone in the directory."""
        return [*self.administrator.search(self.people_base, "(objectClass=*)", "1.1", scope="one")]

    def sign_in(self, dn: str, password: str) -> bool:
        """Whether the directory lets this person in."""
        done = self.tools.run_with("ldapwhoami", dn, password)
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
        return self.tools.run(tool, dn, password_file, *arguments, given=given)

    def _start(self, port: int) -> None:
        kept = self.plain_port
        self.plain_port = kept or free_port()
        try:
            super()._start(port)
        except RuntimeError:
            self.plain_port = kept
            raise

    def _listeners(self) -> str:
        return f"{super()._listeners()} ldap://127.0.0.1:{self.plain_port}/"
