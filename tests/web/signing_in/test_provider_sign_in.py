"""Signing in to the pages at a real OpenID provider, and being linked to it by a link of officers (control F4)."""

import re
from base64 import b32decode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idm.factors.one_time_codes import code_at, step_of
from idm.models.sign_in import SignInChallenge
from idm.settings import Settings
from jobs.installation import Installation
from jobs.sign_in_providers import provider_opener
from tests.naming_provider import name_provider
from tests.servers.oidc_provider import SECRET, TENANT, ProviderBrowser, ProviderServer, running
from tests.web.office import Browser, Office, token_in

ANSWER_AT = "http://localhost:8600/sign-in/provider/answer"
BUTTON = "庁内認証基盤でサインインする"
PEOPLE = {
    "aoki": {"oid": "object-of-aoki", "tid": TENANT, "email": "jinji@example.jp"},
    "jinji": {"oid": "object-of-jinji", "tid": TENANT},
    "guest": {"oid": "object-of-aoki", "tid": TENANT.replace("9", "8")},
}
COOKIE = "idm-provider"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProviderServer]:
    """A running provider, one for the module."""
    with running(ProviderServer(tmp_path_factory.mktemp("provider"), answer_at=ANSWER_AT, people=PEOPLE)) as server:
        yield server


@dataclass
class Desk:
    """The office, whose organisation names the provider, and browsers before both."""

    office: Office
    server: ProviderServer

    def client(self) -> FlaskClient:
        """A browser of its own."""
        return self.office.app.test_client()

    def begin(self, client: FlaskClient, *, page: str = "/sign-in", to: str = "/sign-in/provider", **more: str) -> str:
        """The address at the provider that the form of a page leads to."""
        fields = {"csrf_token": token_in(client.get(page).text), **more}
        return self.onward(client.post(to, data=fields))

    def onward(self, answer: TestResponse) -> str:
        """Where the page in between leads."""
        assert answer.status_code == 200, answer.text
        address = answer.headers["Refresh"].removeprefix("0; url=")
        assert f'href="{address}"' in unescape(answer.text)
        return address

    def answer_for(self, address: str, name: str, there: ProviderBrowser | None = None) -> str:
        """The path and query of the provider's answer for whoever signs in there by the name."""
        back = urlsplit((there or ProviderBrowser(self.server)).sign_in(address, name))
        return f"{back.path}?{back.query}"

    def sign_in(self, name: str, client: FlaskClient | None = None, **more: str) -> tuple[FlaskClient, TestResponse]:
        """A browser after the whole way: the button, the provider's pages, and back."""
        browser = client or self.client()
        return browser, browser.get(self.answer_for(self.begin(browser, **more), name))

    def link(self, person: str, *officers: str) -> str:
        """The path of the enrolment link that these officers issue, one after the other."""
        for officer in officers:
            self.office.pass_by(seconds=1)
            issued = self.office.browser(officer).send(f"/people/{self.office.cast.people[person]}/invitation", {}).text
        found = re.search(r"/enrol/[\w-]+", issued)
        assert found is not None, issued
        return found[0]

    def linked(self, person: str, name: str, *officers: str) -> tuple[FlaskClient, TestResponse]:
        """A browser after its person was linked to whoever signs in there by the name."""
        link = self.link(person, *(officers or ("desk",)))
        return self.sign_in(name, page=link, to=f"{link}/provider")


@pytest.fixture
def desk(office: Office, server: ProviderServer, tmp_path: Path) -> Desk:
    secrets = tmp_path / "provider-secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "provider.secret").write_text(SECRET, encoding="utf-8")
    settings = Settings(
        database_url=office.database.url, secrets_dir=secrets, sign_in_provider_ca_file=server.ca_file
    )  # fmt: skip
    site = office.app.extensions["idm"]
    opener = provider_opener(Installation(settings, office.database))
    office.app.extensions["idm"] = replace(site, open_provider=opener)
    name_provider(office.database, server.described(entra=True))
    return Desk(office, server)


def test_without_a_provider_there_is_no_button_and_no_way(office: Office) -> None:
    client = office.app.test_client()
    page = client.get("/sign-in").text
    assert "/sign-in/provider" not in page
    assert client.post("/sign-in/provider", data={"csrf_token": token_in(page)}).status_code == 404
    assert client.get("/sign-in/provider/answer?code=x&state=y").status_code == 401


def test_a_person_is_linked_by_a_link_and_then_comes_in_by_the_button(desk: Desk) -> None:
    client, came = desk.linked("staff", "aoki")
    assert (came.status_code, came.headers["Location"]) == (302, "/"), came.text
    page = client.get("/").text
    assert "青木　一郎" in page
    assert "結び付けました" in page
    assert BUTTON in desk.client().get("/sign-in").text

    other, again = desk.sign_in("aoki", next="/requests")
    assert (again.status_code, again.headers["Location"]) == (302, "/requests")
    assert other.get("/requests").status_code == 200
    assert other.get_cookie(COOKIE) is None
    person = desk.office.browser("desk").page(f"/people/{desk.office.cast.people['staff']}")
    assert "サインインのサービスで利用" in person


@pytest.mark.asvs("10.1.1")
def test_no_token_of_the_provider_reaches_the_browser(desk: Desk) -> None:
    client, came = desk.linked("staff", "aoki")
    seen = came.text + str(came.headers) + client.get("/").text + client.get("/me").text
    assert "eyJ" not in seen
    assert "object-of-aoki" not in seen


@pytest.mark.asvs("10.5.2", "6.8.1")
def test_an_address_of_somebody_else_at_the_provider_opens_nothing(desk: Desk) -> None:
    """青木's account there has 人事's address; who is meant is decided by the subject alone."""
    desk.linked("hr", "jinji", "desk", "security")
    client, refused = desk.sign_in("aoki")
    assert refused.status_code == 401
    assert "誰にも結び付けられていません" in refused.text
    assert client.get("/").headers["Location"].startswith("/sign-in")


def test_somebody_of_another_tenant_is_not_let_in_by_the_same_object_id(desk: Desk) -> None:
    desk.linked("staff", "aoki")
    _, refused = desk.sign_in("guest")
    assert refused.status_code == 401
    assert "確認できませんでした" in refused.text


@pytest.mark.asvs("6.8.1", "10.5.2")
def test_the_same_subject_at_another_provider_is_nobody_here(desk: Desk, tmp_path: Path) -> None:
    """Another provider takes the place of the first, and proves the very same tenant, subject and address."""
    desk.linked("staff", "aoki")
    with running(ProviderServer(tmp_path, answer_at=ANSWER_AT, people=PEOPLE)) as other:
        trusted = tmp_path / "both.pem"
        trusted.write_text(desk.server.ca_file.read_text() + other.ca_file.read_text(), encoding="utf-8")
        settings = Settings(
            database_url=desk.office.database.url, secrets_dir=tmp_path / "provider-secrets",
            sign_in_provider_ca_file=trusted,
        )  # fmt: skip
        site = desk.office.app.extensions["idm"]
        opener = provider_opener(Installation(settings, desk.office.database))
        desk.office.app.extensions["idm"] = replace(site, open_provider=opener)
        name_provider(desk.office.database, other.described(entra=True))
        client = desk.client()
        refused = client.get(desk.answer_for(desk.begin(client), "aoki", ProviderBrowser(other)))
    assert refused.status_code == 401
    assert "誰にも結び付けられていません" in refused.text


def test_an_officer_is_linked_by_two_officers_and_enrols_the_second_factor_at_once(desk: Desk) -> None:
    client, came = desk.linked("hr", "jinji", "desk", "security")
    assert came.status_code == 302
    browser = Browser(client)
    assert client.get("/people").headers["Location"].startswith("/sign-in/second-factor")
    browser.send("/sign-in/second-factor/new", {}, shown="/sign-in/second-factor")
    key = re.search(r'class="code secret">([A-Z2-7 ]+)<', browser.page("/sign-in/second-factor"))
    assert key is not None
    letters = key[1].replace(" ", "")
    secret = b32decode(letters + "=" * (-len(letters) % 8))
    code = code_at(secret, step_of(desk.office.now))
    done = browser.send("/sign-in/second-factor", {"code": code}, shown="/sign-in/second-factor")
    assert done.status_code == 302
    assert browser.page("/people")

    desk.office.pass_by(minutes=1)
    again, came = desk.sign_in("jinji", next="/people")
    assert again.get("/people").headers["Location"].startswith("/sign-in/code")
    fields = {"code": code_at(secret, step_of(desk.office.now)), "next": "/people"}
    given = Browser(again).send("/sign-in/code", fields, shown="/sign-in/code")
    assert given.headers["Location"] == "/people"
    assert again.get("/people").status_code == 200


def test_who_signs_in_with_the_provider_is_told_that_the_other_session_stays(desk: Desk) -> None:
    client, _ = desk.linked("staff", "aoki")
    out = Browser(client).send("/sign-out", {})
    page = client.get(out.headers["Location"]).text
    assert "庁内認証基盤のサインインは続いています" in page
    assert f'href="{desk.server.issuer}/session/end"' in page
    assert client.get("/").headers["Location"].startswith("/sign-in")


@pytest.mark.asvs("7.6.2")
def test_nothing_but_a_form_of_ours_begins_a_sign_in(desk: Desk) -> None:
    client = desk.client()
    assert client.get("/sign-in/provider").status_code == 405
    assert client.post("/sign-in/provider").status_code == 400
    token = token_in(client.get("/sign-in").text)
    from_elsewhere = client.post(
        "/sign-in/provider", data={"csrf_token": token}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert from_elsewhere.status_code == 403
    with desk.office.database.reading() as session:
        assert session.query(SignInChallenge).count() == 0


@pytest.mark.asvs("10.1.2", "10.2.1", "7.6.2")
def test_an_answer_that_another_browser_began_changes_nothing(desk: Desk) -> None:
    """The two-browser test: whoever sends their own answer to somebody else signs nobody in."""
    desk.linked("staff", "aoki")
    attacker, victim, waiting = desk.client(), desk.client(), desk.client()
    answer = desk.answer_for(desk.begin(attacker), "aoki")
    desk.begin(waiting)
    before = desk.office.rows()
    for browser in (victim, waiting):
        refused = browser.get(answer)
        assert refused.status_code == 401
        assert "はじめからやり直してください" in refused.text
        assert browser.get("/").status_code == 302
    assert desk.office.rows() == before
    assert attacker.get(answer).status_code == 302  # the challenge was not used up by them


@pytest.mark.asvs("10.5.1", "10.1.2")
def test_an_answer_is_taken_once_and_not_with_its_parameters_doubled(desk: Desk) -> None:
    desk.linked("staff", "aoki")
    client = desk.client()
    address = desk.begin(client)
    answer = desk.answer_for(address, "aoki")
    assert client.get(f"{answer}&state=another").status_code == 401
    cookie = client.get_cookie(COOKIE)
    assert client.get(answer).status_code == 302
    assert cookie is not None
    again = desk.client()
    again.set_cookie(COOKIE, cookie.value)
    assert again.get(answer).status_code == 401


@pytest.mark.asvs("3.3.2", "3.3.4")
def test_the_cookie_of_the_way_is_for_this_host_and_no_script_and_no_longer_than_the_way(desk: Desk) -> None:
    client = desk.client()
    token = token_in(client.get("/sign-in").text)
    sent = client.post("/sign-in/provider", data={"csrf_token": token})
    set_cookie = next(line for line in sent.headers.getlist("Set-Cookie") if line.startswith(COOKIE))
    assert "HttpOnly" in set_cookie
    assert "SameSite=Lax" in set_cookie
    assert "Max-Age=600" in set_cookie
    assert "form-action 'self'" in sent.headers["Content-Security-Policy"]


@pytest.mark.asvs("3.3.1", "3.3.3")
def test_over_tls_the_cookie_of_the_way_is_bound_to_this_very_host(desk: Desk) -> None:
    site = desk.office.app.extensions["idm"]
    settings = site.settings.model_copy(update={"base_url": "https://idm.example.jp"})
    desk.office.app.extensions["idm"] = replace(site, settings=settings)
    client = desk.client()
    sent = client.post("/sign-in/provider", data={"csrf_token": token_in(client.get("/sign-in").text)})
    set_cookie = next(line for line in sent.headers.getlist("Set-Cookie") if COOKIE in line)
    assert set_cookie.startswith(f"__Host-{COOKIE}=")
    assert "Secure" in set_cookie
    assert "Path=/" in set_cookie
    assert "Domain" not in set_cookie
    assert "redirect_uri=https%3A%2F%2Fidm.example.jp%2Fsign-in%2Fprovider%2Fanswer" in sent.headers["Refresh"]


def test_cancelling_at_the_provider_says_so(desk: Desk) -> None:
    client = desk.client()
    state = re.search(r"state=([\w-]+)", desk.begin(client))
    assert state is not None
    page = client.get(f"/sign-in/provider/answer?error=access_denied&state={state[1]}&iss={desk.server.issuer}")
    assert page.status_code == 401
    assert "取り消したか" in page.text
    assert "access_denied" not in page.text


def test_while_the_provider_is_away_the_page_says_so_and_nobody_is_judged(desk: Desk) -> None:
    desk.linked("staff", "aoki")
    client = desk.client()
    answer = desk.answer_for(desk.begin(client), "aoki")
    desk.server.stop()
    try:
        away = client.get(answer)
        assert away.status_code == 503
        assert "接続できないため" in away.text
    finally:
        desk.server.start()
    assert desk.sign_in("aoki")[1].status_code == 302


def test_a_provider_without_its_secret_here_is_said_to_be_away(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "provider-secrets" / "provider.secret").unlink()
    client = desk.client()
    page = client.get("/sign-in")
    assert page.status_code == 200
    answer = client.post("/sign-in/provider", data={"csrf_token": token_in(page.text)})
    assert answer.status_code == 503
    assert "provider.secret" not in answer.text


def test_what_was_typed_too_late_is_still_there_after_the_provider(desk: Desk) -> None:
    client, _ = desk.linked("staff", "aoki")
    token = token_in(client.get("/").text)
    desk.office.pass_by(hours=2)
    late = client.post("/requests/new/reason", data={"csrf_token": token, "reason": "長い理由を書いていた"})
    assert late.status_code == 401
    carried = re.search(r'name="carried" value="([^"]+)"', late.text)
    assert carried is not None
    fields = {"csrf_token": token_in(late.text), "carried": unescape(carried[1])}
    address = desk.onward(client.post("/sign-in/provider", data=fields))
    shown = client.get(desk.answer_for(address, "aoki"))
    assert shown.status_code == 200
    assert "長い理由を書いていた" in shown.text
    assert "まだ送信されていません" in shown.text


def test_an_officer_ends_the_link_on_the_persons_page(desk: Desk) -> None:
    client, _ = desk.linked("staff", "aoki")
    person = desk.office.cast.people["staff"]
    officer = desk.office.browser("desk")
    assert "結び付けを解除する" in officer.page(f"/people/{person}")
    assert "結び付けを解除する" not in desk.office.browser("hr").page(f"/people/{person}")
    assert desk.office.browser("hr").send(f"/people/{person}/provider-link/end", {}).status_code == 403
    done = officer.send(f"/people/{person}/provider-link/end", {})
    assert "解除しました" in officer.page(done.headers["Location"].split("#")[0])
    assert "結び付けは解除済み" in officer.page(f"/people/{person}")
    assert client.get("/").headers["Location"].startswith("/sign-in")
    assert desk.sign_in("aoki")[1].status_code == 401
