"""Two hundred tamperings drawn at random, in every way a database can be changed: each is found, at its place."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from idm.audit.chain import HEADER_NAMES
from idm.database import Database
from idm.keys.signing import load_or_create_key
from tests.audit.conftest import ENGINES, new_postgres_database
from tests.audit.intruder import RECORDS, SEALS, Intruder, break_in
from tests.audit.ledger import UNHURRIED, Ledger, create_audit_tables

RECORDED, STEP = 40, 8
"""Records, and every how many of them a checkpoint is kept elsewhere."""

sequences = st.integers(1, RECORDED)
Tampering = Callable[[Intruder], int]
"""Does its harm and returns the sequence at which it must be found."""


@pytest.fixture(scope="module", params=ENGINES)
def ledger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Forty records; every test leaves them as they were."""
    folder: Path = tmp_path_factory.mktemp("audit")
    if request.param == "sqlite":
        database = Database(f"sqlite:///{folder / 'audit.db'}")
    else:
        database = new_postgres_database(request.getfixturevalue("postgres"))
    create_audit_tables(database)
    ledger = Ledger(database, load_or_create_key(folder))
    for _ in range(RECORDED // STEP):
        ledger.grow(STEP)
    yield ledger
    database.dispose()


def next_checkpoint(sequence: int) -> int:
    """The first checkpoint that covers the sequence."""
    return -(-sequence // STEP) * STEP


def damaged(value: Any, position: int) -> Any:
    """Another value of the same type: one character, byte, digit or second away."""
    if value is None:
        return "x"
    if isinstance(value, datetime):
        return value + timedelta(microseconds=1 + position)
    if isinstance(value, int):
        return value + 1 + position
    place = position % len(value)
    if isinstance(value, bytes):
        return value[:place] + bytes([value[place] ^ (1 + position % 255)]) + value[place + 1 :]
    return value[:place] + ("x" if value[place] != "x" else "y") + value[place + 1 :]


@st.composite
def one_value_changed(draw: st.DrawFn) -> Tampering:
    sequence, position = draw(sequences), draw(st.integers(0, 500))
    table, column = draw(
        st.sampled_from(
            [(RECORDS, name) for name in (*HEADER_NAMES, "payload", "salt") if name not in ("id", "actor_id")]
            + [(SEALS, "hash"), (SEALS, "sealed_at")]
        )
    )

    def tamper(intruder: Intruder) -> int:
        key = table.c.id == intruder.record_id(sequence) if table is RECORDS else table.c.sequence == sequence
        value = intruder.connection.scalar(select(table.c[column]).where(key))
        intruder.connection.execute(table.update().where(key).values({column: damaged(value, position)}))
        return sequence

    return tamper


@st.composite
def record_deleted(draw: st.DrawFn) -> Tampering:
    sequence, close_gap = draw(sequences), draw(st.booleans())
    seal_too = close_gap or draw(st.booleans())

    def tamper(intruder: Intruder) -> int:
        intruder.delete(sequence, seal_too=seal_too, close_gap=close_gap)
        return sequence

    return tamper


@st.composite
def record_inserted(draw: st.DrawFn) -> Tampering:
    sequence, well_linked = draw(sequences), draw(st.booleans())

    def tamper(intruder: Intruder) -> int:
        intruder.insert(sequence, well_linked=well_linked)
        # A seal that fits is found by what follows it: the next seal, or a checkpoint on this very sequence.
        return sequence + 1 if well_linked and sequence % STEP else sequence

    return tamper


@st.composite
def records_swapped(draw: st.DrawFn) -> Tampering:
    first, second = sorted(draw(st.lists(sequences, min_size=2, max_size=2, unique=True)))

    def tamper(intruder: Intruder) -> int:
        intruder.swap(first, second)
        return first

    return tamper


@st.composite
def tail_cut(draw: st.DrawFn) -> Tampering:
    sequence = draw(sequences)

    def tamper(intruder: Intruder) -> int:
        intruder.cut_tail(sequence)
        return sequence

    return tamper


@st.composite
def chain_made_anew(draw: st.DrawFn) -> Tampering:
    sequence, forget = draw(sequences), draw(st.booleans())
    harm = draw(st.sampled_from(["change", "delete", "insert"]))

    def tamper(intruder: Intruder) -> int:
        if harm == "change":
            intruder.change(sequence, "object_id", "999999")
        elif harm == "insert":
            intruder.insert(sequence, well_linked=False)
        else:
            intruder.delete(sequence, seal_too=True, close_gap=True)
        intruder.rehash(sequence)
        for checkpoint in range(STEP, RECORDED + 1, STEP):
            if forget:
                intruder.forget_checkpoint(checkpoint)
            else:
                intruder.change_checkpoint(checkpoint, "hash", intruder.hash_of(checkpoint))
        if forget:
            return min(next_checkpoint(sequence), STEP)
        return next_checkpoint(sequence)

    return tamper


ANY = st.one_of(
    one_value_changed(), record_deleted(), record_inserted(), records_swapped(), tail_cut(), chain_made_anew()
)


@pytest.mark.asvs("16.4.2", "11.4.3")
@settings(UNHURRIED, max_examples=200)
@given(tampering=ANY)
def test_every_tampering_is_found_at_its_place(ledger: Ledger, tampering: Tampering) -> None:
    with break_in(ledger.database) as (session, intruder):
        expected = tampering(intruder)
        wrong = ledger.verify(session).first_wrong
    assert wrong is not None
    assert wrong.sequence == expected


def test_the_record_is_whole_before_and_after(ledger: Ledger) -> None:
    """What the tamperings are measured against: without one, nothing is found."""
    with break_in(ledger.database) as (session, _):
        assert ledger.verify(session).ok
    assert ledger.verify().ok
