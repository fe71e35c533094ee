"""PostgreSQL for tests. It refuses to run as root, so it runs as the account `postgres` where the tests are root."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.servers.processes import die_with_parent, free_port, program, stop, wait_port

PACKAGE = "postgresql-15"
PLACES = (Path("/usr/lib/postgresql/15/bin"), Path("/usr/pgsql-15/bin"))
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class Postgres:
    """One server in a folder of its own; it forgets nothing until the folder goes, but not the power cut."""

    def __init__(self, folder: Path | None = None) -> None:
        # not under a test runner's folder: the account postgres could not enter it
        self.folder = folder or Path(tempfile.mkdtemp(prefix="postgres-", dir="/tmp"))
        self.port = 0
        self._user = "postgres" if os.getuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The database `postgres`, for SQLAlchemy."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """A database by name, for SQLAlchemy."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def build(self) -> None:
        """Afterwards the folder holds an empty cluster, UTF-8, sorted by code point."""
        if self._user:
            owner = pwd.getpwnam(self._user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        made = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]
        command = [_tool("initdb"), "-D", str(self.folder / "data"), *made]
        subprocess.run(die_with_parent(command, user=self._user), check=True, capture_output=True, cwd="/")

    def start(self) -> None:
        """Afterwards the server answers on `port`."""
        self.port = free_port()
        options = [f"unix_socket_directories={self.folder}", "listen_addresses=127.0.0.1", *FAST]
        flags = [part for option in options for part in ("-c", option)]
        command = [_tool("postgres"), "-D", str(self.folder / "data"), "-p", str(self.port), *flags]
        log = self.folder / "log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                die_with_parent(command, user=self._user, death_signal="INT"),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
            )
        wait_port(self._process, self.port, log=log)
        ready = [_tool("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]
        while subprocess.run(ready).returncode != 0:  # it listens a moment before it lets anybody in
            wait_port(self._process, self.port, log=log)

    def stop(self) -> None:
        """Afterwards the server is down; clients are cut off rather than waited for."""
        if self._process is not None:
            stop(self._process, first=signal.SIGINT)
            self._process = None

    def discard(self) -> None:
        """Afterwards the server is down and its folder gone."""
        self.stop()
        shutil.rmtree(self.folder)


def _tool(name: str) -> str:
    for place in PLACES:
        if (place / name).exists():
            return str(place / name)
    return program(name, PACKAGE)
