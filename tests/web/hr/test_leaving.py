"""Checklists of leavers at the browser: who sees which, and what can be recorded."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from idm.actor import Actor
from idm.models.leaving import LeavingChecklist, ReturnItem, ReturnState
from idm.operations.rights import leaving
from tests.cast import NOW, TODAY
from tests.web.office import Office

JOB = Actor.job("tests.web.leaving")


def leave(office: Office, who: str, end: date = TODAY + timedelta(days=3)) -> None:
    """The person leaves on that day, and the calendar has run."""
    with office.database.writing() as session:
        office.cast.employment(session, who).valid_until = end
    with office.database.writing() as session:
        leaving.follow(session, policy=office.cast.policy, actor=JOB, now=NOW)


def items(office: Office) -> list[ReturnItem]:
    with office.database.reading() as session:
        return list(session.scalars(select(ReturnItem).order_by(ReturnItem.id)))


@pytest.mark.parametrize("who", ["staff", "ciso", "chief", "auditor"])
def test_for_others_there_is_no_page(office: Office, who: str) -> None:
    leave(office, "staff")
    assert {office.browser(who).open(path).status_code for path in ("/leaving", "/leaving/1")} == {404}


def test_the_section_manager_sees_own_people_and_what_is_overdue(office: Office) -> None:
    leave(office, "staff", TODAY - timedelta(days=1))
    leave(office, "desk")
    page = office.browser("security").page("/leaving")
    assert "青木　一郎" in page
    assert "期限を過ぎています" in page
    assert "西新　町子" not in page
    assert office.browser("system").open("/leaving/1").status_code == 404
    assert "西新　町子" in office.browser("hr").page("/leaving")


def test_a_thing_is_recorded_and_the_last_one_closes_the_checklist(office: Office) -> None:
    leave(office, "staff")
    browser = office.browser("security")
    for item in items(office):
        page = browser.follow(
            browser.send(f"/leaving/1/items/{item.id}", {"state": "returned", "note": ""}, shown="/leaving/1")
        )
    assert "すべて確かめられました" in page
    with office.database.reading() as session:
        assert session.scalars(select(LeavingChecklist)).one().closed_at is not None
    assert "確認済み" in browser.page("/leaving")


def test_a_loss_without_a_note_and_an_answer_without_a_choice_are_told_at_their_fields(office: Office) -> None:
    leave(office, "staff")
    browser, item = office.browser("security"), items(office)[0]
    answer = browser.send(f"/leaving/1/items/{item.id}", {"state": "lost"}, shown="/leaving/1")
    assert (answer.status_code, f'href="#note-{item.id}"' in answer.text) == (422, True)
    answer = browser.send(f"/leaving/1/items/{item.id}", {"state": "stolen"}, shown="/leaving/1")
    assert (answer.status_code, f'href="#state-{item.id}"' in answer.text) == (422, True)
    assert {one.state for one in items(office)} == {ReturnState.OPEN}


def test_a_correction_is_written_beneath_the_note(office: Office) -> None:
    leave(office, "staff")
    browser, item = office.browser("hr"), items(office)[0]
    browser.send(f"/leaving/1/items/{item.id}", {"state": "lost", "note": "見当たらない"}, shown="/leaving/1")
    answer = browser.send(f"/leaving/1/items/{item.id}/notes", {"note": ""}, shown="/leaving/1")
    assert answer.status_code == 422
    page = browser.follow(browser.send(f"/leaving/1/items/{item.id}/notes", {"note": "机にあった"}, shown="/leaving/1"))
    assert "見当たらない<br>〔令和8年4月1日 薬院　大通〕机にあった" in page


def test_a_leaver_sees_no_form_for_their_own_things_and_sending_one_is_refused(office: Office) -> None:
    leave(office, "hr")
    browser, item = office.browser("hr"), items(office)[0]
    page = browser.page("/leaving/1")
    assert "自分の返却物は記録できません" in page
    assert "記録する</button>" not in page
    assert browser.send(f"/leaving/1/items/{item.id}", {"state": "returned"}).status_code == 403
    assert items(office)[0].state is ReturnState.OPEN


def test_another_units_manager_who_sends_the_form_is_refused(office: Office) -> None:
    leave(office, "staff")
    answer = office.browser("system").send(f"/leaving/1/items/{items(office)[0].id}", {"state": "returned"})
    assert answer.status_code == 403
