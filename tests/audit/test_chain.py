"""The chain covers everything a record says; one sealer at a time lengthens it."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from threading import Barrier

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, select

from idm import audit
from idm.audit.chain import GENESIS, HEADER_NAMES, utc_text
from idm.audit.payload import canonical
from idm.database import Database
from idm.models.audit import MAY_EXPIRE, AuditRecord, AuditSeal, AuditUnsealed
from tests.audit.ledger import NOW, UNHURRIED, Ledger, count, seal, write, write_many

FIELDS = st.none() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]))
HEADERS = st.fixed_dictionaries(dict.fromkeys(("action", "actor", "object_id", "code"), FIELDS))


def test_header_covers_every_column_that_cannot_expire() -> None:
    """A column added later has to be decided on: old seals do not cover it."""
    assert set(HEADER_NAMES) == {column.name for column in AuditRecord.__table__.columns} - MAY_EXPIRE


@UNHURRIED
@given(first=HEADERS, second=HEADERS)
def test_no_two_headers_share_their_bytes(first: dict[str, object], second: dict[str, object]) -> None:
    assert (canonical(first) == canonical(second)) == (first == second)


def test_joined_fields_cannot_pass_for_others() -> None:
    """The mistake of signing fields joined by commas."""
    assert canonical({"actor": 'a","code":"b', "code": ""}) != canonical({"actor": "a", "code": 'b","code":"'})


def test_every_hash_is_that_of_the_one_before_and_the_header(ledger: Ledger) -> None:
    """Computed once more from the exported lines alone, as an auditor would."""
    with ledger.database.reading() as session:
        lines = [json.loads(line) for line in audit.export_lines(session)]
    previous = GENESIS
    for line in sorted(lines, key=lambda line: line["sequence"]):
        payload, salt, digest = line.pop("payload"), line.pop("salt"), line.pop("hash")
        assert sha256(bytes.fromhex(salt) + payload.encode()).hexdigest() == line["payload_hash"]
        header = json.dumps(line, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        previous = sha256(previous + header.encode()).digest()
        assert previous.hex() == digest


def test_times_are_written_in_utc_with_microseconds() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert utc_text(datetime(2026, 4, 1, 9, tzinfo=tokyo)) == "2026-04-01T00:00:00.000000+00:00"


def test_sealing_takes_what_waits_in_the_order_of_the_ids(database: Database) -> None:
    write_many(database, 25)
    assert count(database, AuditUnsealed) == 25
    assert seal(database) == 25
    with database.reading() as session:
        rows = session.execute(select(AuditSeal.sequence, AuditSeal.record_id).order_by(AuditSeal.sequence)).all()
    assert [tuple(row) for row in rows] == [(number, number) for number in range(1, 26)]
    assert count(database, AuditUnsealed) == 0


def test_sealing_again_does_nothing(ledger: Ledger) -> None:
    assert seal(ledger.database) == 0
    assert count(ledger.database, AuditSeal) == 12


def test_sealing_stops_at_its_limit_and_goes_on_there(database: Database) -> None:
    write_many(database, 25)
    for expected in (10, 10, 5, 0):
        with database.writing() as session:
            assert audit.seal(session, now=NOW, limit=10) == expected
    assert count(database, AuditSeal) == 25


def test_rolled_back_act_leaves_nothing_to_seal(database: Database) -> None:
    with database.reading() as session:
        write(session, 1)
        session.flush()
    assert seal(database) == 0


def test_rolled_back_sealing_is_done_again(database: Database, ledger: Ledger) -> None:
    write_many(database, 3, first=13)
    with database.reading() as session:
        assert audit.seal(session, now=NOW) == 3
    assert seal(database) == 3
    assert ledger.verify().ok


def test_two_sealers_at_once_seal_every_record_once(ledger: Ledger) -> None:
    write_many(ledger.database, 300, first=13)
    start = Barrier(4)

    def work(_: int) -> int:
        start.wait()
        return sum(_until_empty(ledger.database))

    with ThreadPoolExecutor(4) as sealers:
        assert sum(sealers.map(work, range(4))) == 300
    while seal(ledger.database):
        pass
    assert count(ledger.database, AuditSeal) == 312
    assert ledger.verify().ok


def _until_empty(database: Database) -> list[int]:
    done = []
    while count(database, AuditUnsealed):
        with database.writing() as session:
            done.append(audit.seal(session, now=NOW, limit=20))
    return done


def test_second_sealer_on_postgresql_lets_the_first_finish(postgres_database: Database) -> None:
    """On SQLite a second writer does not even begin."""
    write_many(postgres_database, 3)
    with postgres_database.writing() as first:
        assert audit.seal(first, now=NOW) == 3
        assert seal(postgres_database) == 0
    assert count(postgres_database, AuditSeal) == 3


def test_record_committed_in_the_middle_of_a_sealing_still_waits(postgres_database: Database) -> None:
    """Its id may be lower than those being sealed: it must not leave the waiting room with them."""
    with postgres_database.reading() as slow:
        write(slow, 1)
        slow.flush()
        write_many(postgres_database, 2, first=2)

        @event.listens_for(postgres_database.engine, "before_cursor_execute")
        def commit_now(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
            if statement.startswith("DELETE FROM audit_unsealed"):
                slow.commit()

        assert seal(postgres_database) == 2
    assert seal(postgres_database) == 1


def test_records_written_while_sealing_are_not_lost(ledger: Ledger) -> None:
    stop = 40

    def writer(first: int) -> None:
        for number in range(first, first + stop):
            write_many(ledger.database, 1, first=number)

    def sealer(_: int) -> None:
        for _run in range(stop):
            seal(ledger.database)

    works: list[tuple[Callable[[int], None], int]] = [(writer, 100), (writer, 200), (sealer, 0), (sealer, 0)]
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, first) for work, first in works]:
            done.result()
    seal(ledger.database)
    assert count(ledger.database, AuditUnsealed) == 0
    verification = ledger.verify()
    assert verification.ok
    assert (verification.records, verification.sealed) == (92, 92)
