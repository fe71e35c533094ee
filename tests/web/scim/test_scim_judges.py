"""Others judge our SCIM server: scim2-client as the system that pushes, and scim2-tester on what the standard asks."""

from typing import Any

import pytest
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_models import PatchOp, UniquenessException
from scim2_tester import Status, check_server

from tests.feed_office import add_feed
from tests.web.office import Office
from tests.web.scim.test_scim_people import employment, new_token, person


@pytest.fixture
def client(office: Office) -> WSGISCIMClient:
    """A client that believes only what our server says of itself."""
    add_feed(office.database, "scim")
    headers = {"Authorization": f"Bearer {new_token(office)}"}
    return WSGISCIMClient(office.app, base_url="http://localhost:8600/scim/v2", headers=headers)


def test_a_client_that_knows_only_what_we_publish_can_push_find_change_and_take_away(
    office: Office, client: WSGISCIMClient
) -> None:
    client.discover()
    user: Any = client.provider.model_for("User")
    made: Any = client.create(user, person())
    assert made.id
    assert employment(office, "700001") is not None
    found: Any = client.query(user, {"filter": 'userName eq "u700001"'})
    assert [one.id for one in found.resources] == [made.id]
    with pytest.raises(UniquenessException):
        client.create(user, person())
    leaving: Any = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
    changed: Any = client.modify(user, made.id, PatchOp[user].model_validate(leaving))
    assert changed.active is False
    left = employment(office, "700001")
    assert left is not None
    assert left.valid_until is not None
    client.delete(user, made.id)
    assert client.query(user, {"filter": 'userName eq "u700001"'}).total_results == 0


@pytest.mark.parametrize("tag", ["discovery", "misc"])
def test_the_tester_finds_nothing_wrong_with_what_we_say_of_ourselves(client: WSGISCIMClient, tag: str) -> None:
    results = check_server(client, include_tags={tag})
    assert any(one.status is Status.SUCCESS for one in results)
    assert [(one.title, one.reason) for one in results if one.status in (Status.ERROR, Status.CRITICAL)] == []
