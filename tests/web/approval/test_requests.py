"""Pages of applications: the list, one application, its printed form, taking it back; and who sees none of it."""

import json
from datetime import date, timedelta
from html import unescape

import pytest
from sqlalchemy import select

from idm.models.audit import AuditOutcome, AuditRecord
from idm.models.officers import ConfigurationVersion
from idm.models.requests import Request
from idm.operations.approval.requests import lapse_overdue
from idm.request_state import Event, RequestState
from idm.vocabulary import ConfigurationKind, LineEffect, RequestAction, Role
from tests.carried_out import carry_out
from tests.web.office import Office

PAGES = ("", "/print", "/received", "/withdraw")


def state_of(office: Office, request_id: int) -> RequestState:
    with office.database.reading() as session:
        return session.get_one(Request, request_id).state


def test_ones_own_list_has_ones_own_applications_only(office: Office) -> None:
    office.cast.file("staff", ("staff", "ledger/account"))
    office.cast.file("other", ("other", "ledger/account"))
    page = office.browser("staff").page("/requests?of=all")
    assert "R8-000001" in page
    assert "R8-000002" not in page
    assert "すべての申請" not in page


def test_those_who_may_see_all_choose_between_all_and_their_own(office: Office) -> None:
    office.cast.file("staff", ("staff", "ledger/account"))
    browser = office.browser("auditor")
    assert "R8-000001" in browser.page("/requests")
    assert "R8-000001" not in browser.page("/requests?of=mine")


def test_the_filters_stand_in_the_address_and_on_the_page(office: Office) -> None:
    office.cast.file("staff", ("staff", "ledger/account"))
    returned = office.cast.file("other", ("other", "ledger/account"))
    office.cast.decide("chief", returned, Role.CHIEF, Event.RETURN)
    browser = office.browser("hr")
    page = browser.page("/requests?state=returned&q=いまいずみ&system=1")
    assert "R8-000002" in page
    assert "R8-000001" not in page
    assert 'value="いまいずみ"' in page
    assert '<option value="returned" selected>' in page
    assert "この条件に合う申請はありません" in browser.page("/requests?state=lapsed")
    for odd in ("state=nothing", "system=x", "system=99999999999999999999", "page=0", "page=-3", "page=x"):
        assert "R8-000001" in browser.page(f"/requests?{odd}"), odd


def test_a_long_list_has_pages_that_keep_the_filter(office: Office) -> None:
    for number in range(51):
        later = office.now + timedelta(minutes=number)
        filed = office.cast.file("staff", ("staff", "ledger/account"), now=later)
        office.cast.decide("chief", filed, Role.CHIEF, Event.REJECT, now=later)
    browser = office.browser("hr")
    page = browser.page("/requests?state=rejected")
    assert "全51件中 1～50件" in page
    assert "/requests?state=rejected&page=2" in unescape(page)
    assert "全51件中 51～51件" in browser.page("/requests?state=rejected&page=2")


def test_an_application_shows_who_what_why_and_where_it_waits(office: Office) -> None:
    filed = office.cast.file(
        "security", ("staff", "ledger/account"), ("staff", "ledger/enter"), valid_until=date(2026, 7, 1), reason="応援"
    )
    page = office.browser("staff").page(f"/requests/{filed}")
    for shown in ("R8-000001", "青木　一郎", "アオキ　イチロウ", "100009", "総務課", "香椎　宮子", "会計システム",
                  "応援", "令和8年6月30日（火）", "決裁できる人：天神　太郎", "決裁できる人：箱崎　花子",
                  "令和8年5月1日（金）", "＋ 追加", "提出しました"):  # fmt: skip
        assert shown in page, shown
    assert "決裁する</button>" not in page


def test_an_approved_right_is_called_done_only_when_the_directory_shows_it(office: Office) -> None:
    cast = office.cast
    cast.approve(cast.file("staff", ("staff", "ledger/account")))
    filed = cast.file("staff", ("staff", "ledger/enter"), action=RequestAction.CHANGE)
    cast.approve(filed)
    browser = office.browser("staff")
    page = browser.page(f"/requests/{filed}")
    assert "承認済み" in page
    assert "ディレクトリ反映待ち" in page
    assert "反映済み" not in page
    carry_out(cast)
    assert "反映済み（確認 令和8年4月1日（水）10:00）" in browser.page(f"/requests/{filed}")


def test_a_removal_shows_everything_that_goes_with_the_account(office: Office) -> None:
    cast = office.cast
    first = cast.file("staff", ("staff", "ledger/account"), ("staff", "ledger/enter"))
    for line in (0, 1):
        cast.approve(first, line=line)
    removal = cast.file("staff", ("staff", "ledger/account"), action=RequestAction.REMOVE, effect=LineEffect.REVOKE)
    page = office.browser("staff").page(f"/requests/{removal}")
    assert page.count("－ 削除") == 2


def test_a_held_application_says_that_nobody_can_decide_and_why(office: Office) -> None:
    cast = office.cast
    with office.database.writing() as session:
        cast.employment(session, "vice").valid_until = date(2026, 4, 1)
        cast.employment(session, "system").valid_until = date(2026, 4, 1)
    filed = cast.file("ciso", ("ciso", "ledger/account"))
    page = office.browser("ciso").page(f"/requests/{filed}")
    assert "保留（決裁できる人がいません）" in page
    assert "大濠　公子：申請者本人" in page
    assert "保留（決裁できる人がいません）" in office.browser("ciso").page("/requests")


@pytest.mark.parametrize("who", ["other", "desk", "contractor"])
@pytest.mark.parametrize("page", PAGES)
def test_for_somebody_unconcerned_there_is_no_such_application(office: Office, who: str, page: str) -> None:
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    answer = office.browser(who).open(f"/requests/{filed}{page}")
    assert answer.status_code == 404
    assert "青木" not in answer.text


@pytest.mark.parametrize("act", ["decide", "withdraw", "exceptions"])
def test_somebody_unconcerned_acts_on_nothing_and_the_attempt_is_audited(office: Office, act: str) -> None:
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    answer = office.browser("other").send(f"/requests/{filed}/{act}", {"comment": "x"})
    assert answer.status_code == (403 if act == "exceptions" else 404)
    assert state_of(office, filed) is RequestState.SUBMITTED
    with office.database.reading() as session:
        refused = session.scalars(select(AuditRecord).where(AuditRecord.outcome == AuditOutcome.REFUSED)).one()
    assert (refused.actor, refused.object_kind, refused.object_id) == ("今泉　二葉", "request", str(filed))


@pytest.mark.parametrize("number", ["999", "2147483647", "2147483648", "99999999999999999999"])
def test_a_number_of_no_application_is_a_page_not_found(office: Office, number: str) -> None:
    assert office.browser("hr").open(f"/requests/{number}").status_code == 404


def test_a_draft_is_no_application_yet(office: Office) -> None:
    cast = office.cast
    with cast.acting("hr") as session:
        drafted = Request(action=RequestAction.REGISTER, reason="採用", state=RequestState.DRAFT, created_at=office.now,
                          system_id=cast.entitlement(session, "ledger/account").system_id)  # fmt: skip
        session.add(drafted)
    for who in ("hr", "ciso", "staff"):
        assert office.browser(who).open(f"/requests/{drafted.id}").status_code == 404


def test_no_page_changes_anything(office: Office) -> None:
    cast = office.cast
    filed = cast.file("staff", ("staff", "ledger/account"))
    browsers = [office.browser(who) for who in ("staff", "chief", "hr", "ciso", "auditor")]
    before = office.rows()
    for browser in browsers:
        for path in ("/", "/requests", "/requests/new", "/approvals", "/approvals/history", "/hr",
                     *(f"/requests/{filed}{page}" for page in PAGES)):  # fmt: skip
            assert browser.open(path).status_code in (200, 404, 409)
    assert office.rows() == before
    assert state_of(office, filed) is RequestState.SUBMITTED


def test_the_applicant_takes_an_application_back_after_one_more_question(office: Office) -> None:
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    browser = office.browser("staff")
    page = browser.page(f"/requests/{filed}/withdraw")
    assert "申請 R8-000001 を取り下げますか" in page
    page = browser.follow(browser.send_on(page, f"/requests/{filed}/withdraw", {}))
    assert "申請 R8-000001 を取り下げました" in page
    assert "取り下げました" in page.split("経過")[1]
    assert "内容を直して申請し直す" in page
    assert state_of(office, filed) is RequestState.WITHDRAWN


def test_taking_back_twice_is_refused(office: Office) -> None:
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    browser = office.browser("staff")
    page = browser.page(f"/requests/{filed}/withdraw")
    browser.send_on(page, f"/requests/{filed}/withdraw", {})
    answer = browser.send_on(page, f"/requests/{filed}/withdraw", {})
    assert answer.status_code == 409
    assert "この申請は「取下げ」の状態のため" in answer.text
    assert "STATE" in answer.text
    assert f'href="/requests/{filed}"' in answer.text
    assert browser.open(f"/requests/{filed}/withdraw").status_code == 409


@pytest.mark.parametrize("who", ["chief", "hr"])
def test_nobody_else_takes_an_application_back(office: Office, who: str) -> None:
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    browser = office.browser(who)
    assert "取り下げる" not in browser.page(f"/requests/{filed}")
    answer = browser.send(f"/requests/{filed}/withdraw", {})
    assert answer.status_code == 403
    assert "申請者本人だけが取り下げることができます" in answer.text
    assert state_of(office, filed) is RequestState.SUBMITTED


def test_an_approved_application_is_not_taken_back(office: Office) -> None:
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    office.cast.approve(filed)
    browser = office.browser("staff")
    assert "取り下げる" not in browser.page(f"/requests/{filed}")
    assert browser.send(f"/requests/{filed}/withdraw", {}).status_code == 409


def test_a_lapsed_application_can_be_put_forward_anew(office: Office) -> None:
    cast = office.cast
    filed = cast.file("staff", ("staff", "ledger/account"))
    office.pass_by(days=31)
    with cast.acting("hr", now=office.now) as session:
        lapse_overdue(session, actor=cast.actor("hr"), policy=cast.policy, now=office.now)
    page = office.browser("staff").page(f"/requests/{filed}")
    assert "期限までに決裁されず、失効しました" in page
    assert f"/requests/new?cites={filed}" in page


def test_the_printed_form_has_every_field_and_a_box_for_every_seat(office: Office) -> None:
    cast = office.cast
    filed = cast.file("security", ("staff", "ledger/account"), valid_until=date(2026, 7, 1), reason="応援のため")
    cast.decide("chief", filed, Role.CHIEF, comment="必要と認めます")
    page = office.browser("staff").page(f"/requests/{filed}/print")
    for shown in (
        "利用者登録等申請書",
        "会計システムの利用者登録について",
        "令和8年4月1日（水）",
        "R8-000001",
        "総務課",
        "100009",
        "青木　一郎（あおき　いちろう）",
        "利用者ID",
        "令和8年6月30日（火）まで",
        "応援のため",
        "統括情報セキュリティ責任者",
        "情報システム管理者",
        "令和8年4月1日 10:00",
        "天神　太郎",
        "電子決裁",
        "未決裁",
        "必要と認めます",
        "http://localhost:8600/requests/1",
    ):
        assert shown in page, shown


def test_the_printed_form_is_filed_until_a_rule_makes_the_electronic_one_a_document(office: Office) -> None:
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    browser = office.browser("staff")
    assert "印刷して綴じておくこと" in browser.page(f"/requests/{filed}/print")
    assert "印刷して綴じておく必要があります" in browser.page(f"/requests/{filed}/received")
    with office.database.writing() as session:
        profile = session.scalars(
            select(ConfigurationVersion).where(ConfigurationVersion.kind == ConfigurationKind.PROFILE)
        ).one()
        content = json.loads(profile.content)
        content["values"]["applications"]["electronic_form_rule"] = "電子申請規程第3条"
        profile.content = json.dumps(content, ensure_ascii=False)
    page = browser.page(f"/requests/{filed}/print")
    assert "電子申請規程第3条" in page
    assert "綴じておく" not in page


def test_lines_that_stand_differently_have_their_own_seats_on_the_form(office: Office) -> None:
    cast = office.cast
    filed = cast.file("staff", ("staff", "ledger/account"), ("staff", "ledger/enter"))
    cast.decide("chief", filed, Role.CHIEF, line=0)
    browser = office.browser("staff")
    assert "決裁の経路" not in browser.page(f"/requests/{filed}")
    assert browser.page(f"/requests/{filed}/print").count("未決裁") == 3


def test_the_number_is_told_right_after_submission(office: Office) -> None:
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    page = office.browser("staff").page(f"/requests/{filed}/received")
    assert "申請を受け付けました" in page
    assert "R8-000001" in page
    assert "決裁できる人：天神　太郎" in page


def test_the_link_of_a_notice_leads_through_sign_in_to_the_application(office: Office) -> None:
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    before = office.rows()
    answer = office.app.test_client().get(f"/requests/{filed}")
    assert answer.headers["Location"] == f"/sign-in?next=/requests/{filed}"
    assert office.rows() == before
