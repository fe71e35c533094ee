"""The programs of the OpenLDAP project as witnesses: what they see and do does not depend on our connectors."""

import base64
import os
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.servers.processes import program

Entry = dict[str, list[str]]
"""An entry's attributes. Bytes that are no UTF-8 are kept as surrogate escapes; `raw` gives them back."""

NO_SUCH_OBJECT = 32


@dataclass(frozen=True)
class LdapTools:
    """Speaks to one server over TLS, believing only the authority in `ca_file` and only the name in `uri`."""

    uri: str
    ca_file: Path

    def run(
        self, tool: str, dn: str, password_file: Path, *arguments: str, given: str = ""
    ) -> subprocess.CompletedProcess[bytes]:
        """What a program answers somebody who signs in with the password in that file; its status is LDAP's."""
        command = [program(tool, "ldap-utils"), "-x", "-H", self.uri, "-D", dn, "-y", str(password_file), *arguments]
        trust = {"LDAPTLS_CACERT": str(self.ca_file), "LDAPTLS_REQCERT": "demand"}
        environment = {**os.environ, **trust, "LC_ALL": "C.UTF-8"}
        return subprocess.run(command, input=given.encode(), capture_output=True, env=environment)

    def run_with(self, tool: str, dn: str, password: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """The same for a password that lies in no file."""
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(password)
            file.flush()
            return self.run(tool, dn, Path(file.name), *arguments)


@dataclass(frozen=True)
class Administrator:
    """Somebody who may do everything at one server."""

    tools: LdapTools
    dn: str
    password_file: Path

    def apply(self, ldif: str, *extra: str) -> None:
        """Afterwards these changes are made (LDIF change records or new entries). Raises RuntimeError."""
        done = self.tools.run("ldapmodify", self.dn, self.password_file, "-a", *extra, given=ldif)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.decode())

    def read(self, dn: str, *attributes: str) -> Entry:
        """The attributes of an entry; empty when there is no such entry."""
        found = self.search(dn, "(objectClass=*)", *attributes, scope="base")
        return next(iter(found.values()), {})  # the server may write its DN in another way

    def search(self, base: str, filter_text: str, *attributes: str, scope: str = "sub") -> dict[str, Entry]:
        """What is found, by DN as the server writes it. Raises RuntimeError."""
        flags = ["-LLL", "-o", "ldif-wrap=no", "-s", scope, "-b", base]
        done = self.tools.run("ldapsearch", self.dn, self.password_file, *flags, filter_text, *attributes)
        if done.returncode not in (0, NO_SUCH_OBJECT):
            raise RuntimeError(done.stderr.decode())
        return _entries(done.stdout.decode().splitlines())


def raw(value: str) -> bytes:
    """The bytes of a value that `read` or `search` has given, for attributes that are no text."""
    return value.encode(errors="surrogateescape")


def ldif_line(name: str, value: str | bytes) -> str:
    """One line of LDIF with that value, whatever it contains (RFC 2849)."""
    octets = value.encode() if isinstance(value, str) else value
    return f"{name}:: {base64.b64encode(octets).decode()}\n"


def _entries(lines: Iterable[str]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    entry: Entry = {}
    for line in lines:
        name, separator, value = line.partition(":")
        if not separator or name.startswith("#"):  # an empty line, or a referral that we do not follow
            continue
        text = _text(value)
        if name == "dn":
            entry = found.setdefault(text, {})
        else:
            entry.setdefault(name, []).append(text)
    return found


def _text(value: str) -> str:
    if value.startswith(":"):
        return base64.b64decode(value[1:]).decode(errors="surrogateescape")
    return value.removeprefix(" ")
