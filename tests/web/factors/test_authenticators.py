"""The register of authenticators and reports of losses at a browser: two clicks to stop, another person to destroy."""

import csv
import io
import re

import pytest
from sqlalchemy import select

from idm.factors.authenticator_state import AuthenticatorState
from idm.models.authenticators import Authenticator, LossReport
from idm.models.officers import Officer
from idm.models.systems import Account, InformationSystem
from idm.operations.signing_in import own_factors
from idm.vocabulary import BY_HAND, AuthenticatorKind, Role, Stage
from tests.authenticator_office import activate, at_desk, card, end, furnish, held, issue, lose, state, system_id
from tests.cast import TODAY
from tests.web.office import Browser, Office

LOOKING = ["/authenticators", "/authenticators.csv", "/losses"]
LOSS = re.compile(r'href="(/authenticators/\d+/loss)"')


@pytest.fixture
def furnished(office: Office) -> Office:
    """青木 has accounts in two systems where a product verifies factors."""
    furnish(office.cast)
    return office


def of_person(office: Office, who: str = "staff") -> str:
    return f"/people/{office.cast.people[who]}"


def state_of(office: Office, one: int) -> AuthenticatorState:
    return state(office.cast, one)


@pytest.mark.parametrize("path", LOOKING)
@pytest.mark.parametrize("who", ["staff", "hr", "contractor"])
def test_for_others_there_is_no_register(furnished: Office, path: str, who: str) -> None:
    assert furnished.browser(who).open(path).status_code == 404


@pytest.mark.parametrize("path", LOOKING)
@pytest.mark.parametrize("who", ["desk", "security", "chief", "ciso", "auditor", "system"])
def test_officers_desk_and_auditor_see_it(furnished: Office, path: str, who: str) -> None:
    assert furnished.browser(who).open(path).status_code == 200


def test_the_navigation_leads_there(furnished: Office) -> None:
    assert 'href="/authenticators"' in furnished.browser("desk").page("/handovers")
    assert 'href="/authenticators"' not in furnished.browser("staff").page("/")


def test_the_desk_issues_a_card_and_puts_it_to_use(furnished: Office) -> None:
    desk, person = furnished.browser("desk"), of_person(furnished)
    form = desk.page(f"{person}/authenticators/new")
    assert f'href="{person}/authenticators/new"' in desk.page(person)
    page = desk.follow(
        desk.send_on(form, f"{person}/authenticators", {"kind": "ic_card", "label": "A-1", "replaces": ""})
    )
    assert "交付済み（使用開始前）" in page
    with furnished.database.reading() as session:
        one, ledger = session.scalars(select(Authenticator.id)).one(), system_id(session, "ledger")
    page = desk.follow(
        desk.send_on(page, f"/authenticators/{one}/activation", {"systems": [ledger], "received": "yes"})
    )
    assert "使用開始を記録しました" in page
    assert "会計システム：利用者ID" in page, "what a loss would stop is told beforehand"
    assert state_of(furnished, one) is AuthenticatorState.ACTIVE
    assert "ICカード A-1" in desk.page(person)


def test_what_is_wrong_is_told_at_its_field(furnished: Office) -> None:
    desk, person = furnished.browser("desk"), of_person(furnished)
    form = desk.page(f"{person}/authenticators/new")
    answer = desk.send_on(form, f"{person}/authenticators", {"kind": "ic_card", "label": ""})
    assert answer.status_code == 422
    assert "印字されている番号を入れてください" in answer.text
    assert desk.send_on(form, f"{person}/authenticators", {"kind": "x", "label": "1"}).status_code == 422
    assert desk.send_on(form, f"{person}/authenticators", {"kind": "totp", "label": "1"}).status_code == 422
    one = issue(furnished.cast)
    page = desk.page(f"/authenticators/{one}")
    answer = desk.send_on(page, f"/authenticators/{one}/activation", {"received": "yes"})
    assert (answer.status_code, "一つ以上選んで" in answer.text) == (422, True)


def test_only_systems_that_can_verify_it_are_offered(furnished: Office) -> None:
    one = issue(furnished.cast, kind=AuthenticatorKind.SMART_CARD)
    page = furnished.browser("desk").page(f"/authenticators/{one}")
    assert "ほかにありません" in page
    assert 'name="systems"' not in page


def test_nobody_else_sends_what_only_the_desk_does(furnished: Office) -> None:
    one = card(furnished.cast, "ledger")
    for who in ("staff", "system", "auditor"):
        browser = furnished.browser(who)
        for what in ("activation", "collection", "destruction", "recovery", "removal"):
            fields = {"systems": "1", "received": "yes"}
            assert browser.send(f"/authenticators/{one}/{what}", fields).status_code in {403, 409}
        sent = browser.send(f"{of_person(furnished)}/authenticators", {"kind": "ic_card", "label": "9"})
        assert sent.status_code == 403
    assert state_of(furnished, one) is AuthenticatorState.ACTIVE


def test_ones_own_card_has_a_page_that_offers_nothing_at_the_desk(furnished: Office) -> None:
    at_desk(furnished.cast, "other")
    own = issue(furnished.cast, to="desk", by="other")
    desk = furnished.browser("desk")
    page = desk.page(f"/authenticators/{own}")
    assert "ほかの担当者に頼んで" in page
    assert "/activation" not in page
    assert desk.send_on(page, f"/authenticators/{own}/collection", {}).status_code in {400, 409}
    assert f"/people/{furnished.cast.people['desk']}/authenticators" not in desk.page(of_person(furnished, "desk"))


def test_a_loss_is_two_clicks_from_home_without_a_fresh_factor_and_says_what_it_stops(furnished: Office) -> None:
    one = card(furnished.cast, "ledger")
    staff = furnished.browser("staff")
    furnished.pass_by(minutes=9)
    assert 'href="/me"' in staff.page("/")
    form = LOSS.search(staff.page("/me"))
    assert form is not None
    page = staff.page(form[1])
    assert "この届出で止まるもの" in page
    assert "会計システム：利用者ID" in page
    assert "年金システム" not in page
    answer = staff.send_on(page, form[1], {"circumstances": ""})
    page = staff.follow(answer)
    assert "この届出で、次の利用を止めました。（会計システム：利用者ID）" in page
    assert "届出済み" in page
    assert state_of(furnished, one) is AuthenticatorState.LOST
    assert held(furnished.cast)["ledger"][1]


def factor_grows_old(office: Office, browser: Browser) -> None:
    """Somebody goes on working until the second factor they gave is not fresh any more."""
    for _ in range(2):
        office.pass_by(minutes=office.cast.policy.sign_in.step_up_minutes / 2 + 1)
        browser.page("/")


def test_a_loss_is_reported_after_the_second_factor_has_grown_old(furnished: Office) -> None:
    one = card(furnished.cast, "ledger")
    staff = furnished.browser("staff")
    factor_grows_old(furnished, staff)
    page = staff.page(f"/authenticators/{one}/loss")
    assert staff.send_on(page, f"/authenticators/{one}/loss", {}).status_code == 302
    assert state_of(furnished, one) is AuthenticatorState.LOST


def test_what_the_desk_does_waits_for_a_fresh_factor(furnished: Office) -> None:
    one = card(furnished.cast, "ledger")
    desk = furnished.browser("desk")
    factor_grows_old(furnished, desk)
    page = desk.page(f"/authenticators/{one}")
    assert desk.send_on(page, f"/authenticators/{one}/collection", {}).status_code == 401
    assert state_of(furnished, one) is AuthenticatorState.ACTIVE


@pytest.mark.parametrize(("who", "status"), [("other", 404), ("hr", 404), ("auditor", 404), ("system", 404)])
def test_nobody_reports_what_is_none_of_their_business(furnished: Office, who: str, status: int) -> None:
    one = card(furnished.cast, "ledger")
    browser = furnished.browser(who)
    assert browser.open(f"/authenticators/{one}/loss").status_code == status
    assert browser.send(f"/authenticators/{one}/loss", {}).status_code == 403
    assert state_of(furnished, one) is AuthenticatorState.ACTIVE


def test_what_was_typed_is_kept_when_it_cannot_be_accepted(furnished: Office) -> None:
    one = card(furnished.cast, "ledger")
    staff = furnished.browser("staff")
    page = staff.page(f"/authenticators/{one}/loss")
    answer = staff.send_on(page, f"/authenticators/{one}/loss", {"circumstances": "電車で\u202e"})
    assert (answer.status_code, "電車で" in answer.text) == (422, True)


def test_a_lost_own_factor_ends_the_very_session_in_which_it_was_reported(furnished: Office) -> None:
    staff = furnished.browser("staff")
    with furnished.database.writing() as session:
        own = own_factors.register(
            session, person_id=furnished.cast.people["staff"], kind=AuthenticatorKind.PASSKEY, label="電話",
            replaces=None, now=furnished.now,
        ).id  # fmt: skip
    form = LOSS.search(staff.page("/me"))
    assert form is not None
    page = staff.page(form[1])
    assert "いま開いているサインインも、すべてすぐに終わります" in page
    staff.send_on(page, form[1], {})
    assert state_of(furnished, own) is AuthenticatorState.WITHDRAWN
    assert staff.open("/me").headers["Location"].startswith("/sign-in")


def test_a_card_that_is_lost_already_has_a_form_that_says_so(furnished: Office) -> None:
    one = card(furnished.cast, "ledger")
    lose(furnished.cast, one)
    staff = furnished.browser("staff")
    assert "届け出る必要はありません" in staff.page(f"/authenticators/{one}/loss")
    assert staff.send(f"/authenticators/{one}/loss", {}).status_code == 409


def test_the_desk_records_that_it_was_found_and_says_what_is_back(furnished: Office) -> None:
    one = card(furnished.cast, "ledger")
    lose(furnished.cast, one)
    desk = furnished.browser("desk")
    page = desk.page(f"/authenticators/{one}")
    assert "紛失のため止まっているもの" in page
    page = desk.follow(desk.send_on(page, f"/authenticators/{one}/recovery", {}))
    assert "紛失による停止を解きました" in page
    assert not held(furnished.cast)["ledger"][1]


def test_a_loss_says_what_somebody_else_has_to_stop(furnished: Office) -> None:
    with furnished.database.writing() as session:
        session.get_one(InformationSystem, system_id(session, "pension")).stage = Stage.OBSERVE
        session.get_one(InformationSystem, system_id(session, "ledger")).connector = BY_HAND
    one = card(furnished.cast, "ledger", "pension")
    staff = furnished.browser("staff")
    form = staff.page(f"/authenticators/{one}/loss")
    assert "観察の段階のため idm は止められません" in form
    assert "手作業の指示書が出ます" in form
    assert "すぐに止まります。" not in form
    page = staff.follow(staff.send_on(form, f"/authenticators/{one}/loss", {}))
    assert "手作業の指示書を出しました。作業が終わるまで、止まっていません。（会計システム：利用者ID）" in page
    assert "管理者が手で止めてください。（年金システム：利用者ID）" in page
    assert "観察の段階のため idm は止められません" in furnished.browser("security").page(report_of(furnished))


def test_the_desk_records_that_a_lost_card_was_removed_from_the_product(furnished: Office) -> None:
    one = card(furnished.cast, "ledger", "pension")
    lose(furnished.cast, one)
    desk = furnished.browser("desk")
    page = desk.page(f"/authenticators/{one}")
    assert desk.send_on(page, f"/authenticators/{one}/removal", {}).status_code == 422
    with furnished.database.reading() as session:
        ledger = system_id(session, "ledger")
    page = desk.follow(desk.send_on(page, f"/authenticators/{one}/removal", {"removed": [ledger]}))
    assert "登録の削除を記録しました" in page
    assert "紛失した認証要素の登録を製品から削除" in page
    assert {code: lost for code, (_, lost) in held(furnished.cast).items()} == {"ledger": False, "pension": True}


def test_a_collected_card_that_vanished_is_reported_on_its_page(furnished: Office) -> None:
    one = card(furnished.cast, "ledger")
    end(furnished.cast, "collect", one)
    desk = furnished.browser("desk")
    assert f'href="/authenticators/{one}/loss"' in desk.page(f"/authenticators/{one}")
    form = desk.page(f"/authenticators/{one}/loss")
    assert "止まる利用はありません" in form
    desk.follow(desk.send_on(form, f"/authenticators/{one}/loss", {}))
    assert state_of(furnished, one) is AuthenticatorState.LOST
    assert "紛失" in furnished.browser("security").page(report_of(furnished))


def test_a_destruction_waits_for_somebody_elses_sign_in(furnished: Office) -> None:
    one = issue(furnished.cast)
    end(furnished.cast, "collect", one)
    desk, system = furnished.browser("desk"), furnished.browser("system")
    page = desk.follow(desk.send_on(desk.page(f"/authenticators/{one}"), f"/authenticators/{one}/destruction", {}))
    assert "立会い" in page
    assert f"/authenticators/{one}/witness" not in page
    assert desk.send(f"/authenticators/{one}/witness", {}).status_code == 409
    assert f'href="/authenticators/{one}"' in system.page("/authenticators?witness=waiting")
    page = system.page(f"/authenticators/{one}")
    page = system.follow(system.send_on(page, f"/authenticators/{one}/witness", {}))
    assert state_of(furnished, one) is AuthenticatorState.DESTROYED
    assert "西新　町子" in page
    assert "箱崎　花子" in page


def test_a_witness_who_saw_nothing_sends_it_back(furnished: Office) -> None:
    one = issue(furnished.cast)
    end(furnished.cast, "collect", one)
    end(furnished.cast, "destroy", one)
    system = furnished.browser("system")
    page = system.page(f"/authenticators/{one}")
    assert "廃棄されていないと記録" in system.follow(system.send_on(page, f"/authenticators/{one}/denial", {}))
    assert state_of(furnished, one) is AuthenticatorState.COLLECTED


def report_of(office: Office) -> str:
    with office.database.reading() as session:
        return f"/losses/{session.scalars(select(LossReport.id)).one()}"


def test_the_follow_up_is_closed_on_its_page_by_another(furnished: Office) -> None:
    lose(furnished.cast, card(furnished.cast, "ledger"), by="security", text="駅で")
    path = report_of(furnished)
    involved = furnished.browser("security")
    assert "ほかの責任者に頼んで" in involved.page(path)
    assert involved.send(f"{path}/closure", {"outcome": "given_up", "note": "済み"}).status_code == 409
    chief = furnished.browser("chief")
    page = chief.page(path)
    assert "駅で" in page
    assert chief.send_on(page, f"{path}/closure", {"note": "済み"}).status_code == 422
    page = chief.follow(chief.send_on(page, f"{path}/closure", {"outcome": "given_up", "note": "探したが無い"}))
    assert "探したが無い" in page
    assert "見つからず、代わりも出さない" in chief.page("/losses?state=closed")
    assert path not in chief.page("/losses")


def test_the_desk_sees_a_report_and_closes_none(furnished: Office) -> None:
    lose(furnished.cast, card(furnished.cast, "ledger"))
    path = report_of(furnished)
    desk = furnished.browser("desk")
    assert "/closure" not in desk.page(path)
    assert desk.send(f"{path}/closure", {"outcome": "given_up", "note": "済み"}).status_code == 403


def only_section_manager(office: Office, who: str = "other", unit: str = "0900") -> Browser:
    """今泉 manages the people of one unit, by default 監査室's: nobody of 総務課."""
    with office.database.writing() as session:
        first = session.scalars(select(Officer.first_record_id)).first()
        session.add(
            Officer(
                role=Role.SECTION, person_id=office.cast.people[who], unit_code=unit, valid_from=TODAY,
                first_record_id=first,
            )
        )  # fmt: skip
    return office.browser(who)


@pytest.mark.asvs("8.2.2")
def test_a_section_manager_sees_the_cards_and_losses_of_their_own_unit_only(furnished: Office) -> None:
    theirs = issue(furnished.cast, "T-1", to="auditor")
    others = card(furnished.cast, "ledger", label="O-1")
    lose(furnished.cast, others)
    manager = only_section_manager(furnished)
    page = manager.page("/authenticators")
    assert "T-1" in page
    assert "O-1" not in page
    assert "O-1" not in manager.page("/authenticators.csv")
    assert "O-1" not in manager.page("/losses")
    assert manager.open(f"/authenticators/{others}").status_code == 404
    assert manager.open(report_of(furnished)).status_code == 404
    assert manager.open(f"/authenticators/{theirs}").status_code == 200
    assert "O-1" not in manager.page(of_person(furnished))


def test_the_register_is_narrowed_by_kind_state_system_and_name(furnished: Office) -> None:
    card(furnished.cast, "ledger", label="IN-USE")
    issue(furnished.cast, "WAITING", to="other", kind=AuthenticatorKind.HARDWARE_TOKEN)
    with furnished.database.reading() as session:
        ledger = system_id(session, "ledger")
    auditor = furnished.browser("auditor")
    for narrowed in ("kind=ic_card", "state=active", f"system={ledger}", "q=青木", "q=IN-USE", "q=アオキ"):
        page = auditor.page(f"/authenticators?{narrowed}")
        assert "IN-USE" in page, narrowed
        assert "WAITING</a>" not in page, narrowed
    page = auditor.page("/authenticators?kind=nonsense&page=99&system=x")
    assert "IN-USE" in page
    assert "WAITING" in page


def test_the_file_has_every_row_and_no_formula(furnished: Office) -> None:
    card(furnished.cast, "ledger", label="=1+1")
    issue(furnished.cast, "PLAIN", to="other")
    answer = furnished.browser("auditor").open("/authenticators.csv")
    assert answer.headers["Content-Type"].startswith("text/csv")
    heading, *rows = csv.reader(io.StringIO(answer.data.decode("utf-8-sig")))
    assert heading[:2] == ["種類", "番号"]
    assert [row[1] for row in rows] == ["PLAIN", "'=1+1"]
    assert rows[1][3:7] == ["使用中", "青木　一郎", "アオキ　イチロウ", "会計システム"]


def test_the_life_of_one_is_on_its_page(furnished: Office) -> None:
    one = issue(furnished.cast)
    activate(furnished.cast, one, "ledger")
    lose(furnished.cast, one)
    page = furnished.browser("auditor").page(f"/authenticators/{one}")
    for words in ("認証要素を交付", "認証要素の使用を開始", "認証要素の紛失の届出", "西新　町子", "青木　一郎"):
        assert words in page


@pytest.mark.parametrize("path", ["/authenticators/999", "/authenticators/999/loss", "/losses/999"])
def test_what_is_not_there_is_not_found(furnished: Office, path: str) -> None:
    assert furnished.browser("security").open(path).status_code == 404


def seen(office: Office, *, enabled: bool) -> None:
    """The worker has read 青木's account in the ledger."""
    with office.database.writing() as session:
        account = session.scalars(
            select(Account).where(
                Account.person_id == office.cast.people["staff"], Account.system_id == system_id(session, "ledger")
            )
        ).one()
        account.seen_present, account.seen_enabled = True, enabled


def test_who_reports_a_loss_sees_how_far_the_stop_has_come_until_it_has_arrived(furnished: Office) -> None:
    one = card(furnished.cast, "ledger")
    seen(furnished, enabled=True)
    manager = only_section_manager(furnished, unit="0100")
    form = manager.page(f"/authenticators/{one}/loss")
    sent = manager.send_on(form, f"/authenticators/{one}/loss", {})
    assert sent.headers["Location"].endswith(f"/authenticators/{one}/loss/progress")
    page = manager.follow(sent)
    assert "0件／1件が止まりました" in page
    assert "まだ届いていない利用者ID" in page
    progress = f"/authenticators/{one}/loss/progress"
    assert manager.open(progress).headers["Refresh"].startswith("3;")
    seen(furnished, enabled=False)
    done = manager.open(progress)
    assert "1件／1件が止まりました" in done.get_data(as_text=True)
    assert not done.headers["Refresh"].startswith("3;")
    assert furnished.browser("vice").open(progress).status_code == 404
