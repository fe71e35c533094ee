"""The use of privileged IDs at the browser: asked, permitted by another, the password once, given back, reported."""

import logging
import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from idm.calendar_days import TOKYO
from idm.models.audit import AuditOutcome, AuditRecord
from idm.models.privileged import PrivilegedUse
from idm.models.systems import InformationSystem
from idm.models.work import MailMessage
from idm.vocabulary import UseEnd, UseState
from tests.web.office import Browser, Office
from tests.web.privileged_office import (
    PASSWORD,
    PURPOSE,
    ask,
    asking,
    opened,
    right_of,
    seal,
    with_holder,
    without_fresh_factor,
    work,
)


@pytest.fixture
def account(office: Office) -> int:
    return with_holder(office)


@pytest.fixture
def holder(office: Office, account: int) -> Browser:
    return office.browser("staff")


@pytest.fixture
def manager(office: Office) -> Browser:
    return office.browser("system")


@pytest.fixture
def ready(office: Office, account: int, holder: Browser, manager: Browser) -> Browser:
    """The holder's browser, with a use whose password waits to be seen at /privileged-uses/1."""
    assert opened(office, account, holder, manager) == 1
    return holder


def use(office: Office, use_id: int = 1) -> PrivilegedUse:
    with office.database.reading() as session:
        return session.get_one(PrivilegedUse, use_id)


def refusals(office: Office) -> list[tuple[str, str | None]]:
    with office.database.reading() as session:
        found = session.scalars(
            select(AuditRecord).where(AuditRecord.outcome == AuditOutcome.REFUSED).order_by(AuditRecord.id)
        )
        return [(record.action, record.code) for record in found]


# --- asking ----------------------------------------------------------------------------------------------------------


def test_the_page_offers_ones_own_privileged_id_and_nobody_elses(office: Office, account: int, holder: Browser) -> None:
    page = holder.page("/privileged-uses")
    assert f"/privileged-uses/new?account={account}" in page
    assert "自分の特権ID（システム管理）" in page
    other = office.browser("other")
    assert "いま使える特権IDはありません" in other.page("/privileged-uses")
    assert other.open(f"/privileged-uses/new?account={account}").status_code == 404
    assert other.open(f"/privileged-uses/emergency?account={account}").status_code == 404


PRIVILEGE_PAGES = (
    "/privileged-uses", "/privileged-uses/waiting", "/privileged-uses/history", "/privileged", "/vault",
    "/privilege-deputies",
)  # fmt: skip


@pytest.mark.parametrize("who", ["staff", "system", "auditor", "hr"])
def test_the_tabs_lead_to_the_pages_about_privilege_that_somebody_may_open_and_to_no_other(
    office: Office, who: str
) -> None:
    browser = office.browser(who)
    opening = [path for path in PRIVILEGE_PAGES if browser.open(path).status_code == 200]
    for path in opening:
        page = browser.page(path)
        [tabs] = re.findall(r'<nav class="subject-navigation".*?>(.*?)</nav>', page, re.DOTALL)
        assert re.findall(r'href="([^"]+)"', tabs) == opening
        assert re.findall(r'href="([^"]+)" aria-current="page"', tabs) == [path]
        [menu] = re.findall(r'<nav class="site-navigation".*?>(.*?)</nav>', page, re.DOTALL)
        assert len(re.findall(r'aria-current="(?:page|true)">特権ID', menu)) == 1
    assert len(opening) == (6 if who in ("system", "auditor") else 2)


def test_the_form_says_how_long_and_which_rights(account: int, holder: Browser) -> None:
    form = holder.page(f"/privileged-uses/new?account={account}")
    for said in ("システム管理", "最長8時間", "24時間以内（「許可されたらすぐ」は4時間以内）に許可がないとき"):
        assert said in form


def test_the_forms_say_for_when_the_id_is_taken_and_for_an_emergency_what_gives_way(
    office: Office, account: int, holder: Browser, manager: Browser
) -> None:
    ask(office, holder, account, **{"from": "later", "from_day": "令和8年4月2日", "from_time": "13:30"})
    assert "許可済みの時間" not in holder.page(f"/privileged-uses/new?account={account}")
    manager.send("/privileged-uses/1/permission", {"comment": "確認しました"})
    form = holder.page(f"/privileged-uses/new?account={account}")
    for said in ("令和8年4月2日（木）13:30 から 令和8年4月2日（木）15:30 まで", "重なる時間の利用は、許可されません"):
        assert said in form
    assert "取り止めになります" in holder.page(f"/privileged-uses/emergency?account={account}")
    assert "いま</dt>" not in form
    opened(office, account, holder, manager)
    assert "終わったことが確かめられるまで" in holder.page(f"/privileged-uses/new?account={account}")


def test_what_is_wanted_at_once_is_told_as_such_and_when_permitted_from_when_to_when(
    office: Office, account: int, holder: Browser, manager: Browser
) -> None:
    ask(office, holder, account)
    office.pass_by(minutes=5)
    manager.send("/privileged-uses/1/permission", {"comment": "確認しました"})
    assert "まもなく始まります" in holder.page("/privileged-uses/1")
    with office.database.reading() as session:
        mails = session.execute(select(MailMessage.subject, MailMessage.body)).all()
    asked = [body for subject, body in mails if subject.endswith("利用の許可の依頼")]
    permitted = [body for subject, body in mails if subject.endswith("利用の許可")]
    assert asked
    assert all("時間：許可されたらすぐ 2時間" in body for body in asked)
    begins = office.now.astimezone(TOKYO)
    until = begins + timedelta(hours=2)
    assert permitted
    assert all(f"時間：{begins:%Y-%m-%d %H:%M}から{until:%Y-%m-%d %H:%M}まで" in body for body in permitted)


def test_a_use_that_waits_for_the_one_before_says_so_and_when_it_ends(
    office: Office, account: int, ready: Browser, manager: Browser
) -> None:
    following = ask(office, ready, account, **{"from": "later", "from_day": "令和8年4月2日", "from_time": "13:30"})
    decision = manager.page(f"/privileged-uses/{following}")
    assert "許可すると、令和8年4月2日（木）13:30 から 令和8年4月2日（木）15:30 まで使えます" in decision
    manager.send(f"/privileged-uses/{following}/permission", {"comment": "確認しました"})
    assert "自動で使えるようになります" in ready.page(f"/privileged-uses/{following}")
    assert "まもなく始まります" not in ready.page(f"/privileged-uses/{following}")
    with office.database.writing() as session:
        session.get_one(PrivilegedUse, following).wanted_from = office.now
    page = ready.page(f"/privileged-uses/{following}")
    assert "このIDの前の利用が終わったこと（IDの無効化、パスワードの変更）が確かめられると始まります" in page


def test_asking_waits_for_another_and_leaves_the_key_with_this_browser(
    office: Office, account: int, holder: Browser
) -> None:
    answer = holder.send("/privileged-uses", asking(office, account))
    cookie = answer.headers["Set-Cookie"]
    assert answer.headers["Location"] == "/privileged-uses/1"
    for said in ("idm-use-1=", "HttpOnly", "SameSite=Strict", "Path=/privileged-uses/1;"):
        assert said in f"{cookie};"
    asked = use(office)
    assert (asked.state, asked.purpose, asked.ticket, asked.hours) == (UseState.ASKED, PURPOSE, "変更-12", 2)
    assert asked.public_key is not None
    assert asked.public_key.hex() not in cookie
    page = holder.page("/privileged-uses/1")
    for said in ("許可を待っています", "許可されたらすぐ 2時間"):
        assert said in page


def test_no_key_is_made_where_no_password_is_wanted(office: Office, account: int, holder: Browser) -> None:
    answer = holder.send("/privileged-uses", asking(office, account, check_out="no"))
    assert "idm-use" not in answer.headers.get("Set-Cookie", "")
    assert use(office).public_key is None


def test_asking_needs_a_second_factor_given_just_now(office: Office, account: int, holder: Browser) -> None:
    without_fresh_factor(office)
    answer = holder.send("/privileged-uses", asking(office, account))
    assert answer.status_code == 401
    assert "もう一度の確認" in answer.text
    with office.database.reading() as session:
        assert session.scalars(select(PrivilegedUse)).all() == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"purpose": " "}, "purpose"),
        ({"hours": "9"}, "hours"),
        ({"hours": "二"}, "hours"),
        ({"from": "later", "from_day": "昨日", "from_time": "10:00"}, "from_day"),
        ({"from": "later", "from_day": "令和8年4月2日", "from_time": "十時"}, "from_time"),
        ({"from": "later", "from_day": "令和8年3月1日", "from_time": "10:00"}, "from_day"),
        ({"grants": "999"}, "grants"),
    ],
)
def test_every_mistake_is_told_at_its_field_and_what_was_typed_stays(
    office: Office, account: int, holder: Browser, changed: dict[str, str], field: str
) -> None:
    answer = holder.send("/privileged-uses", {**asking(office, account), **changed})
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert "変更-12" in answer.text


def test_a_later_beginning_is_a_moment_in_tokyo(office: Office, account: int, holder: Browser) -> None:
    ask(office, holder, account, **{"from": "later", "from_day": "令和8年4月2日", "from_time": "13:30"})
    assert use(office).wanted_from.isoformat() == "2026-04-02T04:30:00+00:00"


def test_a_form_without_our_token_asks_for_nothing(office: Office, account: int, holder: Browser) -> None:
    answer = holder.client.post("/privileged-uses", data=asking(office, account))
    assert answer.status_code == 400
    with office.database.reading() as session:
        assert session.scalars(select(PrivilegedUse)).all() == []


def test_what_is_not_wanted_any_more_is_withdrawn(office: Office, account: int, holder: Browser) -> None:
    ask(office, holder, account)
    assert "取り下げました" in holder.follow(holder.send("/privileged-uses/1/withdrawal", {}))
    assert use(office).state is UseState.WITHDRAWN


# --- deciding --------------------------------------------------------------------------------------------------------


def test_who_decides_sees_who_why_which_rights_what_was_before_and_what_overlaps(
    office: Office, account: int, holder: Browser, manager: Browser
) -> None:
    with_holder(office, "other")
    ask(office, holder, account, purpose="前回の作業")
    manager.send("/privileged-uses/1/refusal", {"comment": "時期を改めてください"})
    second = ask(office, holder, account)
    page = manager.page("/privileged-uses/waiting")
    assert "青木　一郎" in page
    sheet = manager.page(f"/privileged-uses/{second}")
    for said in (PURPOSE, "変更-12", "システム管理", "前回の作業", "許可する", "却下する"):
        assert said in sheet


def test_overlapping_uses_are_shown_to_who_decides(office: Office, account: int, holder: Browser) -> None:
    security = office.browser("security")
    ask(office, holder, account)
    overlapping = ask(office, office.browser("other"), with_holder(office, "other"))
    assert "時間の重なる利用" not in security.page("/privileged-uses/1")
    with office.database.writing() as session:
        session.get_one(PrivilegedUse, overlapping).account_id = account
    assert "時間の重なる利用" in security.page("/privileged-uses/1")


@pytest.mark.parametrize("who", ["staff", "other", "hr", "desk", "auditor"])
def test_neither_the_user_nor_anybody_without_the_office_decides(office: Office, account: int, who: str) -> None:
    ask(office, office.browser("staff"), account)
    browser = office.browser(who)
    answer = browser.send("/privileged-uses/1/permission", {"comment": "自分で許可する"})
    assert answer.status_code in (403, 409)
    assert use(office).state is UseState.ASKED
    assert refusals(office)[-1][0] == "privileged_use.permit"
    if browser.open("/privileged-uses/1").status_code == 200:
        assert "許可する</button>" not in browser.page("/privileged-uses/1")


def test_a_decision_needs_a_reason_and_a_fresh_second_factor(
    office: Office, account: int, holder: Browser, manager: Browser
) -> None:
    ask(office, holder, account)
    answer = manager.send("/privileged-uses/1/permission", {"comment": ""})
    assert answer.status_code == 422
    assert 'href="#comment"' in answer.text
    without_fresh_factor(office)
    assert manager.send("/privileged-uses/1/permission", {"comment": "確認した"}).status_code == 401
    assert use(office).state is UseState.ASKED


def test_a_refusal_is_told_with_its_reason(office: Office, account: int, holder: Browser, manager: Browser) -> None:
    ask(office, holder, account)
    manager.send("/privileged-uses/1/refusal", {"comment": "夜間にしてください"})
    page = holder.page("/privileged-uses/1")
    assert "却下" in page
    assert "夜間にしてください" in page


# --- the password, once ----------------------------------------------------------------------------------------------


def test_an_open_use_says_until_when_and_that_a_session_may_outlive_it(ready: Browser) -> None:
    page = ready.page("/privileged-uses/1")
    for said in ("残り2時間0分", "パスワードを表示する", "そのまま残ることがあります", "返却して終わる"):
        assert said in page
    assert PASSWORD not in page


@pytest.mark.parametrize(("connector", "said"), [("active_directory", 3), ("openldap", 0)])
def test_a_use_says_where_the_directory_may_take_the_former_password_for_a_while(
    office: Office, ready: Browser, manager: Browser, connector: str, said: int
) -> None:
    with office.database.writing() as session:
        [system] = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger"))
        system.connector = connector
    warning = "前のパスワードを最長60分（初期設定の場合）受け付けることがあります"
    open_pages = ready.page("/privileged-uses/1") + manager.page("/privileged-uses/1")
    with office.database.writing() as session:
        found = session.get_one(PrivilegedUse, 1)
        found.state, found.ended_at, found.end_reason = UseState.ENDED, office.now, UseEnd.RETURNED
        found.sealed, found.closed_at = None, office.now
    assert (open_pages + ready.page("/privileged-uses/1")).count(warning) == said


def test_the_password_is_shown_once_never_stored_by_the_browser_and_the_page_leaves_by_itself(ready: Browser) -> None:
    answer = ready.send("/privileged-uses/1/password", {})
    assert answer.status_code == 200
    assert PASSWORD in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Refresh"] == "180; url=/privileged-uses/1"
    assert answer.headers["Set-Cookie"].startswith("idm-use-1=;")


def test_neither_sending_it_again_nor_going_back_shows_it_again(office: Office, ready: Browser) -> None:
    ready.send("/privileged-uses/1/password", {})
    again = ready.send("/privileged-uses/1/password", {})
    assert again.status_code == 409
    assert "すでに表示されました" in again.text
    assert PASSWORD not in again.text
    assert PASSWORD not in ready.page("/privileged-uses/1")
    assert ready.open("/privileged-uses/1/password").status_code == 405
    assert use(office).sealed is None


@pytest.mark.parametrize("key", ["", "nonsense!", "é", "AAAA", "A" * 43 + "="])
def test_another_browser_shows_nothing_and_uses_nothing_up(office: Office, ready: Browser, key: str) -> None:
    other = office.browser("staff")
    other.client.set_cookie("idm-use-1", key, path="/privileged-uses/1")
    assert other.send("/privileged-uses/1/password", {}).status_code == 409
    assert use(office).sealed is not None
    assert PASSWORD in ready.send("/privileged-uses/1/password", {}).text


def test_another_browser_of_the_same_person_can_receive_it_instead(office: Office, ready: Browser) -> None:
    other = office.browser("staff")
    assert "このブラウザーで受け取る" in other.page("/privileged-uses/1")
    other.follow(other.send("/privileged-uses/1/key", {}))
    assert use(office).sealed is None
    seal(office)
    assert ready.send("/privileged-uses/1/password", {}).status_code == 409
    assert PASSWORD in other.send("/privileged-uses/1/password", {}).text
    assert other.send("/privileged-uses/1/key", {}).status_code == 409


@pytest.mark.parametrize("who", ["other", "system", "ciso"])
def test_nobody_else_sees_it_or_takes_it_to_their_browser(office: Office, ready: Browser, who: str) -> None:
    browser = office.browser(who)
    for path in ("password", "key", "return", "withdrawal", "report"):
        assert browser.send(f"/privileged-uses/1/{path}", {"report": "x"}).status_code == 404
    assert PASSWORD in ready.send("/privileged-uses/1/password", {}).text


def test_neither_is_done_without_a_second_factor_given_just_now(office: Office, ready: Browser) -> None:
    without_fresh_factor(office)
    for path in ("password", "key"):
        answer = ready.send(f"/privileged-uses/1/{path}", {})
        assert answer.status_code == 401
        assert PASSWORD not in answer.text
    assert use(office).sealed is not None


def test_the_password_is_nowhere_but_on_the_page(
    office: Office, ready: Browser, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = ready.send("/privileged-uses/1/password", {})
    office.database.dispose()
    assert PASSWORD in answer.text
    assert PASSWORD not in caplog.text
    assert all(PASSWORD not in value for _, value in answer.headers)
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or PASSWORD.encode() not in file.read_bytes()


# --- the end, and what was done --------------------------------------------------------------------------------------


def test_giving_back_ends_it_and_asks_for_the_report_which_another_checks(
    office: Office, ready: Browser, manager: Browser
) -> None:
    assert "返却しました" in ready.follow(ready.send("/privileged-uses/1/return", {}))
    assert use(office).state is UseState.ENDING
    work(office)
    assert "作業報告を書いてください" in ready.page("/privileged-uses")
    empty = ready.send("/privileged-uses/1/report", {"report": ""})
    assert empty.status_code == 422
    assert 'href="#report"' in empty.text
    ready.send("/privileged-uses/1/report", {"report": "締め日の設定を変更し、結果を確かめた。"})
    assert "締め日の設定を変更し" in manager.page("/privileged-uses/waiting")
    assert ready.send("/privileged-uses/1/check", {}).status_code == 403
    manager.follow(manager.send("/privileged-uses/1/check", {}))
    assert "箱崎　花子が確認" in ready.page("/privileged-uses/1")


def test_a_report_that_is_late_is_said_loudly_and_stands_in_the_way(
    office: Office, account: int, ready: Browser
) -> None:
    ready.send("/privileged-uses/1/return", {})
    office.pass_by(hours=49)
    holder = office.browser("staff")
    assert "作業報告の期限を過ぎています" in holder.page("/privileged-uses")
    assert "作業報告の期限を過ぎています" in holder.page("/")
    answer = holder.send("/privileged-uses", asking(office, account))
    assert answer.status_code == 409
    assert "先に作業報告を書いてください" in answer.text


def test_whoever_answers_for_it_stops_it_with_a_reason(office: Office, ready: Browser, manager: Browser) -> None:
    assert manager.send("/privileged-uses/1/stop", {"reason": ""}).status_code == 422
    manager.send("/privileged-uses/1/stop", {"reason": "予定にない操作"})
    assert use(office).state is UseState.ENDING
    assert "予定にない操作" in ready.page("/privileged-uses/1")
    assert ready.send("/privileged-uses/1/password", {}).status_code == 409


def test_an_emergency_begins_at_once_says_who_is_told_and_the_ciso_receives_the_report(
    office: Office, account: int, holder: Browser, manager: Browser
) -> None:
    form = holder.page(f"/privileged-uses/emergency?account={account}")
    for said in ("許可を待たずに、すぐに始まります", "大濠　公子、箱崎　花子", "24時間以内"):
        assert said in form
    answer = holder.send("/privileged-uses/emergency", asking(office, account))
    assert answer.status_code == 302
    assert use(office).state is UseState.OPEN
    assert "緊急利用です" in holder.page("/privileged-uses/1")
    holder.send("/privileged-uses/1/return", {})
    holder.send("/privileged-uses/1/report", {"report": "復旧した"})
    assert manager.send("/privileged-uses/1/check", {}).status_code == 403
    ciso = office.browser("ciso")
    ciso.send("/privileged-uses/1/check", {})
    assert "大濠　公子が受領" in holder.page("/privileged-uses/1")


# --- who sees what was -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["other", "hr", "desk"])
def test_for_others_there_is_no_such_use_and_no_history(office: Office, ready: Browser, who: str) -> None:
    browser = office.browser(who)
    for path in ("/privileged-uses/1", "/privileged-uses/history", "/privileged-uses/history.csv"):
        assert browser.open(path).status_code == 404


def test_the_history_is_narrowed_and_saved_as_a_list(office: Office, account: int, ready: Browser) -> None:
    auditor = office.browser("auditor")
    for narrowed in ("", "?number=100009", "?state=open", "?begins=令和8年4月1日&ends=令和8年4月1日"):
        assert PURPOSE in auditor.page(f"/privileged-uses/history{narrowed}")
    for narrowed in ("?number=100010", "?state=refused", "?emergency=yes", "?report=missing", "?ends=令和8年3月31日"):
        assert PURPOSE not in auditor.page(f"/privileged-uses/history{narrowed}")
    assert "日付" in auditor.page("/privileged-uses/history?begins=きのう") or "エラー" in auditor.page(
        "/privileged-uses/history?begins=きのう"
    )
    table = auditor.open("/privileged-uses/history.csv").data.decode("utf-8-sig").splitlines()
    assert "青木　一郎" in table[1]
    assert "箱崎　花子" in table[1]


def test_first_page_and_person_page_tell_of_it(office: Office, account: int, holder: Browser) -> None:
    ask(office, holder, account)
    assert "許可を待っている利用" in office.browser("security").page("/")
    assert "利用を申し出られるID" in holder.page("/")
    assert PURPOSE in office.browser("auditor").page(f"/people/{office.cast.people['staff']}")
    assert PURPOSE in holder.page("/me")
    assert PURPOSE not in office.browser("desk").page(f"/people/{office.cast.people['staff']}")


def test_no_two_things_on_a_page_have_one_id(office: Office, ready: Browser, manager: Browser) -> None:
    ready.send("/privileged-uses/1/return", {})
    for page in (ready.page("/privileged-uses/1"), manager.page("/privileged-uses/1"), manager.page("/")):
        ids = re.findall(r' id="([^"]+)"', page)
        assert len(ids) == len(set(ids))


def test_looking_changes_nothing(office: Office, ready: Browser, manager: Browser) -> None:
    before = office.rows()
    for path in ("/privileged-uses", "/privileged-uses/1", "/privileged-uses/waiting"):
        ready.page(path)
        manager.page(path)
    assert office.rows() == before
    assert right_of(office, 2) > 0
