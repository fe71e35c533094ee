"""The benchmarks still run and measure what they say; how fast anything is, is asserted nowhere."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks.harness import Command, Measurement, Outcome, Row, run_row
from tests.benchmarks.run import SUITES, table_of
from tests.benchmarks.scale import Scale

TINY = Scale(accounts=300, creations=20, kept=10)


def row(ours: int = 1, expected: int = 1, reference: Command | None = None) -> Row:
    return Row("made up", lambda: ours, reference or Command((sys.executable, "-c", "")), expected, goal=1.0)


def test_every_row_runs_and_handles_what_it_promises(tmp_path: Path) -> None:
    for number, suite in enumerate(SUITES):
        folder = tmp_path / str(number)
        folder.mkdir()
        with suite(TINY, folder) as rows:
            outcomes = [run_row(one, rounds=1) for one in rows]
        assert table_of(outcomes).row_count == len(rows) > 0


def test_the_ratio_is_the_median_of_the_rounds() -> None:
    ours = tuple(Measurement(seconds) for seconds in (1.0, 9.0, 2.0))
    reference = tuple(Measurement(seconds) for seconds in (2.0, 3.0, 2.0))
    outcome = Outcome(row(), ours, reference)
    assert outcome.ratios == (0.5, 3.0, 1.0)
    assert outcome.ratio == 1.0
    assert outcome.met


def test_a_side_that_fails_or_does_too_little_is_no_measurement() -> None:
    with pytest.raises(RuntimeError, match="0 instead of 1"):
        run_row(row(ours=0), rounds=1)
    with pytest.raises(RuntimeError, match="ended with 1"):
        run_row(row(reference=Command((sys.executable, "-c", "raise SystemExit(1)"))), rounds=1)
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        run_row(replace(row(), ours=lambda: 1 // 0), rounds=1)


def test_memory_is_that_of_the_measured_process_alone() -> None:
    hungry = Row("hungry", lambda: len(bytearray(b"x" * 50_000_000)), lambda: 1, 50_000_000, goal=1.0)
    outcome = run_row(hungry, rounds=1)
    assert outcome.ours[0].grown_mb > 40
    assert outcome.reference[0].grown_mb < 40
