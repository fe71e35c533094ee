"""Fixtures every test may use: an empty database with tables, and the cast in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from idm.database import Database
from tests.cast import Cast, build, create_tables

# Nothing here measures time: an example may be slow because the machine is.
settings.register_profile("idm", max_examples=40, deadline=None)
settings.load_profile("idm")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--screenshots DIR` keeps the pictures that the README shows."""
    parser.addoption("--screenshots", default=None, help="folder for the pictures")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite database with every table."""
    database = Database(f"sqlite:///{tmp_path / 'idm.db'}")
    create_tables(database)
    yield database
    database.dispose()


@pytest.fixture
def cast(database: Database) -> Cast:
    """The small office of tests/cast.py."""
    return build(database)
