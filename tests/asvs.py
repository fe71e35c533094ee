"""Which requirements of OWASP ASVS 5.0 the tests of a run have shown: what `@pytest.mark.asvs` names, once it passed.

`tests/asvs.csv` lists the requirements of levels 1 and 2: `only_if` says when one applies at all, `shown_by` how it is
shown, where not by a test. A requirement counts when every test that names it has passed.
"""

import csv
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

LIST = Path(__file__).with_name("asvs.csv")
PROPERTY = "asvs"


@dataclass(frozen=True)
class Requirement:
    """One line of the list."""

    id: str
    level: int
    only_if: str
    shown_by: str
    gist: str

    @property
    def chapter(self) -> int:
        """The number before the first point."""
        return int(self.id.split(".")[0])


@cache
def requirements() -> dict[str, Requirement]:
    """Id → requirement, in the order of the list."""
    with LIST.open(encoding="utf-8", newline="") as lines:
        rows = [Requirement(row.pop("id"), int(row.pop("level")), **row) for row in csv.DictReader(lines)]
    return {row.id: row for row in rows}


class ShownRequirements:
    """Collects what passing tests name, also from the processes of pytest-xdist, and tells it at the end."""

    def __init__(self) -> None:
        self.passed: set[str] = set()
        self.failed: set[str] = set()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Afterwards every test carries what it shows. An id that is not in the list ends the run."""
        for item in items:
            for mark in item.iter_markers(PROPERTY):
                unknown = set(mark.args) - requirements().keys()
                if unknown:
                    raise pytest.UsageError(f"{item.nodeid}: {', '.join(sorted(unknown))} is not in {LIST.name}")
                item.user_properties += [(PROPERTY, one) for one in mark.args]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Afterwards the test's outcome is known."""
        ids = {str(value) for name, value in report.user_properties if name == PROPERTY}
        if report.failed:
            self.failed |= ids
        elif report.when == "call" and report.passed:
            self.passed |= ids

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tells how many are shown, of those that apply always, and by chapter."""
        shown = self.passed - self.failed
        if not shown:
            return
        always = [one for one in requirements().values() if not one.only_if]
        rest = [one for one in requirements().values() if one.only_if]
        chapters = Counter(one.chapter for one in always)
        by_chapter = Counter(one.chapter for one in always if one.id in shown)
        told = ", ".join(f"V{number} {by_chapter[number]}/{count}" for number, count in sorted(chapters.items()))
        count, beside = sum(by_chapter.values()), sum(one.id in shown for one in rest)
        terminalreporter.write_sep("-", "OWASP ASVS 5.0")
        terminalreporter.write_line(
            f"OWASP ASVS 5.0 level 2: {count} of {len(always)} shown by passing tests ({told}); "
            f"{beside} of the {len(rest)} that apply only in some installations"
        )
