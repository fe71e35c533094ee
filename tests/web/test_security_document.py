"""What docs/security.md says is what runs; what the pages of signing in ask for, and how."""

import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idm.factors.one_time_codes import SECRET_BYTES, new_secret
from idm.operations.signing_in.web_sessions import new_token
from tests.web.visitor import Visitor
from web.route_access import ROUTES, Who
from web.security import UNSAFE_METHODS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
FIELDS = {
    "csrf_token", "carried", "next", "name", "username", "password", "password_again", "current_password", "code",
    "answer", "label", "provider",
}  # fmt: skip
"""Everything that a page of signing in may ask for: nothing of it is a hint or a question."""


def section(title: str) -> str:
    return TEXT.partition(f"## {title}")[2].partition("\n## ")[0]


@pytest.mark.asvs("6.1.3")
def test_every_form_by_which_somebody_comes_in_or_changes_how_is_in_the_document(app: Flask) -> None:
    told = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", section("Every way to sign in")))
    unsafe = {rule.endpoint for rule in app.url_map.iter_rules() if (rule.methods or set()) & UNSAFE_METHODS}
    before = {name for name in unsafe if ROUTES[name].who is not Who.SIGNED_IN}
    assert told == before - {"sign_in.sign_out"}


@pytest.mark.asvs("8.1.2")
def test_every_row_about_fields_names_a_test_that_there_is() -> None:
    named = re.findall(r"`(test_\w+)`", section("What is shown to whom, by state"))
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert len(named) >= 6
    assert [name for name in named if f"def {name}(" not in sources] == []


@pytest.mark.asvs("6.2.6", "6.2.7")
def test_a_password_is_masked_and_left_to_password_managers(client: FlaskClient, visitor: Visitor) -> None:
    pages = [client.get("/sign-in").text, visitor.open(visitor.link_for(visitor.town.staff)).text]
    for page in pages:
        inputs = re.findall(r"<input[^>]*name=\"password(?:_again)?\"[^>]*>", page)
        assert inputs
        for field in inputs:
            assert 'type="password"' in field
            assert re.search(r'autocomplete="(current|new)-password"', field), field
            assert "onpaste" not in field
            assert "readonly" not in field


@pytest.mark.asvs("6.4.2")
def test_signing_in_asks_for_no_hint_and_no_secret_question(client: FlaskClient, visitor: Visitor) -> None:
    for page in (client.get("/sign-in").text, visitor.open(visitor.link_for(visitor.town.chief)).text):
        asked = set(re.findall(r'<(?:input|select|textarea)[^>]*name="([^"]+)"', page))
        assert asked
        assert asked <= FIELDS


@pytest.mark.asvs("7.2.2", "7.2.3", "11.5.1")
def test_tokens_are_256_random_bits_and_never_the_same() -> None:
    tokens = {new_token() for _ in range(10_000)}
    assert len(tokens) == 10_000
    assert {len(token) for token in tokens} == {43}


@pytest.mark.asvs("6.5.3")
def test_the_secret_of_an_authenticator_app_is_160_random_bits() -> None:
    secrets = {new_secret() for _ in range(2_000)}
    assert SECRET_BYTES * 8 >= 160
    assert len(secrets) == 2_000
    assert {len(secret) for secret in secrets} == {SECRET_BYTES}
