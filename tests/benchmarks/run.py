"""Run the benchmarks: `python -m tests.benchmarks.run [--rounds N] [--suite NAME] [--only WORD] [--scale small]`.

The table goes to stdout, progress to stderr. Exit code 0 when every goal was met, 3 when one was missed.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.comparing_rows import comparing_rows
from tests.benchmarks.directory_rows import directory_rows
from tests.benchmarks.entra_rows import entra_rows
from tests.benchmarks.harness import Outcome, Row, run_row
from tests.benchmarks.personnel_rows import personnel_rows
from tests.benchmarks.provisioning_rows import provisioning_rows
from tests.benchmarks.rotation_rows import rotation_rows
from tests.benchmarks.scale import SCALES, Scale
from tests.benchmarks.sweep_rows import sweep_rows
from tests.benchmarks.writing_rows import changing_rows, joining_rows

Suite = Callable[[Scale, Path], AbstractContextManager[list[Row]]]
"""Given the scale and an empty folder: the rows of one subject, and inside the `with` everything they need running."""

SUITES: tuple[Suite, ...] = (
    directory_rows,
    comparing_rows,
    changing_rows,
    joining_rows,
    provisioning_rows,
    personnel_rows,
    rotation_rows,
    sweep_rows,
    entra_rows,
)
"""One suite a subject. A new one joins by its name here, and needs nothing else."""


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.run", description="Measure beside the reference.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each row is measured (default 5)")
    parser.add_argument("--only", default="", metavar="WORD", help="only rows whose name contains this")
    parser.add_argument("--scale", choices=SCALES, default="full")
    suites = {suite.__name__.removesuffix("_rows"): suite for suite in SUITES}
    parser.add_argument("--suite", choices=suites, help="only the rows of this subject; nothing is built for others")
    chosen = parser.parse_args(arguments)
    outcomes: list[Outcome] = []
    for suite in SUITES if chosen.suite is None else (suites[chosen.suite],):
        temporary = tempfile.TemporaryDirectory(prefix="benchmark-")
        with temporary as folder, suite(SCALES[chosen.scale], Path(folder)) as rows:
            outcomes += [run_row(row, chosen.rounds) for row in rows if chosen.only in row.name]
    Console(file=sys.stdout, width=150).print(table_of(outcomes))
    return 0 if all(outcome.met for outcome in outcomes) else 3


def table_of(outcomes: list[Outcome]) -> Table:
    """Ratios first: they are what can be compared."""
    table = Table("row", "ratio", "min..max", "goal", "met", "ours s", "ref. s", "peak MB", "grew MB")
    for outcome in outcomes:
        ours, reference = outcome.ours, outcome.reference
        table.add_row(
            outcome.row.name,
            f"{outcome.ratio:.2f}",
            f"{min(outcome.ratios):.2f}..{max(outcome.ratios):.2f}",
            f"{outcome.row.goal:.2f}",
            "yes" if outcome.met else "NO",
            f"{min(one.seconds for one in ours):.3f}",
            f"{min(one.seconds for one in reference):.3f}",
            f"{max(one.peak_mb for one in ours):.0f}",
            f"{max(one.grown_mb for one in ours):.0f}",
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
