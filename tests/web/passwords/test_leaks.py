"""Reports of leaked passwords at a browser: two clicks, everybody signed out, and how long it took (E6)."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from idm.models.people import Person
from idm.models.privileged import LeakReport
from idm.models.sign_in import SignIn
from idm.models.systems import Account
from idm.passwords.password_hashing import nobodys_hash
from tests.carried_out import carry_out
from tests.cast import NOW
from tests.web.office import Office
from tests.web.test_unpublished import NEWCOMER, announce


@pytest.fixture
def opened(office: Office) -> Office:
    """The office, where 青木 has an ID that was handed over."""
    office.cast.approve(office.cast.file("staff", ("staff", "ledger/account")))
    carry_out(office.cast)
    with office.database.writing() as session:
        session.scalars(select(Account)).one().handed_over_at = NOW
    return office


def form_of(office: Office, who: str = "staff") -> str:
    return f"/people/{office.cast.people[who]}/leak"


def everything(office: Office) -> dict[str, str | int | list[str | int]]:
    with office.database.reading() as session:
        return {"account_id": [session.scalars(select(Account.id)).one()], "own_password": "1", "note": ""}


def reports(office: Office) -> list[LeakReport]:
    with office.database.reading() as session:
        return list(session.scalars(select(LeakReport)))


def test_it_is_two_clicks_from_ones_own_page_with_everything_chosen(opened: Office) -> None:
    staff = opened.browser("staff")
    assert form_of(opened) in staff.page("/me")
    page = staff.page(form_of(opened))
    assert page.count("checked") == 2
    assert "届け出て、すぐに止める" in page


@pytest.mark.asvs("7.4.3")
def test_whoever_reports_their_own_is_signed_out_everywhere_and_told_what_to_do(opened: Office) -> None:
    staff, elsewhere = opened.browser("staff"), opened.browser("staff")
    answer = staff.send(form_of(opened), everything(opened))
    assert answer.status_code == 200
    assert "窓口へ行き" in answer.text
    assert staff.open("/me").status_code == 302
    assert elsewhere.open("/me").status_code == 302
    assert len(reports(opened)) == 1


def test_the_desk_reports_for_somebody_and_stays_signed_in(opened: Office) -> None:
    desk, staff = opened.browser("desk"), opened.browser("staff")
    assert form_of(opened) in desk.page(f"/people/{opened.cast.people['staff']}")
    page = desk.follow(desk.send(form_of(opened), everything(opened)))
    assert "届出を受け付けました" in page
    assert "青木　一郎" in page
    assert staff.open("/me").status_code == 302


@pytest.mark.parametrize("who", ["other", "hr", "contractor"])
def test_for_others_there_is_no_such_form(opened: Office, who: str) -> None:
    browser = opened.browser(who)
    assert browser.open(form_of(opened)).status_code == 404
    assert browser.send(form_of(opened), everything(opened)).status_code in (403, 404, 409)
    assert reports(opened) == []


@pytest.mark.asvs("8.2.3")
def test_of_an_unpublished_person_the_desk_hears_what_it_hears_of_nobody(office: Office) -> None:
    announce(office.cast)
    with office.database.writing() as session:
        newcomer = session.scalars(select(Person.id).where(Person.name == NEWCOMER)).one()
        session.add(SignIn(person_id=newcomer, name="newcomer", password_hash=nobodys_hash()))
    desk = office.browser("desk")
    for person_id in (newcomer, 9999):
        assert desk.send(f"/people/{person_id}/leak", {"own_password": "1", "note": ""}).status_code == 404
        assert desk.open(f"/people/{person_id}/leak").status_code == 404


def test_nothing_chosen_is_said_on_the_page(opened: Office) -> None:
    answer = opened.browser("staff").send(form_of(opened), {"note": "わからない"})
    assert answer.status_code == 422
    assert "一つ以上選んでください" in answer.text
    assert "わからない" in answer.text


def test_how_long_it_took_stands_in_the_list(opened: Office) -> None:
    opened.browser("desk").send(form_of(opened), everything(opened))
    security = opened.browser("security")
    assert "取替え中" in security.page("/leaks")
    with opened.database.writing() as session:
        session.scalars(select(LeakReport)).one().replaced_at = NOW + timedelta(seconds=95)
    assert "1分35秒" in security.page("/leaks")
    assert opened.browser("staff").open("/leaks").status_code == 404
