"""SQLite engines of a test process share what SQLAlchemy has learnt: statements are compiled once, not once per test.

A program has one engine and compiles each statement once. A test process has one engine per test, and would spend half
of its time compiling the same statements again.
"""

from typing import Any

from sqlalchemy import Engine, create_engine

from idm import database

_first: dict[str, Engine] = {}


def share() -> None:
    """Afterwards every new SQLite engine uses the dialect and the compiled statements of the first."""
    setattr(database, "create_engine", _sharing)  # noqa: B010 -- to mypy, a plain assignment is no export


def _sharing(url: str, **options: Any) -> Engine:
    engine = create_engine(url, **options)
    if engine.dialect.name == "sqlite":
        first = _first.setdefault("sqlite", engine)
        engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
    return engine
