"""Contracts at the browser: registered, shown with what hangs on them, extended, ended with everyone under them."""

from dataclasses import replace
from datetime import date

import pytest

from tests.outsiders import CONTRACT, WORKER, contract, enter, entry, let
from tests.web.office import Office

TYPED = {
    "number": "R8-委託-15", "company": "那珂川電算株式会社", "title": "運用支援", "manager_name": "那珂　責任",
    "unit": "0100", "valid_from": "2026-04-01", "last_day": "令和9年3月31日",
}  # fmt: skip


def test_a_contract_is_registered_and_its_page_shows_subcontracts_and_people(office: Office) -> None:
    browser = office.browser("security")
    page = browser.follow(browser.send("/outside/contracts", TYPED))
    assert "契約を登録しました" in page
    assert "那珂　責任" in page
    below = let(office.cast, replace(CONTRACT, number="再-1", company="孫請", above_id=2))
    worker = enter(office.cast, replace(WORKER, contract_id=below))
    page = browser.page("/outside/contracts/2")
    for shown in ("└ ", "再-1", "孫請", "雑餉隈　四郎", f"/outside/{worker}", "再委託を登録する"):
        assert shown in page, shown
    page = browser.page(f"/outside/contracts/{below}")
    assert "R8-委託-15" in page
    assert "R8-委託-15" in browser.page("/outside/contracts")


def test_a_subcontract_is_registered_under_its_contract(office: Office) -> None:
    top = let(office.cast)
    browser = office.browser("security")
    page = browser.page(f"/outside/contracts/new?above={top}")
    assert "元の契約：R8-委託-15" in page
    browser.follow(browser.send_on(page, "/outside/contracts", {**TYPED, "number": "再-1"}))
    assert contract(office.cast, top + 1).above_id == top
    answer = browser.send("/outside/contracts", {**TYPED, "above": top, "number": "再-2", "last_day": "2027-04-01"})
    assert answer.status_code == 422
    assert "元の契約が終わる日" in answer.text


@pytest.mark.parametrize(
    ("field", "typed", "told"),
    [("number", "", "契約番号を"), ("company", "", "会社名を"), ("unit", "", "今ある課を"),
     ("last_day", "", "終わる日を"), ("valid_from", "x", ""), ("last_day", "2026-03-01", "始まる日より前")],
)  # fmt: skip
def test_mistakes_are_told_at_their_field(office: Office, field: str, typed: str, told: str) -> None:
    answer = office.browser("hr").send("/outside/contracts", {**TYPED, field: typed})
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert told in answer.text


def test_ending_a_contract_ends_who_works_under_it(office: Office) -> None:
    top = let(office.cast)
    worker = enter(office.cast, replace(WORKER, contract_id=top))
    browser = office.browser("security")
    sent = browser.send(f"/outside/contracts/{top}/end", {"last_day": "令和8年5月31日", "reason": "中途解約"})
    assert "1人の登録も同じ日に終わります" in browser.follow(sent)
    assert entry(office.cast, worker).valid_until == contract(office.cast, top).valid_until == date(2026, 6, 1)
    answer = browser.send(f"/outside/contracts/{top}/end", {"last_day": "令和8年12月31日", "reason": "x"})
    assert answer.status_code == 422


def test_extending_says_that_nobody_is_lengthened(office: Office) -> None:
    top = let(office.cast)
    browser = office.browser("security")
    sent = browser.send(f"/outside/contracts/{top}/extension", {"last_day": "令和10年3月31日", "reason": "更新"})
    assert "働く人の登録は延びません" in browser.follow(sent)
    assert contract(office.cast, top).valid_until == date(2028, 4, 1)
    assert browser.send(f"/outside/contracts/{top}/extension", {"last_day": "", "reason": ""}).status_code == 422


def test_contracts_of_another_unit_are_not_there(office: Office) -> None:
    theirs = let(office.cast)
    browser = office.browser("system")
    assert browser.open(f"/outside/contracts/{theirs}").status_code == 404
    assert browser.open(f"/outside/contracts/new?above={theirs}").status_code == 404
    assert CONTRACT.number not in browser.page("/outside/contracts")
    answer = browser.send(f"/outside/contracts/{theirs}/end", {"last_day": "令和8年5月31日", "reason": "x"})
    assert answer.status_code == 403
    assert contract(office.cast, theirs).valid_until == CONTRACT.valid_until


def test_an_auditor_looks_and_has_no_form(office: Office) -> None:
    top = let(office.cast)
    browser = office.browser("auditor")
    assert "契約を延ばす・終わらせる" not in browser.page(f"/outside/contracts/{top}")
    assert browser.open("/outside/contracts/new").status_code == 404
