"""A database that takes everything but audit records."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from tests.cast import Cast

BROKEN = {
    "sqlite": ["CREATE TRIGGER broken BEFORE INSERT ON audit_records BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END"],
    "postgresql": [
        "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'could not extend file'; END $$",
        "CREATE TRIGGER broken BEFORE INSERT ON audit_records FOR EACH ROW EXECUTE FUNCTION broken()",
    ],
}
MENDED = {
    "sqlite": ["DROP TRIGGER broken"],
    "postgresql": ["DROP TRIGGER broken ON audit_records", "DROP FUNCTION broken()"],
}


@contextmanager
def unwritable(cast: Cast) -> Iterator[None]:
    """Meanwhile the database writes everything but audit records."""
    dialect = cast.database.engine.dialect.name
    _run(cast, BROKEN[dialect])
    yield
    _run(cast, MENDED[dialect])


def _run(cast: Cast, statements: list[str]) -> None:
    with cast.database.writing() as session:
        for statement in statements:
            session.execute(text(statement))
