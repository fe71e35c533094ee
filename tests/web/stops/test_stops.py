"""The big red button at a browser: one click, a reason, out at the next request, live progress (H4, H5)."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from idm.models.sign_in import WebSession
from idm.models.stops import StopOrder
from idm.models.systems import InformationSystem
from idm.operations.stops import from_console
from idm.operations.stops.from_console import Operator
from idm.operations.stops.orders import Why
from tests.authenticator_office import card, furnish
from tests.carried_out import carry_out
from tests.cast import NOW
from tests.web.office import Office

REASON = {"reason": "不審な操作", "reference": "事案7"}


@pytest.fixture
def opened(office: Office) -> Office:
    """The office, where 青木 has an ID in the ledger."""
    office.cast.approve(office.cast.file("hr", ("staff", "ledger/account")))
    carry_out(office.cast)
    return office


def form(office: Office, who: str = "staff") -> str:
    return f"/stops/new/person/{office.cast.people[who]}"


def orders(office: Office) -> int:
    with office.database.reading() as session:
        return session.scalar(select(func.count()).select_from(StopOrder)) or 0


@pytest.mark.asvs("7.4.3")
def test_one_click_and_a_reason_sign_the_person_out_at_their_next_request(opened: Office) -> None:
    chief, staff = opened.browser("chief"), opened.browser("staff")
    assert form(opened) in chief.page(f"/people/{opened.cast.people['staff']}")
    assert staff.open("/me").status_code == 200
    page = chief.follow(chief.send(form(opened), REASON))
    assert "0件／1件が止まりました" in page
    assert staff.open("/me").status_code == 302
    assert "青木　一郎" in chief.page("/stops")
    assert "緊急停止中です" in chief.page(f"/people/{opened.cast.people['staff']}")
    assert "緊急停止中です" not in chief.page(f"/people/{opened.cast.people['other']}")
    assert "緊急停止中です" not in opened.browser("hr").page(f"/people/{opened.cast.people['staff']}")


def test_the_live_page_looks_again_by_itself_until_everything_is_reached_and_keeps_nobody_signed_in(
    opened: Office,
) -> None:
    chief = opened.browser("chief")
    answer = chief.send(form(opened), REASON)
    live = answer.headers["Location"]
    assert chief.open(live).headers["Refresh"].startswith("3;")
    with opened.database.reading() as session:
        before = session.scalar(select(func.max(WebSession.last_seen_at)))
    opened.now = NOW + timedelta(minutes=2)
    assert chief.open(live).status_code == 200
    with opened.database.reading() as session:
        assert session.scalar(select(func.max(WebSession.last_seen_at))) == before, "nobody was there"
    carry_out(opened.cast, now=opened.now)
    done = chief.open(live)
    assert "1件／1件が止まりました" in done.text
    assert not done.headers["Refresh"].startswith("3;"), "nothing is left to wait for"


def test_two_people_lift_it_and_the_stopped_person_comes_in_again(opened: Office) -> None:
    chief, security = opened.browser("chief"), opened.browser("security")
    chief.send(form(opened), REASON)
    assert "解除する理由" in chief.page("/stops/1")
    assert chief.send("/stops/1/lift-request", {"reason": " "}).status_code == 422
    chief.follow(chief.send("/stops/1/lift-request", {"reason": "終わった"}))
    assert chief.send("/stops/1/lifted", {}).status_code == 409
    security.follow(security.send("/stops/1/lifted", {"wish": wish_on(security.page("/stops/1"))}))
    assert opened.browser("staff").open("/me").status_code == 200
    assert "解除済み" in chief.page("/stops")


def wish_on(page: str) -> str:
    """What the form to confirm a wish sends with it."""
    found = re.search(r'name="wish" value="([^"]*)"', page)
    assert found is not None
    return found[1]


def test_whoever_confirms_a_lifting_confirms_the_reason_that_they_were_shown(opened: Office) -> None:
    chief, security, ciso = (opened.browser(who) for who in ("chief", "security", "ciso"))
    chief.send(form(opened), REASON)
    chief.send("/stops/1/lift-request", {"reason": "誤って止めた"})
    shown = wish_on(ciso.page("/stops/1"))
    security.send("/stops/1/kept", {"reason": "まだ"})
    security.send("/stops/1/lift-request", {"reason": "別の理由"})
    assert ciso.send("/stops/1/lifted", {"wish": shown}).status_code == 409
    ciso.follow(ciso.send("/stops/1/lifted", {"wish": wish_on(ciso.page("/stops/1"))}))


def test_a_wish_to_lift_is_refused_with_a_reason(opened: Office) -> None:
    chief, security = opened.browser("chief"), opened.browser("security")
    chief.send(form(opened), REASON)
    chief.send("/stops/1/lift-request", {"reason": "終わった"})
    assert "止め続ける理由" in security.page("/stops/1")
    security.follow(security.send("/stops/1/kept", {"reason": "まだ"}))
    assert "解除する理由" in security.page("/stops/1")


def test_a_pasted_list_is_refused_line_by_line_with_what_was_typed(opened: Office) -> None:
    chief = opened.browser("chief")
    answer = chief.send("/stops/new/accounts", {**REASON, "names": "u100009\nu999999"})
    assert answer.status_code == 422
    assert "2 行目「u999999」" in answer.text
    assert "u100009\nu999999" in answer.text
    assert orders(opened) == 0
    assert "1件" in chief.follow(chief.send("/stops/new/accounts", {**REASON, "names": "u100009"}))


def test_an_orders_page_names_whom_it_stops_also_when_all_was_reached(opened: Office) -> None:
    chief = opened.browser("chief")
    chief.send("/stops/new/accounts", {**REASON, "names": "u100009"})
    carry_out(opened.cast)
    page = chief.page("/stops/1")
    assert "u100009" in page
    assert "青木　一郎" in page


def test_a_system_is_stopped_from_its_own_page_by_its_own_manager(opened: Office) -> None:
    system = opened.browser("system")
    with opened.database.reading() as session:
        system_id = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "ledger")).one()
    assert f"/stops/new/system/{system_id}" in system.page(f"/systems/{system_id}")
    assert "会計システム" in system.page(f"/stops/new/system/{system_id}")
    assert "0件／1件" in system.follow(system.send(f"/stops/new/system/{system_id}", REASON))
    assert "緊急停止中です" in system.page(f"/systems/{system_id}")
    assert system.open(form(opened)).status_code == 404


def test_a_card_is_stopped_from_its_own_page(office: Office) -> None:
    furnish(office.cast)
    lost = card(office.cast, "ledger")
    chief = office.browser("chief")
    assert f"/stops/new/card/{lost}" in chief.page(f"/authenticators/{lost}")
    assert "青木　一郎" in chief.page(f"/stops/new/card/{lost}")
    chief.follow(chief.send(f"/stops/new/card/{lost}", REASON))
    assert "紛失" in chief.page(f"/authenticators/{lost}")
    assert "カードそのものは紛失のままです" in chief.page("/stops/1")


@pytest.mark.parametrize("who", ["hr", "desk", "staff", "contractor", "auditor"])
def test_for_others_there_is_no_button(opened: Office, who: str) -> None:
    browser = opened.browser(who)
    assert browser.open(form(opened)).status_code == 404
    assert browser.send(form(opened), REASON).status_code in (403, 404)
    assert orders(opened) == 0


def test_a_violation_goes_from_report_over_guidance_to_the_stop(opened: Office) -> None:
    security, chief = opened.browser("security"), opened.browser("chief")
    person = opened.cast.people["staff"]
    assert f"/violations/new/{person}" in security.page(f"/people/{person}")
    assert security.send(f"/violations/new/{person}", {"what": " "}).status_code == 422
    page = security.follow(security.send(f"/violations/new/{person}", {"what": "他人のIDを使った", "clause": "5-4"}))
    assert "指導待ち" in page
    assert "すべての利用を止める" not in chief.page("/violations/1")
    security.follow(security.send("/violations/1/guidance", {"guidance": "注意した"}))
    security.follow(security.send("/violations/1/guidance-failed", {"note": "また使った"}))
    assert "すべての利用を止める" in chief.page("/violations/1")
    chief.follow(chief.send("/violations/1/stop", {"reason": "改善されない"}))
    assert "利用停止中" in security.page("/violations")
    security.follow(security.send("/violations/1/closed", {"closing_note": "終わり"}))


def test_nobody_reads_of_their_own_violation(opened: Office) -> None:
    chief, security = opened.browser("chief"), opened.browser("security")
    chief.send(f"/violations/new/{opened.cast.people['security']}", {"what": "共用した"})
    assert security.open("/violations/1").status_code == 404
    assert "香椎" not in security.page("/violations").partition("<main")[2]
    assert chief.open("/violations/1").status_code == 200


def test_what_an_operator_stopped_is_confirmed_on_its_page(opened: Office) -> None:
    operator = Operator("運用　四郎", "root")
    with opened.database.writing() as session:
        from_console.stop_person(
            session, "100009", Why("侵入の疑い"), operator=operator, policy=opened.cast.policy, now=opened.now
        )  # fmt: skip
    auditor, chief = opened.browser("auditor"), opened.browser("chief")
    assert "運用　四郎" in auditor.page("/stops/1")
    assert "確かめた</button>" not in auditor.page("/stops/1")
    page = chief.page("/stops/1")
    assert "コマンドでの停止の確認" in page
    after = chief.follow(chief.send("/stops/1/confirmation", {}))
    assert "確認した責任者" in after
    assert "コマンドでの停止の確認" not in after
    assert "運用　四郎" in opened.browser("chief").page("/stops")
