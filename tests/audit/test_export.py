"""The export holds every record with its seal, in UTC, line by line."""

import json
from datetime import timedelta
from typing import Any

from idm import audit
from tests.audit.ledger import JOB, NOW, Ledger, write_many


def exported(ledger: Ledger, **period: Any) -> list[dict[str, Any]]:
    """The lines, read back."""
    with ledger.database.reading() as session:
        return [json.loads(line) for line in audit.export_lines(session, **period)]


def test_every_record_is_one_line_with_its_seal(ledger: Ledger) -> None:
    lines = exported(ledger)
    assert [line["id"] for line in lines] == list(range(1, 13))
    assert [line["sequence"] for line in lines] == list(range(1, 13))
    first = lines[0]
    assert first["at"] == "2026-04-01T00:30:01.000000+00:00"
    assert first["actor"] == "山田　太郎"
    assert first["outcome"] == "done"
    assert json.loads(first["payload"])["number"] == 1
    assert len(bytes.fromhex(first["hash"])) == 32
    assert len(bytes.fromhex(first["salt"])) == 16


def test_record_without_a_seal_says_so(ledger: Ledger) -> None:
    write_many(ledger.database, 1, first=13)
    last = exported(ledger)[-1]
    assert (last["sequence"], last["hash"], last["sealed_at"]) == (None, None, None)


def test_expired_record_keeps_its_line(ledger: Ledger) -> None:
    with ledger.database.writing() as session:
        audit.expire_payloads(session, before=NOW + timedelta(seconds=2), actor=JOB, now=NOW)
    first = exported(ledger)[0]
    assert (first["payload"], first["salt"]) == (None, None)
    assert first["payload_hash"]


def test_period_is_half_open(ledger: Ledger) -> None:
    lines = exported(ledger, since=NOW + timedelta(seconds=3), until=NOW + timedelta(seconds=6))
    assert [line["id"] for line in lines] == [3, 4, 5]
    assert [line["id"] for line in exported(ledger, since=NOW + timedelta(seconds=11))] == [11, 12]
    assert [line["id"] for line in exported(ledger, until=NOW + timedelta(seconds=2))] == [1]


def test_line_is_one_line(ledger: Ledger) -> None:
    with ledger.database.writing() as session:
        audit.record(
            session, action="note.made", actor=JOB, obj=("note", "a\nb"), now=NOW, payload={"text": "1\n2\r\u2028"}
        )
    with ledger.database.reading() as session:
        lines = list(audit.export_lines(session))
    assert len(lines) == 13
    assert not any("\n" in line or "\r" in line for line in lines)
