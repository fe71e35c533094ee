"""Somebody with full power over the database, but without our key and without the checkpoints kept elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Table, delete, func, insert, select, text, update
from sqlalchemy.orm import Session

from idm.audit.chain import GENESIS, HEADER_COLUMNS, link
from idm.database import Database
from idm.models.audit import APPEND_ONLY_DDL, AuditCheckpoint, AuditRecord, AuditSeal, AuditUnsealed
from tests.audit.ledger import NOW

RECORDS, SEALS, CHECKPOINTS = (cast(Table, model.__table__) for model in (AuditRecord, AuditSeal, AuditCheckpoint))


@contextmanager
def break_in(database: Database) -> Iterator[tuple[Session, "Intruder"]]:
    """A session whose changes no trigger and no constraint stops; everything is rolled back at the end."""
    with database.engine.connect() as connection, Session(connection) as session:
        if database.engine.dialect.name == "sqlite":
            # Pragmas are not part of a transaction: this connection never goes back to the pool.
            connection.detach()
            connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
            connection.exec_driver_sql("PRAGMA ignore_check_constraints=ON")
            for statement in APPEND_ONLY_DDL["sqlite"]:
                connection.exec_driver_sql(f"DROP TRIGGER {statement.split()[2]}")
        else:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            for table, constraint in connection.execute(
                text(
                    "SELECT conrelid::regclass::text, conname FROM pg_constraint "
                    "WHERE conrelid::regclass::text LIKE 'audit%' AND contype IN ('c', 'f', 'u')"
                )
            ):
                connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {constraint} CASCADE")
        yield session, Intruder(connection)
        connection.rollback()


class Intruder:
    """What such a person may try. Sequences and ids count from 1."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def record_id(self, sequence: int) -> int:
        """The record sealed under that sequence."""
        return int(self.connection.scalar(select(SEALS.c.record_id).where(SEALS.c.sequence == sequence)) or 0)

    def change(self, sequence: int, column: str, value: Any) -> None:
        """One field of a sealed record is another."""
        self.change_record(self.record_id(sequence), column, value)

    def change_record(self, record_id: int, column: str, value: Any) -> None:
        """One field of a record is another."""
        self.connection.execute(update(RECORDS).where(RECORDS.c.id == record_id).values({column: value}))

    def change_seal(self, sequence: int, column: str, value: Any) -> None:
        """One field of a seal is another."""
        self.connection.execute(update(SEALS).where(SEALS.c.sequence == sequence).values({column: value}))

    def delete(self, sequence: int, *, seal_too: bool, close_gap: bool = False) -> None:
        """A record is gone; with its seal; and the later seals have moved up."""
        record_id = self.record_id(sequence)
        self.connection.execute(delete(RECORDS).where(RECORDS.c.id == record_id))
        if seal_too:
            self.connection.execute(delete(SEALS).where(SEALS.c.sequence == sequence))
        if close_gap:
            self._shift(sequence, -1)

    def insert(self, sequence: int, *, well_linked: bool) -> None:
        """A record that never was stands at that place, the later ones have moved down."""
        self._shift(sequence - 1, 1)
        record_id = (self.connection.scalar(select(func.max(RECORDS.c.id))) or 0) + 1
        self.slip_in(record_id, at=NOW)
        seal = {"sequence": sequence, "record_id": record_id, "sealed_at": NOW, "hash": bytes(32)}
        self.connection.execute(insert(SEALS).values(seal))
        if well_linked:
            self.rehash(sequence, only_one=True)

    def slip_in(self, record_id: int, *, at: datetime) -> None:
        """A record of that id is there, without a seal."""
        like = dict(self.connection.execute(select(RECORDS).limit(1)).mappings().one())
        self.connection.execute(insert(RECORDS).values({**like, "id": record_id, "at": at, "object_id": "999999"}))

    def swap(self, first: int, second: int) -> None:
        """Two records have changed places."""
        one, other = self.record_id(first), self.record_id(second)
        self.change_seal(first, "record_id", -1)
        self.change_seal(second, "record_id", one)
        self.change_seal(first, "record_id", other)

    def cut_tail(self, sequence: int) -> None:
        """Nothing is left from that sequence on, the database's own checkpoints included."""
        ids = select(SEALS.c.record_id).where(SEALS.c.sequence >= sequence).scalar_subquery()
        self.connection.execute(delete(CHECKPOINTS).where(CHECKPOINTS.c.sequence >= sequence))
        self.connection.execute(delete(AuditUnsealed))
        self.connection.execute(delete(RECORDS).where(RECORDS.c.id.in_(ids)))
        self.connection.execute(delete(SEALS).where(SEALS.c.sequence >= sequence))

    def rehash(self, sequence: int, *, only_one: bool = False) -> None:
        """From that sequence on, the chain fits what the records say now."""
        previous = self.connection.scalar(select(SEALS.c.hash).where(SEALS.c.sequence == sequence - 1)) or GENESIS
        joined = select(*HEADER_COLUMNS, SEALS.c.sequence, SEALS.c.sealed_at).join_from(
            RECORDS, SEALS, SEALS.c.record_id == RECORDS.c.id
        )
        rows = self.connection.execute(joined.where(SEALS.c.sequence >= sequence).order_by(SEALS.c.sequence)).all()
        for row in rows[: 1 if only_one else None]:
            previous = link(previous, sequence=row.sequence, sealed_at=row.sealed_at, record=row)
            self.change_seal(row.sequence, "hash", previous)

    def change_checkpoint(self, sequence: int, column: str, value: Any) -> None:
        """One field of a checkpoint in the database is another."""
        changed = update(CHECKPOINTS).where(CHECKPOINTS.c.sequence == sequence)
        self.connection.execute(changed.values({column: value}))

    def forget_checkpoint(self, sequence: int) -> None:
        """A checkpoint is gone from the database."""
        self.connection.execute(delete(CHECKPOINTS).where(CHECKPOINTS.c.sequence == sequence))

    def hash_of(self, sequence: int) -> str:
        """The hash of a seal, in hex."""
        return bytes(self.connection.scalar(select(SEALS.c.hash).where(SEALS.c.sequence == sequence)) or b"").hex()

    def _shift(self, after: int, by: int) -> None:
        later = self.connection.scalars(select(SEALS.c.sequence).where(SEALS.c.sequence > after)).all()
        for sequence in sorted(later, reverse=by > 0):
            self.change_seal(sequence, "sequence", sequence + by)
