"""Refusals and faults as pages: by one table, in Japanese, and without a word too much."""

import logging

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idm import errors
from idm.database import Database
from idm.errors import ConfigurationInvalid, NotFound, Refusal, SeparationOfDuties
from idm.settings import Settings
from tests.web.conftest import Clock
from tests.web.visitor import Visitor
from web.app import create_app
from web.refusals import HTTP_PAGES, PAGES, page_of


def every_refusal() -> list[type[Refusal]]:
    found = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Refusal)]
    assert SeparationOfDuties in found
    return found


@pytest.mark.parametrize("kind", every_refusal())
def test_every_refusal_stands_in_the_table_and_its_page_tells_its_sentence(
    app: Flask, client: FlaskClient, kind: type[Refusal]
) -> None:
    assert kind in PAGES

    def refuse() -> str:
        raise kind("この文が表示される。")

    app.view_functions["help.index"] = refuse
    page = client.get("/help")
    assert page.status_code == PAGES[kind][0]
    assert "この文が表示される。" in page.text


def test_separation_of_duties_is_a_conflict_that_tells_its_rule(app: Flask, client: FlaskClient) -> None:
    def refuse() -> str:
        raise SeparationOfDuties("自分の申請は承認できません。", code="SOD-1")

    app.view_functions["help.index"] = refuse
    page = client.get("/help")
    assert (page.status_code, "SOD-1" in page.text) == (409, True)


def test_a_refusal_outside_the_table_takes_its_parents_page() -> None:
    class Special(NotFound):
        """A kind nobody listed."""

    assert page_of(Special("なし")) == PAGES[NotFound]


@pytest.mark.asvs("13.4.2", "16.3.4", "16.5.1")
def test_a_fault_shows_a_number_to_tell_and_nothing_of_what_went_wrong(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down() -> str:
        raise RuntimeError("internal detail")

    app.view_functions["help.index"] = break_down
    with caplog.at_level(logging.ERROR):
        page = client.get("/help")
    assert page.status_code == 500
    assert "internal detail" not in page.text
    number = caplog.records[-1].getMessage().split()[-1]
    assert number in page.text


def test_an_unknown_address_has_a_page_in_japanese(client: FlaskClient) -> None:
    page = client.get("/nowhere")
    assert page.status_code == 404
    assert "ページが見つかりません" in page.text


def test_a_method_a_page_does_not_know_is_refused_with_those_it_knows(client: FlaskClient) -> None:
    page = client.open("/help", method="TRACE")
    assert page.status_code == 405
    assert "GET" in page.headers["Allow"]


def test_every_page_named_in_the_tables_exists(app: Flask) -> None:
    for template in {*HTTP_PAGES.values(), *(template for _, template in PAGES.values())}:
        assert app.jinja_env.get_template(template)


@pytest.mark.asvs("5.2.1")
def test_too_large_a_form_is_refused(visitor: Visitor) -> None:
    assert visitor.send("/sign-in", {"name": "x" * 3_000_000}).status_code == 413


def test_without_a_configuration_pages_say_so_and_the_machine_is_told_not_ready(
    settings: Settings, clock: Clock
) -> None:
    empty = Database("sqlite://")
    client = create_app(settings, empty, clock=clock).test_client()
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
    assert client.get("/sign-in").status_code == 500
    empty.dispose()
    assert PAGES[ConfigurationInvalid][0] == 503
