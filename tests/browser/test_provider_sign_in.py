"""Signing in at a real OpenID provider in a real browser without JavaScript: the button, its pages, and back."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from idm.operations.signing_in.invitations import invite
from jobs.installation import Installation
from jobs.sign_in_providers import provider_opener
from tests.naming_provider import name_provider
from tests.servers.oidc_provider import SECRET, ProviderServer, running
from tests.servers.processes import free_port
from tests.web.office import Office, open_office

NAME = "庁内認証基盤"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Office, str]]:
    """The office at an address of its own, and the provider that its organisation names."""
    office, port = open_office(tmp_path), free_port()
    address = f"http://localhost:{port}"
    with running(ProviderServer(tmp_path, answer_at=f"{address}/sign-in/provider/answer")) as provider:
        site = office.app.extensions["idm"]
        settings = site.settings.model_copy(
            update={"base_url": address, "sign_in_provider_ca_file": provider.ca_file}
        )  # fmt: skip
        (settings.secrets_dir / "provider.secret").write_text(SECRET, encoding="utf-8")
        opener = provider_opener(Installation(settings, office.database))
        office.app.extensions["idm"] = replace(site, settings=settings, open_provider=opener)
        name_provider(office.database, provider.described())
        server = make_server("127.0.0.1", port, office.app, threaded=True)
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield office, address
        server.shutdown()
        thread.join()
        server.server_close()
    office.database.dispose()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    # The provider's certificate is of an authority made for this test; ours checks it, the browser need not.
    context = chromium.new_context(locale="ja-JP", java_script_enabled=False, ignore_https_errors=True)
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


def at_the_provider(page: Page, name: str) -> None:
    """Afterwards the person has signed in on the provider's pages, and agreed to be named to us."""
    page.wait_for_url(re.compile(r"^https://"))
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill("of-any-kind")
    page.locator("button[type=submit]").click()
    page.locator("button[type=submit]").click()


def test_linked_by_a_link_and_then_in_by_the_button(served: tuple[Office, str], page: Page) -> None:
    office, address = served
    with office.database.writing() as session:
        invited = invite(session, person_id=office.cast.people["staff"], actor=office.cast.actor("desk"),
                         policy=office.cast.policy, now=office.now)  # fmt: skip
    page.goto(f"{address}/enrol/{invited.token}")
    page.get_by_role("button", name=f"{NAME}でサインインする").click()
    at_the_provider(page, "aoki")
    expect(page.get_by_role("status").first).to_contain_text("結び付けました")
    expect(page.locator("body")).to_contain_text("青木　一郎")

    page.get_by_role("button", name="サインアウト").first.click()
    expect(page.locator("main")).to_contain_text(f"{NAME}のサインインは続いています")
    page.goto(f"{address}/requests")
    page.get_by_role("button", name=f"{NAME}でサインインする").click()
    # Signed in there still: no page of the provider's asks anything.
    page.wait_for_url(f"{address}/requests")
    expect(page.locator("body")).to_contain_text("青木　一郎")
    assert not any(cookie["name"] == "idm-provider" for cookie in page.context.cookies())
