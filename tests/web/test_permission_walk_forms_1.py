"""Every form by everybody, part 1 of 2: whoever it is not for is refused, and nothing has changed."""

from collections.abc import Iterator

import pytest
from werkzeug.routing import Rule

from tests.web.walk.walker import asking_once, send, share_of, walk_of_this_process

PART, PARTS, SHARE = 0, 2, 6_500
pytestmark = pytest.mark.asvs("8.2.1", "8.2.2", "8.3.1")


@pytest.fixture(autouse=True)
def _asking_once() -> Iterator[None]:
    with asking_once():
        yield


def rules() -> list[Rule]:
    return share_of("POST", PART, PARTS)


def test_whoever_sends_a_form_is_obeyed_where_it_is_theirs_to_send_and_nowhere_else() -> None:
    walk = walk_of_this_process()
    asked, wrong = walk.cells, len(walk.wrong)
    for rule in rules():
        send(walk, rule)
    assert walk.wrong[wrong:] == []
    assert walk.cells - asked >= SHARE
