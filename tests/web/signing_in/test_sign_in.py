"""Sign-in, screen by screen: what people see, where they come out, and what the pages never say."""

import base64
import re
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import select

from idm.database import Database
from idm.factors.one_time_codes import code_at, step_of
from idm.models.sign_in import SignIn
from idm.operations.signing_in import enrolment
from idm.passwords import password_hashing
from tests.small_town import policy
from tests.web.conftest import Clock
from tests.web.visitor import PASSWORD, Visitor, token_in

SIGN_IN = policy().sign_in


@pytest.fixture
def chief(visitor: Visitor) -> Visitor:
    """Somebody whose role demands a second factor, with one."""
    visitor.exists(visitor.town.chief, "100003", factor=True)
    return visitor


@pytest.fixture
def staff(visitor: Visitor) -> Visitor:
    """Somebody without a role."""
    visitor.exists(visitor.town.staff, "100001")
    return visitor


def test_a_stranger_is_asked_for_name_and_password_and_told_that_use_is_recorded(visitor: Visitor) -> None:
    page = visitor.follow(visitor.open("/"))
    assert "利用者名" in page.text
    assert "記録" in page.text
    assert 'autocomplete="current-password"' in page.text


def test_name_and_password_lead_to_the_page_that_was_asked_for(staff: Visitor) -> None:
    asked = staff.open("/help?topic=1")
    assert asked.status_code == 200
    assert staff.sign_in("100001", wanted="/help?topic=1").headers["Location"] == "/help?topic=1"


def test_the_page_asked_for_survives_both_steps(app: Flask, chief: Visitor) -> None:
    away = chief.open("/sign-in/second-factor?x=1").headers["Location"]
    assert away == "/sign-in?next=/sign-in/second-factor?x%3D1"
    chief.sign_in("100003", wanted="/help")
    assert chief.give_code(wanted="/help").headers["Location"] == "/help"


def test_the_link_of_a_notice_survives_every_form_on_the_way_in(chief: Visitor) -> None:
    """Nobody types an address: each page carries it in its own form, query and all, to the page that was meant."""
    link = "/findings?system=1"
    page = chief.open(link)
    for fields in ({"name": "100003", "password": PASSWORD}, {"code": chief.right_code()}):
        shown = chief.client.get(page.headers["Location"], follow_redirects=True)
        carried = re.search(r'<input[^>]*name="next"[^>]*value="([^"]*)"', shown.text)
        assert carried is not None, shown.text
        filled = {**fields, "next": unescape(carried[1]), "csrf_token": token_in(shown)}
        page = chief.client.post(shown.request.path, data=filled)
        assert page.status_code == 302, page.text
    assert page.headers["Location"] == link


def test_a_wrong_password_is_told_in_words_that_name_neither_part(staff: Visitor) -> None:
    wrong, unknown = staff.sign_in("100001", "ちがうパスワード"), staff.sign_in("999999", "ちがうパスワード")
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    same = [re.sub(r'value="[^"]*"', "", page.text) for page in (wrong, unknown)]
    assert same[0] == same[1]
    assert "エラー：" in wrong.text
    assert "利用者名またはパスワードが正しくありません" in wrong.text


def test_the_password_is_never_given_back(staff: Visitor) -> None:
    assert "ちがうパスワード" not in staff.sign_in("100001", "ちがうパスワード").text


def test_too_many_failures_are_answered_with_how_long_to_wait(staff: Visitor) -> None:
    for _ in range(SIGN_IN.attempts):
        page = staff.sign_in("100001", "ちがうパスワード")
    assert f"約{SIGN_IN.lock_minutes}分後" in page.text
    assert "一時的に停止" in staff.sign_in("100001").text


def test_the_code_is_asked_for_in_one_field_that_takes_a_pasted_code(chief: Visitor) -> None:
    page = chief.follow(chief.sign_in("100003"))
    assert page.request.path == "/sign-in/code"
    assert len(re.findall(r"<input(?![^>]*hidden)", page.text)) == 1
    for attribute in ('autocomplete="one-time-code"', 'inputmode="numeric"'):
        assert attribute in page.text


def test_a_right_code_leads_in(chief: Visitor) -> None:
    chief.sign_in("100003")
    assert chief.give_code().headers["Location"] == "/"
    assert chief.open("/sign-in").headers["Location"] == "/"


def test_a_code_with_spaces_around_it_is_the_same_code(chief: Visitor, clock: Clock) -> None:
    chief.sign_in("100003")
    code = code_at(chief.secret, step_of(clock()))
    assert chief.give_code(f" {code} ").status_code == 302
    chief.client.delete_cookie("idm")
    chief.sign_in("100003")
    assert chief.give_code(code).status_code == 401


def test_a_malformed_code_is_explained_and_a_wrong_one_refused(chief: Visitor) -> None:
    chief.sign_in("100003")
    malformed = chief.give_code("１２３４５６")
    assert malformed.status_code == 422
    assert "半角の数字6桁" in malformed.text
    assert 'aria-invalid="true"' in malformed.text
    assert chief.give_code("000000").status_code == 401


def test_too_many_wrong_codes_lead_back_to_the_start(chief: Visitor) -> None:
    chief.sign_in("100003")
    for _ in range(SIGN_IN.attempts):
        answer = chief.give_code("000000")
    assert answer.headers["Location"] == "/sign-in?reason=locked"
    assert "一時的に使えません" in chief.follow(answer).text


def test_sign_out_ends_the_session_and_says_so(staff: Visitor) -> None:
    staff.sign_in("100001")
    token = staff.client.get_cookie("idm")
    assert token is not None
    answer = staff.send("/help", {}, to="/sign-out")
    assert "サインアウトしました" in staff.follow(answer).text
    staff.client.set_cookie("idm", token.value)
    assert staff.open("/sign-in/second-factor").headers["Location"].startswith("/sign-in?")


def test_a_session_cookie_set_by_somebody_else_is_not_taken_over(staff: Visitor) -> None:
    staff.client.set_cookie("idm", "chosen-by-another")
    staff.sign_in("100001")
    cookie = staff.client.get_cookie("idm")
    assert cookie is not None
    assert cookie.value != "chosen-by-another"


@pytest.mark.asvs("7.2.4")
def test_signing_in_again_ends_the_session_that_the_browser_brought(app: Flask, chief: Visitor) -> None:
    chief.sign_in("100003")
    chief.give_code()
    before = chief.client.get_cookie("idm")
    assert before is not None
    page = chief.client.get("/")
    chief.client.post("/sign-in", data={"name": "100003", "password": PASSWORD, "csrf_token": token_in(page)})
    after = chief.client.get_cookie("idm")
    assert after is not None
    assert after.value != before.value
    former = app.test_client()
    former.set_cookie("idm", before.value)
    assert former.get("/").status_code == 302
    assert chief.open("/sign-in/code").status_code == 200


def test_the_session_changes_with_the_second_factor(chief: Visitor) -> None:
    chief.sign_in("100003")
    before = chief.client.get_cookie("idm")
    chief.give_code()
    after = chief.client.get_cookie("idm")
    assert before is not None
    assert after is not None
    assert before.value != after.value


def test_every_page_tells_the_last_sign_in_and_sign_out(staff: Visitor, clock: Clock) -> None:
    staff.sign_in("100001")
    assert "なし（初回）" in staff.open("/help").text
    clock.pass_by(minutes=5)
    staff.send("/help", {}, to="/sign-out")
    clock.pass_by(days=1)
    staff.sign_in("100001")
    page = staff.open("/help").text
    assert "令和8年11月20日（金）10:00" in page
    assert "令和8年11月20日（金）10:05" in page


def test_failures_since_the_last_sign_in_are_told_to_their_owner(staff: Visitor) -> None:
    staff.sign_in("100001", "ちがうパスワード")
    staff.sign_in("100001")
    assert "1回失敗しています" in staff.open("/help").text


# --- enrolment -------------------------------------------------------------------------------------------------------


def choose(visitor: Visitor, link: str, password: str = PASSWORD, again: str | None = None) -> int:
    fields = {"password": password, "password_again": password if again is None else again}
    return visitor.send(link, fields).status_code


def test_a_link_shows_for_whom_it_is_and_lets_them_choose_a_password(visitor: Visitor) -> None:
    link = visitor.link_for(visitor.town.staff)
    page = visitor.open(link).text
    assert "佐藤 一郎" in page
    assert "100001" in page
    assert 'autocomplete="new-password"' in page
    assert choose(visitor, link) == 302
    assert "佐藤 一郎" in visitor.open("/help").text
    assert visitor.open(link).status_code == 404


def test_a_weak_or_mistyped_password_is_explained_at_its_field(visitor: Visitor) -> None:
    link = visitor.link_for(visitor.town.staff)
    fields = {"password": "短い", "password_again": "短い"}
    page = visitor.send(link, fields).text
    assert '<a href="#password">パスワードは12文字以上' in page
    assert 'id="password-error"' in page
    assert choose(visitor, link, PASSWORD, PASSWORD + "x") == 422
    assert choose(visitor, link) == 302


def test_nobody_waits_while_a_new_password_is_judged_and_hashed(
    visitor: Visitor, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = password_hashing.hash_password

    def meanwhile(password: str) -> str:
        with database.writing() as session:
            session.add(SignIn(person_id=visitor.town.chief, name="chief", password_hash="-"))
        return hashed(password)

    monkeypatch.setattr(enrolment, "hash_password", meanwhile)
    link = visitor.link_for(visitor.town.staff)
    assert visitor.send(link, {"password": PASSWORD, "password_again": PASSWORD}).status_code == 302
    with database.reading() as session:
        assert set(session.scalars(select(SignIn.name))) == {"chief", "100001"}


def test_an_unknown_link_is_answered_like_a_used_one(visitor: Visitor) -> None:
    page = visitor.open("/enrol/made-up")
    assert page.status_code == 404
    assert "この登録用リンクは使えません" in page.text


def test_a_role_that_demands_a_factor_enrols_it_before_anything_else(visitor: Visitor, clock: Clock) -> None:
    choose(visitor, visitor.link_for(visitor.town.chief))
    assert visitor.open("/").headers["Location"] == "/sign-in/second-factor"
    answer = visitor.send("/sign-in/second-factor", {}, to="/sign-in/second-factor/new")
    page = visitor.follow(answer).text
    assert "<svg" in page
    shown = re.search(r'class="code secret">([A-Z2-7 ]+)<', page)
    assert shown is not None
    assert visitor.send("/sign-in/second-factor", {"code": "000000"}).status_code == 422
    assert visitor.open("/").headers["Location"] == "/sign-in/second-factor"
    code = visitor_code(shown[1], clock)
    assert visitor.send("/sign-in/second-factor", {"code": code}).headers["Location"] == "/"
    assert "認証アプリを登録しました" in visitor.open("/help").text
    assert "<svg" not in visitor.open("/sign-in/second-factor").text


def visitor_code(shown: str, clock: Clock) -> str:
    """What an authenticator app makes of the key on the screen."""
    from_screen = shown.replace(" ", "")
    padded = from_screen + "=" * (-len(from_screen) % 8)
    return code_at(base64.b32decode(padded), step_of(clock()))


def test_somebody_whose_role_demands_no_factor_can_enrol_one(staff: Visitor) -> None:
    staff.sign_in("100001")
    assert 'href="/sign-in/second-factor"' in staff.open("/help").text
    staff.send("/sign-in/second-factor", {}, to="/sign-in/second-factor/new")
    assert "<svg" in staff.open("/sign-in/second-factor").text
    assert staff.open("/help").status_code == 200
