"""Passkeys in a real browser with an authenticator of its own: enrolled, signed in with, given again, copied.

The one place where the product runs a script. The tests tell one story, in order, on one running town.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from argon2 import PasswordHasher
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, CDPSession, Page, expect
from sqlalchemy import select
from werkzeug.serving import make_server

from idm.database import Database
from idm.models.sign_in import Passkey, SignIn
from idm.passwords import password_hashing
from idm.passwords.password_hashing import hash_password
from idm.queries.signing_in.own_factors import own_factors
from idm.settings import Settings
from tests.browser.conftest import SIZE
from tests.small_town import Town, build
from web.app import create_app

PASSWORD = "あおばの庭で大きな犬がねむる"
AUTHENTICATOR = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


REFUSED = "the server responded with a status of 4"
"""How the browser writes down that a form was refused; that is no fault."""


@dataclass
class Story:
    """The town's server, and what the tests remember from one to the next."""

    address: str
    database: Database
    town: Town
    credentials: list[dict[str, Any]] = field(default_factory=list)
    """What the authenticator held after the enrolment."""
    codes: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The town, served at localhost, where browsers allow passkeys without TLS."""
    expect.set_options(timeout=20_000)
    patched = pytest.MonkeyPatch()
    patched.setattr(password_hashing, "_HASHER", PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1))
    folder: Path = tmp_path_factory.mktemp("town")
    database, town = build(folder)
    with database.writing() as session:
        session.add(SignIn(person_id=town.staff, name="100001", password_hash=hash_password(PASSWORD)))
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    address = f"http://localhost:{server.server_port}"
    settings = Settings(database_url=database.url, secrets_dir=folder / "secrets", base_url=address)
    server.app = create_app(settings, database)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield Story(address, database, town)
    server.shutdown()
    thread.join()
    database.dispose()
    patched.undo()


class At:
    """Somebody at a browser with an authenticator built in; what the browser complained about is kept."""

    def __init__(self, page: Page, devices: CDPSession, story: Story) -> None:
        self.page, self.devices, self.story = page, devices, story
        self.complaints: list[str] = []
        page.on("console", lambda message: self._note(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        devices.send("WebAuthn.enable")
        added = devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        self.authenticator = {"authenticatorId": added["authenticatorId"]}
        for credential in story.credentials:
            devices.send("WebAuthn.addCredential", {**self.authenticator, "credential": credential})

    def _note(self, message: str) -> None:
        if REFUSED not in message:
            self.complaints.append(message)

    def button(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def give_password(self) -> None:
        self.page.goto(self.story.address + "/sign-in")
        self.page.get_by_label("利用者名").fill("100001")
        self.page.get_by_label("パスワード").fill(PASSWORD)
        self.button("サインイン")

    def sign_in_with_passkey(self) -> None:
        self.give_password()
        self.button("パスキーで確認する")
        self.page.wait_for_url(self.story.address + "/")

    def held(self) -> list[dict[str, Any]]:
        """What the authenticator holds now, private keys and counters included."""
        found: list[dict[str, Any]] = self.devices.send("WebAuthn.getCredentials", self.authenticator)["credentials"]
        return found


@contextmanager
def sitting_at(browser: Browser, story: Story, **options: Any) -> Iterator[At]:
    context = browser.new_context(locale="ja-JP", timezone_id="Asia/Tokyo", viewport=SIZE, **options)
    context.set_default_timeout(15_000)
    page = context.new_page()
    at = At(page, context.new_cdp_session(page), story)
    try:
        yield at
        assert at.complaints == []
    finally:
        context.close()


def test_a_passkey_is_enrolled_on_ones_own_page(chromium: Browser, story: Story) -> None:
    with sitting_at(chromium, story) as at:
        at.give_password()
        at.page.goto(story.address + "/me")
        at.page.get_by_role("link", name="パスキーを追加する").click()
        at.page.get_by_label("このパスキーの名前").fill("執務室のパソコン")
        at.button("パスキーを作る")
        expect(at.page.get_by_role("main")).to_contain_text("パスキーを登録しました")
        expect(at.page.get_by_role("main")).to_contain_text("執務室のパソコン")
        story.credentials = at.held()
    assert len(story.credentials) == 1
    with story.database.reading() as session:
        assert own_factors(session, story.town.staff).passkeys == 1


def test_it_signs_in_after_the_password_and_no_page_runs_anything_it_should_not(
    chromium: Browser, story: Story
) -> None:
    with sitting_at(chromium, story) as at:
        at.give_password()
        expect(at.page.get_by_role("heading", level=1)).to_have_text("二つ目の認証")
        assert "script-src" not in (at.page.request.get(story.address + "/help").headers["content-security-policy"])
        with at.page.expect_response("**/sign-in/passkey") as asked:
            at.button("パスキーで確認する")
        assert asked.value.headers["content-security-policy"].endswith("; script-src 'self'")
        at.page.wait_for_url(story.address + "/")
        story.credentials = at.held()
    with story.database.reading() as session:
        assert session.scalars(select(Passkey.sign_count)).one() == story.credentials[0]["signCount"] > 0


def test_recovery_codes_are_shown_once_and_one_of_them_signs_in(chromium: Browser, story: Story) -> None:
    with sitting_at(chromium, story) as at:
        at.sign_in_with_passkey()
        at.page.goto(story.address + "/me/recovery-codes")
        at.button("回復用コードを作る")
        expect(at.page.locator("ol.code li")).to_have_count(8)
        story.codes = at.page.locator("ol.code li").all_inner_texts()
        at.page.goto(story.address + "/me/recovery-codes")
        expect(at.page.get_by_role("main")).to_contain_text("いま8個")
        assert not [code for code in story.codes if code in at.page.content()]
        story.credentials = at.held()
    with sitting_at(chromium, story) as at:
        at.give_password()
        at.page.get_by_role("link", name="回復用コードで確認する").click()
        at.page.get_by_label("回復用コード", exact=False).fill(story.codes[0].lower().replace("-", " "))
        at.button("確認")
        expect(at.page.get_by_role("main")).to_contain_text("残りは7個")


def test_what_a_recovery_code_does_not_open_a_passkey_given_again_does(chromium: Browser, story: Story) -> None:
    with sitting_at(chromium, story) as at:
        at.give_password()
        at.page.get_by_role("link", name="回復用コードで確認する").click()
        at.page.get_by_label("回復用コード", exact=False).fill(story.codes[1])
        at.button("確認")
        at.page.goto(story.address + "/me/recovery-codes")
        at.button("回復用コードを作る")
        expect(at.page.get_by_role("heading", level=1)).to_have_text("もう一度の確認")
        at.button("パスキーで確認する")
        expect(at.page.get_by_role("heading", level=1)).to_have_text("新しい回復用コード")
        story.credentials = at.held()


def test_pages_that_ask_for_a_passkey_say_what_else_to_do_where_no_script_runs(chromium: Browser, story: Story) -> None:
    with sitting_at(chromium, story, java_script_enabled=False) as at:
        at.give_password()
        at.button("パスキーで確認する")
        expect(at.page.get_by_role("main")).to_contain_text("パスキーの確認にはJavaScriptが必要です")
        expect(at.page.get_by_role("button", name="パスキーを確認する")).to_be_hidden()
        at.page.get_by_role("link", name="別の方法で確認する").click()
        expect(at.page.get_by_role("link", name="回復用コードで確認する")).to_be_visible()


def test_who_takes_it_back_may_try_again(chromium: Browser, story: Story) -> None:
    with sitting_at(chromium, story) as at:
        at.devices.send("WebAuthn.setUserVerified", {**at.authenticator, "isUserVerified": False})
        at.give_password()
        at.button("パスキーで確認する")
        expect(at.page.get_by_role("main")).to_contain_text("パスキーを確認できませんでした")
        at.devices.send("WebAuthn.setUserVerified", {**at.authenticator, "isUserVerified": True})
        at.button("パスキーを確認する")
        at.page.wait_for_url(story.address + "/")
        story.credentials = at.held()


@pytest.mark.parametrize("path", ["/sign-in/code", "/sign-in/recovery-code", "/sign-in/lost", "/sign-in/passkey"])
def test_the_pages_can_be_used_by_everybody(chromium: Browser, story: Story, path: str) -> None:
    with sitting_at(chromium, story, bypass_csp=True) as at:
        at.give_password()
        if path == "/sign-in/passkey":
            at.devices.send("WebAuthn.setUserVerified", {**at.authenticator, "isUserVerified": False})
            at.button("パスキーで確認する")
            expect(at.page.get_by_role("button", name="パスキーを確認する")).to_be_visible()
        else:
            at.page.goto(story.address + path)
        found = Axe().run(at.page, options={"resultTypes": ["violations"]}).response["violations"]
        assert [fault["id"] for fault in found if fault["impact"] in ("serious", "critical")] == []


def test_a_copy_is_refused_and_ends_the_passkey(chromium: Browser, story: Story) -> None:
    copied = [dict(one) for one in story.credentials]
    with sitting_at(chromium, story) as at:
        at.sign_in_with_passkey()
    story.credentials = copied
    with sitting_at(chromium, story) as at:
        at.give_password()
        at.button("パスキーで確認する")
        expect(at.page.get_by_role("main")).to_contain_text("このパスキーは複製されて使われた疑いがある")
        at.give_password()
        expect(at.page.get_by_role("heading", level=1)).to_have_text("二つ目の認証の登録には、登録用リンクが必要です")
    with story.database.reading() as session:
        assert not own_factors(session, story.town.staff).some
