"""Fixtures of the operations: the cast's office on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shutil import rmtree

import pytest
from psycopg import connect
from psycopg.sql import SQL, Identifier

from idm.database import Database
from tests.cast import Cast, build, create_tables
from tests.operations.refilled import Refilled
from tests.servers.postgres import Postgres
from tests.templates import with_cast, with_tables


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL server for all tests of this process."""
    server = Postgres()
    server.build()
    server.start()
    yield server
    server.stop()
    rmtree(server.folder)


def _create(postgres: Postgres, name: str) -> Database:
    """A new database of the server, with every table."""
    with connect(f"host=127.0.0.1 port={postgres.port} user=postgres dbname=postgres", autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    database = Database(postgres.url_of(name))
    create_tables(database)
    return database


@pytest.fixture(scope="session")
def empty_postgres(postgres: Postgres) -> Iterator[Refilled]:
    """The server's database without a row."""
    _create(postgres, "empty").dispose()
    refilled = Refilled(postgres, "empty")
    yield refilled
    refilled.close()


@pytest.fixture(scope="session")
def settled_postgres(postgres: Postgres) -> Iterator[tuple[Refilled, Cast]]:
    """The server's database with the cast in it, and the cast as it was built."""
    cast = build(_create(postgres, "office"))
    cast.database.dispose()
    refilled = Refilled(postgres, "office")
    yield refilled, cast
    refilled.close()


@pytest.fixture
def postgres_database(empty_postgres: Refilled) -> Iterator[Database]:
    """A PostgreSQL database with every table and no row."""
    database = empty_postgres.database()
    yield database
    database.dispose()


@pytest.fixture
def postgres_office(settled_postgres: tuple[Refilled, Cast]) -> Iterator[Cast]:
    """The cast's office in a PostgreSQL database."""
    refilled, settled = settled_postgres
    cast = replace(settled, database=refilled.database(), people=dict(settled.people))
    yield cast
    cast.database.dispose()


@pytest.fixture
def sqlite_database(tmp_path: Path) -> Iterator[Database]:
    """A SQLite file of its own with every table."""
    database = with_tables(tmp_path / "office.db")
    yield database
    database.dispose()


@pytest.fixture
def sqlite_office(tmp_path: Path) -> Iterator[Cast]:
    """The cast's office in a SQLite file of its own."""
    cast = with_cast(tmp_path / "office.db")
    yield cast
    cast.database.dispose()


@pytest.fixture(params=("sqlite", "postgresql"))
def office(request: pytest.FixtureRequest) -> Cast:
    """The cast's office on each of the two databases."""
    name = "sqlite_office" if request.param == "sqlite" else "postgres_office"
    office: Cast = request.getfixturevalue(name)
    return office
