"""One's own sign-in as its owner sees it: where they are signed in, their password, and what officers can end."""

import pytest
from sqlalchemy import select, update

from idm.models.officers import Officer
from idm.models.people import Employment, Person
from idm.models.sign_in import SignIn, WebSession
from idm.models.work import MailMessage
from idm.vocabulary import Role, SignInWay
from tests.small_town import NOW
from tests.web.conftest import Clock
from tests.web.visitor import PASSWORD, Visitor, token_in
from web.signing_in.browser_words import browser_words

EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"
NEW = "雨上がりの坂道を自転車で下る"


def at(browser: Visitor, user_agent: str, address: str = "192.0.2.7") -> Visitor:
    """The visitor at that browser."""
    browser.client.environ_base |= {"HTTP_USER_AGENT": user_agent, "REMOTE_ADDR": address}
    return browser


@pytest.fixture
def staff(visitor: Visitor) -> Visitor:
    """Somebody without a role, signed in at their PC."""
    visitor.exists(visitor.town.staff, "100001")
    with visitor.site.database.writing() as session:
        session.execute(update(Person).values(mail="someone@example.jp"))
    at(visitor, EDGE).sign_in("100001")
    return visitor


@pytest.fixture
def elsewhere(staff: Visitor, clock: Clock) -> Visitor:
    """The same person at another browser."""
    other = at(Visitor(staff.app, staff.town, clock), SAFARI, "198.51.100.9")
    other.sign_in("100001")
    return other


def officer(visitor: Visitor, clock: Clock, *roles: Role) -> Visitor:
    """The chief, signed in with both factors, who holds these roles as well."""
    with visitor.site.database.writing() as session:
        record = session.scalars(select(Officer.first_record_id)).first()
        for role in roles:
            session.add(Officer(role=role, person_id=visitor.town.chief, valid_from=NOW.date(),
                                first_record_id=record))  # fmt: skip
    other = Visitor(visitor.app, visitor.town, clock)
    other.exists(visitor.town.chief, "100003", factor=True)
    other.sign_in("100003")
    other.give_code()
    return other


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (EDGE, "Edge（Windows）"),
        (SAFARI, "Safari（iPhone）"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0", "Firefox（Linux）"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36", "Chrome（Windows）"),
        ("Mozilla/5.0 (iPad; CPU OS 17_0) AppleWebKit/605 CriOS/120.0 Mobile Safari/604.1", "Chrome（iPad）"),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36", "Chrome（Android）"),
        ("<script>alert(1)</script>", "不明なブラウザー"),
        ("", "不明なブラウザー"),
    ],
)
def test_a_browser_is_called_what_its_owner_calls_it_and_no_more_is_kept(user_agent: str, words: str) -> None:
    assert browser_words(user_agent) == words


@pytest.mark.asvs("7.5.2")
def test_ones_own_page_lists_every_browser_and_marks_this_one(staff: Visitor, elsewhere: Visitor) -> None:
    page = staff.open("/me").text
    assert "Edge（Windows）" in page
    assert "192.0.2.7" in page
    assert "Safari（iPhone）" in page
    assert "198.51.100.9" in page
    assert page.count("この端末</span>") == 1
    assert "この端末</span>" in page.partition("Edge（Windows）")[2].partition("</th>")[0]
    assert elsewhere.open("/me").text.count("この端末</span>") == 1


@pytest.mark.asvs("7.5.2")
def test_one_browser_is_ended_with_a_button(staff: Visitor, elsewhere: Visitor) -> None:
    with staff.site.database.reading() as session:
        theirs = session.scalars(select(WebSession.id).where(WebSession.browser == "Safari（iPhone）")).one()
    staff.send("/me", {}, to=f"/me/sessions/{theirs}/end")
    assert elsewhere.open("/me").status_code == 302
    assert "Safari（iPhone）" not in staff.open("/me").text


@pytest.mark.asvs("7.4.3", "7.5.2")
def test_all_others_are_ended_with_one(staff: Visitor, elsewhere: Visitor) -> None:
    staff.send("/me", {}, to="/me/sessions/end-others")
    assert elsewhere.open("/").status_code == 302
    assert staff.open("/").status_code == 200


def test_a_browser_never_seen_before_is_told_by_mail(staff: Visitor, elsewhere: Visitor) -> None:
    with elsewhere.site.database.reading() as session:
        (body,) = session.scalars(select(MailMessage.body)).all()
    assert "Safari（iPhone）" in body
    assert "198.51.100.9" in body
    assert staff.open("/").status_code == 200


@pytest.mark.asvs("6.2.2", "7.2.4")
def test_the_password_is_changed_with_the_old_one_and_others_are_signed_out(
    staff: Visitor, elsewhere: Visitor, clock: Clock
) -> None:
    page = staff.open("/me/password").text
    assert page.count('type="password"') == 3
    before = staff.client.get_cookie("idm")
    answer = staff.send("/me/password", {"current_password": PASSWORD, "password": NEW, "password_again": NEW})
    assert answer.headers["Location"] == "/me#signed-in"
    assert staff.open("/me").status_code == 200
    after = staff.client.get_cookie("idm")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    assert elsewhere.open("/").status_code == 302
    anew = Visitor(staff.app, staff.town, clock)
    assert anew.sign_in("100001").status_code == 401
    assert anew.sign_in("100001", NEW).status_code == 302


@pytest.mark.asvs("6.2.3")
def test_what_is_wrong_is_told_at_its_field_and_no_password_is_given_back(staff: Visitor) -> None:
    wrong = {"current_password": "ちがうものでした！", "password": NEW, "password_again": NEW}
    answer = staff.send("/me/password", wrong)
    assert answer.status_code == 401
    assert "いまのパスワードが正しくありません" in answer.text
    weak = {"current_password": PASSWORD, "password": "Shiyakusho2026!", "password_again": "Shiyakusho2026!"}
    answer = staff.send("/me/password", weak)
    assert answer.status_code == 422
    assert "役所でよく使われる言葉" in answer.text
    assert "Shiyakusho" not in answer.text
    assert PASSWORD not in answer.text
    unlike = {"current_password": PASSWORD, "password": NEW, "password_again": NEW + "。"}
    assert "二つの新しいパスワードが一致しません" in staff.send("/me/password", unlike).text


@pytest.mark.asvs("6.3.1")
def test_guesses_of_the_old_one_are_limited_and_end_the_session(staff: Visitor) -> None:
    guess = {"current_password": "ちがうものでした！", "password": NEW, "password_again": NEW}
    answers = [staff.send("/me/password", guess) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 401, 302]
    assert answers[-1].headers["Location"] == "/sign-in?reason=locked"
    assert staff.open("/me").headers["Location"].startswith("/sign-in?")


def test_who_signs_in_with_the_directory_is_told_where_it_is_changed(
    staff: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with staff.site.database.writing() as session:
        session.execute(update(SignIn).values(way=SignInWay.DIRECTORY, password_hash=None))
    monkeypatch.setattr("idm.operations.signing_in.web_sessions._may_still", lambda *_args, **_options: True)
    assert "パソコンで変更してください" in staff.open("/me").text
    assert "パスワードを変更する" not in staff.open("/me").text
    assert staff.open("/me/password").status_code == 409


@pytest.mark.asvs("7.4.5")
def test_the_desk_sees_and_ends_one_persons(staff: Visitor, clock: Clock) -> None:
    desk = officer(staff, clock, Role.HANDOVER)
    person = f"/people/{staff.town.staff}"
    assert "Edge（Windows）" in desk.open(person).text
    desk.send(person, {}, to=f"{person}/sessions/end")
    assert staff.open("/").status_code == 302
    assert desk.open("/").status_code == 200
    assert desk.open("/sessions").status_code == 404


@pytest.mark.asvs("7.4.5")
def test_the_security_officer_ends_everybodys_after_being_asked_once_more(staff: Visitor, clock: Clock) -> None:
    security = officer(staff, clock, Role.SECURITY)
    page = security.open("/sessions").text
    assert "いま 2人が" in page
    assert security.send("/sessions", {}, to="/sessions/end").headers["Location"] == "/sign-in"
    assert [one.open("/").status_code for one in (staff, security)] == [302, 302]


def test_nobody_else_ends_others(staff: Visitor, elsewhere: Visitor, clock: Clock) -> None:
    auditor = officer(staff, clock, Role.AUDITOR)
    person = f"/people/{staff.town.staff}"
    assert "サインインをすべて終了する" not in auditor.open(person).text
    for path in (f"{person}/sessions/end", "/sessions/end"):
        assert auditor.send("/me", {}, to=path).status_code == 403
    with staff.site.database.reading() as session:
        mine = session.scalars(select(WebSession.id).where(WebSession.person_id == staff.town.chief)).first()
    assert staff.send("/me", {}, to=f"/me/sessions/{mine}/end").status_code == 404
    assert elsewhere.open("/").status_code == 200


@pytest.mark.asvs("7.4.2")
def test_whoever_is_taken_off_is_signed_in_nowhere_at_the_next_request(staff: Visitor, elsewhere: Visitor) -> None:
    with staff.site.database.writing() as session:
        session.execute(
            update(Employment).where(Employment.person_id == staff.town.staff).values(valid_until=NOW.date())
        )
    assert [one.open("/").status_code for one in (staff, elsewhere)] == [302, 302]
    shown = token_in(staff.open("/sign-in"))
    assert staff.client.post("/me/sessions/end-others", data={"csrf_token": shown}).status_code == 401


@pytest.mark.asvs("7.4.1")
def test_a_cookie_kept_from_before_signing_out_opens_nothing(staff: Visitor) -> None:
    kept = staff.client.get_cookie("idm")
    assert kept is not None
    staff.send("/me", {}, to="/sign-out")
    staff.client.set_cookie("idm", kept.value)
    assert staff.open("/").status_code == 302


@pytest.mark.asvs("7.4.4")
def test_signing_out_is_offered_on_every_page(staff: Visitor, clock: Clock) -> None:
    everything = officer(staff, clock, *Role)
    rules = [rule for rule in staff.app.url_map.iter_rules() if not rule.arguments and "GET" in (rule.methods or ())]
    shown = {}
    for rule in rules:
        answer = everything.open(rule.rule)
        if answer.status_code == 200 and answer.mimetype == "text/html":
            shown[rule.rule] = 'action="/sign-out"' in answer.text
    assert len(shown) > 25
    assert [path for path, offered in shown.items() if not offered] == []


@pytest.mark.asvs("7.2.1")
def test_a_cookie_that_was_tampered_with_opens_nothing(staff: Visitor) -> None:
    kept = staff.client.get_cookie("idm")
    assert kept is not None
    for value in (kept.value[:-1], kept.value + "A", kept.value.swapcase(), ""):
        staff.client.set_cookie("idm", value)
        assert staff.open("/").status_code == 302


def test_home_says_when_one_was_last_here(staff: Visitor, elsewhere: Visitor, clock: Clock) -> None:
    assert "なし（初回）" in staff.open("/").text
    staff.send("/me", {}, to="/sign-out")
    clock.pass_by(minutes=3)
    elsewhere.send("/me", {}, to="/sign-out")
    clock.pass_by(hours=1)
    staff.sign_in("100001")
    page = staff.open("/").text
    assert "前回のサインイン" in page
    assert "前回のサインアウト" in page
