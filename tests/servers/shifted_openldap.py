"""An OpenLDAP that lives on another day: libfaketime answers when slapd asks for the time, and tests move it on."""

from datetime import timedelta
from pathlib import Path

import ldap3

from idm.errors import ConfigurationInvalid
from tests.servers.openldap import OpenLDAP
from tests.servers.processes import program

PACKAGE = "faketime"
VARIABLE, WIDTH = "FAKETIME", 12
ENVIRONMENT_BEGINS = 47
"""Where /proc/PID/stat has the address of the environment, counted from the field after the name (proc(5))."""
LIBRARIES = "/usr/lib/*/faketime/libfaketime.so.1"


def _library() -> Path:
    found = next(Path("/").glob(LIBRARIES.removeprefix("/")), None)
    if found is None:
        raise ConfigurationInvalid(f"libfaketime がありません。パッケージ {PACKAGE} を導入してください。")
    return found


class ShiftedOpenLDAP(OpenLDAP):
    """The same directory whose clock is ahead of the machine's, or behind; it is moved without a restart.

    libfaketime looks into slapd's environment at every question for the time, and the number there is overwritten in
    the memory of the process. (A file with the number would be usual. But slapd has a function of the name under which
    libfaketime has its own for reading that file, and is called in its place.)
    """

    _ahead = 0

    def shift(self, ahead: timedelta) -> None:
        """Afterwards every moment that the directory writes is so much later than the machine's; whole seconds."""
        self._ahead = round(ahead.total_seconds())
        if self._process is not None:
            _overwrite(self._process.pid, VARIABLE, self._written())

    def _written(self) -> bytes:
        return f"{self._ahead:+0{WIDTH}d}".encode()

    def _command(self) -> list[str]:
        return [
            program("env", "coreutils"), f"LD_PRELOAD={_library()}", f"{VARIABLE}={self._written().decode()}",
            "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", *super()._command(),
        ]  # fmt: skip


def _overwrite(pid: int, variable: str, value: bytes) -> None:
    """Afterwards the process finds that value, as long as the one before, when it looks for the variable."""
    process = Path("/proc") / str(pid)
    first = int(process.joinpath("stat").read_text().rpartition(")")[2].split()[ENVIRONMENT_BEGINS])
    place = process.joinpath("environ").read_bytes().index(f"\0{variable}=".encode()) + len(variable) + 2
    with process.joinpath("mem").open("r+b", buffering=0) as memory:
        memory.seek(first + place)
        memory.write(value)


class Doors:
    """One connection at which many people sign in, one after the other: a real bind each, without a handshake each."""

    def __init__(self, directory: OpenLDAP) -> None:
        tls = ldap3.Tls(validate=2, ca_certs_file=str(directory.ca_file))
        self._server = ldap3.Server(directory.host, directory.ldaps_port, use_ssl=True, tls=tls, get_info=ldap3.NONE)
        self._connection: ldap3.Connection | None = None

    def sign_in(self, dn: str, password: str) -> bool:
        """Whether the directory lets this person in."""
        if self._connection is None:
            self._connection = ldap3.Connection(self._server, dn, password)
            return bool(self._connection.bind())
        return bool(self._connection.rebind(dn, password))

    def change_password(self, dn: str, old: str, new: str) -> bool:
        """Whether this person could sign in and give themselves another password."""
        if not self.sign_in(dn, old) or self._connection is None:
            return False
        return bool(self._connection.extend.standard.modify_password(dn, None, new))

    def close(self) -> None:
        """Afterwards the connection is gone."""
        if self._connection is not None:
            self._connection.unbind()
            self._connection = None
