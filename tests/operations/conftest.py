"""Fixtures of the operations: the cast's office on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from shutil import rmtree

import pytest
from psycopg import connect
from psycopg.sql import SQL, Composed, Identifier

from idm.database import Database
from tests.cast import Cast, build, create_tables
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


@pytest.fixture(scope="session")
def templates(postgres: Postgres) -> Cast:
    """The server's databases `tables` (empty) and `office` (the cast in it), to be copied. The cast as it was built."""
    empty = Database(_create(postgres, "tables"))
    create_tables(empty)
    empty.dispose()  # nobody may be connected to what is copied
    cast = build(Database(_create(postgres, "office", "tables")))
    cast.database.dispose()
    return cast


def _create(postgres: Postgres, name: str, template: str = "template1") -> str:
    """The address of a new database, a copy of the template."""
    _order(postgres, SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(template)))
    return postgres.url_of(name)


def _drop(postgres: Postgres, name: str) -> None:
    """Afterwards the database is gone: hundreds of them would fill the disk."""
    _order(postgres, SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def _order(postgres: Postgres, order: Composed) -> None:
    with connect(f"host=127.0.0.1 port={postgres.port} user=postgres dbname=postgres", autocommit=True) as connection:
        connection.execute(order)


@pytest.fixture
def postgres_database(postgres: Postgres, templates: Cast) -> Iterator[Database]:
    """A PostgreSQL database of its own with every table."""
    name = f"operations_{token_hex(8)}"
    database = Database(_create(postgres, name, "tables"))
    yield database
    database.dispose()
    _drop(postgres, name)


@pytest.fixture
def postgres_office(postgres: Postgres, templates: Cast) -> Iterator[Cast]:
    """The cast's office in a PostgreSQL database of its own."""
    name = f"office_{token_hex(8)}"
    cast = replace(templates, database=Database(_create(postgres, name, "office")), people=dict(templates.people))
    yield cast
    cast.database.dispose()
    _drop(postgres, name)


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
