"""`idm hr tokens`: a token is shown once, is listed with its use and its end, and is withdrawn at once."""

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from idm.errors import NotFound, PushTokenRefused
from idm.operations.hr import push_tokens
from jobs.commands import hr, hr_tokens
from tests.feed_office import add_feed
from tests.jobs.hr.test_feed_inbox import Office, office

__all__ = ["office"]


@pytest.fixture
def run(office: Office, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    add_feed(office.installation.database, "scim")
    monkeypatch.setattr(hr_tokens, "installation", lambda: office.installation)
    return lambda *arguments: CliRunner().invoke(hr.hr, ["tokens", *arguments])


def test_a_token_is_shown_once_listed_and_withdrawn(office: Office, run: Callable[..., Result]) -> None:
    made = run("make", "--feed", "scim", "--name", "人事給与システム")
    assert made.exit_code == 0, made.output
    secret = made.stdout.strip()
    assert secret.startswith(push_tokens.PREFIX)
    installation = office.installation
    with installation.database.writing() as session:
        assert push_tokens.use(session, secret, now=installation.clock()).feed == "scim"
    listed = run("list", "--json")
    assert secret not in listed.output
    (row,) = json.loads(listed.stdout)
    assert (row["name"], row["withdrawn_at"]) == ("人事給与システム", None)
    assert row["last_used_at"] is not None
    assert "人事給与システム" in run("list").output
    assert run("withdraw", str(row["id"])).exit_code == 0
    with installation.database.writing() as session, pytest.raises(PushTokenRefused):
        push_tokens.use(session, secret, now=installation.clock())


def test_what_cannot_be_withdrawn_is_told(run: Callable[..., Result]) -> None:
    assert isinstance(run("withdraw", "99").exception, NotFound)
