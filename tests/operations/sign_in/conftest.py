"""The town, new for every test, with hashing made cheap."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from idm import password_hashing
from idm.database import Database
from tests.small_town import Town, build


@pytest.fixture
def database_and_town(tmp_path: Path) -> Iterator[tuple[Database, Town]]:
    database, town = build(tmp_path)
    yield database, town
    database.dispose()


@pytest.fixture
def database(database_and_town: tuple[Database, Town]) -> Database:
    return database_and_town[0]


@pytest.fixture
def town(database_and_town: tuple[Database, Town]) -> Town:
    return database_and_town[1]


@pytest.fixture(autouse=True)
def _cheap_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password_hashing, "_HASHER", PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1))
