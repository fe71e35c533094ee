"""Whatever somebody with full power over the database does to it, verification finds it and names the place."""

import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table

from idm import audit
from idm.audit import Checkpoint, CheckpointUnreadable, Verification, WrongRecord
from idm.audit.payload import payload_hash
from idm.database import Database
from idm.keys.signing import SigningKey, load_or_create_key
from tests.audit.intruder import RECORDS, SEALS, Intruder, break_in
from tests.audit.ledger import JOB, NOW, Ledger, seal, write, write_many


def found(ledger: Ledger, tamper: Callable[[Intruder], None]) -> tuple[int | None, int | None, str]:
    """Where and why verification says the record is wrong after the tampering."""
    with break_in(ledger.database) as (session, intruder):
        tamper(intruder)
        wrong = ledger.verify(session).first_wrong
    assert wrong is not None
    return wrong.sequence, wrong.record_id, wrong.reason


def test_untouched_record_verifies_and_is_counted(ledger: Ledger) -> None:
    write_many(ledger.database, 2, first=13)
    assert ledger.verify() == Verification(
        records=14, sealed=12, unsealed=2, expired=0, checkpoints_checked=3, not_kept_elsewhere=0, first_wrong=None
    )
    assert ledger.verify().ok


def test_empty_record_verifies(database: Database, key: SigningKey) -> None:
    assert Ledger(database, key).verify().ok


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", NOW - timedelta(days=1)), ("action", "request.withdrawn"), ("actor_id", 8), ("actor_id", None),
        ("actor", "山田 太郎"), ("object_kind", "grant"), ("object_id", "6"), ("outcome", "refused"), ("code", "SOD-1"),
        ("policy_digest", None), ("payload_hash", "0" * 64),
    ],
)  # fmt: skip
def test_changed_field_is_found(ledger: Ledger, column: str, value: object) -> None:
    sequence, record_id, reason = found(ledger, lambda intruder: intruder.change(5, column, value))
    assert (sequence, record_id) == (5, 5)
    assert "書換え" in reason


def test_changed_payload_is_found(ledger: Ledger) -> None:
    sequence, _, reason = found(ledger, lambda intruder: intruder.change(5, "payload", '{"number":6}'))
    assert (sequence, reason) == (5, "記録の内容が書き換えられています。")


def test_changed_salt_is_found(ledger: Ledger) -> None:
    assert found(ledger, lambda intruder: intruder.change(5, "salt", bytes(16)))[0] == 5


def test_bytes_moved_from_salt_to_payload_are_found(ledger: Ledger) -> None:
    """Salt and payload are hashed together: their border must not be movable."""

    def move(intruder: Intruder) -> None:
        intruder.change(5, "salt", b"s" * 16)
        intruder.change(5, "payload", "{}")
        intruder.change(5, "payload_hash", payload_hash(b"s" * 16, "{}"))
        intruder.rehash(5)
        intruder.change(5, "salt", b"s" * 15)
        intruder.change(5, "payload", "s{}")

    sequence, _, reason = found(ledger, move)
    assert (sequence, reason) == (5, "記録の内容が書き換えられています。")


def test_changed_payload_of_a_record_without_a_seal_is_found(ledger: Ledger) -> None:
    write_many(ledger.database, 1, first=13)
    with break_in(ledger.database) as (session, intruder):
        intruder.change_record(13, "payload", "{}")
        wrong = ledger.verify(session).first_wrong
    assert wrong is not None
    assert (wrong.sequence, wrong.record_id) == (None, 13)


@pytest.mark.parametrize(("column", "value"), [("hash", bytes(32)), ("sealed_at", NOW + timedelta(seconds=1))])
def test_changed_seal_is_found(ledger: Ledger, column: str, value: object) -> None:
    assert found(ledger, lambda intruder: intruder.change_seal(5, column, value))[0] == 5


def test_deleted_record_is_found(ledger: Ledger) -> None:
    sequence, record_id, reason = found(ledger, lambda intruder: intruder.delete(5, seal_too=False))
    assert (sequence, record_id, reason) == (5, 5, "封印された記録が削除されています。")


def test_record_deleted_with_its_seal_is_found(ledger: Ledger) -> None:
    sequence, _, reason = found(ledger, lambda intruder: intruder.delete(5, seal_too=True))
    assert sequence == 5
    assert "連番 5 の封印がありません" in reason


def test_record_deleted_with_the_gap_closed_is_found(ledger: Ledger) -> None:
    assert found(ledger, lambda intruder: intruder.delete(5, seal_too=True, close_gap=True))[0] == 5


def test_first_record_deleted_is_found(ledger: Ledger) -> None:
    assert found(ledger, lambda intruder: intruder.delete(1, seal_too=True))[0] == 1


def test_inserted_record_is_found(ledger: Ledger) -> None:
    assert found(ledger, lambda intruder: intruder.insert(5, well_linked=False))[0] == 5


def test_inserted_record_with_a_fitting_seal_is_found_at_the_next(ledger: Ledger) -> None:
    assert found(ledger, lambda intruder: intruder.insert(5, well_linked=True))[0] == 6


def test_record_hidden_under_a_negative_sequence_is_found(ledger: Ledger) -> None:
    def hide(intruder: Intruder) -> None:
        intruder.insert(13, well_linked=True)
        intruder.change_seal(13, "sequence", -13)

    assert found(ledger, hide)[0] == 1


def test_swapped_records_are_found(ledger: Ledger) -> None:
    assert found(ledger, lambda intruder: intruder.swap(4, 9))[0] == 4


def test_cut_tail_is_found(ledger: Ledger) -> None:
    sequence, _, reason = found(ledger, lambda intruder: intruder.cut_tail(10))
    assert (sequence, reason) == (10, "連番 10 から 12 までの記録が切り取られています (別に保管した検印による)。")


def test_everything_cut_is_found(ledger: Ledger) -> None:
    assert found(ledger, lambda intruder: intruder.cut_tail(1))[0] == 1


def test_tail_cut_and_grown_again_is_found(ledger: Ledger) -> None:
    def regrow(intruder: Intruder) -> None:
        intruder.cut_tail(10)
        for sequence in (10, 11, 12):
            intruder.insert(sequence, well_linked=True)

    sequence, _, reason = found(ledger, regrow)
    assert sequence == 12
    assert "連番 9 から 12 までの間で鎖が作り直されています" in reason


def test_chain_made_anew_is_found_at_the_next_checkpoint(ledger: Ledger) -> None:
    def remake(intruder: Intruder) -> None:
        intruder.change(5, "actor", "鈴木　花子")
        intruder.rehash(5)

    sequence, _, reason = found(ledger, remake)
    assert (sequence, reason) == (8, "別に保管した検印と合いません。連番 5 から 8 までの間で鎖が作り直されています。")


def test_chain_made_anew_with_its_checkpoints_forgotten_is_found(ledger: Ledger) -> None:
    def remake(intruder: Intruder) -> None:
        intruder.change(5, "actor", "鈴木　花子")
        intruder.rehash(5)
        intruder.forget_checkpoint(8)
        intruder.forget_checkpoint(12)

    assert found(ledger, remake)[0] == 8


def test_chain_made_anew_with_its_checkpoints_rewritten_is_found(ledger: Ledger) -> None:
    def remake(intruder: Intruder) -> None:
        intruder.change(2, "actor", "鈴木　花子")
        intruder.rehash(2)
        for sequence in (4, 8, 12):
            intruder.change_checkpoint(sequence, "hash", intruder.hash_of(sequence))

    assert found(ledger, remake)[0] == 4


def test_chain_made_anew_is_found_by_the_database_alone_while_nothing_is_kept_elsewhere(ledger: Ledger) -> None:
    def remake(intruder: Intruder) -> None:
        intruder.change(2, "actor", "鈴木　花子")
        intruder.rehash(2)

    ledger.elsewhere.clear()
    sequence, _, reason = found(ledger, remake)
    assert sequence == 4
    assert reason.startswith("データベースの検印と合いません。")


@pytest.mark.parametrize(("column", "value"), [("at", NOW + timedelta(days=1)), ("signature", "00" * 64)])
def test_altered_checkpoint_of_the_database_is_found(ledger: Ledger, column: str, value: object) -> None:
    sequence, _, reason = found(ledger, lambda intruder: intruder.change_checkpoint(8, column, value))
    assert sequence == 8
    assert reason.startswith("データベースの検印(連番 8)の署名が正しくありません。")


def test_checkpoint_taken_from_the_database_is_found(ledger: Ledger) -> None:
    sequence, _, reason = found(ledger, lambda intruder: intruder.forget_checkpoint(8))
    assert (sequence, reason) == (8, "別に保管した検印が、データベースから消えています。")


def test_checkpoint_taken_from_elsewhere_is_found(ledger: Ledger) -> None:
    del ledger.elsewhere[1]
    wrong = ledger.verify().first_wrong
    assert wrong == WrongRecord(8, 8, "データベースの検印が、別の保管場所から消えています。")


def test_checkpoint_not_yet_kept_elsewhere_is_no_fault_and_counted(ledger: Ledger) -> None:
    ledger.elsewhere.pop()
    verification = ledger.verify()
    assert verification.ok
    assert (verification.checkpoints_checked, verification.not_kept_elsewhere) == (2, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"hash": "0" * 64}, {"at": "2020-01-01T00:00:00.000000+00:00"}, {"key_id": "0" * 16},
        {"signature": "00" * 64}, {"signature": "xx"}, {"sequence": 7}, {"sequence": 1000}, {"sequence": -1},
    ],
)  # fmt: skip
def test_altered_checkpoint_elsewhere_is_found(ledger: Ledger, change: dict[str, Any]) -> None:
    ledger.elsewhere[1] = replace(ledger.elsewhere[1], **change)
    wrong = ledger.verify().first_wrong
    assert wrong is not None
    assert "別に保管した検印" in wrong.reason
    assert "署名が正しくありません" in wrong.reason


def test_checkpoints_elsewhere_in_another_order_are_found(ledger: Ledger) -> None:
    ledger.elsewhere.append(ledger.elsewhere[0])
    wrong = ledger.verify().first_wrong
    assert wrong is not None
    assert "順序が正しくありません" in wrong.reason


def test_checkpoint_forged_with_another_key_is_found(ledger: Ledger, tmp_path: Path) -> None:
    honest = ledger.key
    ledger.key = load_or_create_key(tmp_path / "forger")
    ledger.grow(1)
    ledger.key = honest
    wrong = ledger.verify().first_wrong
    assert wrong is not None
    assert wrong.sequence == 13


def test_unreadable_line_elsewhere_is_an_answer_and_no_exception(ledger: Ledger) -> None:
    def lines() -> Iterator[Checkpoint]:
        yield ledger.elsewhere[0]
        raise CheckpointUnreadable("2 行目")

    with ledger.database.reading() as session:
        wrong = audit.verify(session, public_key=ledger.key.public, checkpoints_elsewhere=lines()).first_wrong
    assert wrong == WrongRecord(5, 5, "2 行目")


def test_expired_payload_is_no_fault(ledger: Ledger) -> None:
    with ledger.database.writing() as session:
        audit.expire_payloads(session, before=NOW + timedelta(seconds=6), actor=JOB, now=NOW)
    verification = ledger.verify()
    assert verification.ok
    assert verification.expired == 5


def test_payload_that_vanished_within_its_period_is_found(ledger: Ledger) -> None:
    with ledger.database.writing() as session:
        audit.expire_payloads(session, before=NOW + timedelta(seconds=6), actor=JOB, now=NOW)
    assert ledger.verify(kept_since=NOW + timedelta(seconds=6)).ok
    wrong = ledger.verify(kept_since=NOW + timedelta(seconds=3)).first_wrong
    assert wrong is not None
    assert (wrong.sequence, wrong.reason) == (3, "保存期間の内なのに、内容が消去されています。")


def test_earlier_of_two_faults_is_named(ledger: Ledger) -> None:
    def tamper(intruder: Intruder) -> None:
        intruder.change(11, "actor", "x")
        intruder.change(3, "payload", "{}")

    ledger.elsewhere[1] = replace(ledger.elsewhere[1], signature="00" * 64)
    assert found(ledger, tamper)[0] == 3


def test_record_slipped_in_between_is_found(ledger: Ledger) -> None:
    """An id that was free below sealed ones: on PostgreSQL a late commit may leave one, but not for hours."""
    with ledger.database.writing() as session:
        write(session, 20).id = 20
    seal(ledger.database)
    with break_in(ledger.database) as (session, intruder):
        intruder.slip_in(15, at=NOW - timedelta(hours=2))
        wrong = ledger.verify(session).first_wrong
    assert wrong == WrongRecord(None, 15, "封印のない記録が、封印済みの記録の間に差し込まれています。")


def test_late_commit_on_postgresql_is_no_fault(postgres_database: Database, key: SigningKey) -> None:
    """There ids are given out before the commit: a slower act may come to its seal after a quicker one."""
    ledger = Ledger(postgres_database, key)
    with postgres_database.writing() as slow:
        write(slow, 13)
        slow.flush()
        ledger.grow(2)
    assert ledger.verify().unsealed == 1
    assert ledger.verify().ok
    assert seal(postgres_database) == 1
    assert ledger.verify().ok


@pytest.mark.parametrize(
    ("table", "column"), [(RECORDS, "at"), (RECORDS, "payload"), (RECORDS, "salt"), (RECORDS, "actor"), (SEALS, "hash")]
)
@pytest.mark.parametrize("value", ["'いつか'", "x'FF00FE'", "CAST(x'FF00FE' AS TEXT)", "5.5", "'2026-99-99'"])
def test_value_of_another_type_is_an_answer_and_no_exception(
    key: SigningKey, sqlite_database: Database, table: Table, column: str, value: str
) -> None:
    """SQLite keeps anything in any column."""
    ledger = Ledger(sqlite_database, key)
    ledger.grow(6)
    place = "sequence" if table is SEALS else "id"
    with break_in(ledger.database) as (session, intruder):
        intruder.connection.exec_driver_sql(f"UPDATE {table.name} SET {column} = {value} WHERE {place} = 5")
        wrong = ledger.verify(session).first_wrong
    assert wrong is not None
    assert wrong.sequence == 5


def test_memory_does_not_grow_with_the_record(sqlite_database: Database, key: SigningKey) -> None:
    """Both sizes fill more than one batch."""
    ledger = Ledger(sqlite_database, key)
    peaks = []
    for records in (4_000, 4_000):
        ledger.grow(records)
        tracemalloc.start()
        assert ledger.verify().ok
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
