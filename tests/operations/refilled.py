"""A PostgreSQL database that is what it was at first, for every test anew: emptied and filled again, not made again.

A database of its own for each of hundreds of tests would cost the server twenty times as long as what is asked of it.
"""

from psycopg import Connection, connect
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed, Identifier, Literal

from idm.database import Database
from tests.servers.postgres import Postgres

TRUNCATED_EVERY = 40
"""Rows that were deleted stay in the tables' files: so often, the files begin anew."""


class Refilled:
    """One database of the server; its rows as they are now are those that every test begins with."""

    def __init__(self, server: Postgres, name: str) -> None:
        self.url = server.url_of(name)
        self._connection: Connection[TupleRow] = connect(
            f"host=127.0.0.1 port={server.port} user=postgres dbname={name}", autocommit=True
        )
        self._tables = self._names("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        self._refill = SQL("; ").join([SQL("SET session_replication_role = replica"), *self._kept(), *self._numbers()])
        self._times = 0

    def _names(self, query: str) -> list[Identifier]:
        return [Identifier("public", str(name)) for (name,) in self._connection.execute(query.encode())]

    def _kept(self) -> list[Composed]:
        """Keeps the rows in a schema of their own; how they come back, without triggers and foreign keys."""
        self._connection.execute("CREATE SCHEMA kept")
        back = []
        for table in self._tables:
            kept = Identifier("kept", table._obj[-1])
            self._connection.execute(SQL("CREATE TABLE {} AS TABLE {}").format(kept, table))
            back.append(SQL("DELETE FROM {}").format(table))
            back.append(SQL("INSERT INTO {} SELECT * FROM {}").format(table, kept))
        return back

    def _numbers(self) -> list[Composed]:
        """How the sequences go on from where they were."""
        back = []
        for sequence in self._names("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'"):
            found = self._connection.execute(SQL("SELECT last_value, is_called FROM {}").format(sequence)).fetchone()
            last, called = found or (1, False)
            name = Literal(sequence.as_string())
            back.append(SQL("SELECT setval({}, {}, {})").format(name, Literal(last), Literal(called)))
        return back

    def database(self) -> Database:
        """The database as it was at first; whoever is still connected to it from before is cut off."""
        self._connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        if self._times % TRUNCATED_EVERY == TRUNCATED_EVERY - 1:
            self._connection.execute(SQL("TRUNCATE {}").format(SQL(", ").join(self._tables)))
        self._connection.execute(self._refill)
        self._times += 1
        return Database(self.url)

    def close(self) -> None:
        """Afterwards it cannot be filled again."""
        self._connection.close()
