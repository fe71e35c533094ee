"""Hand-over of temporary passwords: to one browser, once, and nowhere else."""

import logging
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PageObject, PdfReader
from sqlalchemy import select

from idm.models.audit import AuditOutcome, AuditRecord
from idm.models.officers import Officer
from idm.models.people import Person
from idm.models.systems import Account, Handover
from idm.settings import NoticeSettings
from idm.vocabulary import HandoverWay, LineEffect, RequestAction, Role
from tests.carried_out import PASSWORD, carry_out, seal_open_handovers
from tests.cast import TODAY
from tests.web.office import Browser, Office


@pytest.fixture
def created(office: Office) -> Office:
    """The office, with 青木's account of the ledger created on the target."""
    office.cast.approve(office.cast.file("staff", ("staff", "ledger/account")))
    carry_out(office.cast)
    return office


@pytest.fixture
def desk(created: Office) -> Browser:
    return created.browser("desk")


@pytest.fixture
def ready(created: Office, desk: Browser) -> Browser:
    """西新's browser, with a hand-over whose password waits to be shown at /handovers/1."""
    desk.send("/handovers", {"account_id": 1})
    seal_open_handovers(created.cast)
    return desk


def account_id(office: Office) -> int:
    with office.database.reading() as session:
        return session.scalars(select(Account.id)).one()


def refusals(office: Office) -> list[tuple[str, str | None]]:
    with office.database.reading() as session:
        found = session.scalars(select(AuditRecord).where(AuditRecord.outcome == AuditOutcome.REFUSED))
        return [(record.action, record.code) for record in found]


@pytest.mark.parametrize("path", ["/handovers", "/handovers/1", "/handovers/history"])
@pytest.mark.parametrize("who", ["staff", "hr", "system"])
def test_for_others_there_is_no_page_of_hand_overs(created: Office, path: str, who: str) -> None:
    assert created.browser(who).open(path).status_code == 404


def test_the_accounts_that_wait_are_listed(desk: Browser) -> None:
    page = desk.page("/handovers")
    assert "青木　一郎" in page
    assert "u100009" in page


def test_asking_stores_the_public_key_and_gives_the_private_one_to_this_browser(created: Office, desk: Browser) -> None:
    answer = desk.send("/handovers", {"account_id": account_id(created)})
    cookie = answer.headers["Set-Cookie"]
    assert answer.headers["Location"] == "/handovers/1"
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path=/handovers/1;" in f"{cookie};"
    assert "Max-Age=3600" in cookie
    with created.database.reading() as session:
        assert session.get_one(Handover, 1).public_key not in (None, b"")
        assert (session.get_one(Handover, 1).public_key or b"").hex() not in cookie


def test_it_says_to_wait_while_the_worker_prepares(created: Office, desk: Browser) -> None:
    page = desk.follow(desk.send("/handovers", {"account_id": account_id(created)}))
    assert "準備中" in page
    assert "再読み込み" in page
    assert "仮パスワードを表示する" not in page


def test_what_the_target_refused_is_told(created: Office, desk: Browser) -> None:
    desk.send("/handovers", {"account_id": account_id(created)})
    carry_out(created.cast, refused="パスワードの規則に合いません")
    assert "パスワードの規則に合いません" in desk.page("/handovers/1")


def test_the_password_is_shown_once_with_all_that_is_on_the_slip(ready: Browser) -> None:
    assert PASSWORD not in ready.page("/handovers/1")
    answer = ready.send("/handovers/1/password", {})
    assert answer.status_code == 200
    for said in (PASSWORD, "u100009", "会計システム", "青木　一郎", "西新　町子", "受領者（自署）", "令和8年4月2日"):
        assert said in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Refresh"] == "600; url=/handovers/1"
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("idm-handover-1=;")
    assert "Path=/handovers/1" in cookie


def test_sending_the_page_again_does_not_show_it_again(ready: Browser) -> None:
    ready.send("/handovers/1/password", {})
    again = ready.send("/handovers/1/password", {})
    assert again.status_code == 409
    assert "すでに表示されました" in again.text
    assert PASSWORD not in again.text
    assert PASSWORD not in ready.page("/handovers/1")


def test_it_is_not_shown_to_the_same_officer_in_another_browser(created: Office, ready: Browser) -> None:
    other = created.browser("desk").send("/handovers/1/password", {})
    assert other.status_code == 409
    assert "鍵がこのブラウザーにありません" in other.text
    assert PASSWORD in ready.send("/handovers/1/password", {}).text
    assert ("handover.show", "SEAL") in refusals(created)


@pytest.mark.parametrize("key", ["", "nonsense!", "AAAA", "A" * 43 + "="])
def test_a_wrong_key_shows_nothing_and_uses_nothing_up(created: Office, ready: Browser, key: str) -> None:
    stranger = created.browser("desk")
    stranger.client.set_cookie("idm-handover-1", key, path="/handovers/1")
    assert stranger.send("/handovers/1/password", {}).status_code == 409
    with created.database.reading() as session:
        assert session.get_one(Handover, 1).sealed is not None


def test_another_officer_does_not_find_it(created: Office, ready: Browser) -> None:
    with created.database.writing() as session:
        first = session.scalars(select(Officer.first_record_id)).first()
        session.add(
            Officer(role=Role.HANDOVER, person_id=created.cast.people["other"], valid_from=TODAY, first_record_id=first)
        )
    other = created.browser("other")
    assert other.open("/handovers/1").status_code == 404
    assert other.send("/handovers/1/password", {}).status_code == 404
    assert other.send("/handovers/1/receipt", {}).status_code == 404


def test_the_receipt_is_recorded_once(created: Office, ready: Browser) -> None:
    assert ready.send("/handovers/1/receipt", {}).status_code == 409
    ready.send("/handovers/1/password", {})
    assert "受領を記録しました" in ready.follow(ready.send("/handovers/1/receipt", {}))
    assert ready.send("/handovers/1/receipt", {}).status_code == 409
    assert "受領済み" in created.browser("auditor").page("/handovers/history")


def test_asking_again_closes_the_one_before(created: Office, ready: Browser) -> None:
    ready.send("/handovers", {"account_id": account_id(created)})
    assert ready.send("/handovers/1/password", {}).status_code == 404
    assert "準備中" in ready.page("/handovers/2")


@pytest.mark.parametrize("who", ["ciso", "auditor", "staff", "chief"])
def test_only_the_hand_over_officer_asks_and_every_attempt_is_on_record(created: Office, who: str) -> None:
    answer = created.browser(who).send("/handovers", {"account_id": account_id(created)})
    assert answer.status_code == 403
    assert refusals(created) == [("handover.ask", "NOT-PERMITTED")]


def test_an_account_that_is_not_there_is_not_found(desk: Browser) -> None:
    assert desk.send("/handovers", {"account_id": 99}).status_code == 404
    assert desk.send("/handovers", {"account_id": "x"}).status_code == 404


def test_looking_at_the_hand_over_changes_nothing(created: Office, ready: Browser) -> None:
    before = created.rows()
    ready.page("/handovers/1")
    ready.page("/handovers")
    assert created.rows() == before
    assert ready.open("/handovers/1/password").status_code == 405


def test_the_password_is_nowhere_but_on_the_page(
    created: Office, ready: Browser, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = ready.send("/handovers/1/password", {})
    ready.follow(ready.send("/handovers/1/receipt", {}))
    created.database.dispose()
    assert PASSWORD in answer.text
    assert PASSWORD not in caplog.text
    assert all(PASSWORD not in value for _, value in answer.headers)
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or PASSWORD.encode() not in file.read_bytes()


def test_the_key_is_secure_where_people_come_over_tls(created: Office) -> None:
    site = created.app.extensions["idm"]
    created.app.extensions["idm"] = type(site)(
        **{**site.__dict__, "settings": site.settings.model_copy(update={"base_url": "https://localhost"})}
    )
    answer = created.browser("desk").send("/handovers", {"account_id": account_id(created)})
    assert "Secure" in answer.headers["Set-Cookie"]


def test_the_person_page_offers_a_new_hand_over_to_the_officer_only(created: Office, desk: Browser) -> None:
    path = f"/people/{created.cast.people['staff']}"
    assert 'action="/handovers"' in desk.page(path)
    assert 'action="/handovers"' not in created.browser("auditor").page(path)


def test_the_person_page_offers_no_hand_over_before_the_account_exists_or_after_its_right_was_taken(
    office: Office,
) -> None:
    path = f"/people/{office.cast.people['staff']}"
    office.cast.approve(office.cast.file("staff", ("staff", "ledger/account")))
    assert 'action="/handovers"' not in office.browser("desk").page(path)
    carry_out(office.cast)
    assert 'action="/handovers"' in office.browser("desk").page(path)
    taken = office.cast.file("staff", ("staff", "ledger/account"), action=RequestAction.REMOVE,
                             effect=LineEffect.REVOKE)  # fmt: skip
    office.cast.approve(taken)
    assert 'action="/handovers"' not in office.browser("desk").page(path)


def test_the_page_of_an_expired_session_shows_nothing(created: Office, ready: Browser) -> None:
    created.now += timedelta(hours=2)
    answer = ready.open("/handovers/1")
    assert answer.status_code == 302


# --- a notice to fold and close --------------------------------------------------------------------------------------


def notice_of(browser: Browser) -> tuple[bytes, str]:
    """The notice as it comes, and what stands on it."""
    answer = browser.send("/handovers/1/password", {"form": "notice"})
    assert answer.status_code == 200
    assert answer.mimetype == "application/pdf"
    assert answer.headers["Cache-Control"] == "no-store"
    reader = PdfReader(BytesIO(answer.data))
    assert len(reader.pages) == 1
    return answer.data, reader.pages[0].extract_text()


def fonts_of(page: PageObject) -> list[Any]:
    resources: Any = page["/Resources"]
    return [font.get_object() for font in resources["/Font"].values()]


def test_the_notice_has_all_that_is_on_the_slip_and_a_receipt_to_sign(ready: Browser) -> None:
    _, text = notice_of(ready)
    for said in (PASSWORD, "u100009", "会計システム", "青木", "西新", "令和8年4月2日", "受領書", "自署", "親展"):
        assert said in text


def test_the_notice_is_one_page_of_a4_with_every_font_in_it(ready: Browser) -> None:
    page = PdfReader(BytesIO(notice_of(ready)[0])).pages[0]
    assert [round(float(side) / 72 * 25.4) for side in page.mediabox[2:]] == [210, 297]
    inside = [one.get_object()["/FontDescriptor"] for font in fonts_of(page) for one in font["/DescendantFonts"]]
    assert len(inside) >= 3
    assert all({"/FontFile2", "/FontFile3"} & one.keys() for one in inside)


def test_a_name_is_printed_in_the_form_of_its_variation_selector(created: Office, ready: Browser) -> None:
    with created.database.writing() as session:
        session.get_one(Person, created.cast.people["staff"]).name = "渡邉\U000e0102　葛\U000e0100城"
    page = PdfReader(BytesIO(notice_of(ready)[0])).pages[0]
    names = {str(font["/BaseFont"]).partition("+")[2] for font in fonts_of(page)}
    assert "IPAmjMincho" in names
    assert "葛" in page.extract_text()


def test_the_notice_is_made_once_and_the_screen_shows_nothing_after_it(ready: Browser) -> None:
    notice_of(ready)
    for form in ({"form": "notice"}, {}):
        again = ready.send("/handovers/1/password", form)
        assert again.status_code == 409
        assert "すでに表示されました" in again.text


def test_where_no_notice_can_be_made_none_was_given_and_the_screen_still_shows_it(
    ready: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("idm.passwords.printed_notice.import_module", missing)
    refused = ready.send("/handovers/1/password", {"form": "notice"})
    assert refused.status_code == 409
    assert "通知書を作れません" in refused.text
    assert PASSWORD in ready.send("/handovers/1/password", {}).text


def missing(_name: str) -> None:
    raise OSError("cannot load library")


def test_names_are_no_part_of_the_layout(created: Office, ready: Browser) -> None:
    with created.database.writing() as session:
        session.get_one(Person, created.cast.people["staff"]).name = "<img src='file:///etc/passwd'>{password}"
    _, text = notice_of(ready)
    assert "<img" in text
    assert text.count(PASSWORD) == 1


def test_the_receipt_names_who_took_the_notice(created: Office, ready: Browser) -> None:
    notice_of(ready)
    ready.send("/handovers/1/receipt", {"received_by": "庶務　係"})
    assert "庶務　係" in created.browser("auditor").page("/handovers/history")


# --- printed inside its zone, by hand, overdue -----------------------------------------------------------------------


def test_where_it_is_printed_inside_the_zone_no_browser_has_a_key(created: Office) -> None:
    site = created.app.extensions["idm"]
    notices = NoticeSettings(zones=("lgwan",), folder=None)
    created.app.extensions["idm"] = replace(site, settings=site.settings.model_copy(update={"notices": notices}))
    desk = created.browser("desk")
    answer = desk.send("/handovers", {"account_id": account_id(created)})
    assert "idm-handover" not in answer.headers.get("Set-Cookie", "")
    assert "区域の中で" in desk.page("/handovers/1")
    with created.database.reading() as session:
        assert session.get_one(Handover, 1).way is HandoverWay.ZONE_PRINTER


def test_what_was_not_changed_in_time_is_listed_until_it_is_handed_over_anew(created: Office, ready: Browser) -> None:
    created.pass_by(hours=created.cast.policy.passwords.temporary_hours)
    desk = created.browser("desk")
    page = desk.page("/handovers/overdue")
    assert "u100009" in page
    assert "止めずに、ここで知らせるだけです" in page, "nobody has asked the directory about this one"
    assert "確かめられていません" in page
    assert "u100009" in created.browser("security").page("/handovers/overdue")
    desk.send("/handovers", {"account_id": account_id(created)})
    seal_open_handovers(created.cast, now=created.now)
    assert "u100009" not in desk.page("/handovers/overdue")
