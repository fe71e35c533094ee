"""Before what matters most the page asks for a second factor again, and what was sent goes on with it (control B3)."""

import re
from datetime import timedelta
from html import unescape
from io import BytesIO

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from idm.errors import FreshFactorNeeded
from idm.factors.one_time_codes import code_at, new_secret, step_of
from idm.factors.passkey_ceremony import relying_party
from idm.keys.sealing import encrypt
from idm.models.audit import AuditRecord
from idm.models.sign_in import SignIn, SignInAttempts, WebSession
from idm.operations.signing_in.passkeys import Ceremony, ask_to_enrol, enrol_passkey, take_question
from idm.operations.signing_in.sign_in import totp_context
from idm.operations.signing_in.web_sessions import resume_session
from idm.request_state import StepState
from idm.vocabulary import Role
from tests.cast import NOW, TODAY
from tests.operations.signing_in.soft_passkey import SoftPasskey
from tests.web.deciding import shown_hash, step_id
from tests.web.office import HIDDEN, Browser, Office, token_in
from web import carried_input
from web.current import EXTENSION

SECRET = new_secret()
KEPT = re.compile(r'<textarea name="([^"]+)" hidden>\n(.*?)</textarea>', re.DOTALL)
SENT_TO = re.compile(r'<form method="post" action="([^"]+)" novalidate>')


@pytest.fixture
def request_id(office: Office) -> int:
    """An application for a privileged right."""
    until = TODAY + timedelta(days=30)
    return office.cast.file("staff", ("staff", "ledger/admin-account"), ("staff", "ledger/admin"), valid_until=until)


@pytest.fixture
def chief(office: Office) -> Browser:
    """The chief, who has an authenticator app, and gave no code for eleven minutes."""
    return tired(office, "chief")


def tired(office: Office, who: str) -> Browser:
    browser = office.browser(who)
    with office.database.writing() as session:
        known = session.scalars(select(SignIn).where(SignIn.person_id == office.cast.people[who])).one()
        key = office.app.extensions[EXTENSION].factor_key
        known.totp_secret = encrypt(key, SECRET, totp_context("totp_secret", known.person_id))
        known.last_totp_step = step_of(NOW)
    for _ in range(2):
        office.pass_by(minutes=5, seconds=30)
        browser.page("/")
    return browser


def code(office: Office) -> str:
    return code_at(SECRET, step_of(office.now))


def send(office: Office, browser: Browser, request_id: int, comment: str = "職務に要ると確認") -> TestResponse:
    """A decision on both lines."""
    fields = {f"verdict-{step_id(office.cast, request_id, Role.CHIEF, line)}": "approve" for line in (0, 1)}
    shown = shown_hash(office.cast, request_id)
    return browser.send(f"/requests/{request_id}/decide", {**fields, "comment": comment, "shown_hash": shown})


def go_on(browser: Browser, asked: TestResponse, code: str) -> TestResponse:
    """The answer to the page that asks, with this code in it."""
    kept = {name: unescape(value) for name, value in KEPT.findall(asked.text)}
    (path,) = SENT_TO.findall(asked.text)
    data = {**kept, "fresh_code": code, "csrf_token": token_in(asked.text)}
    return browser.client.post(unescape(path), data=data)


def decided(office: Office, request_id: int) -> list[StepState]:
    with office.database.reading() as session:
        return [office.cast.step(session, request_id, Role.CHIEF, line).state for line in (0, 1)]


def test_it_asks_keeps_what_was_typed_and_the_code_carries_the_same_form_out(
    office: Office, chief: Browser, request_id: int
) -> None:
    asked = send(office, chief, request_id, comment='要る\n<b>と</b> "確認"')
    assert asked.status_code == 401
    assert "もう一度の確認" in asked.text
    assert decided(office, request_id) == [StepState.PENDING] * 2
    answer = go_on(chief, asked, code(office))
    assert answer.headers["Location"] == "/approvals"
    assert decided(office, request_id) == [StepState.APPROVED] * 2
    with office.database.reading() as session:
        assert office.cast.step(session, request_id, Role.CHIEF, 1).comment == '要る\n<b>と</b> "確認"'


@pytest.mark.asvs("7.2.4")
def test_the_session_goes_on_under_another_token_and_the_one_before_opens_nothing(
    office: Office, chief: Browser, request_id: int
) -> None:
    before = chief.client.get_cookie("idm")
    go_on(chief, send(office, chief, request_id), code(office))
    after = chief.client.get_cookie("idm")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    chief.page("/")
    chief.client.set_cookie("idm", before.value)
    assert chief.open("/").status_code == 302
    with office.database.reading() as session:
        assert session.scalars(select(WebSession.created_at)).one() == NOW, "it lasts no longer for that"


def test_for_some_minutes_it_is_not_asked_again(office: Office, chief: Browser, request_id: int) -> None:
    go_on(chief, send(office, chief, request_id), code(office))
    until = TODAY + timedelta(days=30)
    other = office.cast.file("other", ("other", "ledger/admin-account"), ("other", "ledger/admin"), valid_until=until,
                             now=office.now)  # fmt: skip
    office.pass_by(minutes=9)
    assert send(office, chief, other).status_code == 302
    assert decided(office, other) == [StepState.APPROVED] * 2


def test_a_wrong_code_asks_again_and_loses_nothing(office: Office, chief: Browser, request_id: int) -> None:
    again = go_on(chief, send(office, chief, request_id), "000000")
    assert again.status_code == 401
    assert "確認コードが正しくありません" in again.text
    assert go_on(chief, again, "12345").status_code == 422
    assert decided(office, request_id) == [StepState.PENDING] * 2
    assert go_on(chief, again, code(office)).status_code == 302
    assert decided(office, request_id) == [StepState.APPROVED] * 2


@pytest.mark.asvs("6.5.1")
def test_a_code_given_once_is_not_taken_again(office: Office, chief: Browser, request_id: int) -> None:
    asked, given = send(office, chief, request_id), code(office)
    assert chief.client.post("/sign-in/confirm", data={"fresh_code": given, "csrf_token": token_in(asked.text)}
                             ).status_code == 302  # fmt: skip
    answer = chief.client.post("/sign-in/confirm", data={"fresh_code": given, "csrf_token": token_in(asked.text)})
    assert answer.status_code == 401


@pytest.mark.asvs("6.3.1")
def test_guesses_count_with_those_of_sign_in_and_the_last_one_ends_the_session(
    office: Office, chief: Browser, request_id: int
) -> None:
    asked = send(office, chief, request_id)
    limit = office.cast.policy.sign_in.attempts
    for _ in range(limit - 1):
        assert go_on(chief, asked, "000000").status_code == 401
    assert go_on(chief, asked, "000000").headers["Location"] == "/sign-in?reason=locked"
    assert chief.open("/").status_code == 302
    assert decided(office, request_id) == [StepState.PENDING] * 2
    with office.database.reading() as session:
        refused = session.scalars(select(AuditRecord.code).where(AuditRecord.action == "sign_in.attempted")).all()
    assert refused == ["SIGN-IN"] * limit


def test_who_has_no_second_factor_is_told_to_enrol_one(office: Office, request_id: int) -> None:
    browser = office.browser("chief")
    for _ in range(2):
        office.pass_by(minutes=5, seconds=30)
        browser.page("/")
    asked = send(office, browser, request_id)
    assert asked.status_code == 401
    assert "登録へ進む" in asked.text
    assert "fresh_code" not in asked.text


def test_pages_that_only_show_are_not_asked_for_it(chief: Browser, request_id: int) -> None:
    for path in ("/", "/approvals", f"/requests/{request_id}", "/people", "/me"):
        assert "もう一度の確認" not in chief.page(path)


def test_it_can_be_given_before_and_leads_back(office: Office, chief: Browser, request_id: int) -> None:
    asked = chief.client.get("/sign-in/confirm?next=/approvals")
    answer = go_on(chief, asked, code(office))
    assert answer.headers["Location"] == "/approvals"
    assert send(office, chief, request_id).status_code == 302
    assert go_on(chief, chief.client.get("/sign-in/confirm?next=//evil.example"), "1").status_code == 422


def test_passwords_and_codes_are_not_held_by_the_page(office: Office) -> None:
    data = {"fresh_code": "123456", "current_password": "p", "password": "p", "reason": "r"}
    with office.app.test_request_context("/x", method="POST", data=data):
        assert carried_input.of_request().fields == (("reason", "r"),)


@pytest.mark.asvs("3.5.1")
@pytest.mark.parametrize("address", ["/no-such-page", "/me", "/%5Cevil.example/x"])
@pytest.mark.parametrize("site", ["same-site", "same-origin"])
def test_a_forged_form_to_an_address_that_is_none_of_ours_tries_no_code(
    office: Office, chief: Browser, address: str, site: str
) -> None:
    for _ in range(10):
        answer = chief.client.post(address, data={"fresh_code": "000000"}, headers={"Sec-Fetch-Site": site})
        assert answer.status_code in (400, 403)
    with office.database.reading() as session:
        assert session.scalars(select(SignInAttempts)).all() == []
    assert chief.open("/").status_code == 200


@pytest.mark.parametrize("address", ["/no-such-page", "/me", "/%5Cevil.example/x"])
@pytest.mark.parametrize("field", ["fresh_code", "fresh_way", "fresh_passkey"])
def test_what_is_sent_to_an_address_that_is_none_of_ours_is_not_offered_again(
    office: Office, chief: Browser, address: str, field: str
) -> None:
    answer = chief.send(address, {field: "000000"})
    assert answer.status_code in (404, 405)
    assert "evil" not in answer.text
    with office.database.reading() as session:
        assert session.scalars(select(SignInAttempts)).all() == []


def test_a_stranger_with_a_code_is_sent_to_sign_in(office: Office) -> None:
    client = office.app.test_client()
    page = client.get("/sign-in")
    answer = client.post("/sign-in/confirm", data={"fresh_code": "123456", "csrf_token": token_in(page.text)})
    assert answer.status_code == 401
    assert "サインイン" in answer.text


def test_a_passkey_carries_the_same_form_out(office: Office, request_id: int) -> None:
    browser, key = with_passkey(office, "chief")
    asked = send(office, browser, request_id, comment="要ると\n確認")
    assert "パスキーで確認する" in asked.text
    assert "fresh_code" not in asked.text
    (path,) = re.findall(r'<form method="post" action="([^"]+/decide)">', asked.text)
    kept = {name: unescape(value) for name, value in KEPT.findall(asked.text)}
    page = browser.client.post(path, data={**kept, "fresh_way": "passkey", "csrf_token": token_in(asked.text)})
    assert page.status_code == 401
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert decided(office, request_id) == [StepState.PENDING] * 2
    (question,) = re.findall(r'data-question="([^"]+)"', page.text)
    fields = {name: unescape(value) for name, value in HIDDEN.findall(page.text)}
    answer = browser.client.post(path, data={**fields, "fresh_passkey": key.proves(unescape(question))})
    assert answer.headers["Location"] == "/approvals"
    assert decided(office, request_id) == [StepState.APPROVED] * 2


def test_an_answer_of_another_key_asks_again(office: Office, request_id: int) -> None:
    browser, _key = with_passkey(office, "chief")
    asked = send(office, browser, request_id)
    kept = {name: unescape(value) for name, value in KEPT.findall(asked.text)}
    to = f"/requests/{request_id}/decide"
    page = browser.client.post(to, data={**kept, "fresh_way": "passkey", "csrf_token": token_in(asked.text)})
    (question,) = re.findall(r'data-question="([^"]+)"', page.text)
    fields = {name: unescape(value) for name, value in HIDDEN.findall(page.text)}
    another = SoftPasskey("http://localhost:8600", "localhost").proves(unescape(question))
    again = browser.client.post(to, data={**fields, "fresh_passkey": another})
    assert again.status_code == 401
    assert "確認できませんでした" in again.text
    assert decided(office, request_id) == [StepState.PENDING] * 2


def with_passkey(office: Office, who: str) -> tuple[Browser, SoftPasskey]:
    """Somebody whose only second factor is a passkey, which they gave eleven minutes ago, and the passkey."""
    browser, key = office.browser(who), SoftPasskey("http://localhost:8600", "localhost")
    site = office.app.extensions[EXTENSION]
    ceremony = Ceremony(relying_party(site.settings.base_url, "idm"), site.factor_key)
    cookie = browser.client.get_cookie("idm")
    assert cookie is not None
    with office.database.writing() as session:
        signed_in = resume_session(session, token=cookie.value, policy=office.cast.policy, now=office.now)
        assert signed_in is not None
        question = ask_to_enrol(session, signed_in=signed_in, ceremony=ceremony, policy=office.cast.policy,
                                now=office.now)  # fmt: skip
        session.flush()
        made = key.made(question)
        taken = take_question(session, signed_in=signed_in, ceremony=ceremony, policy=office.cast.policy,
                              now=office.now)  # fmt: skip
        token = enrol_passkey(session, taken, signed_in=signed_in, answer=made, label="執務室", ceremony=ceremony,
                              policy=office.cast.policy, now=office.now)  # fmt: skip
    browser.client.set_cookie("idm", token)
    for _ in range(2):
        office.pass_by(minutes=5, seconds=30)
        browser.page("/")
    return browser, key


def test_a_file_is_not_held_and_the_way_back_is(office: Office, chief: Browser) -> None:
    def refuse(**_arguments: object) -> str:
        raise FreshFactorNeeded("もう一度確認してください。")

    office.app.view_functions["requests.withdraw"] = refuse
    sent = {"file": (BytesIO(b"secret list"), "list.csv"), "csrf_token": token_in(chief.page("/me"))}
    asked = chief.client.post("/requests/1/withdraw", data=sent, headers={"Referer": "http://localhost/approvals"})
    assert asked.status_code == 401
    assert "ファイルはもう一度選んでください" in asked.text
    assert "secret list" not in asked.text
    assert go_on(chief, asked, code(office)).headers["Location"] == "/approvals"
