"""A privileged ID from the asking to the checked report, in a browser without JavaScript and a real directory (D6).

The tests tell one story and run in order on one running demonstration.
"""

import sqlite3
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from jobs.demo.directory import LocalDirectory
from tests.browser.conftest import Demonstration, Desk, accessibility_faults

ADMIN = "adm-a002448"
DN = f"uid={ADMIN},{LocalDirectory.people_base}"
GROUP = f"cn=administration,{LocalDirectory.groups_base}"


@dataclass
class Story:
    """What the tests remember from one to the next."""

    path: str = ""
    password: str = ""


@pytest.fixture(scope="module")
def story() -> Story:
    return Story()


def _button(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def _reload_until(page: Page, text: str) -> None:
    """Presses 再読み込み until the page says so; a worker takes some seconds."""
    for _ in range(60):
        if page.get_by_text(text).count():
            return
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError(f"{text}: {page.get_by_role('main').inner_text()}")


def _is_administrator(demo: Demonstration) -> bool:
    members = demo.directory.read(GROUP, "member").get("member", [])
    return any(dn.lower() == DN.lower() for dn in members)


def test_the_id_sleeps_between_its_uses(desk: Desk, demo: Demonstration) -> None:
    assert not _is_administrator(demo)
    with desk.signed_in("operator", at="/") as page:
        expect(page.get_by_role("main")).to_contain_text("利用を申し出られるID")
        demo.shoot(page, "privileged-home")
        page.goto(demo.address + "/privileged-uses")
        expect(page.get_by_role("main")).to_contain_text("許可を待っています")
        demo.shoot(page, "privileged-uses")
        page.goto(demo.address + "/privileged-uses/2")
        _button(page, "申出を取り下げる")
        expect(page.get_by_role("main")).to_contain_text("取り下げました")


def test_asking_asks_for_the_second_factor_again_and_goes_on_with_what_was_typed(
    desk: Desk, demo: Demonstration, story: Story
) -> None:
    with desk.signed_in("operator", at="/privileged-uses") as page:
        page.get_by_role("link", name=f"利用を申し出る （{ADMIN}）").click()
        page.get_by_label("何のために、何をするか").fill("証明書の更新と、更新後の接続の確認")
        page.get_by_label("整理番号").fill("変更R8-012")
        page.get_by_label("使う時間（時間）").fill("2")
        demo.shoot(page, "privileged-asking")
        with sqlite3.connect(demo.folder / "idm.db", timeout=30) as books:
            books.execute("UPDATE web_sessions SET second_factor_at = datetime(second_factor_at, '-1 hour')")
        _button(page, "申し出る")
        expect(page.get_by_role("heading", level=1)).to_have_text("もう一度の確認")
        page.get_by_label("確認コード").fill(demo.code(demo.players["operator"]))
        page.get_by_role("button", name="確認").click()
        main = page.get_by_role("main")
        expect(main).to_contain_text("許可を待っています")
        expect(main).to_contain_text("証明書の更新と、更新後の接続の確認")
        demo.shoot(page, "privileged-asked")
        story.path = page.url.removeprefix(demo.address)


def test_an_officer_sees_what_matters_and_permits(desk: Desk, demo: Demonstration, story: Story) -> None:
    with desk.signed_in("system", at="/privileged-uses/waiting") as page:
        demo.shoot(page, "privileged-waiting")
        page.get_by_role("link", name="内容を見て決める").click()
        main = page.get_by_role("main")
        expect(main).to_contain_text("変更R8-012")
        expect(main).to_contain_text("これまでの利用")
        page.get_by_label("決めた理由").fill("変更計画のとおりであることを確認しました。")
        demo.shoot(page, "privileged-deciding")
        _button(page, "許可する")
        expect(page.get_by_role("main")).to_contain_text("利用を許可しました")


def test_the_password_is_seen_once_and_works_only_while_the_use_lasts(
    desk: Desk, demo: Demonstration, story: Story
) -> None:
    with desk.signed_in("operator", at=story.path) as page:
        _reload_until(page, "パスワードは一度だけ表示されます")
        assert _is_administrator(demo)
        demo.shoot(page, "privileged-ready")
        _button(page, "パスワードを表示する")
        expect(page.locator(".secret")).to_have_count(2)
        name, story.password = page.locator(".secret").all_inner_texts()
        demo.shoot(page, "privileged-password")
        assert name == ADMIN
        assert demo.directory.sign_in(DN, story.password)
        page.go_back()
        expect(page.get_by_role("main")).not_to_contain_text(story.password)
        page.goto(demo.address + story.path)
        expect(page.get_by_role("main")).not_to_contain_text(story.password)
        expect(page.get_by_role("button", name="パスワードを表示する")).to_have_count(0)
        expect(page.get_by_role("main")).to_contain_text("そのまま残ることがあります")
        demo.shoot(page, "privileged-open")
        _button(page, "返却して終わる")
        _reload_until(page, "IDの無効化とパスワードの変更を確認")
        demo.shoot(page, "privileged-ended")
    assert not _is_administrator(demo)
    assert not demo.directory.sign_in(DN, story.password)


def test_what_was_done_is_reported_and_checked_by_another(desk: Desk, demo: Demonstration, story: Story) -> None:
    with desk.signed_in("operator", at=story.path) as page:
        demo.shoot(page, "privileged-reporting")
        page.get_by_label("何をしたか").fill("証明書を更新し、接続を確かめた。残った作業はない。")
        _button(page, "作業報告を提出する")
        expect(page.get_by_role("main")).to_contain_text("確認待ち")
    with desk.signed_in("system", at="/privileged-uses/waiting") as page:
        page.get_by_role("link", name="報告を読む").click()
        _button(page, "報告を確認した")
        page.goto(demo.address + story.path)
        expect(page.get_by_role("main")).to_contain_text("久保　英俊が確認")
        demo.shoot(page, "privileged-checked")


def test_the_password_seen_is_nowhere_in_the_books_or_the_log(demo: Demonstration, story: Story) -> None:
    assert story.password
    for file in demo.folder.rglob("*"):
        within_directory = (demo.folder / "directory") in file.parents
        if file.is_file() and not within_directory:
            assert story.password.encode() not in file.read_bytes(), file


def test_kept_passwords_show_their_state_and_never_a_value(desk: Desk, demo: Demonstration) -> None:
    with desk.signed_in("security", at="/vault") as page:
        main = page.get_by_role("main")
        for said in (ADMIN, "kiban-kanshi", "預かり中"):
            expect(main).to_contain_text(said)
        demo.shoot(page, "vault")
        page.get_by_role("link", name="kiban-kanshi").first.click()
        page.get_by_label("念のため新しくする（疑いはない）").check()
        _button(page, "新しいパスワードに変える")
        _reload_until(page, "責任者の求め")
        demo.shoot(page, "vault-log")


PAGES = {
    "operator": ("/privileged-uses", "/privileged-uses/new?account={id}", "/privileged-uses/emergency?account={id}",
                 "/privileged-uses/1", "/me"),
    "system": ("/privileged-uses/waiting", "/privileged-uses/history", "/vault"),
    "auditor": ("/privileged-uses/3", "/vault"),
}  # fmt: skip


@pytest.mark.parametrize("role", PAGES)
def test_pages_have_no_serious_accessibility_fault(
    role: str, desk: Desk, demo: Demonstration, chromium: Browser
) -> None:
    with sqlite3.connect(demo.folder / "idm.db", timeout=30) as books:
        (account_id,) = books.execute("SELECT id FROM accounts WHERE login_name = ?", (ADMIN,)).fetchone()
    faults = {}
    with desk.signed_in(role) as page:
        for path in (path.format(id=account_id) for path in PAGES[role]):
            answer = page.goto(demo.address + path)
            assert answer is not None
            assert answer.status == 200, path
            demo.shoot(page, f"axe-{role}-{path.strip('/').replace('/', '-').split('?')[0]}")
            faults[path] = accessibility_faults(chromium, demo, page.content(), demo.address + path)
    assert not {path: found for path, found in faults.items() if found}
