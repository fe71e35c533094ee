"""From a sign-in to an account in a real directory and out of it again, in a real browser without JavaScript.

The tests tell one story and run in order on one running demonstration, as a newcomer would walk through it.
"""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from idm.samples import NEXT_FEED
from tests.browser.conftest import Demonstration, Desk, accessibility_faults

STAFF = "a002040"
"""The login name of the one who applies."""


def _button(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def _decide(page: Page, verdict: str, reason: str) -> None:
    page.get_by_label(verdict, exact=True).last.check()
    page.get_by_label("決裁の理由").fill(reason)
    _button(page, "決裁する")


@pytest.fixture(scope="module")
def number() -> dict[str, str]:
    """What the story remembers: the address of the application."""
    return {}


def test_staff_apply_and_see_the_check_page_before_anything_is_submitted(
    desk: Desk, demo: Demonstration, number: dict[str, str]
) -> None:
    with desk.signed_in("staff") as page:
        page.get_by_role("link", name="新しく申請する").click()
        page.get_by_label("登録", exact=False).first.check()
        page.get_by_label("庁内業務基盤", exact=False).first.check()
        _next(page)
        page.get_by_label("利用者ID", exact=False).first.check()
        page.get_by_label("総務課フォルダー", exact=False).first.check()
        _next(page)
        page.get_by_label("理由").fill("総務課総務係の事務を行うため。")
        _button(page, "確認へ進む")
        expect(page.get_by_role("heading", level=1)).to_contain_text("この内容で申請しますか")
        demo.shoot(page, "check")
        _button(page, "この内容で申請する")
        expect(page).to_have_title(re.compile("申請を受け付けました"))
        number["path"] = page.url.removeprefix(demo.address).removesuffix("/received")
        page.goto(demo.address + number["path"])
        expect(page.get_by_role("main")).to_contain_text("審査中")
        expect(page.get_by_role("button", name="決裁する")).to_have_count(0)


def _next(page: Page) -> None:
    """The one button that leads on."""
    page.locator("main form button.button:not(.outline)").last.click()


def test_nothing_reaches_the_directory_before_both_have_approved(
    desk: Desk, demo: Demonstration, number: dict[str, str]
) -> None:
    with desk.signed_in("chief", at=number["path"]) as page:
        assert page.url.endswith(number["path"]), "the deep link survives the sign-in"
        demo.shoot(page, "decision")
        _decide(page, "承認する", "担当業務に必要な範囲であることを確認しました。")
        page.goto(demo.address + "/")
        demo.shoot(page, "home")
    assert demo.entry(STAFF) == {}


def test_chief_cannot_decide_on_the_own_application(desk: Desk, demo: Demonstration) -> None:
    with desk.signed_in("chief", at="/requests?of=mine") as page:
        page.get_by_role("main").get_by_role("link", name=re.compile("R8-")).first.click()
        expect(page.get_by_role("button", name="決裁する")).to_have_count(0)
        expect(page.get_by_role("main")).to_contain_text("濵田")


def test_second_approval_makes_the_account_and_approved_is_not_called_done(
    desk: Desk, demo: Demonstration, number: dict[str, str]
) -> None:
    with desk.signed_in("system", at="/approvals") as page:
        page.get_by_role("link", name=re.compile("R8-")).last.click()
        page.goto(demo.address + number["path"])
        _decide(page, "承認する", "システムの利用に支障がないことを確認しました。")
    entry = demo.wait_for_entry(STAFF)
    assert entry["cn"] == ["福田　正人"]
    assert "userPassword" not in entry
    folder = demo.directory.read(f"cn=folder-general,{demo.directory.groups_base}", "member")["member"]
    assert any(dn.startswith(f"uid={STAFF},") for dn in folder)
    with desk.signed_in("staff", at=number["path"]) as page:
        expect(page.get_by_role("main")).to_contain_text("承認済み")


def test_temporary_password_is_shown_once_and_must_be_changed(desk: Desk, demo: Demonstration) -> None:
    with desk.signed_in("handover", at="/handovers") as page:
        row = page.get_by_role("row").filter(has_text="福田　正人")
        row.get_by_role("button", name="交付を始める").click()
        for _ in range(60):
            if page.get_by_role("button", name="仮パスワードを表示する").count():
                break
            page.wait_for_timeout(500)
            page.get_by_role("link", name="再読み込み").click()
        waiting = page.url
        _button(page, "仮パスワードを表示する")
        expect(page.locator(".secret")).to_have_count(2)
        secrets = page.locator(".secret").all_inner_texts()
        demo.shoot(page, "handover")
        assert secrets[0] == STAFF
        password = secrets[1]
        page.goto(waiting)
        expect(page.get_by_role("main")).not_to_contain_text(password)
        expect(page.get_by_role("button", name="仮パスワードを表示する")).to_have_count(0)
        _button(page, "受領を記録する")
    dn = f"uid={STAFF},{demo.directory.people_base}"
    assert demo.directory.sign_in(dn, password)
    assert demo.entry(STAFF)["pwdReset"] == ["TRUE"]


def test_work_done_by_hand_is_complete_when_another_person_has_confirmed_it(desk: Desk, demo: Demonstration) -> None:
    with desk.signed_in("system", at="/work-orders") as page:
        main = page.get_by_role("main")
        expect(main).to_contain_text("作業済み・確認待ち（1件）")
        demo.shoot(page, "work-orders")
        page.get_by_label("作R8-000001").check()
        _button(page, "チェックしたものを確認済みにする")
        expect(main).to_contain_text("あなたの確認を待っているものはありません")
        page.goto(demo.address + "/work-orders/1")
        expect(main).to_contain_text("完了")


def test_leaver_of_the_next_personnel_file_is_stopped(desk: Desk, demo: Demonstration) -> None:
    demo.wait_for_entry("a002025")
    with desk.signed_in("hr", at="/hr/uploads/new") as page:
        page.get_by_label("青葉県市町村職員共済組合 人事システム 全職員一覧（aoba、").check()
        page.get_by_label("ファイル").set_input_files(NEXT_FEED)
        _button(page, "内容を表示する")
        expect(page.get_by_role("main")).to_contain_text("退職等")
        demo.shoot(page, "preview")
        _button(page, "自分の名前で取り込む")
        expect(page.get_by_role("main")).to_contain_text("取り込みました")
    assert demo.idm("lifecycle", "run").returncode == 0
    demo.wait_for_entry("a002025", "pwdEndTime")
    folder = demo.directory.read(f"cn=folder-general,{demo.directory.groups_base}", "member")["member"]
    for _ in range(60):
        folder = demo.directory.read(f"cn=folder-general,{demo.directory.groups_base}", "member")["member"]
        if not any(dn.startswith("uid=a002025,") for dn in folder):
            break
    assert not any(dn.startswith("uid=a002025,") for dn in folder)
    with desk.signed_in("hr", at="/hr") as page:
        expect(page.get_by_role("main")).to_contain_text("外字")


def test_first_of_april_is_seen_months_before_by_those_who_may(desk: Desk, demo: Demonstration) -> None:
    with desk.signed_in("hr", at="/calendar?days=365") as page:
        expect(page.get_by_role("main")).to_contain_text("令和9年4月")
        demo.shoot(page, "calendar")
        page.goto(demo.address + "/calendar/day?on=2027-04-01")
        expect(page.get_by_role("main")).to_contain_text("002022")
        demo.shoot(page, "april")
    with desk.signed_in("auditor", at="/calendar/day?on=2027-04-01") as page:
        expect(page.get_by_role("main")).not_to_contain_text("002022")
    rehearsed = demo.idm("lifecycle", "run", "--as-of", "2027-04-01", "--dry-run", "--json")
    assert rehearsed.returncode == 0, rehearsed.stderr


def test_papers_that_are_missing_are_listed_for_hr(desk: Desk, demo: Demonstration) -> None:
    with desk.signed_in("hr", at="/outside/consents") as page:
        expect(page.get_by_role("main")).to_contain_text("同意書の記録がない人")
        demo.shoot(page, "consents")


def test_sweep_shows_unused_and_ownerless_ids(desk: Desk, demo: Demonstration) -> None:
    assert demo.idm("sweep", "run").returncode == 0
    with desk.signed_in("security", at="/findings") as page:
        main = page.get_by_role("main")
        expect(main).to_contain_text("kyuutantou")
        expect(main).to_contain_text("持ち主のないID")
        demo.shoot(page, "findings")


def test_person_page_says_what_since_when_and_by_which_application(desk: Desk, demo: Demonstration) -> None:
    with desk.signed_in("auditor", at="/people") as page:
        page.get_by_label("氏名・カナ・職員番号").fill("ふくだ")
        _button(page, "探す")
        page.get_by_role("link", name="福田 正人").click()
        main = page.get_by_role("main")
        expect(main).to_contain_text("総務課フォルダー")
        expect(main.get_by_role("link", name=re.compile("R8-")).first).to_be_visible()
        demo.shoot(page, "person")


def test_auditor_sees_the_refusals_and_the_chain_verifies(desk: Desk, demo: Demonstration) -> None:
    with desk.signed_in("auditor", at="/audit?refused=1") as page:
        expect(page.get_by_role("main")).to_contain_text("SOD-1")
        page.goto(demo.address + "/audit")
        demo.shoot(page, "audit")
    verified = demo.idm("audit", "verify")
    assert verified.returncode == 0, verified.stderr


def test_the_register_of_exceptions_is_wide_and_so_is_its_paper(desk: Desk) -> None:
    with desk.signed_in("ciso", at="/exceptions/print") as page:
        expect(page.get_by_role("heading", name="例外措置台帳", exact=True)).to_be_visible()
        paper = page.pdf(prefer_css_page_size=True)
        assert re.findall(rb"/MediaBox \[0 0 (\d+)[\d.]* (\d+)", paper) == [(b"841", b"594")]  # A4 across, in points


THE_APPLICATION = "the application of the story"
PAGES = {
    "chief": ("/", "/requests", "/approvals", THE_APPLICATION, "/help"),
    "security": (
        "/systems",
        "/systems/1",
        "/systems/1/found",
        "/findings",
        "/findings/1",
        "/officers",
        "/configuration",
        "/permissions",
        "/exceptions",
        "/exceptions/new",
        "/exceptions/new?emergency=yes",
        "/exceptions/1",
        "/exceptions/print",
        "/reviews",
        "/reviews/new",
        "/reviews/1",
        "/reviews/1/result",
        "/reviews/1/answers",
        "/external-services",
        "/external-services/new",
        "/external-services/1",
        "/own-devices",
        "/own-devices/1",
        "/official-accounts",
        "/official-accounts/new",
        "/official-accounts/1",
    ),
    "ciso": ("/own-devices/2", "/own-devices/print", "/official-accounts/print"),
    "hr": (
        "/hr",
        "/hr/drafts/1",
        "/hr/drafts/1/names",
        "/hr/uploads/new",
        "/hr/matches",
        "/hr/gaiji",
        "/calendar",
        "/batches/new",
        "/leaving",
        "/outside",
        "/outside/new",
        "/outside/contracts/new",
        "/outside/services",
        "/standing",
        "/requests/new",
        "/people",
        "/people/20",
    ),
    "staff": ("/me", "/renewals", "/requests/new", "/me/devices", "/own-devices/new"),
    "auditor": ("/audit", "/audit/verification"),
    "handover": (
        "/handovers",
        "/handovers/history",
        "/work-orders",
        "/work-orders/1",
        "/work-orders/2",
        "/work-orders/2/sheet",
        "/work-orders/history",
        "/listings",
        "/listings/new",
    ),
}


@pytest.mark.parametrize("role", PAGES)
def test_pages_have_no_serious_accessibility_fault(
    role: str, desk: Desk, demo: Demonstration, chromium: Browser, number: dict[str, str]
) -> None:
    faults = {}
    with desk.signed_in(role) as page:
        for path in (number["path"] if path == THE_APPLICATION else path for path in PAGES[role]):
            answer = page.goto(demo.address + path)
            assert answer is not None
            assert answer.status == 200, path
            faults[path] = accessibility_faults(chromium, demo, page.content(), demo.address + path)
    assert not {path: found for path, found in faults.items() if found}


def test_sign_in_works_with_the_keyboard_alone(chromium: Browser, demo: Demonstration) -> None:
    player = demo.players["staff"]
    context = chromium.new_context(locale="ja-JP", java_script_enabled=False)
    page = context.new_page()
    page.goto(demo.address + "/")
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "本文へ移動"
    page.get_by_label("利用者名").focus()
    page.keyboard.type(player.name)
    page.keyboard.press("Tab")
    page.keyboard.type(player.password)
    page.keyboard.press("Enter")
    expect(page).to_have_title(re.compile("ホーム"))
    context.close()
