"""A thousand kept and temporary passwords go their ways, and none is readable anywhere but where it belongs (D4, E3).

The test alone remembers every value that is made, and searches whatever a person could lay hands on for all of them, in
every spelling in which a careless program might leave one.
"""

import base64
import json
import logging
import sqlite3
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from shutil import rmtree
from urllib.parse import quote

import pytest
from psycopg import connect
from sqlalchemy import select

from connectors.memory.directory import Fault, MemoryDirectory
from idm.audit.export import export_lines
from idm.database import Database
from idm.keys.sealing import new_handover_key
from idm.models.systems import Account, InformationSystem
from idm.operations.passwords import handovers
from idm.operations.privileged import rotations as steps
from idm.settings import Settings
from idm.vocabulary import RotationReason
from jobs import provision
from jobs.installation import Installation
from jobs.logs import sealing as audit_sealing
from jobs.passwords import password_issue
from jobs.privileged import rotations
from jobs.vault import key_rotation
from tests.cast import Cast, build, create_tables
from tests.jobs.conftest import Clock
from tests.servers.postgres import Postgres, _tool
from tests.vault_office import VaultOffice

IDS = 500
LEAST = 1_000
WINDOW = 8


def spellings(password: str) -> set[bytes]:
    """How a password might be left lying about."""
    raw = password.encode()
    found = {raw, raw[::-1], raw.hex().encode(), raw.hex().upper().encode(), quote(password, safe="").encode()}
    found |= {password.encode("utf-16-le"), password.encode("utf-16-be"), json.dumps(password)[1:-1].encode()}
    for shift in range(3):
        # The middle of its base64, wherever in a longer text it begins.
        encoded = base64.b64encode(b" " * shift + raw)
        found |= {encoded[4:-4], encoded[4:-4].replace(b"+", b"-").replace(b"/", b"_")}
    return found


class Canaries:
    """Every password that was made, and where processes were looked at meanwhile."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.processes: list[bytes] = []
        self._known: tuple[int, dict[bytes, list[bytes]]] = (0, {})

    def remembering(self, make: Callable[[int], str]) -> Callable[[int], str]:
        """Makes passwords, and remembers them."""

        def made(length: int) -> str:
            password = make(length)
            self.made.append(password)
            if len(self.made) % 200 == 0:
                self.processes.append(everything_of_processes())
            return password

        return made

    def _by_beginning(self) -> dict[bytes, list[bytes]]:
        """Every spelling of every password by its first bytes; worked out again when more were made."""
        if self._known[0] != len(self.made):
            known: dict[bytes, list[bytes]] = {}
            for spelling in (one for password in self.made for one in spellings(password)):
                known.setdefault(spelling[:WINDOW], []).append(spelling)
            self._known = len(self.made), known
        return self._known[1]

    def found_in(self, content: bytes) -> int:
        """How many of the spellings are in the content."""
        known = self._by_beginning()
        windows = (content[start : start + WINDOW] for start in range(len(content) - WINDOW))
        hits = ((start, known[window]) for start, window in enumerate(windows) if window in known)
        return sum(any(content.startswith(one, start) for one in some) for start, some in hits)


def everything_of_processes() -> bytes:
    """Command lines and environments of all processes, as far as they may be read."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                found.append((process / name).read_bytes())
            except OSError:
                continue
    return b"\n".join(found)


@pytest.fixture(params=["sqlite", "postgresql"])
def kept_in(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Cast, Callable[[], bytes]]]:
    """The cast on either database, and a dump of all that the database has of it."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path}/idm.db")
        create_tables(database)
        yield build(database), lambda: backed_up(tmp_path)
        database.dispose()
        return
    server = Postgres()
    server.build()
    server.start()
    database = Database(server.url)
    create_tables(database)
    yield build(database), lambda: dumped(server)
    database.dispose()
    server.stop()
    rmtree(server.folder)


def backed_up(folder: Path) -> bytes:
    """A backup of the database as the product's own documentation makes it."""
    with closing(sqlite3.connect(folder / "idm.db")) as source, closing(sqlite3.connect(folder / "backup.db")) as copy:
        source.backup(copy)
    return (folder / "backup.db").read_bytes()


def dumped(server: Postgres) -> bytes:
    """pg_dump, and the server's own files and log."""
    dump = subprocess.run(
        [_tool("pg_dump"), "-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres", "postgres"],
        check=True, capture_output=True,
    ).stdout  # fmt: skip
    with connect(f"host=127.0.0.1 port={server.port} user=postgres dbname=postgres", autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    return dump + (server.folder / "log").read_bytes()


@pytest.fixture
def canaries(monkeypatch: pytest.MonkeyPatch) -> Canaries:
    """Whatever makes a password tells the test, and nobody else."""
    canaries = Canaries()
    make = canaries.remembering(password_issue.temporary_password)
    for module in (rotations, password_issue):
        monkeypatch.setattr(module, "temporary_password", make)
    return canaries


def office_of(cast: Cast, tmp_path: Path) -> tuple[VaultOffice, MemoryDirectory]:
    """The office with a directory in memory."""
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "ledger.password").write_text("unused", encoding="utf-8")
    settings = Settings(
        database_url=cast.database.url, secrets_dir=secrets, checkpoint_file=tmp_path / "checkpoints.jsonl"
    )
    with cast.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        system.connector_settings = {"name": str(tmp_path)}
    directory = MemoryDirectory.named(str(tmp_path))
    for name in ("ledger-enter", "ledger-approve", "ledger-admin"):
        directory.add_group(name)
    return VaultOffice(cast, Installation(settings, cast.database, Clock())), directory


def handed_over(office: VaultOffice, who: str) -> str:
    """A temporary password that was asked for, made, sealed and shown."""
    cast, now = office.cast, office.installation.clock()
    request = cast.file(who, (who, "ledger/account"), now=now)
    cast.approve(request, now=now)
    provision.run_due(office.installation, worker="w1")
    private, public = new_handover_key()
    with cast.acting("desk", now=now) as session:
        account = session.scalars(select(Account).where(Account.person_id == cast.people[who])).one()
        handover = handovers.ask(
            session, account_id=account.id, public_key=public, actor=cast.actor("desk"), policy=cast.policy, now=now
        )
    provision.run_due(office.installation, worker="w1")
    with cast.acting("desk", now=now) as session:
        return handovers.show(
            session, handover_id=handover.id, private_key=private, actor=cast.actor("desk"), policy=cast.policy,
            now=now,
        ).password  # fmt: skip


def texts_of(directory: MemoryDirectory, office: VaultOffice, ids: list[int]) -> Iterable[str]:
    """What is said when things go wrong: an answer lost, a value refused, a fault with its whole traceback."""
    directory.fault = Fault.ANSWER_LOST
    office.ask(*ids[10:12])
    office.rotate()
    for account_id in ids[10:12]:
        yield str(office.rotation(account_id).last_error)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps, "mark_set", broken)
        office.ask(*ids[12:14])
        with pytest.raises(ArithmeticError) as fault:
            office.rotate()
        yield str(fault.getrepr(showlocals=False, style="long"))


def broken(*_: object, **__: object) -> None:
    """A fault in the midst of things."""
    raise ArithmeticError("a fault")


def test_no_password_is_readable_anywhere(
    kept_in: tuple[Cast, Callable[[], bytes]], canaries: Canaries, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.INFO)  # every statement is logged
    cast, dump = kept_in
    office, directory = office_of(cast, tmp_path)
    ids = office.keep(*(f"shared-{number}" for number in range(IDS)))
    office.rotate()
    shown = [handed_over(office, who) for who in ("staff", "other")]
    for account_id in ids[:3]:
        use_id, private = office.use(account_id)
        office.prepare()
        shown.append(office.show(use_id, private))
    assert office.ask(*ids, reason=RotationReason.SUSPECTED) == IDS
    office.rotate()
    said = "\n".join(texts_of(directory, office, ids))
    key_rotation.replace_key(office.installation)
    audit_sealing.seal(office.installation, sign=True)
    assert len(canaries.made) == len(set(canaries.made)) >= LEAST
    assert set(shown) <= set(canaries.made)

    canaries.processes.append(everything_of_processes())
    with cast.database.reading() as session:
        audited = "\n".join(export_lines(session))
    places = {
        "log": caplog.text.encode(), "audit": audited.encode(), "processes": b"\n".join(canaries.processes),
        "what was said": said.encode(), "backup": dump(),
        **{str(file): file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()},
    }  # fmt: skip
    assert all(places[name] for name in ("log", "audit", "processes", "what was said", "backup"))
    assert {name: canaries.found_in(content) for name, content in places.items() if canaries.found_in(content)} == {}


def test_the_search_finds_every_spelling(canaries: Canaries) -> None:
    password = password_issue.temporary_password(24)
    assert canaries.made == [password]
    for spelling in spellings(password):
        assert canaries.found_in(b"before " + spelling + b" after" * WINDOW)
    assert not canaries.found_in(b"nothing of the kind" * 100)
