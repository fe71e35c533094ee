"""Checkpoints are signed, kept elsewhere line by line, and what a crash left out is made up for."""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm import audit
from idm.audit import Checkpoint, CheckpointUnreadable
from idm.database import Database
from idm.errors import ConfigurationInvalid
from idm.keys.signing import SigningKey, load_or_create_key
from idm.models.audit import AuditCheckpoint
from tests.audit.ledger import NOW, UNHURRIED, Ledger, count, seal, write_many


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where checkpoints are kept elsewhere; nothing there yet."""
    return tmp_path / "elsewhere.jsonl"


def keep(ledger: Ledger, file: Path) -> int:
    """What the worker does after its commit."""
    with ledger.database.reading() as session:
        return audit.append_missing(session, file)


def test_checkpoint_signs_the_end_of_the_chain(ledger: Ledger) -> None:
    last = ledger.elsewhere[-1]
    assert (last.sequence, last.at, last.key_id) == (12, "2026-04-01T00:30:00.000000+00:00", ledger.key.public.key_id)
    assert last.signed_by(ledger.key.public)


@pytest.mark.parametrize(
    "change", [{"sequence": 13}, {"hash": "f" * 64}, {"at": "2026-04-01T00:30:00.000001+00:00"}, {"key_id": "f" * 16}]
)
def test_signature_covers_every_field(ledger: Ledger, change: dict[str, str]) -> None:
    assert not replace(ledger.elsewhere[-1], **change).signed_by(ledger.key.public)  # type: ignore[arg-type]


def test_signature_made_for_anything_else_is_none(ledger: Ledger) -> None:
    """What is signed begins with its purpose."""
    last = ledger.elsewhere[-1]
    fields = {name: value for name, value in json.loads(last.line()).items() if name != "signature"}
    bare = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    assert not replace(last, signature=ledger.key.sign(bare).hex()).signed_by(ledger.key.public)


def test_signature_in_another_spelling_is_none(ledger: Ledger) -> None:
    last = ledger.elsewhere[-1]
    assert not replace(last, signature=last.signature.upper()).signed_by(ledger.key.public)
    assert not replace(last, signature=f"{last.signature} ").signed_by(ledger.key.public)


def test_no_checkpoint_when_nothing_is_new(ledger: Ledger) -> None:
    with ledger.database.writing() as session:
        assert audit.checkpoint(session, ledger.key, now=NOW) is None
    write_many(ledger.database, 1, first=13)
    with ledger.database.writing() as session:
        assert audit.checkpoint(session, ledger.key, now=NOW) is None  # written, not yet sealed


def test_no_checkpoint_over_an_empty_record(database: Database, key: SigningKey) -> None:
    with database.writing() as session:
        assert audit.checkpoint(session, key, now=NOW) is None


def test_second_worker_on_postgresql_leaves_the_checkpoint_to_the_first(
    postgres_database: Database, key: SigningKey
) -> None:
    write_many(postgres_database, 2)
    seal(postgres_database)
    with postgres_database.writing() as first:
        assert audit.checkpoint(first, key, now=NOW) is not None
        with postgres_database.writing() as second:
            assert audit.checkpoint(second, key, now=NOW) is None
    assert count(postgres_database, AuditCheckpoint) == 1


def test_line_reads_back(ledger: Ledger) -> None:
    for checkpoint in ledger.elsewhere:
        assert Checkpoint.from_line(checkpoint.line()) == checkpoint


@pytest.mark.parametrize(
    "line",
    ["", "{}", "[]", "null", "5", "x", '{"sequence":1}', "[" * 100_000,
     '{"at":1,"hash":"","key_id":"","sequence":1,"signature":""}',
     '{"at":"","hash":"","key_id":"","sequence":"1","signature":""}',
     '{"at":"","hash":"","key_id":"","sequence":1,"signature":"" }',
     '{"at":"","hash":"","key_id":"","sequence":1,"signature":"","x":1}',
     '{"hash":"","at":"","key_id":"","sequence":1,"signature":""}'],
)  # fmt: skip
def test_line_that_is_not_exactly_a_checkpoint_is_refused(line: str) -> None:
    with pytest.raises(CheckpointUnreadable):
        Checkpoint.from_line(line)


def test_file_holds_every_checkpoint_in_order(ledger: Ledger, file: Path) -> None:
    assert keep(ledger, file) == 3
    assert list(audit.read_checkpoints(file)) == ledger.elsewhere
    assert keep(ledger, file) == 0
    ledger.grow(2)
    assert keep(ledger, file) == 1
    assert [kept.sequence for kept in audit.read_checkpoints(file)] == [4, 8, 12, 14]
    assert ledger.verify().ok


def test_no_file_means_no_checkpoints(file: Path) -> None:
    assert list(audit.read_checkpoints(file)) == []


def test_missing_folder_is_refused_and_not_made(ledger: Ledger, tmp_path: Path) -> None:
    """A share that is not mounted must not be replaced by a folder of the same name on this disk."""
    with pytest.raises(ConfigurationInvalid, match="フォルダー"):
        keep(ledger, tmp_path / "unmounted" / "checkpoints.jsonl")
    assert not (tmp_path / "unmounted").exists()


def test_same_checkpoint_is_appended_once(ledger: Ledger, file: Path) -> None:
    assert audit.append_checkpoint(file, ledger.elsewhere[0])
    assert not audit.append_checkpoint(file, ledger.elsewhere[0])
    assert audit.append_checkpoint(file, ledger.elsewhere[2])
    assert not audit.append_checkpoint(file, ledger.elsewhere[1])
    assert [kept.sequence for kept in audit.read_checkpoints(file)] == [4, 12]


def test_two_workers_append_every_line_once(ledger: Ledger, file: Path) -> None:
    for _ in range(10):
        ledger.grow(1)
    with ThreadPoolExecutor(4) as workers:
        assert sum(workers.map(lambda _: keep(ledger, file), range(4))) == 13
    assert list(audit.read_checkpoints(file)) == ledger.elsewhere


def test_last_line_is_found_in_a_long_file(ledger: Ledger, file: Path) -> None:
    keep(ledger, file)
    older = "".join(f"{ledger.elsewhere[0].line()}\n" for _ in range(200))
    file.write_text(older + file.read_text())
    assert keep(ledger, file) == 0


@pytest.mark.parametrize("left", [1, 40, 200, -1])
def test_line_torn_by_a_crash_is_written_again(ledger: Ledger, file: Path, left: int) -> None:
    """-1: everything but the line end had been written."""
    keep(ledger, file)
    ledger.grow(1)
    whole = ledger.elsewhere[-1].line()
    with file.open("a") as torn:
        torn.write(whole if left == -1 else whole[:left])
    assert [kept.sequence for kept in audit.read_checkpoints(file)][:3] == [4, 8, 12]
    ledger.grow(1)
    keep(ledger, file)
    assert list(audit.read_checkpoints(file)) == ledger.elsewhere


def test_line_torn_twice_is_written_again(ledger: Ledger, file: Path) -> None:
    line = ledger.elsewhere[0].line()
    file.write_text(f"{line[:90]}\n{line[:30]}")
    assert keep(ledger, file) == 3
    assert list(audit.read_checkpoints(file)) == ledger.elsewhere


@pytest.mark.parametrize("foreign", ["garbage", '{"at":"1999'])
def test_foreign_line_is_no_torn_one(ledger: Ledger, file: Path, foreign: str) -> None:
    keep(ledger, file)
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], foreign, *lines[1:]]) + "\n")
    with pytest.raises(CheckpointUnreadable, match="2 行目"):
        list(audit.read_checkpoints(file))
    with ledger.database.reading() as session:
        kept = audit.read_checkpoints(file)
        wrong = audit.verify(session, public_key=ledger.key.public, checkpoints_elsewhere=kept).first_wrong
    assert wrong is not None
    assert wrong.sequence == 5


def test_foreign_line_at_the_end_is_no_torn_one(ledger: Ledger, file: Path) -> None:
    keep(ledger, file)
    with file.open("a") as end:
        end.write("garbage\n")
    with pytest.raises(CheckpointUnreadable, match="4 行目"):
        list(audit.read_checkpoints(file))


def test_lines_added_while_reading_are_not_awaited(ledger: Ledger, file: Path) -> None:
    """They speak of seals that the reader's view of the database may not hold yet."""
    keep(ledger, file)
    reading = audit.read_checkpoints(file)
    first = next(reading)
    ledger.grow(1)
    keep(ledger, file)
    assert [first, *reading] == ledger.elsewhere[:3]


@UNHURRIED
@given(data=st.data())
def test_any_changed_byte_of_the_file_is_found(kept_file: tuple[Ledger, bytes, Path], data: st.DataObject) -> None:
    """The last line end alone may go: then the line counts as torn, and as not kept elsewhere."""
    ledger, content, file = kept_file
    place = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[place]))
    file.write_bytes(content[:place] + bytes([byte]) + content[place + 1 :])
    with ledger.database.reading() as session:
        kept = audit.read_checkpoints(file)
        verification = audit.verify(session, public_key=ledger.key.public, checkpoints_elsewhere=kept)
    torn = place == len(content) - 1 and verification.not_kept_elsewhere == 1
    assert torn or not verification.ok


@pytest.fixture
def kept_file(sqlite_database: Database, key: SigningKey, file: Path) -> tuple[Ledger, bytes, Path]:
    """A ledger whose three checkpoints are in the file."""
    ledger = Ledger(sqlite_database, key)
    for _ in range(3):
        ledger.grow(2)
    keep(ledger, file)
    return ledger, file.read_bytes(), file


def test_worker_killed_between_commit_and_append_loses_no_checkpoint(ledger: Ledger, file: Path) -> None:
    keep(ledger, file)
    write_many(ledger.database, 5, first=13)
    key_folder = file.parent / "secrets"
    worker = get_context("spawn").Process(target=_die_before_append, args=(ledger.database.url, key_folder))
    worker.start()
    worker.join()
    assert worker.exitcode == -signal.SIGKILL
    assert count(ledger.database, AuditCheckpoint) == 4
    assert [kept.sequence for kept in audit.read_checkpoints(file)] == [4, 8, 12]

    write_many(ledger.database, 1, first=18)
    seal(ledger.database)
    with ledger.database.writing() as session:
        audit.checkpoint(session, ledger.key, now=NOW)
    assert keep(ledger, file) == 2
    ledger.elsewhere = list(audit.read_checkpoints(file))
    assert [kept.sequence for kept in ledger.elsewhere] == [4, 8, 12, 17, 18]
    assert ledger.verify().ok


def _die_before_append(url: str, key_folder: Path) -> None:
    database = Database(url)
    seal(database)
    with database.writing() as session:
        audit.checkpoint(session, load_or_create_key(key_folder), now=NOW)
    os.kill(os.getpid(), signal.SIGKILL)
