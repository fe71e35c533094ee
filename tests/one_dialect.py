"""SQLite engines of a test process share what SQLAlchemy has learnt, and wait for no disk.

A program has one engine and compiles each statement once. A test process has one engine per test, and would spend half
of its time compiling the same statements again.
"""

from typing import Any

from sqlalchemy import Engine, create_engine, event

from idm import database

_first: dict[str, Engine] = {}


def share() -> None:
    """Afterwards every new SQLite engine shares its compiled statements with the first, and waits for no disk."""
    setattr(database, "create_engine", _sharing)  # noqa: B010 -- to mypy, a plain assignment is no export


def _unhurried(dbapi_connection: Any, _record: object, _proxy: object) -> None:
    """No test outlives the machine: nothing is waited for until it is on the disk."""
    dbapi_connection.execute("PRAGMA synchronous=OFF")


def _sharing(url: str, **options: Any) -> Engine:
    engine = create_engine(url, **options)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "checkout", _unhurried)
        first = _first.setdefault("sqlite", engine)
        engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
    return engine
