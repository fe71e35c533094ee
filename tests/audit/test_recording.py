"""A record is written with its act or not at all, and nobody can change it afterwards."""

from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import String, select, text, type_coerce
from sqlalchemy.exc import DBAPIError

from idm import audit
from idm.actor import Actor
from idm.audit.payload import payload_hash
from idm.database import Database
from idm.models.audit import APPEND_ONLY_DDL, AuditCheckpoint, AuditOutcome, AuditRecord, AuditSeal
from idm.models.base import Base
from tests.audit.ledger import JOB, NOW, YAMADA, Ledger, count, seal, write, write_many


def test_record_says_who_did_what_to_what_and_when(database: Database) -> None:
    with database.writing() as session:
        write(session, 12, at=datetime(2026, 4, 1, 9, 30, tzinfo=timezone(timedelta(hours=9))))
    with database.reading() as session:
        record = session.scalars(select(AuditRecord)).one()
    assert (record.action, record.actor_id, record.actor) == ("request.submitted", 7, "山田　太郎")
    assert (record.object_kind, record.object_id) == ("request", "12")
    assert (record.outcome, record.code) == (AuditOutcome.DONE, None)
    assert record.at == NOW
    assert record.payload == '{"number":12,"reason":"人事異動のため","rights":["account","enter"]}'
    assert record.salt is not None
    assert record.payload_hash == payload_hash(record.salt, record.payload)


def test_refusal_carries_its_code(database: Database) -> None:
    with database.writing() as session:
        audit.record(session, action="request.decide", actor=YAMADA, obj=("request", 1), now=NOW, code="SOD-1")
    with database.reading() as session:
        record = session.scalars(select(AuditRecord)).one()
    assert (record.outcome, record.code, record.payload) == (AuditOutcome.REFUSED, "SOD-1", "{}")


def test_job_acts_without_a_person(database: Database) -> None:
    with database.writing() as session:
        write(session, 1, actor=Actor.job("jobs.provision"))
    with database.reading() as session:
        record = session.scalars(select(AuditRecord)).one()
    assert (record.actor_id, record.actor) == (None, "jobs.provision")


def test_equal_payloads_have_different_hashes(database: Database) -> None:
    with database.writing() as session:
        first, second = write(session, 1), write(session, 1)
    assert first.payload == second.payload
    assert first.payload_hash != second.payload_hash


@pytest.mark.parametrize(
    "action", ["", "submitted", "Request.submitted", "request.", "request submitted", "申請.提出", "a.b!", "a.b\n"]
)
def test_action_that_is_no_dotted_verb_is_refused(database: Database, action: str) -> None:
    with database.writing() as session, pytest.raises(audit.PayloadInvalid):
        audit.record(session, action=action, actor=YAMADA, obj=("request", 1), now=NOW)


def test_time_without_zone_is_refused(database: Database) -> None:
    with pytest.raises(Exception, match="time zone"), database.writing() as session:
        write(session, 1, at=datetime(2026, 4, 1))  # noqa: DTZ001 - the mistake itself
    assert count(database, AuditRecord) == 0


def test_label_that_no_database_keeps_is_written_with_escapes(database: Database) -> None:
    with database.writing() as session:
        audit.record(session, action="page.asked", actor=Actor(1, "a\0b"), obj=("request", "\ud800"), now=NOW)
    with database.reading() as session:
        record = session.scalars(select(AuditRecord)).one()
    assert (record.actor, record.object_id) == ("a\\0b", "\\ud800")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_records SET actor = 'x' WHERE id = 1",
        "UPDATE audit_records SET payload = '{}' WHERE id = 1",
        "UPDATE audit_records SET payload = NULL, salt = NULL, actor = 'x' WHERE id = 1",
        "UPDATE audit_records SET id = 99 WHERE id = 1",
        "DELETE FROM audit_records WHERE id = 1",
        "DELETE FROM audit_records",
        "UPDATE audit_seals SET sequence = 99 WHERE sequence = 1",
        "DELETE FROM audit_seals WHERE sequence = 12",
        "UPDATE audit_checkpoints SET key_id = 'x'",
        "DELETE FROM audit_checkpoints",
    ],
)
def test_database_refuses_to_change_or_delete(ledger: Ledger, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), ledger.database.writing() as session:
        session.execute(text(statement))
    assert ledger.verify().ok


@pytest.mark.parametrize("model", [AuditRecord, AuditSeal, AuditCheckpoint])
def test_no_statement_of_a_dialect_gets_round_it(ledger: Ledger, model: type[Base]) -> None:
    name = model.__tablename__
    ways = {
        "sqlite": [f"INSERT OR REPLACE INTO {name} SELECT * FROM {name}", f"UPDATE OR REPLACE {name} SET rowid = 1",
                   f"UPDATE OR IGNORE {name} SET rowid = rowid"],
        "postgresql": [f"TRUNCATE {name} CASCADE"],
    }  # fmt: skip
    for way in ways[ledger.database.engine.dialect.name]:
        with pytest.raises(DBAPIError, match="append-only"), ledger.database.writing() as session:
            session.execute(text(way))
    assert ledger.verify().ok


def test_seal_cannot_be_replaced_by_way_of_its_record(database: Database) -> None:
    write_many(database, 1)
    seal(database)
    way = {
        "sqlite": "INSERT OR REPLACE INTO audit_seals VALUES (2, 1, '2026-04-01', x'00')",
        "postgresql": "INSERT INTO audit_seals VALUES (2, 1, now(), '') ON CONFLICT (record_id) "
        "DO UPDATE SET sequence = 2",
    }[database.engine.dialect.name]
    with pytest.raises(DBAPIError, match="append-only"), database.writing() as session:
        session.execute(text(way))


def test_exported_statements_make_the_same_triggers(database: Database) -> None:
    """The migration runs APPEND_ONLY_DDL; tables from the metadata have their triggers by themselves."""
    dialect = database.engine.dialect.name
    with database.engine.begin() as connection:
        catalogue = {
            "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
            "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
        }[dialect]
        present = set(connection.execute(text(catalogue)).scalars())
        for name in present:
            table = name[: name.index("_no_") if "_no_" in name else name.index("_await_")]
            connection.execute(text(f"DROP TRIGGER {name}" + (f" ON {table}" if dialect == "postgresql" else "")))
        for statement in APPEND_ONLY_DDL[dialect]:
            connection.execute(text(statement))
        assert set(connection.execute(text(catalogue)).scalars()) == present
    assert len(present) == 10


def test_expiry_takes_payload_and_salt_and_says_so(ledger: Ledger) -> None:
    with ledger.database.writing() as session:
        expired = audit.expire_payloads(session, before=NOW + timedelta(seconds=5), actor=JOB, now=NOW)
    assert expired == 4
    with ledger.database.reading() as session:
        rows = session.execute(select(AuditRecord.payload, AuditRecord.salt).order_by(AuditRecord.id)).all()
        last = session.scalars(select(AuditRecord).order_by(AuditRecord.id.desc()).limit(1)).one()
    assert [row.payload is None and row.salt is None for row in rows] == [True] * 4 + [False] * 9
    assert (last.action, last.actor) == ("audit.payloads_expired", "jobs.provision")
    assert last.payload == '{"before":"2026-04-01T00:30:05+00:00","count":4}'


def test_expiry_leaves_what_has_no_seal_yet(database: Database) -> None:
    write_many(database, 3)
    with database.writing() as session:
        assert audit.expire_payloads(session, before=NOW + timedelta(days=1), actor=JOB, now=NOW) == 0
    assert count(database, AuditRecord) == 3


def test_outcome_is_read_as_plain_text(database: Database) -> None:
    write_many(database, 1)
    with database.reading() as session:
        assert session.scalar(select(type_coerce(AuditRecord.outcome, String))) == "done"


def test_checkpoint_needs_its_seal(database: Database) -> None:
    with pytest.raises(DBAPIError), database.writing() as session:
        session.add(AuditCheckpoint(sequence=5, hash="0" * 64, at=NOW, key_id="0" * 16, signature="0" * 128))


def test_seal_needs_its_record(database: Database) -> None:
    with pytest.raises(DBAPIError), database.writing() as session:
        session.add(AuditSeal(sequence=1, record_id=5, sealed_at=NOW, hash=bytes(32)))
