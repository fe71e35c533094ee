"""The migrations make exactly the tables the models describe, on both databases, and keep the audit append-only."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from idm.database import Database
from idm.errors import ConfigurationInvalid
from idm.models import everything
from idm.schema import current, newest, require_current, upgrade
from tests.cast import NOW, build
from tests.servers.postgres import Postgres


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    server.build()
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path, postgres: Postgres) -> Iterator[Database]:
    """A database with no tables at all."""
    database = Database(f"sqlite:///{tmp_path / 'idm.db'}" if request.param == "sqlite" else postgres.url)
    yield database
    if request.param == "postgresql":
        with database.engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    database.dispose()


def test_migrated_schema_is_the_models_schema(empty: Database) -> None:
    upgrade(empty)
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, everything.METADATA) == []


def test_upgrading_twice_changes_nothing(empty: Database) -> None:
    assert current(empty) is None
    upgrade(empty)
    upgrade(empty)
    assert current(empty) == newest()
    require_current(empty)


def test_program_refuses_a_database_without_tables(empty: Database) -> None:
    with pytest.raises(ConfigurationInvalid, match="idm init"):
        require_current(empty)


def test_office_works_on_migrated_tables_and_its_audit_cannot_be_rewritten(empty: Database) -> None:
    upgrade(empty)
    cast = build(empty)
    request = cast.file("staff", ("staff", "ledger/account"), now=NOW)
    cast.approve(request)
    for statement in ("DELETE FROM audit_records", "UPDATE audit_records SET actor = 'x'"):
        with pytest.raises(DBAPIError, match="append-only"), empty.writing() as session:
            session.execute(text(statement))


def test_check_constraints_are_the_models_own(empty: Database) -> None:
    """Autogenerate does not compare CHECKs, so their names are compared here."""
    upgrade(empty)
    declared = {
        str(constraint.name)
        for table in everything.METADATA.tables.values()
        for constraint in table.constraints
        if type(constraint).__name__ == "CheckConstraint" and constraint.name
    }
    with empty.engine.connect() as connection:
        if empty.engine.dialect.name == "sqlite":
            made = " ".join(connection.execute(text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")).scalars())
            missing = {name for name in declared if name not in made}
        else:
            names = connection.execute(text("SELECT conname FROM pg_constraint WHERE contype = 'c'")).scalars()
            missing = declared - set(names)
    assert missing == set()
