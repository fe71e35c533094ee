"""The town's web pages, served to Flask's test client from a SQLite file, at a clock that stands still."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient

from idm.database import Database
from idm.passwords import password_hashing
from idm.settings import Settings
from tests.small_town import NOW, Town, build
from tests.web import one_compilation
from tests.web.office import Office, open_office
from tests.web.visitor import Visitor
from web.app import create_app

one_compilation.share()


@dataclass
class Clock:
    """A clock that tests move."""

    now: datetime = field(default=NOW)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        """Later by that much (`minutes=11`)."""
        self.now += timedelta(**time)


@pytest.fixture(autouse=True)
def _cheap_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password_hashing, "_HASHER", PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1))


@pytest.fixture
def clock() -> Clock:
    return Clock()


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


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(database_url=f"sqlite:///{tmp_path / 'town.db'}", secrets_dir=tmp_path / "secrets")


@pytest.fixture
def app(settings: Settings, database: Database, clock: Clock) -> Flask:
    return create_app(settings, database, clock=clock)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def visitor(app: Flask, town: Town, clock: Clock) -> Visitor:
    """Somebody at a browser, not signed in yet."""
    return Visitor(app, town, clock)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """The cast of tests/cast.py at their browsers."""
    office = open_office(tmp_path)
    yield office
    office.database.dispose()
