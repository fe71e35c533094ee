"""The town, new for every test, with hashing made cheap."""

import pytest
from argon2 import PasswordHasher

from idm.database import Database
from idm.passwords import password_hashing
from tests.small_town import Town, settle


@pytest.fixture
def database_and_town(request: pytest.FixtureRequest) -> tuple[Database, Town]:
    """On SQLite; on the database a test names by `ON_BOTH_DATABASES`."""
    database: Database = request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_database")
    return database, settle(database)


@pytest.fixture
def database(database_and_town: tuple[Database, Town]) -> Database:
    return database_and_town[0]


@pytest.fixture
def town(database_and_town: tuple[Database, Town]) -> Town:
    return database_and_town[1]


@pytest.fixture(autouse=True)
def _cheap_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password_hashing, "_HASHER", PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1))
