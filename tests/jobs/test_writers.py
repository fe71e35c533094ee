"""Who writes to directories at all: few, and none of them before our own rights were looked at (control D10)."""

import ast
from pathlib import Path

import jobs

ROOT = Path(jobs.__file__).parent.parent
WRITERS = {
    "jobs/provision.py",
    "jobs/entry_stops.py",
    "jobs/privileged/rotations.py",
    "jobs/passwords/unlocking.py",
    "jobs/passwords/password_issue.py",
    "jobs/sweep/out_of_band.py",
}
"""`password_issue` is given its connection by `provision`."""
OPENED_BY_ANOTHER = {"jobs/passwords/password_issue.py"}


def calling(name: str) -> set[str]:
    """The modules of the product that call something of that name."""
    found = set()
    for room in ("idm", "jobs", "web"):
        for file in (ROOT / room).rglob("*.py"):
            calls = (node.func for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call))
            if any(_name(call) == name for call in calls):
                found.add(str(file.relative_to(ROOT)))
    return found


def _name(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def test_only_these_write_to_a_directory() -> None:
    assert calling("perform") == WRITERS


def test_whoever_opens_a_connection_to_write_has_it_examined_first() -> None:
    opening = calling("open_target")
    assert WRITERS - opening == OPENED_BY_ANOTHER
    assert calling("require_examined") >= WRITERS - OPENED_BY_ANOTHER


def test_connections_are_opened_in_one_place_which_knows_the_stage() -> None:
    assert calling("open_directory") == {"jobs/installation.py"}
