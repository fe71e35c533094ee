"""What every request and every answer obeys, whatever page it is for."""

import json
import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.routing import Rule

from idm.database import Database
from idm.models.audit import AuditRecord
from idm.operations.signing_in.web_sessions import Stage
from idm.settings import Settings
from tests.web.conftest import Clock
from tests.web.visitor import Visitor
from web import session
from web.app import create_app
from web.current import EXTENSION
from web.route_access import ROUTES, RouteNotJudged, Who
from web.security import CONTENT_SECURITY_POLICY, HEADERS, UNSAFE_METHODS, local_path

PAGES = ["/sign-in", "/help", "/nowhere", "/sign-in/time-out", "/enrol/x", "/"]


def rules(app: Flask) -> list[Rule]:
    return list(app.url_map.iter_rules())


def path_of(rule: Rule) -> str:
    return re.sub(r"<int:[^>]+>", "1", re.sub(r"<(?!int:)[^>]+>", "x", rule.rule))


@pytest.mark.parametrize("path", PAGES)
def test_every_page_carries_exactly_these_headers(client: FlaskClient, path: str) -> None:
    found = client.get(path).headers
    assert {name: found.get(name) for name in HEADERS} == HEADERS
    assert found["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in found


@pytest.mark.asvs("3.4.3")
def test_the_policy_allows_our_style_sheet_and_images_and_nothing_else() -> None:
    allowed = dict(part.split(" ", 1) for part in CONTENT_SECURITY_POLICY.split("; "))
    assert allowed == {
        "default-src": "'none'", "style-src": "'self'", "img-src": "'self'", "form-action": "'self'",
        "frame-ancestors": "'none'", "base-uri": "'none'",
    }  # fmt: skip


@pytest.mark.asvs("1.2.3", "3.2.2", "3.7.1")
def test_no_template_holds_a_script_or_an_inline_style_but_the_one_that_loads_the_passkey_script(app: Flask) -> None:
    assert app.template_folder is not None
    for template in Path(app.root_path, app.template_folder).rglob("*.html"):
        text = template.read_text(encoding="utf-8")
        if template.name == "passkey.html" and template.parent.name == "macros":
            loads = '<script src="{{ passkey_script() }}" defer></script>'
            assert text.count(loads) == 1
            text = text.replace(loads, "")
        assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=|javascript:", text), template


def test_the_product_ships_one_small_script_of_its_own(app: Flask) -> None:
    files = {file.name: file for file in Path(app.root_path, "static").iterdir()}
    assert {name for name in files if not name.endswith((".css", ".svg"))} == {"passkey.js"}
    text = files["passkey.js"].read_text(encoding="utf-8")
    assert len(text) < 6_000
    assert not re.search(r"innerHTML|eval|Function\(|document\.write|fetch|XMLHttpRequest|https?:|import", text)


def test_the_style_sheet_may_be_kept_and_its_address_changes_with_its_content(client: FlaskClient) -> None:
    address = re.search(r'href="(/static/idm.css[^"]+)"', client.get("/sign-in").text)
    assert address is not None
    assert re.fullmatch(r"/static/idm\.css\?version=[0-9a-f]{12}", address[1])
    with client.get(address[1]) as sheet:
        assert sheet.headers["Cache-Control"] == "public, max-age=2592000"


@pytest.fixture
def https(settings: Settings, database: Database, clock: Clock) -> FlaskClient:
    secure = settings.model_copy(update={"base_url": "https://id.aoba.example"})
    return create_app(secure, database, clock=clock).test_client()


@pytest.mark.asvs("3.4.1", "3.3.1", "3.3.3")
def test_over_tls_browsers_are_told_to_stay_there_and_cookies_to_stay_on_this_host(https: FlaskClient) -> None:
    answer = https.get("/sign-in", base_url="https://id.aoba.example")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-idm-forms=")
    for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert word in cookie
    assert "Domain" not in cookie


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(visitor: Visitor) -> None:
    visitor.exists(visitor.town.staff, "100001")
    cookies = visitor.sign_in("100001").headers.getlist("Set-Cookie")
    ours = next(cookie for cookie in cookies if cookie.startswith("idm="))
    assert "HttpOnly" in ours
    assert "SameSite=Lax" in ours


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example:80"]
)
def test_another_host_is_not_answered(client: FlaskClient, host: str) -> None:
    answer = client.get("/sign-in", headers={"Host": host})
    assert answer.status_code == 400
    assert "evil" not in answer.text


@pytest.mark.asvs("4.1.3")
@pytest.mark.parametrize("header", ["X-Forwarded-Host", "X-Host", "Forwarded"])
def test_a_host_named_in_another_header_is_not_believed(client: FlaskClient, header: str) -> None:
    answer = client.get("/", headers={header: "host=evil.example"})
    assert "evil" not in answer.headers["Location"] + answer.text


ADDRESS_HEADERS = (
    "X-Forwarded-For", "X-Real-IP", "X-Client-IP", "Client-IP", "True-Client-IP", "CF-Connecting-IP", "Forwarded",
    "X-Originating-IP", "X-Remote-Addr",
)  # fmt: skip


def address_noted(app: Flask, header: str, said: str) -> str:
    """Where a sign-in came from, as it is recorded."""
    client = app.test_client()
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/sign-in").text)
    assert token is not None
    fields = {"name": "nobody", "password": "x", "csrf_token": token[1]}
    assert client.post("/sign-in", data=fields, headers={header: said}).status_code == 401
    with app.extensions[EXTENSION].database.reading() as session:
        payloads = session.scalars(select(AuditRecord.payload).where(AuditRecord.action == "sign_in.attempted")).all()
    return str(json.loads(payloads[-1] or "{}")["source"])


@pytest.mark.parametrize("header", ADDRESS_HEADERS)
def test_an_address_named_in_a_header_is_not_believed_where_no_proxy_is_trusted(app: Flask, header: str) -> None:
    assert address_noted(app, header, "for=203.0.113.9" if header == "Forwarded" else "203.0.113.9") == "127.0.0.1"


@pytest.mark.parametrize(
    ("proxies", "said", "noted"),
    [
        (1, "10.1.1.1", "10.1.1.1"),
        (1, "203.0.113.9, 10.1.1.1", "10.1.1.1"),
        (2, "203.0.113.9, 10.1.1.1, 10.9.9.9", "10.1.1.1"),
        (2, "10.1.1.1", "127.0.0.1"),
    ],
)
def test_behind_proxies_of_our_own_the_address_is_what_the_outermost_of_them_saw(
    settings: Settings, database: Database, clock: Clock, proxies: int, said: str, noted: str
) -> None:
    app = create_app(settings.model_copy(update={"trusted_proxies": proxies}), database, clock=clock)
    assert address_noted(app, "X-Forwarded-For", said) == noted


@pytest.mark.parametrize("header", [one for one in ADDRESS_HEADERS if one != "X-Forwarded-For"])
def test_behind_a_proxy_no_other_header_is_believed(
    settings: Settings, database: Database, clock: Clock, header: str
) -> None:
    app = create_app(settings.model_copy(update={"trusted_proxies": 1}), database, clock=clock)
    assert address_noted(app, header, "203.0.113.9") == "127.0.0.1"


@pytest.mark.parametrize(("header", "said"), [("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Proto", "https")])
def test_behind_a_proxy_host_and_scheme_stay_ours(
    settings: Settings, database: Database, clock: Clock, header: str, said: str
) -> None:
    app = create_app(settings.model_copy(update={"trusted_proxies": 1}), database, clock=clock)
    answer = app.test_client().get("/", headers={header: said})
    assert answer.headers["Location"].startswith("/sign-in")


# --- forged forms ----------------------------------------------------------------------------------------------------


@pytest.mark.asvs("3.5.1")
def test_no_unsafe_route_accepts_a_request_without_our_token(app: Flask, visitor: Visitor) -> None:
    visitor.exists(visitor.town.staff, "100001")
    visitor.sign_in("100001")
    unsafe = [rule for rule in rules(app) if (rule.methods or set()) & UNSAFE_METHODS]
    assert unsafe
    for rule in unsafe:
        for method in (rule.methods or set()) & UNSAFE_METHODS:
            answer = visitor.client.open(path_of(rule), method=method, data={"csrf_token": "made up"})
            if ROUTES[rule.endpoint].who is Who.MACHINES:  # no cookie counts there: a browser is nobody
                assert answer.status_code in (401, 429), rule
                continue
            assert (answer.status_code, "有効期限" in answer.text) == (400, True), rule


@pytest.mark.asvs("3.5.1")
def test_a_form_sent_from_another_site_is_refused_even_with_a_token(visitor: Visitor) -> None:
    visitor.exists(visitor.town.staff, "100001")
    visitor.sign_in("100001")
    visitor.client.environ_base["HTTP_SEC_FETCH_SITE"] = "cross-site"
    assert visitor.send("/help", {}, to="/sign-out").status_code == 403
    del visitor.client.environ_base["HTTP_SEC_FETCH_SITE"]
    assert visitor.open("/sign-in").status_code == 302


@pytest.mark.asvs("3.5.1")
def test_a_token_of_before_sign_in_does_not_serve_afterwards(visitor: Visitor) -> None:
    from_before = visitor.client.get("/sign-in").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', from_before)
    assert token is not None
    visitor.exists(visitor.town.staff, "100001")
    visitor.sign_in("100001")
    visitor.open("/help")
    assert visitor.client.post("/sign-out", data={"csrf_token": token[1]}).status_code == 400


# --- the gate --------------------------------------------------------------------------------------------------------


def test_every_page_that_is_not_in_the_table_asks_for_sign_in(app: Flask, client: FlaskClient) -> None:
    for rule in rules(app):
        if ROUTES[rule.endpoint].who is Who.MACHINES:
            assert client.get(path_of(rule)).status_code in (401, 429), rule
        elif ROUTES[rule.endpoint].who is not Who.STRANGERS and "GET" in (rule.methods or set()):
            answer = client.get(path_of(rule))
            assert answer.status_code == 302, rule
            assert answer.headers["Location"].startswith("/sign-in"), rule


def test_the_table_names_every_route_and_nothing_else(app: Flask) -> None:
    endpoints = {rule.endpoint for rule in rules(app)}
    assert endpoints == ROUTES.keys()
    assert endpoints >= set(session.NEXT_PAGE.values())


@pytest.mark.asvs("8.2.1")
def test_an_application_with_a_route_of_which_nobody_said_who_may_open_it_does_not_start(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(ROUTES, "audit_trail.index")
    with pytest.raises(RouteNotJudged, match=r"^audit_trail\.index: nobody has said who may open this"):
        create_app(settings, database)


def test_half_way_through_sign_in_every_other_page_leads_to_the_code(app: Flask, visitor: Visitor) -> None:
    visitor.exists(visitor.town.chief, "100003", factor=True)
    visitor.sign_in("100003")
    for rule in rules(app):
        if not ROUTES[rule.endpoint].lets_in(Stage.CODE_NEEDED) and "GET" in (rule.methods or set()):
            answer = visitor.open(path_of(rule))
            assert answer.headers.get("Location", "").startswith("/sign-in/code"), rule


@pytest.mark.asvs("3.5.3")
def test_looking_at_pages_changes_nothing(app: Flask, visitor: Visitor, database: Database) -> None:
    visitor.exists(visitor.town.staff, "100001")
    visitor.sign_in("100001")
    link = visitor.link_for(visitor.town.chief)
    before = dump(database)
    for rule in rules(app):
        if ROUTES[rule.endpoint].who is Who.MACHINES:  # whoever comes there without a token is written down
            continue
        for method in {"GET", "HEAD"} & (rule.methods or set()):
            visitor.client.open(path_of(rule), method=method)
    visitor.open(link)
    assert dump(database) == before


def dump(database: Database) -> list[str]:
    with database.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        return list(driver.iterdump())


# --- where a page may lead -------------------------------------------------------------------------------------------

ELSEWHERE = [
    "https://evil.example", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
    "http:evil.example", "https:/evil.example", "javascript:alert(1)", "/\tevil", "/ /evil.example", " //evil.example",
    "/%09/evil.example", "evil.example", "/../..//evil.example", "//evil.example@localhost/", "/\r\nSet-Cookie: a=b",
    "/nowhere", "", "?", "#", "//localhost", "http://localhost/", "/static/../", "/static/idm.css", "/sign-out",
    "ｈttps://evil.example", "/／evil.example", "/help\\@evil",
]  # fmt: skip


@pytest.mark.asvs("3.7.2")
@pytest.mark.parametrize("target", ELSEWHERE)
def test_sign_in_never_leads_to_another_site(visitor: Visitor, target: str) -> None:
    visitor.exists(visitor.town.staff, "100001")
    assert visitor.sign_in("100001", wanted=target).headers["Location"] == "/"


@pytest.mark.parametrize("target", ["/help", "/help?a=1&b=%E6%97%A5", "/"])
def test_a_page_of_ours_is_led_back_to(app: Flask, target: str) -> None:
    with app.app_context():
        assert local_path(target) == target
