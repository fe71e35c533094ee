"""Engine and sessions. Writers on SQLite begin immediately, so that a decision is read and written under one lock."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session, sessionmaker

READ_ONLY = "idm_read_only"
LONGEST_WAIT_SECONDS = 60
"""So long a writer on PostgreSQL waits for a lock of another's; then it fails like one that the database refused."""
Value = TypeVar("Value")


def _tune_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _pragmas(dbapi_connection: Any, _record: object) -> None:
        # The driver's own transaction handling is switched off; `_begin` below says when one starts, and how.
        dbapi_connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=15000", "synchronous=FULL"):
            dbapi_connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        read_only = connection.get_execution_options().get(READ_ONLY, False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _tune_postgresql(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _bounded(dbapi_connection: Any, _record: object) -> None:
        # Whoever waits for somebody who never ends would wait for ever: a night, a worker, a page.
        with dbapi_connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{LONGEST_WAIT_SECONDS}s'")
        dbapi_connection.commit()


class Database:
    """One database: `writing()` and `reading()` give sessions that end with their block."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"), hide_parameters=True)
        if make_url(url).get_backend_name() == "sqlite":
            _tune_sqlite(self.engine)
        else:
            _tune_postgresql(self.engine)
        self._writing = sessionmaker(self.engine, expire_on_commit=False)
        self._reading = sessionmaker(self.engine.execution_options(**{READ_ONLY: True}), expire_on_commit=False)

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that commits when its block ends without an exception, and rolls back otherwise."""
        with self._writing.begin() as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for looking; whatever it changed is rolled back."""
        with self._reading() as session:
            yield session

    def dispose(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def in_chunks(values: Iterable[Value], size: int = 5_000) -> Iterator[list[Value]]:
    """The values in lists short enough for one statement: databases bound how many parameters it may have."""
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk
