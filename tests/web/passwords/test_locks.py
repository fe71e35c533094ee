"""The help desk's page about a lock: what the directory said last, what can be asked, and for whom there is no page."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from idm.actor import Actor
from idm.models.help_desk import UnlockRequest
from idm.models.systems import Account
from idm.operations.passwords import unlocking
from idm.operations.passwords.unlocking import Answer
from idm.ports import Lockout
from tests.carried_out import carry_out
from tests.cast import NOW
from tests.web.office import Office

WORKER = Actor.job("tests.worker")


@pytest.fixture
def path(office: Office) -> str:
    """The page of 青木's account."""
    return page_of(office, "staff")


def page_of(office: Office, who: str) -> str:
    office.cast.approve(office.cast.file("hr", (who, "ledger/account")))
    carry_out(office.cast)
    with office.database.reading() as session:
        found = session.scalars(select(Account.id).where(Account.person_id == office.cast.people[who])).one()
    return f"/accounts/{found}/lock"


def worker_says(office: Office, given: Answer) -> None:
    with office.database.writing() as session:
        for request in session.scalars(select(UnlockRequest).where(UnlockRequest.answered_at.is_(None))):
            unlocking.answer(session, request.id, given, actor=WORKER, policy=office.cast.policy, now=NOW)


@pytest.mark.parametrize("who", ["staff", "hr", "system", "auditor", "ciso"])
def test_for_others_there_is_no_page_and_nothing_to_send(office: Office, path: str, who: str) -> None:
    browser = office.browser(who)
    assert browser.open(path).status_code == 404
    assert browser.send(path, {}).status_code == 403


def test_looking_asks_nothing(office: Office, path: str) -> None:
    desk = office.browser("desk")
    before = office.rows()
    assert "まだ問い合わせていません" in desk.page(path)
    assert office.rows() == before


def test_the_page_waits_then_says_what_the_directory_said(office: Office, path: str) -> None:
    desk = office.browser("desk")
    page = desk.follow(desk.send(path, {}))
    assert "問い合わせています" in page
    assert "ロックを解除する" not in page
    worker_says(office, Answer(Lockout(False)))
    page = desk.page(path)
    assert "ロックされていません" in page
    assert "ロックを解除する" not in page


def test_a_lock_is_opened_by_a_second_button(office: Office, path: str) -> None:
    desk = office.browser("desk")
    desk.send(path, {})
    worker_says(office, Answer(Lockout(True, NOW + timedelta(minutes=30))))
    page = desk.page(path)
    assert "ロックされています" in page
    assert "令和8年4月1日（水）10:30" in page
    desk.send_on(page, path, {"unlock": "yes"})
    worker_says(office, Answer(Lockout(True), Lockout(False)))
    assert "ロックを解除しました" in desk.page(path)
    with office.database.reading() as session:
        assert session.scalars(select(UnlockRequest.unlock).order_by(UnlockRequest.id)).all() == [False, True]


def test_a_lock_without_an_end_says_so(office: Office, path: str) -> None:
    desk = office.browser("desk")
    desk.send(path, {})
    worker_says(office, Answer(Lockout(True)))
    assert "自動では解除されません" in desk.page(path)


def test_why_there_is_no_answer_is_told(office: Office, path: str) -> None:
    desk = office.browser("desk")
    desk.send(path, {})
    worker_says(office, Answer(failure="ディレクトリに接続できません。"))
    page = desk.page(path)
    assert "答えが得られませんでした" in page
    assert "ディレクトリに接続できません。" in page


def test_asking_twice_is_refused_while_the_first_waits(office: Office, path: str) -> None:
    desk = office.browser("desk")
    desk.send(path, {})
    assert desk.send(path, {}).status_code == 409


def test_ones_own_account_has_a_page_that_offers_nothing(office: Office) -> None:
    own = page_of(office, "desk")
    desk = office.browser("desk")
    assert "ほかの担当者に頼んで" in desk.page(own)
    assert desk.send(own, {"unlock": "yes"}).status_code == 409
    assert "/lock" not in desk.page(f"/people/{office.cast.people['desk']}")


def test_the_persons_page_leads_there_for_the_desk_only(office: Office, path: str) -> None:
    record = f"/people/{office.cast.people['staff']}"
    assert f'href="{path}"' in office.browser("desk").page(record)
    assert "/lock" not in office.browser("auditor").page(record)


@pytest.mark.parametrize("account_id", ["999", "x"])
def test_an_account_that_is_not_there_is_not_found(office: Office, account_id: str) -> None:
    assert office.browser("desk").open(f"/accounts/{account_id}/lock").status_code == 404
