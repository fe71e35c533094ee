"""Fixtures of the audit tests: every test with `database` or `ledger` runs on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from shutil import rmtree
from time import monotonic, sleep

import pytest
from psycopg import OperationalError, connect
from psycopg.sql import SQL, Identifier

from idm.database import Database
from idm.keys.signing import SigningKey, load_or_create_key
from tests.audit.ledger import Ledger, create_audit_tables
from tests.servers.postgres import Postgres

ENGINES = ("sqlite", "postgresql")


@pytest.fixture
def sqlite_database(tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite file with the audit's tables and triggers."""
    database = Database(f"sqlite:///{tmp_path / 'audit.db'}")
    create_audit_tables(database)
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL server for all tests of this process."""
    server = Postgres()
    server.build()
    server.start()
    _await_answers(server)
    yield server
    server.stop()
    rmtree(server.folder)


def _await_answers(server: Postgres) -> None:
    """The port is open before the server has finished starting; until then it sends callers away."""
    give_up = monotonic() + 60
    while monotonic() < give_up:
        with suppress(OperationalError):
            return connect(_dsn(server)).close()
        sleep(0.05)
    raise TimeoutError("PostgreSQL has not finished starting")


def _dsn(server: Postgres) -> str:
    return f"host=127.0.0.1 port={server.port} user=postgres dbname=postgres"


def new_postgres_database(server: Postgres) -> Database:
    """An empty database of its own on the server."""
    name = f"audit_{token_hex(8)}"
    with connect(_dsn(server), autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    return Database(server.url_of(name))


@pytest.fixture
def postgres_database(postgres: Postgres) -> Iterator[Database]:
    """An empty PostgreSQL database with the audit's tables and triggers."""
    database = new_postgres_database(postgres)
    create_audit_tables(database)
    yield database
    database.dispose()


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest) -> Database:
    """One of them, in turn."""
    chosen = "sqlite_database" if request.param == "sqlite" else "postgres_database"
    database: Database = request.getfixturevalue(chosen)
    return database


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    """A signing key of its own."""
    return load_or_create_key(tmp_path / "secrets")


@pytest.fixture
def ledger(database: Database, key: SigningKey) -> Ledger:
    """Twelve sealed records with checkpoints after 4, 8 and 12."""
    ledger = Ledger(database, key)
    for _ in range(3):
        ledger.grow(4)
    return ledger
