"""Databases that are made once in a process and copied: a test begins with a file of its own, not with making it."""

import atexit
from dataclasses import replace
from functools import cache
from pathlib import Path
from shutil import copyfile, rmtree
from tempfile import mkdtemp

from idm.database import Database
from tests.cast import Cast, build, create_tables


def with_tables(path: Path) -> Database:
    """A new SQLite database at the path, with every table and no row."""
    return _copy(_empty(), path)


def with_cast(path: Path) -> Cast:
    """A new SQLite database at the path with the cast in it."""
    made, cast = _settled()
    return replace(cast, database=_copy(made, path), people=dict(cast.people))


def _copy(made: Path, path: Path) -> Database:
    copyfile(made, path)
    return Database(f"sqlite:///{path}")


@cache
def _folder() -> Path:
    folder = Path(mkdtemp(prefix="idm-templates-"))
    atexit.register(rmtree, folder, ignore_errors=True)
    return folder


@cache
def _empty() -> Path:
    path = _folder() / "empty.db"
    database = Database(f"sqlite:///{path}")
    create_tables(database)
    database.dispose()  # the last connection to go writes everything into the one file
    return path


@cache
def _settled() -> tuple[Path, Cast]:
    path = _folder() / "cast.db"
    cast = build(_copy(_empty(), path))
    cast.database.dispose()
    return path, cast
