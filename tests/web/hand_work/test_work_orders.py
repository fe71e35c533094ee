"""Work by hand at the browser: what waits for whom, ticked, reported, confirmed by another, returned (control G2)."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete

from idm.models.officers import Officer
from idm.models.work_orders import WorkOrder, WorkOrderState
from idm.vocabulary import Role
from tests.cast import NOW
from tests.hand_office import add_system, confirm, do, grant, orders, seat
from tests.web.office import Browser, Office, open_office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """The office with a system that has no interface, in which 青木 waits for an account."""
    office = open_office(tmp_path)
    add_system(office.cast)
    grant(office.cast, "staff", "account", "view")
    return office


def the_order(office: Office) -> WorkOrder:
    return orders(office.cast)[-1]


def steps(office: Office) -> list[str | int]:
    return [step.id for step in the_order(office).steps]


def report(office: Office, browser: Browser, **typed: str) -> str:
    order = the_order(office)
    fields: dict[str, str | int | list[str | int]] = {
        "steps": steps(office), "act": "done", "handed_to": "本人に手渡し", **typed
    }  # fmt: skip
    answer = browser.send(f"/work-orders/{order.id}/ticks", fields, shown=f"/work-orders/{order.id}")
    return browser.follow(answer)


@pytest.mark.parametrize("who", ["staff", "hr"])
def test_for_others_there_is_no_page(office: Office, who: str) -> None:
    browser = office.browser(who)
    paths = ("/work-orders", "/work-orders/1", "/work-orders/1/sheet", "/work-orders/history", "/listings")
    assert {browser.open(path).status_code for path in paths} == {404}


def test_operators_see_what_waits_by_system_and_what_is_overdue(office: Office) -> None:
    page = office.browser("desk").page("/work-orders")
    assert "戸籍附票システム（1件" in page
    assert "作R8-000001" in page
    assert "登録・権限の付与・仮パスワード・有効化" in page
    assert "期限を過ぎています" not in page
    office.pass_by(days=10)
    assert "期限を過ぎています" in office.browser("desk").page("/work-orders")


def test_a_manager_of_other_systems_sees_nothing_of_it(office: Office) -> None:
    seat(office.cast, "other", Role.SYSTEM, "0100")
    with office.database.writing() as session:
        session.execute(
            delete(Officer).where(Officer.person_id == office.cast.people["other"], Officer.role == Role.HANDOVER)
        )
    browser = office.browser("other")
    assert "作R8-000001" not in browser.page("/work-orders")
    assert browser.open("/work-orders/1").status_code == 404
    assert "戸籍附票システム" not in browser.page("/listings")


def test_ticks_are_kept_and_the_report_waits_for_another(office: Office) -> None:
    browser = office.browser("desk")
    page = browser.follow(
        browser.send("/work-orders/1/ticks", {"steps": steps(office)[:1], "act": "save"}, shown="/work-orders/1")
    )
    assert "チェックを保存しました" in page
    assert page.count(" checked>") == 1
    page = report(office, browser, note="画面の項目名が違った")
    assert "別の人の確認を待ちます" in page
    assert "ほかの人の確認を待っているもの" in page
    page = browser.page("/work-orders/1")
    assert "あなたが行った作業です" in page
    assert "確認して完了にする" not in page
    assert "画面の項目名が違った" in page


def test_a_report_that_is_not_complete_says_so_at_its_fields(office: Office) -> None:
    browser = office.browser("desk")
    answer = browser.send("/work-orders/1/ticks", {"steps": steps(office)[:2], "act": "done"}, shown="/work-orders/1")
    assert (answer.status_code, "手順 3・4 にチェックがありません" in answer.text) == (422, True)
    assert answer.text.count(" checked>") == 2
    answer = browser.send("/work-orders/1/ticks", {"steps": steps(office), "act": "done"}, shown="/work-orders/1")
    assert (answer.status_code, 'href="#handed_to"' in answer.text) == (422, True)
    assert the_order(office).state is WorkOrderState.ISSUED


def test_another_person_confirms_and_the_status_people_see_follows(office: Office) -> None:
    people = office.browser("hr")
    path = f"/people/{office.cast.people['staff']}"
    assert "承認済み・手作業待ち" in people.page(path)
    assert "承認済み・手作業待ち" in office.browser("staff").page("/")
    report(office, office.browser("desk"))
    assert "作業済み・確認待ち" in people.page(path)
    assert "作業済み・確認待ち" in office.browser("staff").page("/")
    manager = office.browser("system")
    page = manager.follow(manager.send("/work-orders/1/confirmation", {}, shown="/work-orders/1"))
    assert "作R8-000001 を確認しました" in page
    assert "完了" in people.page(path)
    assert "手作業待ち" not in people.page(path)
    assert "完了" in office.browser("staff").page("/")


def test_the_operator_who_sends_the_confirmation_is_refused(office: Office) -> None:
    seat(office.cast, "desk", Role.SECURITY)
    browser = office.browser("desk")
    report(office, browser)
    answer = browser.send("/work-orders/1/confirmation", {})
    assert (answer.status_code, "SOD-4" in answer.text) == (409, True)
    assert the_order(office).state is WorkOrderState.DONE


def test_only_what_is_ticked_is_confirmed_and_nothing_is_ticked_beforehand(office: Office) -> None:
    grant(office.cast, "auditor", "account")
    for order in orders(office.cast):
        do(office.cast, order)
    browser = office.browser("security")
    page = browser.page("/work-orders")
    assert "青木　一郎" in page
    assert "姪浜　駅男" in page
    assert "checked" not in page
    assert len(re.findall('type="checkbox" name="orders"', page)) == 2
    assert "すべて選" not in page
    answer = browser.send("/work-orders/confirmations", {}, shown="/work-orders")
    assert (answer.status_code, "チェックを付けてください" in answer.text) == (422, True)
    page = browser.follow(browser.send("/work-orders/confirmations", {"orders": 2}, shown="/work-orders"))
    assert "1件を確認しました" in page
    assert [order.state for order in orders(office.cast)] == [WorkOrderState.DONE, WorkOrderState.CONFIRMED]


def test_what_cannot_be_confirmed_is_told_and_the_rest_is(office: Office) -> None:
    grant(office.cast, "auditor", "account")
    do(office.cast, orders(office.cast)[0])
    browser = office.browser("security")
    answer = browser.send("/work-orders/confirmations", {"orders": [1, 2]}, shown="/work-orders")
    assert answer.status_code == 409
    assert "作R8-000002 は、確認を待っている状態ではありません" in answer.text
    assert orders(office.cast)[0].state is WorkOrderState.CONFIRMED


def test_what_is_returned_shows_why(office: Office) -> None:
    report(office, office.browser("desk"))
    manager = office.browser("system")
    answer = manager.send("/work-orders/1/return", {"reason": ""}, shown="/work-orders/1")
    assert (answer.status_code, 'href="#reason"' in answer.text) == (422, True)
    manager.follow(manager.send("/work-orders/1/return", {"reason": "所属が違います"}, shown="/work-orders/1"))
    page = office.browser("desk").page("/work-orders/1")
    assert "差し戻されました" in page
    assert "所属が違います" in page
    assert " checked>" not in page
    assert "差戻し" in office.browser("desk").page("/work-orders")


def test_the_sheet_has_every_step_and_room_for_two_people(office: Office) -> None:
    page = office.browser("desk").page("/work-orders/1/sheet")
    assert page.count("☐") == len(steps(office))
    assert "作業した人" in page
    assert "確認した人" in page
    assert "仮パスワードをこの紙に書かないでください" in page


def test_somebody_with_their_own_order_has_no_form_for_it(office: Office) -> None:
    grant(office.cast, "desk", "account")
    page = office.browser("desk").page("/work-orders/2")
    assert "自分の利用者IDの作業と確認はできません" in page
    assert 'name="steps"' not in page


def test_what_is_over_is_history_and_an_overtaken_order_says_so(office: Office) -> None:
    grant(office.cast, "staff", "print")
    do(office.cast, the_order(office))
    confirm(office.cast, the_order(office), now=NOW + timedelta(hours=1))
    page = office.browser("auditor").page("/work-orders/history")
    assert "西新　町子" in page
    assert "箱崎　花子" in page
    assert "新しい決定に置き換え" in page
    assert "もう行わないでください" in office.browser("auditor").page("/work-orders/1")


def test_the_first_page_counts_what_waits(office: Office) -> None:
    assert "作業を待っているもの" in office.browser("desk").page("/")
    assert "手作業のページへ" not in office.browser("staff").page("/")
    do(office.cast, the_order(office))
    assert "あなたの確認を待っているもの" in office.browser("security").page("/")
    assert "手作業のページへ" not in office.browser("desk").page("/")


def test_a_password_of_a_system_without_an_interface_is_handed_over_by_work_order_only(office: Office) -> None:
    do(office.cast, the_order(office))
    confirm(office.cast, the_order(office))
    assert "戸籍附票システム" not in office.browser("desk").page("/handovers")
    answer = office.browser("desk").send("/handovers", {"account_id": the_order(office).account_id})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/work-orders")


def test_the_register_says_how_much_work_is_open_and_never_that_all_is_done(office: Office) -> None:
    page = office.browser("hr").page("/systems/3")
    assert "連携なし（手作業）" in page
    assert "手作業 1件" in page
    assert "すべて反映済み" not in page
    do(office.cast, the_order(office))
    confirm(office.cast, the_order(office))
    assert "すべて反映済み" in office.browser("hr").page("/systems/3")
