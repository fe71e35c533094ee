"""How far a sweep has come, on stderr: a bar for each system on a terminal, a line for each step anywhere else."""

from threading import Lock

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from idm.operations.sweep.findings import SweepResult

LINE_EVERY = 20_000
"""Accounts of one system between two lines where there is no terminal."""


def summary(result: SweepResult) -> str:
    """One system's result in a sentence."""
    if result.failure is not None:
        return f"{result.system_code}: 点検できませんでした。{result.failure}"
    held_back = f" {result.held_back}" if result.held_back else ""
    return f"{result.system_code}: {result.examined} 件を点検し、{len(result.found)} 件が見つかりました。{held_back}"


class Lines:
    """One line for each thing that happens."""

    def __init__(self, suffix: str = "") -> None:
        self._suffix = suffix

    def began(self, systems: int, answered: int) -> None:
        """What is to be done."""
        done = f"（今夜すでに点検した {answered} システムを除く）" if answered else ""
        _say(f"{systems} システムを点検します。{done}")

    def reads(self, system_code: str, accounts: int) -> None:
        """Now and then."""
        if accounts % LINE_EVERY == 0:
            _say(f"{system_code}: {accounts:,} 件を読みました。")

    def ended(self, result: SweepResult) -> None:
        """The result, as soon as it is there."""
        _say(summary(result) + self._suffix)

    def close(self) -> None:
        """Nothing is left open."""


class Bars:
    """One bar for all systems, and a running number for each that is being read."""

    def __init__(self, console: Console, suffix: str = "") -> None:
        self._suffix, self._lock = suffix, Lock()
        self._bars = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            console=console, transient=True,
        )  # fmt: skip
        self._all = self._bars.add_task("点検", total=None)
        self._reading: dict[str, TaskID] = {}
        self._bars.start()

    def began(self, systems: int, answered: int) -> None:
        """The whole is so many systems."""
        self._bars.update(self._all, total=systems + answered, completed=answered)

    def reads(self, system_code: str, accounts: int) -> None:
        """The system's own line counts accounts."""
        with self._lock:
            if system_code not in self._reading:
                self._reading[system_code] = self._bars.add_task(system_code, total=None)
        self._bars.update(self._reading[system_code], completed=accounts)

    def ended(self, result: SweepResult) -> None:
        """Its line goes; the result stands above the bars."""
        with self._lock:
            reading = self._reading.pop(result.system_code, None)
        if reading is not None:
            self._bars.remove_task(reading)
        self._bars.advance(self._all)
        self._bars.console.print(summary(result) + self._suffix, markup=False, highlight=False)

    def close(self) -> None:
        """The terminal is as it was, with the results on it."""
        self._bars.stop()


def shown_on(console: Console, *, suffix: str = "") -> "Bars | Lines":
    """Bars where somebody watches, lines where something is written down."""
    return Bars(console, suffix) if console.is_terminal else Lines(suffix)


def _say(message: str) -> None:
    click.echo(message, err=True)
