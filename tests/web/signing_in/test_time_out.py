"""What happens to an abandoned browser, and to what was being typed into it (FK 6-2(6)②)."""

import json
import re
from html import unescape
from pathlib import Path

import pytest
from flask import Flask, render_template_string, request

from idm.errors import InvalidInput
from tests.small_town import policy
from tests.web.conftest import Clock
from tests.web.visitor import PASSWORD, Visitor, token_in
from web import carried_input
from web.route_access import ROUTES

IDLE = policy().sign_in.idle_minutes
FORM = """{% extends "base.html" %}{% from "macros/forms.html" import csrf, text_field %}
{% block main %}<form method="post">{{ csrf() }}{{ text_field('reason', '理由') }}</form>{% endblock %}"""


@pytest.fixture
def app(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The application with one more page: a form, as any other."""

    def form() -> str:
        return "received" if request.method == "POST" else render_template_string(FORM)

    monkeypatch.setitem(ROUTES, "a.form", ROUTES["home.index"])
    app.add_url_rule("/form", "a.form", form, methods=["GET", "POST"])
    return app


@pytest.fixture
def staff(visitor: Visitor) -> Visitor:
    visitor.exists(visitor.town.staff, "100001")
    visitor.sign_in("100001")
    return visitor


def test_an_idle_session_leads_to_sign_in_and_back(staff: Visitor, clock: Clock) -> None:
    clock.pass_by(minutes=IDLE)
    answer = staff.open("/form?page=2")
    assert answer.headers["Location"] == "/sign-in?next=/form?page%3D2&reason=time_out"
    page = staff.follow(answer)
    assert "時間がたったため" in page.text
    assert staff.sign_in("100001", wanted="/form?page=2").headers["Location"] == "/form?page=2"


NAMES = re.compile(r"""name="([a-z_]+)"|(?:text_field|text_area|file_field|select)\('([a-z_]+)'|'([a-z_]+)':""")
FORMS = Path(__file__).parents[3] / "web" / "templates"
ASK_FOR_SECRETS = {"sign_in"}
"""The pages on which passwords and codes are typed."""


def test_no_other_form_has_a_field_of_the_name_of_what_is_never_carried() -> None:
    found: dict[str, set[str]] = {}
    for file in FORMS.rglob("*.html"):
        if file.parent.name not in ASK_FOR_SECRETS:
            names = {name for groups in NAMES.findall(file.read_text(encoding="utf-8")) for name in groups if name}
            found[str(file.relative_to(FORMS))] = names
    assert "character" in found["hr/gaiji_map.html"]
    clashing = {file: names & carried_input.NEVER_CARRIED - {"csrf_token"} for file, names in found.items()}
    assert {file: names for file, names in clashing.items() if names} == {}


def test_use_keeps_the_session(staff: Visitor, clock: Clock) -> None:
    for _ in range(4):
        clock.pass_by(minutes=IDLE - 1)
        assert staff.open("/form").status_code == 200


def test_a_page_that_only_shows_something_closes_itself(staff: Visitor) -> None:
    refresh = staff.open("/help?a=1").headers["Refresh"]
    assert refresh == f"{IDLE * 60 + 5}; url=/sign-in/time-out?next=/help?a%3D1"


def test_a_page_being_typed_into_stays(staff: Visitor) -> None:
    assert "Refresh" not in staff.open("/form").headers


def test_a_strangers_page_does_not_close(visitor: Visitor) -> None:
    assert "Refresh" not in visitor.open("/help").headers


def test_the_page_an_abandoned_one_turns_into_shows_nothing_and_does_not_count_as_use(
    staff: Visitor, clock: Clock
) -> None:
    clock.pass_by(minutes=IDLE - 1)
    assert 'href="/form"' in staff.open("/sign-in/time-out?next=/form").text
    clock.pass_by(minutes=2)
    assert staff.open("/form").status_code == 302


def test_what_was_typed_is_kept_through_sign_in_and_sent_only_on_a_press(staff: Visitor, clock: Clock) -> None:
    shown = staff.open("/form")
    clock.pass_by(hours=1)
    typed = {"reason": '4月の異動のため\n<b>至急</b> & "早め"に', "csrf_token": token_in(shown)}
    page = staff.client.post("/form?x=1", data=typed)
    assert page.status_code == 401
    assert "入力した内容は保持しています" in page.text
    carried = unescape(re.findall(r'name="carried" value="([^"]*)"', page.text)[0])
    again = staff.client.post(
        "/sign-in",
        data={"name": "100001", "password": PASSWORD, "carried": carried, "csrf_token": token_in(page)},
    )
    assert "まだ送信されていません" in again.text
    assert 'action="/form?x=1"' in again.text
    assert unescape(re.findall(r"<textarea[^>]*>\n(.*?)</textarea>", again.text, re.DOTALL)[0]) == typed["reason"]


def test_a_form_without_our_token_is_not_kept(staff: Visitor, clock: Clock) -> None:
    clock.pass_by(hours=1)
    assert staff.client.post("/form", data={"reason": "planted"}).status_code == 400


def test_what_was_typed_survives_the_second_factor_too(visitor: Visitor, clock: Clock) -> None:
    visitor.exists(visitor.town.chief, "100003", factor=True)
    carried = json.dumps({"path": "/form", "fields": [["reason", "長い理由"]]}, ensure_ascii=False)
    start = visitor.open("/sign-in")
    fields = {"name": "100003", "password": PASSWORD, "carried": carried, "csrf_token": token_in(start)}
    code_page = visitor.client.post("/sign-in", data=fields)
    assert "確認コード" in code_page.text
    kept = unescape(re.findall(r'name="carried" value="([^"]*)"', code_page.text)[0])
    assert kept == carried
    data = {"code": visitor.right_code(), "carried": kept, "csrf_token": token_in(code_page)}
    assert "長い理由" in visitor.client.post("/sign-in/code", data=data).text


def test_passwords_and_codes_are_never_carried(app: Flask) -> None:
    data = {"password": "p", "code": "1", "csrf_token": "t", "reason": "r", "password_again": "p"}
    with app.test_request_context("/form", method="POST", data=data):
        assert carried_input.of_request().fields == (("reason", "r"),)


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", '{"path": "https://evil.example/", "fields": []}', '{"path": "/nowhere", "fields": []}',
     '{"path": "/form", "fields": [1]}', '{"path": 1, "fields": []}', "[" * 100_000],
)  # fmt: skip
def test_what_is_not_carried_input_is_refused(app: Flask, text: str) -> None:
    with app.app_context(), pytest.raises(InvalidInput):
        carried_input.from_text(text)
