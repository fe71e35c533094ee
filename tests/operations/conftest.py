"""Fixtures of the operations: the cast's office on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from shutil import rmtree

import pytest
from psycopg import connect
from psycopg.sql import SQL, Identifier

from idm.database import Database
from tests.cast import Cast, build, create_tables
from tests.servers.postgres import Postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL server for all tests of this process."""
    server = Postgres()
    server.build()
    server.start()
    yield server
    server.stop()
    rmtree(server.folder)


@pytest.fixture
def postgres_database(postgres: Postgres) -> Iterator[Database]:
    """A PostgreSQL database of its own with every table."""
    name = f"operations_{token_hex(8)}"
    with connect(f"host=127.0.0.1 port={postgres.port} user=postgres dbname=postgres", autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    database = Database(postgres.url_of(name))
    create_tables(database)
    yield database
    database.dispose()


@pytest.fixture
def sqlite_database(tmp_path: Path) -> Iterator[Database]:
    """A SQLite file of its own with every table."""
    database = Database(f"sqlite:///{tmp_path / 'office.db'}")
    create_tables(database)
    yield database
    database.dispose()


@pytest.fixture(params=("sqlite", "postgresql"))
def office(request: pytest.FixtureRequest) -> Cast:
    """The cast's office on each of the two databases."""
    name = "sqlite_database" if request.param == "sqlite" else "postgres_database"
    database: Database = request.getfixturevalue(name)
    return build(database)
