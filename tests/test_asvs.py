"""The list of requirements, and how a run tells which of them it has shown."""

import pytest

from tests.asvs import requirements

pytest_plugins = ["pytester"]

CONFTEST = """
from tests.asvs import ShownRequirements

def pytest_configure(config):
    config.addinivalue_line("markers", "asvs(*ids): shows these requirements")
    if not config.pluginmanager.has_plugin("shown-requirements"):
        config.pluginmanager.register(ShownRequirements(), "shown-requirements")
"""
TESTS = """
import pytest

@pytest.mark.asvs("3.5.1", "7.2.1")
def test_passes(): pass

@pytest.mark.asvs("3.5.1")
def test_fails(): assert False

@pytest.mark.asvs("6.8.1")
def test_of_something_conditional(): pass
"""


def test_of_the_requirements_of_levels_one_and_two_189_apply_always() -> None:
    always = [one for one in requirements().values() if not one.only_if]
    assert (len(requirements()), len(always)) == (212, 189)
    assert {one.shown_by for one in requirements().values()} == {"test", "document", "deployment", "feature off"}
    assert all(one.level in (1, 2) and one.gist for one in requirements().values())


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_a_run_counts_what_every_naming_test_has_shown(pytester: pytest.Pytester, processes: tuple[str, ...]) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TESTS)
    told = pytester.runpytest_subprocess("-p", "no:cacheprovider", *processes)
    told.stdout.fnmatch_lines(
        ["OWASP ASVS 5.0 level 2: 1 of 189 shown by passing tests (*V3 0/*V7 1/*); 1 of the 23 *"]
    )


def test_an_id_that_is_not_in_the_list_ends_the_run(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile('import pytest\n@pytest.mark.asvs("99.1.1")\ndef test_it(): pass\n')
    told = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    assert told.ret != 0
    told.stderr.fnmatch_lines(["*99.1.1 is not in asvs.csv*"])
