"""What holds for every answer of every route, whoever asks and whatever comes of it."""

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import pytest

from tests.web.walk.expectations import BY_TOKEN
from tests.web.walk.walker import QUERIES, Visitor, Walk, asking_once, walk_of_this_process
from web.security import HEADERS, UNSAFE_METHODS, local_path

ORIGINS = (
    "null", "https://evil.example", "http://localhost", "http://localhost:8600.evil.example", "https://localhost:8600",
    "http://evil.localhost:8600", "file://", "http://LOCALHOST:8600",
)  # fmt: skip
HOSTS_ELSEWHERE = ("evil.example", "evil.example@localhost", "localhost.evil.example", "xn--evl-sma.example")
LEADS = (
    "https://{}", "http://{}/", "//{}", "///{}", "////{}", "/\\{}", "\\\\{}", "https:{}", "https:/{}", "http:///{}",
    "/\t/{}", "/\n/{}", "%2f%2f{}", "/%2f{}", "/%5c{}", "／／{}", "//{}%2f..", ".{}", "ftp://{}",
)  # fmt: skip
TARGETS = tuple(lead.format(host) for host in HOSTS_ELSEWHERE for lead in LEADS)
FOLLOWING = ("/sign-in", "/sign-in/time-out", "/sign-in/confirm", "/sign-in/code", "/sign-in/second-factor")
"""The pages that are told where to go on."""


@pytest.fixture
def walk() -> Iterator[Walk]:
    with asking_once():
        yield walk_of_this_process()


def visitors(walk: Walk, *names: str) -> list[Visitor]:
    return [visitor for visitor in walk.visitors if visitor.name in names]


class Answer(NamedTuple):
    """What one visitor was answered."""

    cell: str
    status: int
    headers: dict[str, str]


def everywhere(walk: Walk, *names: str) -> list[Answer]:
    """The answers of every route to each of its methods, and to two that no route has, as asked by each of these."""
    return [answer for visitor in visitors(walk, *names) for answer in _answers(walk, visitor)]


def _answers(walk: Walk, visitor: Visitor) -> list[Answer]:
    if visitor.name not in _KEPT:
        _KEPT[visitor.name] = [
            Answer(f"{method} {path} {visitor.name}", walk.ask(method, path, visitor, query)[0], walk.headers)
            for rule in walk.app.url_map.iter_rules()
            for path, query in [(list(walk.addresses(rule))[-1][0], QUERIES.get(rule.endpoint, ""))]
            for method in sorted((rule.methods or set()) | {"TRACE", "PUT"})
        ]
    return _KEPT[visitor.name]


_KEPT: dict[str, list[Answer]] = {}
"""By visitor: asked once in a process, for all tests that look at the answers."""


@pytest.mark.asvs("3.2.1", "3.4.3", "3.4.4", "3.4.5", "3.4.6", "14.3.2")
def test_every_answer_carries_the_headers_and_may_be_kept_by_nobody(walk: Walk) -> None:
    seen = set()
    for cell, status, headers in everywhere(walk, "stranger", "ciso (signed in)", "staff (signed in)"):
        assert {name: headers.get(name) for name in HEADERS} == HEADERS, cell
        if "/static/" not in cell:
            assert headers["Cache-Control"] == "no-store", cell
        seen.add(status)
    assert seen >= {200, 302, 400, 404, 405}


@pytest.mark.asvs("4.1.1")
def test_every_text_names_its_character_set(walk: Walk) -> None:
    for cell, status, headers in everywhere(walk, "stranger", "ciso (signed in)"):
        kind = headers.get("Content-Type", "")
        assert not kind.startswith("text/") or "charset=utf-8" in kind.lower(), (cell, status, kind)


@pytest.mark.asvs("13.4.4")
def test_trace_is_answered_nowhere(walk: Walk) -> None:
    answers = {cell: status for cell, status, _headers in everywhere(walk, "stranger") if cell.startswith("TRACE")}
    assert answers
    assert set(answers.values()) == {405}


@pytest.mark.asvs("3.4.2")
@pytest.mark.parametrize("origin", ORIGINS)
def test_no_other_origin_is_ever_allowed_to_read(walk: Walk, origin: str) -> None:
    for rule in walk.app.url_map.iter_rules():
        path, _thing = next(iter(walk.addresses(rule)))
        for visitor in visitors(walk, "stranger"):
            for method in ("GET", "OPTIONS"):
                walk.ask(method, path, visitor, HTTP_ORIGIN=origin, HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST")
                assert [name for name in walk.headers if name.startswith("Access-Control")] == [], (path, method)


@pytest.mark.asvs("3.5.1")
@pytest.mark.parametrize("token", ["", "made up", "of another browser"])
def test_no_form_is_obeyed_without_the_token_of_its_own_session(walk: Walk, token: str) -> None:
    brought = _of_another_browser(walk) if token == "of another browser" else token
    body = f"csrf_token={quote(brought)}".encode() if token else b""
    before = walk.digest()
    for rule in walk.app.url_map.iter_rules():
        for method in (rule.methods or set()) & UNSAFE_METHODS:
            path, _thing = next(iter(walk.addresses(rule)))
            for visitor in visitors(walk, "stranger", "ciso (signed in)", "hr (signed in)", "chief (half-way)"):
                status = walk.ask(method, path, visitor, body=body)[0]
                assert status in _refused_with(rule.endpoint, 400), (method, path, visitor.name)
    assert walk.digest() == before


def _refused_with(endpoint: str, form: int) -> tuple[int, ...]:
    """What a forged form is answered: `form`; where systems come with a token, that it has none, however often."""
    return (401, 429) if endpoint in BY_TOKEN else (form,)


def _of_another_browser(walk: Walk) -> str:
    page = walk.app.test_client().get("/sign-in", base_url="http://localhost:8600").text
    return page.split('name="csrf_token" value="')[1].split('"')[0]


@pytest.mark.asvs("3.5.1")
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_no_form_of_another_site_is_obeyed_even_with_the_token(walk: Walk, site: str) -> None:
    body = f"csrf_token={quote(walk.form_token)}".encode()
    for rule in walk.app.url_map.iter_rules():
        for method in (rule.methods or set()) & UNSAFE_METHODS:
            path, _thing = next(iter(walk.addresses(rule)))
            for visitor in visitors(walk, "ciso (signed in)"):
                status = walk.ask(method, path, visitor, body=body, HTTP_SEC_FETCH_SITE=site)[0]
                assert status in _refused_with(rule.endpoint, 403), (method, path)


@pytest.mark.asvs("3.7.2")
@pytest.mark.parametrize("target", TARGETS)
def test_no_page_leads_to_another_site(walk: Walk, target: str) -> None:
    assert len(TARGETS) >= 60
    with walk.app.app_context():
        assert local_path(target) is None
    for path in FOLLOWING:
        for visitor in visitors(walk, "stranger", "ciso (signed in)", "ciso (half-way)", "staff (half-way)"):
            _status, location = walk.ask("GET", path, visitor, f"next={quote(target)}")
            refresh = walk.headers.get("Refresh", "").partition("url=")[2]
            for led in (location, refresh):
                assert urlsplit(led).netloc in ("", "localhost:8600"), (path, visitor.name, led)
                assert not led.startswith(("//", "/\\")), (path, visitor.name, led)


@pytest.mark.asvs("13.4.1", "13.4.3", "13.4.5")
@pytest.mark.parametrize(
    "path",
    ["/.git/config", "/.git/HEAD", "/.env", "/static/", "/static/../app.py", "/metrics", "/openapi.json", "/docs",
     "/debug", "/console", "/idm.db", "/backup.zip", "/server-status", "/static/%2e%2e/app.py"],
)  # fmt: skip
def test_nothing_of_the_inside_is_served(walk: Walk, path: str) -> None:
    for visitor in visitors(walk, "stranger", "ciso (signed in)"):
        assert walk.ask("GET", path, visitor)[0] == 404


@pytest.mark.asvs("1.4.2", "15.3.5")
@pytest.mark.parametrize(
    "value", ["-1", "0", "2147483648", "9223372036854775808", "1" * 400, "NaN", "[1]", "true", "１"]
)
def test_a_number_out_of_range_or_of_another_kind_is_never_a_fault(walk: Walk, value: str) -> None:
    asked = "&".join(f"{name}={quote(value)}" for name in ("page", "system", "days", "on", "day", "kind", "state"))
    for path, visitor in _readers(walk).items():
        assert walk.ask("GET", path, visitor, asked)[0] < 500, (path, visitor.name)


def _readers(walk: Walk) -> dict[str, Visitor]:
    """One address of every page → somebody who may read it, so that what it is asked is read at all."""
    known = visitors(walk, "ciso (signed in)", "hr (signed in)")
    answered = {answer.cell: answer.status for answer in everywhere(walk, *(visitor.name for visitor in known))}
    found = {}
    for rule in walk.rules("GET"):
        path = list(walk.addresses(rule))[-1][0]
        if rule.endpoint != "health.ready":
            found[path] = next((one for one in known if answered[f"GET {path} {one.name}"] == 200), known[0])
    assert {visitor.name for visitor in found.values()} == {visitor.name for visitor in known}
    return found
