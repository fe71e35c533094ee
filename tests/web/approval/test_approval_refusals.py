"""Every refusal of a decision comes back as a page with its code and a way on, and is in the audit record."""

from threading import Barrier, Thread

from idm.models.people import Person
from idm.models.requests import Request
from idm.request_state import LineState
from idm.vocabulary import RequestAction, Role
from tests.web.deciding import (
    decision,
    deputise,
    end_tenures,
    hold,
    refused,
    states,
    step_id,
)
from tests.web.office import Fields, Office


def test_one_does_not_decide_on_ones_own_application(office: Office) -> None:
    filed = office.cast.file("system", ("desk", "ledger/account"))
    page = refused(office, decision(office, "system", filed, Role.SYSTEM), "SOD-1", filed)
    assert "自分が申請したものを自分で決裁することはできません" in page
    assert "決裁する</button>" not in office.browser("system").page(f"/requests/{filed}")


def test_one_does_not_decide_on_an_application_about_oneself(office: Office) -> None:
    filed = office.cast.file("hr", ("chief", "ledger/account"))
    refused(office, decision(office, "chief", filed, Role.CHIEF), "SOD-2", filed)


def test_a_deputy_does_not_decide_for_the_applicant(office: Office) -> None:
    deputise(office.cast, "system", "hr", Role.SYSTEM)
    filed = office.cast.file("system", ("desk", "ledger/account"))
    refused(office, decision(office, "hr", filed, Role.SYSTEM), "SOD-3", filed)


def test_one_does_not_decide_two_steps_of_one_line(office: Office) -> None:
    end_tenures(office.cast, Role.SYSTEM)
    hold(office.cast, "chief", Role.SYSTEM, "0600")
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    assert decision(office, "chief", filed, Role.CHIEF).status_code == 302
    refused(office, decision(office, "chief", filed, Role.SYSTEM), "SOD-4", filed)


def test_the_same_human_under_another_row_is_the_same_human(office: Office) -> None:
    with office.database.writing() as session:
        for who in ("chief", "staff"):
            session.get_one(Person, office.cast.people[who]).match_key = "a" * 64
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    refused(office, decision(office, "chief", filed, Role.CHIEF), "SOD-1", filed)


def test_an_auditor_decides_nothing(office: Office) -> None:
    hold(office.cast, "auditor", Role.CHIEF)
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    refused(office, decision(office, "auditor", filed, Role.CHIEF), "SOD-6", filed)


def test_a_contractor_decides_nothing_whatever_role_is_written_beside_their_name(office: Office) -> None:
    for role in (Role.SECURITY, Role.CHIEF):
        hold(office.cast, "contractor", role)
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    assert decision(office, "contractor", filed, Role.CHIEF).status_code == 404, "for them it is not even there"


def test_conflicting_rights_are_not_approved_and_the_page_warns_before(office: Office) -> None:
    cast = office.cast
    first = cast.file("staff", ("staff", "ledger/account"), ("staff", "ledger/enter"))
    for line in (0, 1):
        cast.approve(first, line=line)
    second = cast.file("staff", ("staff", "ledger/approve"), action=RequestAction.CHANGE)
    assert "「伝票入力」とは同時に持てません（SOD-8）" in office.browser("chief").page(f"/requests/{second}")
    refused(office, decision(office, "chief", second, Role.CHIEF), "SOD-8", second)
    assert decision(office, "chief", second, Role.CHIEF, "reject").status_code == 302


def test_whoever_has_no_seat_is_told_so(office: Office) -> None:
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    refused(office, decision(office, "hr", filed, Role.CHIEF), "NOT-SEATED", filed, 403)
    refused(office, decision(office, "chief", filed, Role.SYSTEM), "NOT-SEATED", filed, 403)


def test_a_decision_on_something_else_than_was_shown_is_refused(office: Office) -> None:
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    browser = office.browser("chief")
    page = browser.page(f"/requests/{filed}").split('class="decision"')[1]
    with office.database.writing() as session:
        session.get_one(Request, filed).reason = "書き換えられた理由"
    fields: Fields = {f"verdict-{step_id(office.cast, filed, Role.CHIEF)}": "approve", "comment": "確認しました"}
    refused(office, browser.send_on(page, f"/requests/{filed}/decide", fields), "CONTENT-CHANGED", filed)
    for stale in ("", "0" * 64):
        answer = decision(office, "chief", filed, Role.CHIEF, shown_hash=stale)
        refused(office, answer, "CONTENT-CHANGED", filed)
    assert states(office.cast, filed) == [LineState.PENDING]


def test_what_somebody_else_decided_first_is_told(office: Office) -> None:
    hold(office.cast, "security", Role.CHIEF)
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    assert decision(office, "chief", filed, Role.CHIEF).status_code == 302
    page = refused(office, decision(office, "security", filed, Role.CHIEF), "DECIDED-MEANWHILE", filed)
    assert "申請のいまの内容を見る" in page


def test_of_two_at_once_exactly_one_decides(office: Office) -> None:
    hold(office.cast, "security", Role.CHIEF)
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    start, answers = Barrier(2), []

    def press(who: str) -> None:
        start.wait()
        answers.append(decision(office, who, filed, Role.CHIEF).status_code)

    pressing = [Thread(target=press, args=(who,)) for who in ("chief", "security")]
    for thread in pressing:
        thread.start()
    for thread in pressing:
        thread.join()
    assert sorted(answers) == [302, 409]


def test_a_withdrawn_application_is_not_decided(office: Office) -> None:
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    browser = office.browser("staff")
    browser.send_on(browser.page(f"/requests/{filed}/withdraw"), f"/requests/{filed}/withdraw", {})
    answer = decision(office, "chief", filed, Role.CHIEF)
    refused(office, answer, "STATE", filed)
    assert "「終了」の状態のため" in answer.text


def test_opening_the_link_of_a_notice_decides_nothing(office: Office) -> None:
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    browser = office.browser("chief")
    assert browser.open(f"/requests/{filed}/decide").status_code == 405
    browser.page(f"/requests/{filed}?verdict-1=approve&comment=x")
    assert states(office.cast, filed) == [LineState.PENDING]
