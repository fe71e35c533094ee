"""The walk leaves no route out: each has its expectation, and each is walked by exactly one file."""

import pytest

import tests.web.test_permission_walk_forms_1 as forms_1
import tests.web.test_permission_walk_forms_2 as forms_2
import tests.web.test_permission_walk_pages_1 as pages_1
import tests.web.test_permission_walk_pages_2 as pages_2
from tests.web.walk.expectations import BY_TOKEN, DOING, LOOKING, OPEN_HALF_WAY, OPEN_TO_STRANGERS
from tests.web.walk.walker import walk_of_this_process
from web.route_access import ROUTES, Who

pytestmark = pytest.mark.asvs("8.2.1")
HALF_WAY = frozenset().union(*OPEN_HALF_WAY.values())


def test_every_route_has_an_expectation_and_every_expectation_a_route() -> None:
    assert LOOKING.keys() | DOING.keys() | OPEN_TO_STRANGERS | HALF_WAY | BY_TOKEN == ROUTES.keys()


def test_what_is_open_to_strangers_and_on_the_way_is_what_was_meant_to_be() -> None:
    assert {name for name, access in ROUTES.items() if access.who is Who.STRANGERS} == OPEN_TO_STRANGERS
    assert {name for name, access in ROUTES.items() if access.who is Who.MACHINES} == BY_TOKEN
    assert {name for name, access in ROUTES.items() if access.who is Who.ON_THE_WAY} == HALF_WAY


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_route_is_walked_once(method: str) -> None:
    files = (pages_1, pages_2) if method == "GET" else (forms_1, forms_2)
    walked = [rule.rule for file in files for rule in file.rules()]
    assert sorted(walked) == sorted(rule.rule for rule in walk_of_this_process().rules(method))


def test_at_least_fifty_thousand_cells_are_asked() -> None:
    assert pages_1.SHARE + pages_2.SHARE + forms_1.SHARE + forms_2.SHARE >= 50_000
