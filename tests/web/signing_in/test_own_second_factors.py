"""Pages of second factors: what is offered after the password, passkeys, recovery codes, a loss, one's own page."""

import re
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from idm.database import Database
from idm.factors.one_time_codes import code_at, secret_from_text, step_of
from idm.models.authenticators import LossReport
from idm.models.sign_in import RecoveryCode, SignInChallenge
from idm.queries.signing_in.own_factors import own_authenticators, own_factors
from tests.operations.signing_in.soft_passkey import SoftPasskey
from tests.web.conftest import Clock
from tests.web.visitor import Visitor, token_in
from web.security import CONTENT_SECURITY_POLICY, CSP_OF_PASSKEY_PAGES

STAFF, CHIEF = "100001", "100003"
QUESTION = re.compile(r'data-question="([^"]+)"')
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


@pytest.fixture
def staff(visitor: Visitor) -> Visitor:
    """Somebody whose role demands nothing, signed in with a password."""
    visitor.exists(visitor.town.staff, STAFF)
    visitor.sign_in(STAFF)
    return visitor


@pytest.fixture
def key() -> SoftPasskey:
    return SoftPasskey("http://localhost:8600", "localhost")


def press(visitor: Visitor, page: str, to: str, **fields: str) -> TestResponse:
    return visitor.send(page, fields, to=to)


def answer(visitor: Visitor, shown: TestResponse, to: str, made: str) -> TestResponse:
    """What the page's script sends: the form as it is, with the browser's answer in it."""
    form = shown.text.partition("data-passkey=")[2].partition("</form>")[0]
    held = {name: unescape(value) for name, value in HIDDEN.findall(form)}
    assert {"csrf_token", "answer"} <= held.keys(), shown.text
    return visitor.client.post(to, data={**held, "answer": made})


def question_on(shown: TestResponse) -> str:
    found = QUESTION.search(shown.text)
    assert found is not None, (shown.status_code, shown.text)
    return unescape(found[1])


def enrol(visitor: Visitor, key: SoftPasskey, label: str = "青いUSBキー") -> TestResponse:
    begin = "/sign-in/second-factor/passkey"
    shown = press(visitor, begin, begin + "/new", label=label)
    return answer(visitor, shown, begin, key.made(question_on(shown)))


def come_with(visitor: Visitor, key: SoftPasskey, name: str = STAFF) -> TestResponse:
    visitor.sign_in(name)
    shown = press(visitor, "/sign-in/code", "/sign-in/passkey")
    return answer(visitor, shown, "/sign-in/passkey/answer", key.proves(question_on(shown)))


def sign_out(visitor: Visitor) -> None:
    visitor.send("/", {}, to="/sign-out")


# --- passkeys --------------------------------------------------------------------------------------------------------


def test_a_passkey_is_enrolled_and_signed_in_with(staff: Visitor, key: SoftPasskey) -> None:
    assert enrol(staff, key).headers["Location"] == "/me"
    assert "青いUSBキー" in staff.open("/me").text
    sign_out(staff)
    assert come_with(staff, key).headers["Location"] == "/"
    assert staff.open("/").status_code == 200


def test_the_page_that_was_asked_for_survives_the_passkey(staff: Visitor, key: SoftPasskey) -> None:
    enrol(staff, key)
    sign_out(staff)
    staff.sign_in(STAFF, wanted="/me?on=2026-04-01")
    shown = press(staff, "/sign-in/code", "/sign-in/passkey", next="/me?on=2026-04-01")
    done = answer(staff, shown, "/sign-in/passkey/answer", key.proves(question_on(shown)))
    assert done.headers["Location"] == "/me?on=2026-04-01"


def test_a_form_that_came_too_late_survives_the_passkey(staff: Visitor, key: SoftPasskey) -> None:
    enrol(staff, key)
    carried = '{"path": "/me/recovery-codes", "fields": [["x", "あ\\nい"]]}'
    sign_out(staff)
    staff.sign_in(STAFF)
    shown = press(staff, "/sign-in/code", "/sign-in/passkey", carried=carried)
    done = answer(staff, shown, "/sign-in/passkey/answer", key.proves(question_on(shown)))
    assert "/me/recovery-codes" in done.text
    assert "あ\nい" in done.text


def test_only_pages_that_ask_the_browser_may_run_the_script(staff: Visitor, key: SoftPasskey) -> None:
    begin = "/sign-in/second-factor/passkey"
    shown = press(staff, begin, begin + "/new")
    assert shown.headers["Content-Security-Policy"] == CSP_OF_PASSKEY_PAGES
    assert CSP_OF_PASSKEY_PAGES == CONTENT_SECURITY_POLICY + "; script-src 'self'"
    assert len(re.findall("<script", shown.text)) == 1
    for path in (begin, "/me", "/sign-in/code", "/sign-in/second-factor"):
        page = staff.open(path)
        assert page.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        assert "<script" not in page.text


def test_the_script_may_be_kept_and_its_address_changes_with_its_content(staff: Visitor) -> None:
    begin = "/sign-in/second-factor/passkey"
    address = re.search(r'src="(/static/passkey.js\?version=[0-9a-f]{12})"', press(staff, begin, begin + "/new").text)
    assert address is not None
    with staff.open(address[1]) as script:
        assert (script.mimetype, script.headers["X-Content-Type-Options"]) == ("text/javascript", "nosniff")
        assert script.headers["Cache-Control"] == "public, max-age=2592000"


def test_a_wrong_answer_leads_back_to_the_ways_there_are(staff: Visitor, key: SoftPasskey) -> None:
    enrol(staff, key)
    sign_out(staff)
    key.origin = "https://evil.example"
    page = come_with(staff, key)
    assert page.status_code == 401
    assert "パスキーを確認できませんでした" in page.text
    assert "パスキーで確認する" in page.text


def test_a_wrong_enrolment_is_explained(staff: Visitor, key: SoftPasskey, database: Database) -> None:
    key.verifies = False
    page = enrol(staff, key)
    assert page.status_code == 422
    assert "パスキーを確認できませんでした" in page.text
    with database.reading() as session:
        assert own_authenticators(session, staff.town.staff) == []


def test_looking_draws_no_challenge(staff: Visitor, key: SoftPasskey, database: Database) -> None:
    enrol(staff, key)
    sign_out(staff)
    staff.sign_in(STAFF)
    for path in ("/sign-in/code", "/sign-in/passkey", "/sign-in/second-factor/passkey", "/sign-in/lost"):
        staff.open(path)
    with database.reading() as session:
        asked = select(SignInChallenge).where(SignInChallenge.purpose == "passkey.sign_in")
        assert session.scalars(asked).all() == []


@pytest.mark.asvs("6.3.4")
def test_on_the_way_nothing_can_be_enrolled_or_removed(staff: Visitor, key: SoftPasskey) -> None:
    enrol(staff, key)
    number = re.search(r"/me/second-factors/(\d+)/removal", staff.open("/me").text)
    assert number is not None
    sign_out(staff)
    staff.sign_in(STAFF)
    for to in (
        "/sign-in/second-factor/passkey/new", "/sign-in/second-factor/passkey", "/sign-in/second-factor/new",
        number[0], "/me/recovery-codes",
    ):  # fmt: skip
        assert press(staff, "/sign-in/code", to).headers["Location"].startswith("/sign-in/code")


# --- what is offered -------------------------------------------------------------------------------------------------


def test_the_page_after_the_password_offers_what_the_person_has(visitor: Visitor) -> None:
    visitor.exists(visitor.town.chief, CHIEF, factor=True)
    page = visitor.follow(visitor.sign_in(CHIEF)).text
    assert "確認コード" in page
    assert "パスキーで確認する" not in page
    assert "回復用コードで確認する" not in page
    assert "認証アプリ（端末・鍵）をなくした" in page


def test_who_has_a_passkey_only_is_not_asked_for_a_code(staff: Visitor, key: SoftPasskey) -> None:
    enrol(staff, key)
    sign_out(staff)
    page = staff.follow(staff.sign_in(STAFF)).text
    assert "パスキーで確認する" in page
    assert 'name="code"' not in page


# --- recovery codes --------------------------------------------------------------------------------------------------


def codes_of(visitor: Visitor) -> list[str]:
    page = press(visitor, "/me/recovery-codes", "/me/recovery-codes").text
    return re.findall(r"<li>((?:[0-9A-Z]{4}-){3}[0-9A-Z]{4})</li>", page)


def test_codes_are_shown_once_and_each_signs_in(staff: Visitor, key: SoftPasskey, database: Database) -> None:
    enrol(staff, key)
    codes = codes_of(staff)
    assert len(codes) == 8
    assert not [code for code in codes for path in ("/me", "/me/recovery-codes") if code in staff.open(path).text]
    with database.reading() as session:
        assert len(session.scalars(select(RecoveryCode)).all()) == 8
    sign_out(staff)
    staff.sign_in(STAFF)
    assert press(staff, "/sign-in/recovery-code", "/sign-in/recovery-code", recovery_code="1234").status_code == 422
    wrong = press(staff, "/sign-in/recovery-code", "/sign-in/recovery-code", recovery_code="0000-0000-0000-0000")
    assert wrong.status_code == 401
    right = press(staff, "/sign-in/recovery-code", "/sign-in/recovery-code", recovery_code=codes[3].lower())
    assert "残りは7個" in staff.follow(right).text


def test_what_was_typed_survives_the_way_over_a_recovery_code_and_back(staff: Visitor, key: SoftPasskey) -> None:
    enrol(staff, key)
    codes = codes_of(staff)
    carried = '{"path": "/me/recovery-codes", "fields": [["x", "あいう"]]}'
    sign_out(staff)
    staff.sign_in(STAFF)
    page = staff.open("/sign-in/code")
    for to, shown in (("/sign-in/recovery-code", "回復用コード"), ("/sign-in/code", "パスキー")) * 2:
        page = staff.client.post(to, data={"carried": carried, "csrf_token": token_in(page)})
        assert (page.status_code, shown in page.text) == (200, True)
        assert unescape(page.text.partition('name="carried" value="')[2].partition('"')[0]) == carried
        assert f'action="{"/sign-in/code" if to.endswith("recovery-code") else "/sign-in/recovery-code"}"' in page.text
    data = {"carried": carried, "recovery_code": codes[0], "csrf_token": token_in(page)}
    assert "あいう" in staff.client.post("/sign-in/recovery-code", data=data).text


def test_a_recovery_code_makes_no_new_codes_and_removes_nothing(staff: Visitor, key: SoftPasskey) -> None:
    enrol(staff, key)
    code = codes_of(staff)[0]
    removal = re.search(r"/me/second-factors/\d+/removal", staff.open("/me").text)
    assert removal is not None
    sign_out(staff)
    staff.sign_in(STAFF)
    press(staff, "/sign-in/recovery-code", "/sign-in/recovery-code", recovery_code=code)
    for to in ("/me/recovery-codes", removal[0], "/sign-in/second-factor/passkey/new"):
        asked = press(staff, "/me", to)
        assert (asked.status_code, "もう一度の確認" in asked.text) == (401, True)


def test_too_many_wrong_recovery_codes_lead_back_to_the_start(staff: Visitor, key: SoftPasskey) -> None:
    enrol(staff, key)
    codes_of(staff)
    sign_out(staff)
    staff.sign_in(STAFF)
    for _ in range(20):
        answered = press(staff, "/sign-in/recovery-code", "/sign-in/recovery-code", recovery_code="0" * 16)
        if answered.status_code == 302:
            break
    assert answered.headers["Location"] == "/sign-in?reason=locked"


# --- lost ------------------------------------------------------------------------------------------------------------


def test_a_loss_reported_after_the_password_stops_everything_and_only_a_link_leads_back(
    staff: Visitor, key: SoftPasskey, database: Database
) -> None:
    enrol(staff, key)
    sign_out(staff)
    staff.sign_in(STAFF)
    assert "すべて使えなくなります" in staff.open("/sign-in/lost").text
    gone = press(staff, "/sign-in/lost", "/sign-in/lost", circumstances="電車に置き忘れた。")
    assert gone.headers["Location"] == "/sign-in"
    with database.reading() as session:
        assert not own_factors(session, staff.town.staff).some
        assert [one.circumstances for one in session.scalars(select(LossReport))] == ["電車に置き忘れた。"]
    staff.sign_in(STAFF)
    assert staff.open("/me").headers["Location"].startswith("/sign-in/second-factor")
    for path in ("/sign-in/second-factor", "/sign-in/second-factor/passkey"):
        assert "紛失が報告されているため" in staff.open(path).text
    assert press(staff, "/sign-in/second-factor", "/sign-in/second-factor/passkey/new").status_code == 403
    link = staff.link_for(staff.town.staff)
    fields = {"password": "とても長い別のあいことばです", "password_again": "とても長い別のあいことばです"}
    assert staff.send(link, fields).headers["Location"] == "/"
    assert staff.open("/me").status_code == 200


def test_a_loss_cannot_be_reported_here_by_somebody_signed_in(staff: Visitor, key: SoftPasskey) -> None:
    enrol(staff, key)
    assert press(staff, "/me", "/sign-in/lost").status_code == 409
    assert "青いUSBキー" in staff.open("/me").text


# --- one's own page --------------------------------------------------------------------------------------------------


def test_one_is_removed_after_it_was_shown_what_that_does(staff: Visitor, key: SoftPasskey) -> None:
    enrol(staff, key)
    removal = re.search(r"/me/second-factors/\d+/removal", staff.open("/me").text)
    assert removal is not None
    assert "これは最後の一つです" in staff.open(removal[0]).text
    assert staff.follow(press(staff, removal[0], removal[0])).status_code == 200
    assert removal[0] not in staff.open("/me").text
    assert staff.open(removal[0]).status_code == 404


def test_anothers_cannot_be_seen_or_removed(app: Flask, staff: Visitor, key: SoftPasskey, clock: Clock) -> None:
    enrol(staff, key)
    removal = re.search(r"/me/second-factors/\d+/removal", staff.open("/me").text)
    assert removal is not None
    other = Visitor(app, staff.town, clock)
    other.exists(staff.town.inviter, "100002", factor=True)
    other.sign_in("100002")
    other.give_code()
    assert other.open(removal[0]).status_code == 404
    assert press(other, "/me", removal[0]).status_code == 404
    assert "青いUSBキー" in staff.open("/me").text


def test_an_app_is_put_in_the_place_of_the_old_one(staff: Visitor, clock: Clock, database: Database) -> None:
    def add() -> TestResponse:
        shown = staff.follow(press(staff, "/sign-in/second-factor", "/sign-in/second-factor/new"))
        secret = re.search(r'class="code secret">([A-Z2-7 ]+)<', shown.text)
        assert secret is not None
        text = secret[1].replace(" ", "")
        code = code_at(secret_from_text(text + "=" * (-len(text) % 8)), step_of(clock()))
        return staff.send("/sign-in/second-factor", {"code": code})

    add()
    clock.pass_by(minutes=1)
    assert "今の認証アプリは使えなくなります" in staff.open("/sign-in/second-factor").text
    assert add().status_code == 302
    with database.reading() as session:
        assert len(own_authenticators(session, staff.town.staff)) == 1


def test_a_name_is_shown_as_text(staff: Visitor, key: SoftPasskey) -> None:
    enrol(staff, key, label='"><script>x</script>')
    assert "&#34;&gt;&lt;script&gt;" in staff.open("/me").text
    assert "<script>x" not in staff.open("/me").text
