"""Fixtures every test may use: an empty database with tables, and the cast in it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from idm.database import Database
from tests import one_dialect
from tests.asvs import ShownRequirements
from tests.cast import Cast
from tests.templates import with_cast, with_tables

one_dialect.share()

# Nothing here measures time: an example may be slow because the machine is. `make test` gives one answer for one tree:
# it tries the same examples every time; `make explore` looks for new ones (HYPOTHESIS_PROFILE=explore).
settings.register_profile("idm", max_examples=40, deadline=None, derandomize=True)
settings.register_profile("explore", max_examples=400, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "idm"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--screenshots DIR` keeps the pictures that the README shows; `--live-directory FILE` asks a real domain too."""
    parser.addoption("--screenshots", default=None, help="folder for the pictures")
    parser.addoption("--live", default=None, help="file about a test tenant of Entra ID (docs/entra-id.md)")
    parser.addoption("--live-directory", default=None, help="file about a test domain (docs/active-directory.md)")


def pytest_configure(config: pytest.Config) -> None:
    """Afterwards the run tells at its end which requirements of OWASP ASVS 5.0 it has shown."""
    config.pluginmanager.register(ShownRequirements(), "shown-requirements")


LONGEST = (
    "tests/jobs/test_year_of_nights.py", "tests/web/test_permission_walk_forms_1.py",
    "tests/web/test_permission_walk_forms_2.py", "tests/web/test_permission_walk_pages_1.py",
    "tests/web/test_permission_walk_pages_2.py", "tests/web/test_every_answer.py", "tests/web/test_unpublished.py",
    "tests/browser/test_spine.py", "tests/browser/test_privileged_use.py",
)  # fmt: skip
"""Files that take minutes: begun first, so that no process waits at the end for another that is in one of them."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Afterwards the files that take longest stand first; the others stay in their order."""
    rank = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.nodeid.partition("::")[0], len(LONGEST)))


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A SQLite database with every table, and the cast's rows where the test has the cast."""
    if "cast" in request.fixturenames:
        cast: Cast = request.getfixturevalue("cast")
        yield cast.database
        return
    database = with_tables(tmp_path / "idm.db")
    yield database
    database.dispose()


@pytest.fixture
def cast(tmp_path: Path) -> Iterator[Cast]:
    """The small office of tests/cast.py."""
    cast = with_cast(tmp_path / "idm.db")
    yield cast
    cast.database.dispose()
