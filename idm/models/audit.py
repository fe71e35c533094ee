"""The audit record: what was done or refused, its chain of seals, and signed checkpoints (FK 6-1(4)①②, MT 7-1(4)イ).

Append-only, and the database says so itself: triggers refuse every change and deletion, with one exception: a payload
may expire (payload and salt become NULL together). Nothing here refers to a person's row; records outlive anything.
`APPEND_ONLY_DDL` holds those triggers for the migration; tables made from the metadata get them by themselves.
"""

from datetime import datetime
from enum import StrEnum
from typing import cast

from sqlalchemy import DDL, CheckConstraint, ForeignKey, Index, LargeBinary, String, Table, Text, event
from sqlalchemy.orm import Mapped, mapped_column

from idm.models.base import Base, Instant, closed_list


class AuditOutcome(StrEnum):
    """Whether the act was done or refused."""

    DONE = "done"
    REFUSED = "refused"


class AuditRecord(Base):
    """One act or refusal, written in the transaction of the act."""

    __tablename__ = "audit_records"
    __table_args__ = (
        CheckConstraint("(outcome = 'refused') = (code IS NOT NULL)", name="refusal_has_code"),
        CheckConstraint("(payload IS NULL) = (salt IS NULL)", name="payload_with_salt"),
        Index("ix_audit_records_actor", "actor_id", "id"),
        Index("ix_audit_records_object", "object_kind", "object_id", "id"),
        Index("ix_audit_records_at", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    action: Mapped[str] = mapped_column(String(64))
    """A dotted verb: 'request.submitted'."""
    actor_id: Mapped[int | None]
    actor: Mapped[str] = mapped_column(Text)
    object_kind: Mapped[str] = mapped_column(String(64))
    object_id: Mapped[str] = mapped_column(Text)
    outcome: Mapped[AuditOutcome] = mapped_column(closed_list(AuditOutcome))
    code: Mapped[str | None] = mapped_column(String(64))
    policy_digest: Mapped[str | None] = mapped_column(String(64))
    payload: Mapped[str | None] = mapped_column(Text)
    """Canonical JSON, the very text that was hashed; NULL once it has expired."""
    salt: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    """Keeps a short payload from being guessed from its hash; it expires with the payload."""
    payload_hash: Mapped[str] = mapped_column(String(64))


class AuditUnsealed(Base):
    """A record that waits for its seal. A trigger adds it with the record, so none can be forgotten."""

    __tablename__ = "audit_unsealed"

    record_id: Mapped[int] = mapped_column(ForeignKey("audit_records.id"), primary_key=True, autoincrement=False)


class AuditSeal(Base):
    """One link of the chain: its hash covers the hash before it and the record's header."""

    __tablename__ = "audit_seals"
    __table_args__ = (CheckConstraint("sequence > 0", name="sequence"),)

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    record_id: Mapped[int] = mapped_column(ForeignKey("audit_records.id"), unique=True)
    sealed_at: Mapped[datetime] = mapped_column(Instant)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class AuditCheckpoint(Base):
    """A signed statement of how far the chain had grown. The same line is kept elsewhere (`checkpoint_file`)."""

    __tablename__ = "audit_checkpoints"

    sequence: Mapped[int] = mapped_column(ForeignKey("audit_seals.sequence"), primary_key=True, autoincrement=False)
    hash: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(Instant)
    key_id: Mapped[str] = mapped_column(String(16))
    signature: Mapped[str] = mapped_column(String(128))


MAY_EXPIRE = frozenset({"payload", "salt"})
_APPEND_ONLY = (AuditRecord, AuditSeal, AuditCheckpoint)


def _table(model: type[Base]) -> Table:
    return cast(Table, model.__table__)


def _is_expiry(table: Table, same: str) -> str:
    """SQL that is true for an update that does nothing but let a payload expire. `same` compares two values."""
    if table.name != AuditRecord.__tablename__:
        return "FALSE"
    kept = [f"NEW.{column.name} {same} OLD.{column.name}" for column in table.columns if column.name not in MAY_EXPIRE]
    return " AND ".join(["NEW.payload IS NULL", "NEW.salt IS NULL", *kept])


def _sqlite_triggers(table: Table) -> list[str]:
    name = table.name
    refuse = f"BEGIN SELECT RAISE(ABORT, '{name} is append-only'); END"
    # INSERT OR REPLACE deletes the row in its way without asking the trigger on deletion.
    unique = [column.name for column in table.columns if column.primary_key or column.unique]
    taken = " OR ".join(f"{column} = NEW.{column}" for column in unique)
    exists = f"EXISTS (SELECT 1 FROM {name} WHERE {taken})"  # noqa: S608 - names of our own tables
    return [
        f"CREATE TRIGGER {name}_no_update BEFORE UPDATE ON {name} WHEN NOT ({_is_expiry(table, 'IS')}) {refuse}",
        f"CREATE TRIGGER {name}_no_delete BEFORE DELETE ON {name} {refuse}",
        f"CREATE TRIGGER {name}_no_replace BEFORE INSERT ON {name} WHEN {exists} {refuse}",
    ]


_POSTGRESQL_REFUSE = (
    "CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
    "BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only', ERRCODE = 'insufficient_privilege'; "
    "END $$"
)


def _postgresql_triggers(table: Table) -> list[str]:
    name, refuse = table.name, "EXECUTE FUNCTION audit_append_only()"
    expiry = _is_expiry(table, "IS NOT DISTINCT FROM")
    return [
        _POSTGRESQL_REFUSE,
        f"CREATE TRIGGER {name}_no_update BEFORE UPDATE ON {name} FOR EACH ROW WHEN (NOT ({expiry})) {refuse}",
        f"CREATE TRIGGER {name}_no_delete BEFORE DELETE ON {name} FOR EACH ROW {refuse}",
        f"CREATE TRIGGER {name}_no_truncate BEFORE TRUNCATE ON {name} FOR EACH STATEMENT {refuse}",
    ]


_AWAIT_SEAL = {
    "sqlite": [
        "CREATE TRIGGER audit_records_await_seal AFTER INSERT ON audit_records "
        "BEGIN INSERT INTO audit_unsealed (record_id) VALUES (NEW.id); END"
    ],
    "postgresql": [
        "CREATE OR REPLACE FUNCTION audit_await_seal() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN INSERT INTO audit_unsealed (record_id) VALUES (NEW.id); RETURN NULL; END $$",
        "CREATE TRIGGER audit_records_await_seal AFTER INSERT ON audit_records "
        "FOR EACH ROW EXECUTE FUNCTION audit_await_seal()",
    ],
}


def _triggers_of(model: type[Base], dialect: str) -> list[str]:
    refusing = {"sqlite": _sqlite_triggers, "postgresql": _postgresql_triggers}[dialect](_table(model))
    return refusing + (_AWAIT_SEAL[dialect] if model is AuditRecord else [])


APPEND_ONLY_DDL: dict[str, list[str]] = {
    dialect: [statement for model in _APPEND_ONLY for statement in _triggers_of(model, dialect)]
    for dialect in ("sqlite", "postgresql")
}
"""Every trigger by dialect, in the order in which a migration runs them once all four tables exist."""

for _model in _APPEND_ONLY:
    for _dialect in APPEND_ONLY_DDL:
        for _statement in _triggers_of(_model, _dialect):
            _ddl = DDL(_statement)  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it unannotated
            event.listen(_table(_model), "after_create", _ddl.execute_if(dialect=_dialect))
