"""A small audit record to test with: acts of two people and a job, sealed, with checkpoints kept in a list."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from hypothesis import HealthCheck, settings
from sqlalchemy import Table, func, select
from sqlalchemy.orm import DeclarativeBase, Session

from idm import audit
from idm.actor import Actor
from idm.audit import Checkpoint, Verification
from idm.database import Database
from idm.keys.signing import SigningKey
from idm.models.audit import AuditCheckpoint, AuditRecord, AuditSeal, AuditUnsealed
from idm.models.base import Base

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
"""For properties: a busy machine is no failure."""
NOW = datetime(2026, 4, 1, 0, 30, tzinfo=UTC)
YAMADA = Actor(7, "山田　太郎")
JOB = Actor.job("jobs.provision")
TABLES = [cast(Table, model.__table__) for model in (AuditRecord, AuditUnsealed, AuditSeal, AuditCheckpoint)]


def create_audit_tables(database: Database) -> None:
    """Only what the audit needs, with its triggers."""
    Base.metadata.create_all(database.engine, tables=TABLES)


def write(session: Session, number: int, *, actor: Actor = YAMADA, at: datetime | None = None) -> AuditRecord:
    """One act: the submission of an application of that number."""
    return audit.record(
        session,
        action="request.submitted",
        actor=actor,
        obj=("request", number),
        now=at or NOW + timedelta(seconds=number),
        payload={"number": number, "reason": "人事異動のため", "rights": ["account", "enter"]},
        policy_digest="5e" * 32,
    )


def write_many(database: Database, count: int, *, first: int = 1) -> None:
    """`count` acts in one transaction."""
    with database.writing() as session:
        for number in range(first, first + count):
            write(session, number, actor=JOB if number % 3 == 0 else YAMADA)


def seal(database: Database, *, now: datetime = NOW) -> int:
    """One run of the sealer."""
    with database.writing() as session:
        return audit.seal(session, now=now)


def count(database: Database, model: type[DeclarativeBase]) -> int:
    """Rows of a table."""
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


@dataclass
class Ledger:
    """A database of records with the key that signs its checkpoints, and the checkpoints kept elsewhere."""

    database: Database
    key: SigningKey
    elsewhere: list[Checkpoint] = field(default_factory=list)

    def grow(self, records: int) -> None:
        """Records, their seals, and a checkpoint over them that is kept elsewhere."""
        write_many(self.database, records, first=count(self.database, AuditRecord) + 1)
        seal(self.database)
        with self.database.writing() as session:
            kept = audit.checkpoint(session, self.key, now=NOW)
        assert kept is not None
        self.elsewhere.append(kept)

    def verify(self, session: Session | None = None, **options: Any) -> Verification:
        """The verification against what is kept elsewhere."""
        if session is not None:
            return audit.verify(session, public_key=self.key.public, checkpoints_elsewhere=self.elsewhere, **options)
        with self.database.reading() as own:
            return self.verify(own, **options)
