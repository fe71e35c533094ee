"""Lists of user IDs at the browser: sent, compared, taken over or discarded (controls A9, C1)."""

from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from idm.models.systems import Account
from idm.models.work_orders import Listing
from tests.hand_office import add_system, carry_out, grant
from tests.web.office import Browser, Office, open_office, token_in

HEADING = "利用者ID,氏名,職員番号,状態,最終利用日,権限\r\n"
STAFF = "u100009,青木　一郎,100009,有効,R8.3.31,K-view\r\n"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """The office with a system that has no interface, in which 青木 has an account; two days later."""
    office = open_office(tmp_path)
    add_system(office.cast)
    grant(office.cast, "staff", "account", "view")
    carry_out(office.cast)
    office.pass_by(days=2)
    return office


def send(
    browser: Browser, text: str, *, as_of: str = "R8.4.3", system: str = "3", name: str = "ids.csv"
) -> TestResponse:
    data = {"system": system, "as_of": as_of, "file": (BytesIO(text.encode("cp932")), name),
            "csrf_token": token_in(browser.page("/listings/new"))}  # fmt: skip
    return browser.client.post("/listings", data=data, content_type="multipart/form-data")


def taken(office: Office) -> list[bool]:
    with office.database.reading() as session:
        return [listing.taken_at is not None for listing in session.scalars(select(Listing))]


def gone(office: Office) -> int:
    """How many accounts the books say are not there any more."""
    with office.database.reading() as session:
        return len(session.scalars(select(Account.id).where(Account.seen_present.is_(False))).all())


def test_a_list_is_compared_and_then_taken_over(office: Office) -> None:
    browser = office.browser("desk")
    assert "まだありません" in browser.page("/listings")
    page = browser.follow(send(browser, HEADING + STAFF.replace("有効", "停止") + "shokuin1,前任,,有効,,\r\n"))
    assert "一覧では無効、台帳では有効" in page
    assert "台帳にないID" in page
    assert taken(office) == [False]
    page = browser.follow(browser.send_on(page, "/listings/1/taking-over", {}))
    assert "一覧を取り込みました" in page
    assert taken(office) == [True]
    assert "食い違い" in office.browser("hr").page(f"/people/{office.cast.people['staff']}")
    assert "一致 0・食い違い 1・台帳にないID 1" in browser.page("/listings")


def test_a_list_can_be_discarded(office: Office) -> None:
    browser = office.browser("system")
    page = browser.follow(send(browser, HEADING + STAFF))
    assert "すべて台帳と一致しています" in page
    assert "破棄しました" in browser.follow(browser.send_on(page, "/listings/1/discard", {}))
    assert taken(office) == []


def test_a_broken_list_is_told_line_by_line(office: Office) -> None:
    answer = send(office.browser("desk"), HEADING + STAFF + STAFF + "u2,,,有効,きのう,\r\n")
    assert answer.status_code == 422
    assert "同じ利用者ID「u100009」が2行目にもあります" in answer.text
    assert "「きのう」は日付として読めません" in answer.text
    assert taken(office) == []


def test_what_is_missing_on_the_form_is_told_at_its_fields(office: Office) -> None:
    answer = send(office.browser("desk"), HEADING + STAFF, as_of="きのう", system="4711", name="")
    assert answer.status_code == 422
    for field in ("system", "as_of", "file"):
        assert f'href="#{field}"' in answer.text


def test_another_list_than_the_one_shown_is_not_taken_over(office: Office) -> None:
    browser = office.browser("desk")
    page = browser.follow(send(browser, HEADING + STAFF))
    office.browser("system").follow(send(office.browser("system"), HEADING + "shokuin1,,,有効,,\r\n"))
    answer = browser.send_on(page, "/listings/1/taking-over", {})
    assert answer.status_code == 409
    assert taken(office) == [False]


def test_a_list_that_lacks_too_many_needs_a_tick_that_names_how_many(office: Office) -> None:
    for who in ("other", "vice"):
        grant(office.cast, who, "account")
    carry_out(office.cast)
    browser = office.browser("desk")
    page = browser.follow(send(browser, HEADING + STAFF))
    assert "一覧にない 2人分（利用者ID 2件）は、本当に登録がなくなっています" in page
    refused = browser.send_on(page, "/listings/1/taking-over", {})
    assert refused.status_code == 409
    assert "3 件のうち 2 件（2 人分）" in refused.text
    assert (taken(office), gone(office)) == ([False], 0)
    assert browser.send_on(page, "/listings/1/taking-over", {"missing_is_right": "1"}).status_code == 409
    page = browser.follow(browser.send_on(refused.text, "/listings/1/taking-over", {"missing_is_right": "2"}))
    assert "一覧を取り込みました" in page
    assert (taken(office), gone(office)) == ([True], 2)


def test_a_list_that_lacks_nobody_asks_for_no_tick(office: Office) -> None:
    browser = office.browser("desk")
    assert "missing_is_right" not in browser.follow(send(browser, HEADING + STAFF))


@pytest.mark.parametrize("who", ["chief", "hr", "staff", "auditor"])
def test_for_others_there_is_no_page(office: Office, who: str) -> None:
    assert office.browser(who).open("/listings").status_code == 404
