"""Measuring one row: ours and the reference take turns in one run, and only their ratio counts.

Seconds depend on the machine and on who else is using it; the ratio of two runs that follow each other much less. So
every round measures both, the row's figure is the median of the rounds' ratios, and the smallest and largest stand
beside it to show how far to trust it.
"""

import gc
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

KILOBYTES = 1024

Work = Callable[[], int]
"""Something of ours to measure; it answers how many things it handled, so that nothing is measured that failed."""


@dataclass(frozen=True)
class Command:
    """A program to measure, from its start to its end, as people would run it; its output is thrown away."""

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One comparison. `goal` is the ratio (ours / reference) not to be exceeded; `reset` runs unmeasured before each.

    `expected` is how many things our side must say it handled.
    """

    name: str
    ours: Work
    reference: Work | Command
    expected: int
    goal: float
    reset: Callable[[], None] | None = None


@dataclass(frozen=True)
class Measurement:
    """Seconds of one run; of ours also where the memory of the process peaked, and by how much it grew to get there."""

    seconds: float
    peak_mb: float = 0.0
    grown_mb: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What a row came to over its rounds."""

    row: Row
    ours: tuple[Measurement, ...]
    reference: tuple[Measurement, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        """Ours / reference, round by round."""
        return tuple(a.seconds / b.seconds for a, b in zip(self.ours, self.reference, strict=True))

    @property
    def ratio(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.ratios)

    @property
    def met(self) -> bool:
        """Whether the goal was reached."""
        return self.ratio <= self.row.goal


def run_row(row: Row, rounds: int) -> Outcome:
    """The row measured; ours and the reference alternate. Raises RuntimeError when either of them fails."""
    ours: list[Measurement] = []
    reference: list[Measurement] = []
    for number in range(1, rounds + 1):
        for side, results in ((row.ours, ours), (row.reference, reference)):
            if row.reset:
                row.reset()
            results.append(_measure(side, row))
        print(f"{row.name}: round {number}/{rounds} {ours[-1].seconds / reference[-1].seconds:.2f}", file=sys.stderr)
    return Outcome(row, tuple(ours), tuple(reference))


def apart(prepare: Callable[[], None]) -> None:
    """Afterwards this was done in a process of its own, which leaves files and no memory.

    What is measured later begins as a copy of us: memory that we had once used would be used again unseen.
    """
    child = multiprocessing.get_context("fork").Process(target=prepare)
    child.start()
    child.join()
    if child.exitcode != 0:
        raise RuntimeError("what was to be measured could not be prepared")


def _measure(side: Work | Command, row: Row) -> Measurement:
    if isinstance(side, Command):
        return _measure_command(side)
    receiving, sending = multiprocessing.Pipe(duplex=False)
    # a process of its own, so that its peak of memory is its own; forked, so that imports are not measured
    child = multiprocessing.get_context("fork").Process(target=_in_child, args=(side, sending))
    gc.freeze()  # or the child's first collection copies every page it shares with us, and we would measure that
    child.start()
    gc.unfreeze()
    sending.close()
    try:
        said = receiving.recv()
    except EOFError:
        said = "the measured process died"
    child.join()
    if isinstance(said, str):
        raise RuntimeError(f"{row.name}: {said}")
    measurement, handled = said
    if side is row.ours and handled != row.expected:
        raise RuntimeError(f"{row.name}: handled {handled} instead of {row.expected}")
    return measurement  # type: ignore[no-any-return]


def _in_child(work: Work, sending: Connection) -> None:
    before = _peak_mb()
    started = time.perf_counter()
    try:
        handled = work()
    except Exception as error:
        sending.send(f"{type(error).__name__}: {error}")
        return
    seconds = time.perf_counter() - started
    sending.send((Measurement(seconds, _peak_mb(), _peak_mb() - before), handled))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KILOBYTES


def _measure_command(command: Command) -> Measurement:
    environment = {**os.environ, **command.environment}
    started = time.perf_counter()
    process = subprocess.Popen(
        command.arguments, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    with process:
        assert process.stderr is not None
        said = process.stderr.read().decode(errors="replace")
        process.wait()
    seconds = time.perf_counter() - started
    if process.returncode != 0:
        raise RuntimeError(f"{command.arguments[0]} ended with {process.returncode}: {said[-500:]}")
    return Measurement(seconds)
