"""The pages of going live: the stage, what was there before, whose it is, and the application that takes it over."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from idm.models.going_live import FoundAccount, SystemProgress
from idm.models.requests import Request
from idm.models.systems import InformationSystem
from idm.vocabulary import AccountKind, FoundState, Stage, Zone
from tests.cast import NOW, TODAY
from tests.going_live import OTHER, SHARED, STAFF, Ledger, there
from tests.web.office import Office


@pytest.fixture
def ledger(office: Office) -> Ledger:
    """The ledger system with three accounts that were there before."""
    found = Ledger(office.cast, now=NOW - timedelta(hours=1)).at(Stage.ADOPT, TODAY + timedelta(days=20))
    found.take(STAFF, OTHER, SHARED)
    return found


def of(office: Office, login_name: str = "soumu") -> str:
    with office.database.reading() as session:
        found = session.scalars(select(FoundAccount).where(FoundAccount.login_name == login_name)).one()
    return f"/systems/{found.system_id}/found/{found.id}"


@pytest.mark.parametrize("who", ["staff", "hr", "desk"])
def test_others_have_no_page_of_what_was_there(office: Office, ledger: Ledger, who: str) -> None:
    for path in ("/systems/1/found", of(office), "/systems/1/adoption"):
        assert office.browser(who).open(path).status_code == 404


def test_the_register_shows_the_stage_the_last_day_and_what_is_left(office: Office, ledger: Ledger) -> None:
    page = office.browser("auditor").page("/systems")
    assert "引継ぎ中" in page
    assert "令和8年4月21日" in page
    assert "未了 3件" in page
    page = office.browser("auditor").page("/systems/1")
    assert "申請・承認待ち 2件、照合待ち 1件" in page
    assert 'href="/systems/1/found"' in page


def test_a_system_without_an_inventory_says_so(office: Office) -> None:
    assert "棚卸しはまだ行われていません" in office.browser("system").page("/systems/1")


def test_the_list_shows_what_waits_for_a_person_first(office: Office, ledger: Ledger) -> None:
    page = office.browser("system").page("/systems/1/found")
    assert page.index("soumu") < page.index("aoki") < page.index("u100010")
    assert "当てはまる職員が見つかりません" in page
    assert "職員番号が同じ" in page
    assert "伝票入力" in page
    page = office.browser("system").page("/systems/1/found?state=undecided")
    assert "soumu" in page
    assert "aoki" not in page


def test_somebody_asks_for_an_inventory_and_the_worker_takes_it(office: Office, ledger: Ledger) -> None:
    browser = office.browser("system")
    page = browser.follow(browser.send("/systems/1/inventory", {}, shown="/systems/1/found"))
    assert "棚卸しを頼みました" in page
    assert "棚卸しを待っています" in page
    with office.database.reading() as session:
        assert session.get_one(SystemProgress, 1).asked_at == office.now


def test_an_inventory_that_failed_says_why(office: Office, ledger: Ledger) -> None:
    with office.database.writing() as session:
        session.get_one(SystemProgress, 1).failure = "サーバーに接続できません"
    assert "サーバーに接続できません" in office.browser("system").page("/systems/1/found")


def test_candidates_stand_beside_the_account_with_what_speaks_for_them(office: Office, ledger: Ledger) -> None:
    ledger.take(STAFF, OTHER, SHARED, there("e-x", "u100009", number="100008"))
    page = office.browser("system").page(of(office, "u100009"))
    assert "青木　一郎" in page
    assert "命名規則による利用者IDと同じ" in page
    assert "姪浜　駅男" in page


def test_a_person_says_whose_it_is_by_staff_number(office: Office, ledger: Ledger) -> None:
    browser, path = office.browser("system"), of(office)
    said = {"answer": "somebody", "staff_number": "100008", "reason": "本人に電話で確認"}
    page = browser.follow(browser.send(path, said, shown=path))
    assert "「soumu」の持ち主を記録しました" in page
    assert ledger.found("soumu").person_id == office.cast.people["auditor"]
    assert "本人に電話で確認" in browser.page(path)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"answer": "shared", "reason": ""}, "理由"),
        ({"answer": "", "reason": "x"}, "どれかを選んでください"),
        ({"answer": "somebody", "staff_number": "999", "reason": "x"}, "職員番号「999」の職員は見つかりません"),
        ({"answer": "person-99999", "reason": "x"}, "職員を選んでください"),
    ],
)
def test_mistakes_are_told_on_the_form(office: Office, ledger: Ledger, said: dict[str, str], told: str) -> None:
    browser, path = office.browser("system"), of(office)
    answer = browser.send(path, said, shown=path)
    assert (answer.status_code, told in answer.text) == (422, True)
    assert ledger.found("soumu").state is FoundState.UNDECIDED


def test_a_shared_account_is_recorded_as_one(office: Office, ledger: Ledger) -> None:
    browser, path = office.browser("system"), of(office)
    browser.send(path, {"answer": "shared", "reason": "総務課の共用"}, shown=path)
    assert ledger.found("soumu").kind is AccountKind.SHARED


def test_whoever_may_be_the_owner_finds_no_form_and_is_refused(office: Office, ledger: Ledger) -> None:
    ledger.take(STAFF, OTHER, SHARED, there("e-x", "u100004", number="999"))
    browser, path = office.browser("system"), of(office, "u100004")
    assert "あなたは判断できません" in browser.page(path)
    assert browser.send(path, {"answer": "shared", "reason": "x"}, shown="/systems/1/found").status_code == 409


def test_the_manager_submits_one_application(office: Office, ledger: Ledger) -> None:
    browser = office.browser("system")
    page = browser.page("/systems/1/adoption")
    assert "申請に載る権限（3件）" in page
    answer = browser.send("/systems/1/adoption", {"reason": "導入前からの利用"}, shown="/systems/1/adoption")
    page = browser.follow(answer)
    assert "引継ぎの申請 R8-000001 を提出しました" in page
    with office.database.reading() as session:
        assert session.scalars(select(Request)).one().adopts
    assert "申請するものはありません" in browser.page("/systems/1/adoption")
    page = office.browser("chief").page("/requests/1")
    assert "今すでに持っている権限の申請です" in page
    assert "登録（前からある利用者IDの引継ぎ）" in page


def test_a_privileged_right_asks_for_its_last_day(office: Office, ledger: Ledger) -> None:
    ledger.take(STAFF, OTHER, SHARED, there("e-a", "kanri-1", groups=["admin"]))
    browser = office.browser("system")
    said = {"answer": "somebodys-privileged", "staff_number": "100009", "reason": "本人に確かめた"}
    path = f"/systems/1/found/{ledger.found('kanri-1').id}"
    assert browser.send(path, said, shown=path).status_code == 302
    assert "管理用ID" in browser.page("/systems/1/found")
    assert "特権・外部からの利用の最終日" in browser.page("/systems/1/adoption")
    answer = browser.send("/systems/1/adoption", {"reason": "x"}, shown="/systems/1/adoption")
    assert (answer.status_code, "その最終日を入れてください" in answer.text) == (422, True)
    answer = browser.send("/systems/1/adoption", {"reason": "x", "privileged_until": "令和8年9月30日"},
                          shown="/systems/1/adoption")  # fmt: skip
    assert answer.status_code == 302


def test_a_privileged_right_on_a_daily_id_is_told_before_and_is_not_in_the_application(
    office: Office, ledger: Ledger
) -> None:
    ledger.take(replace(STAFF, groups=frozenset({"g-admin"})), OTHER, SHARED)
    page = office.browser("system").page("/systems/1/adoption")
    assert "引き継がない権限が1件あります" in page
    assert "特権・外部からの利用の最終日" not in page


def test_how_many_the_gate_will_stop_is_told_before_the_application_is_submitted(
    office: Office, ledger: Ledger
) -> None:
    browser = office.browser("system")
    assert "利用が止まります" not in browser.page("/systems/1/adoption")
    with office.database.writing() as session:
        session.get_one(InformationSystem, 1).zone = Zone.MYNUMBER
    page = browser.page("/systems/1/adoption")
    assert "承認されると、2人の利用が止まります" in page
    assert "承認されても、このシステムで二要素認証を確かめる仕組みが確認できるまで有効になりません。" in page


def test_an_observed_system_says_that_nothing_is_written(office: Office, ledger: Ledger) -> None:
    ledger.at(Stage.OBSERVE)
    page = office.browser("system").page("/systems/1/found")
    assert "何も書き込みません" in page
    assert 'href="/systems/1/adoption"' not in page
    with office.database.reading() as session:
        assert session.get_one(InformationSystem, 1).stage is Stage.OBSERVE


def test_an_account_of_another_system_is_not_found(office: Office, ledger: Ledger) -> None:
    path = of(office).replace("/systems/1/", "/systems/2/")
    assert office.browser("system").open(path).status_code == 404


def test_the_managers_first_page_counts_what_is_left(office: Office, ledger: Ledger) -> None:
    page = office.browser("system").page("/")
    assert "照合待ち 1件、申請・承認待ち 2件" in page
    assert 'href="/systems/1/found"' in page
    assert "前からある利用者IDの引継ぎ" not in office.browser("security").page("/")
    ledger.at(Stage.ENFORCE)
    assert "前からある利用者IDの引継ぎ" not in office.browser("system").page("/")


def test_an_account_that_is_stopped_is_marked_on_the_application(office: Office, ledger: Ledger) -> None:
    assert "止まっている</span>" not in office.browser("system").page("/systems/1/adoption")
    ledger.take(replace(STAFF, enabled=False), OTHER, SHARED)
    assert "止まっている</span>" in office.browser("system").page("/systems/1/adoption")
