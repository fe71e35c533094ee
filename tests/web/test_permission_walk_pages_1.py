"""Every page by everybody, part 1 of 2: it is shown to those it is for, and to nobody else is it there."""

from collections.abc import Iterator

import pytest
from werkzeug.routing import Rule

from tests.web.walk.walker import asking_once, look, share_of, walk_of_this_process

PART, PARTS, SHARE = 0, 2, 18_500
pytestmark = pytest.mark.asvs("8.2.1", "8.2.2", "8.3.1", "3.5.3")


@pytest.fixture(autouse=True)
def _asking_once() -> Iterator[None]:
    with asking_once():
        yield


def rules() -> list[Rule]:
    return share_of("GET", PART, PARTS)


def test_whoever_comes_sees_what_is_theirs_to_see_and_nothing_else() -> None:
    walk = walk_of_this_process()
    asked, wrong = walk.cells, len(walk.wrong)
    before = walk.digest()
    for rule in rules():
        look(walk, rule)
    assert walk.wrong[wrong:] == []
    assert walk.cells - asked >= SHARE
    assert walk.digest() == before
