"""Audit records in the names of the Elastic Common Schema, and what becomes of them in CEF."""

import json
from datetime import timedelta

import pytest

from idm import audit
from idm.actor import Actor
from idm.audit.cef import cef
from idm.audit.events import AuditEvent
from idm.database import Database
from tests.audit.ledger import JOB, NOW, YAMADA


def told(database: Database, *, after: int = 0) -> list[AuditEvent]:
    """Everything that is sealed by now, beyond that number."""
    with database.writing() as session:
        audit.seal(session, now=NOW)
    with database.reading() as session:
        return list(audit.sealed_events(session, after=after))


def record(database: Database, **more: object) -> None:
    said = {"action": "sign_in.attempted", "actor": YAMADA, "obj": ("person", 12), "now": NOW} | more
    with database.writing() as session:
        audit.record(session, **said)  # type: ignore[arg-type]


def test_a_record_has_the_names_of_the_schema(database: Database) -> None:
    record(database, payload={"source": "2001:db8::7", "step": 1}, code="SIGN-IN", policy_digest="abc")
    (event,) = told(database)
    document = json.loads(audit.ecs_line(event))
    assert document.pop("trace") == {"id": event.act}
    assert document == {
        "@timestamp": "2026-04-01T00:30:00.000000+00:00",
        "ecs": {"version": "8.11.0"},
        "event": {
            "kind": "event", "provider": "idm", "dataset": "idm.audit", "action": "sign_in.attempted",
            "category": ["authentication"], "type": ["info"], "outcome": "failure", "code": "SIGN-IN", "id": "1",
            "sequence": 1, "created": "2026-04-01T00:30:00.000000+00:00", "hash": event.seal,
        },
        "user": {"id": "7", "full_name": "山田　太郎", "target": {"id": "12"}},
        "source": {"ip": "2001:db8::7"},
        "idm": {
            "object": {"kind": "person", "id": "12"}, "policy": "abc",
            "payload": '{"source":"2001:db8::7","step":1}',
        },
    }  # fmt: skip


def test_a_job_is_a_service_and_no_user(database: Database) -> None:
    record(database, actor=JOB, obj=("system", 1), action="sweep.recorded")
    document = json.loads(audit.ecs_line(told(database)[0]))
    assert (document["service"], "user" in document, "source" in document) == ({"name": JOB.label}, False, False)
    assert document["event"]["outcome"] == "success"


def test_every_record_of_one_act_has_the_same_trace(database: Database) -> None:
    for more in ({}, {}, {"now": NOW + timedelta(microseconds=1)}, {"actor": Actor(8, YAMADA.label)}):
        record(database, **more)
    traces = [event.act for event in told(database)]
    assert traces[0] == traces[1]
    assert len(set(traces)) == 3


def test_only_what_is_beyond_the_number_is_told_and_nothing_without_a_seal(database: Database) -> None:
    for _ in range(5):
        record(database)
    assert [event.sequence for event in told(database, after=3)] == [4, 5]
    record(database)
    with database.reading() as session:
        assert [event.sequence for event in audit.sealed_events(session, after=0, size=2)] == [1, 2, 3, 4, 5]


def test_a_payload_that_has_expired_is_told_as_none(database: Database) -> None:
    record(database, payload={"source": "192.0.2.1"})
    told(database)
    with database.writing() as session:
        audit.expire_payloads(session, before=NOW + timedelta(days=1), actor=JOB, now=NOW)
    document = json.loads(audit.ecs_line(told(database)[0]))
    assert (document["idm"]["payload"], "source" in document) == (None, False)


@pytest.mark.asvs("16.4.1")
def test_a_source_that_is_no_address_is_not_told_as_one(database: Database) -> None:
    record(database, payload={"source": "x src=10.0.0.1"})
    (event,) = told(database)
    assert "source" not in json.loads(audit.ecs_line(event))
    assert " src=" not in cef(event, version="1")


def test_an_address_of_the_newer_protocol_has_a_field_of_its_own(database: Database) -> None:
    record(database, payload={"source": "2001:db8::7"})
    assert " c6a2Label=source c6a2=2001:db8::7 " in cef(told(database)[0], version="1")


def test_the_payload_does_not_leave_in_cef(database: Database) -> None:
    record(database, payload={"comment": "内緒の話"})
    assert "内緒" not in cef(told(database)[0], version="1")
