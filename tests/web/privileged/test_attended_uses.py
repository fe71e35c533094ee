"""A registered ID used by a contractor whom the manager named, while a member of staff is there (control D3)."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from idm.models.officers import Deputy
from idm.models.privileged import PrivilegedUse
from idm.vocabulary import Role, UseState
from tests.cast import TODAY
from tests.web.office import Browser, Office
from tests.web.privileged_office import PASSWORD, ask, seal, with_holder, with_registered, work

FORM = {"purpose": "監視設定の保守", "ticket": "契約-7", "hours": "2", "from": "now", "check_out": "yes"}
NAMED = {"person": "900001", "attended_by": "100009"}


@pytest.fixture
def shared(office: Office) -> int:
    return with_registered(office)


@pytest.fixture
def manager(office: Office, shared: int) -> Browser:
    return office.browser("system")


@pytest.fixture
def permitted(office: Office, shared: int, manager: Browser) -> Browser:
    """The browser of the contractor whom the manager named, whose use is permitted at /privileged-uses/1."""
    answer = manager.send("/privileged-uses", {**FORM, **NAMED, "account": shared})
    assert answer.status_code == 302, answer.text
    assert "idm-use" not in answer.headers.get("Set-Cookie", "")
    assert office.browser("security").send("/privileged-uses/1/permission", {"comment": "確認"}).status_code == 302
    return office.browser("contractor")


def state(office: Office) -> UseState:
    with office.database.reading() as session:
        return session.scalars(select(PrivilegedUse.state).order_by(PrivilegedUse.id.desc())).first() or UseState.LAPSED


def test_the_manager_is_offered_the_registered_ids_of_their_system_and_may_name_a_contractor(
    shared: int, manager: Browser
) -> None:
    assert "登録されたID：監視画面の当番" in manager.page("/privileged-uses")
    assert "委託事業者に使わせるとき" in manager.page(f"/privileged-uses/new?account={shared}")


@pytest.mark.parametrize("who", ["contractor", "staff"])
def test_nobody_else_is_offered_them_or_asks(office: Office, shared: int, who: str) -> None:
    browser = office.browser(who)
    assert browser.open(f"/privileged-uses/new?account={shared}").status_code == 404
    assert browser.send("/privileged-uses", {**FORM, "account": shared}).status_code in (403, 409)
    assert browser.send("/privileged-uses/emergency", {**FORM, "account": shared}).status_code in (403, 409)


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"attended_by": ""}, "attended_by"), ({"person": "100010"}, "person"), ({"person": "999999"}, "person")],
)
def test_whoever_is_named_is_a_contractor_with_somebody_there(
    shared: int, manager: Browser, changed: dict[str, str], field: str
) -> None:
    answer = manager.send("/privileged-uses", {**FORM, **NAMED, "account": shared, **changed})
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text


def test_it_opens_when_the_named_person_says_that_they_are_there(office: Office, permitted: Browser) -> None:
    work(office)
    assert state(office) is UseState.APPROVED
    assert "青木　一郎さんが立会いを記録すると始まります" in permitted.page("/privileged-uses/1")
    attendant = office.browser("staff")
    assert "あなたの立会い" in attendant.page("/")
    assert "立会いを記録する" in attendant.page("/privileged-uses/waiting")
    assert office.browser("other").send("/privileged-uses/1/attendance", {}).status_code == 404
    page = attendant.follow(attendant.send("/privileged-uses/1/attendance", {}))
    assert "立会いを記録しました" in page
    work(office)
    assert state(office) is UseState.OPEN


def test_the_contractor_receives_the_password_in_their_own_browser_and_nobody_else_does(
    office: Office, permitted: Browser, manager: Browser
) -> None:
    office.browser("staff").send("/privileged-uses/1/attendance", {})
    work(office)
    seal(office)
    assert "このブラウザーで受け取る" in permitted.page("/privileged-uses/1")
    permitted.follow(permitted.send("/privileged-uses/1/key", {}))
    seal(office)
    assert manager.send("/privileged-uses/1/password", {}).status_code == 404
    assert office.browser("staff").send("/privileged-uses/1/password", {}).status_code == 404
    assert PASSWORD in permitted.send("/privileged-uses/1/password", {}).text


def test_whoever_attends_stops_it_when_they_have_to_leave(office: Office, permitted: Browser) -> None:
    attendant = office.browser("staff")
    attendant.send("/privileged-uses/1/attendance", {})
    work(office)
    assert "この利用を止める" in attendant.page("/privileged-uses/1")
    attendant.follow(attendant.send("/privileged-uses/1/stop", {"reason": "席を離れるため"}))
    assert state(office) is UseState.ENDING
    assert office.browser("other").send("/privileged-uses/1/stop", {"reason": "x"}).status_code == 403


def test_the_manager_who_named_them_does_not_permit_it(office: Office, shared: int, manager: Browser) -> None:
    manager.send("/privileged-uses", {**FORM, **NAMED, "account": shared})
    assert "許可する</button>" not in manager.page("/privileged-uses/1")
    assert manager.send("/privileged-uses/1/permission", {"comment": "確認"}).status_code in (403, 409)
    assert state(office) is UseState.ASKED
    assert "取り下げました" in manager.follow(manager.send("/privileged-uses/1/withdrawal", {}))


def test_a_deputys_decision_is_shown_with_whom_they_acted_for(office: Office) -> None:
    account = with_holder(office)
    people = office.cast.people
    with office.database.writing() as session:
        session.add(
            Deputy(
                principal_id=people["chief"], role=Role.CHIEF, deputy_id=people["vice"], valid_from=TODAY,
                valid_until=TODAY + timedelta(days=10), named_at=office.now, accepted_by_id=people["ciso"],
                accepted_at=office.now,
            )
        )  # fmt: skip
    holder, deputy = office.browser("staff"), office.browser("vice")
    ask(office, holder, account)
    deputy.follow(deputy.send("/privileged-uses/1/permission", {"comment": "代わって確認した"}))
    said = "百道　浜男が天神　太郎を代決"
    for page in (holder.page("/privileged-uses/1"), office.browser("auditor").page("/privileged-uses/history")):
        assert said in page
