"""Consent and services not needed at the browser."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from idm.employment_kind import EmploymentKind
from idm.errors import InvalidInput
from idm.grant_state import GrantState
from idm.models.outside import Consent, ServiceBlock
from idm.models.requests import Grant
from idm.vocabulary import Service
from tests.cast import TODAY
from tests.web.office import Fields, Office

CONSENT = {"staff_number": "100009", "given_on": "令和8年4月1日", "document": "総務綴り12"}
REPORT = {"staff_number": "100009", "service": "internet", "reason": "窓口業務のみ"}


def part_time(office: Office, *who: str) -> None:
    with office.database.writing() as session:
        for name in who:
            office.cast.employment(session, name).kind = EmploymentKind.FISCAL_YEAR_PART


def test_the_list_names_those_without_a_consent_until_it_is_recorded(office: Office) -> None:
    part_time(office, "staff", "desk")
    page = office.browser("system").page("/outside/consents")
    assert "同意書の記録がない人（1人）" in page
    assert "西新" in page
    assert "青木" not in page
    with office.database.writing() as session:
        office.cast.employment(session, "desk").kind = EmploymentKind.REGULAR
    browser = office.browser("security")
    assert "青木　一郎" in browser.page("/outside/consents")
    assert 'value="100009"' in browser.page("/outside/consents?staff_number=100009")
    page = browser.follow(browser.send("/outside/consents", CONSENT))
    assert "同意書を記録しました" in page
    assert "同意書の記録がない人はいません" in page
    assert "総務綴り12" in page


def test_the_papers_of_many_are_recorded_in_one_go_or_not_at_all(office: Office) -> None:
    part_time(office, "staff", "other", "desk")
    browser = office.browser("hr")
    everybody: list[str | int] = [str(office.cast.people[who]) for who in ("staff", "other", "desk")]
    several: Fields = {"person": everybody, "staff_number": "", "given_on": "令和8年4月1日", "document": "総務綴り12"}
    refused = browser.send("/outside/consents", {**several, "given_on": ""})
    assert (refused.status_code, refused.text.count(" checked")) == (422, 3)
    assert office.rows()["consents"] == 0
    assert "3人の同意書を記録しました" in browser.follow(browser.send("/outside/consents", several))
    assert office.rows()["consents"] == 3
    nobody = {"staff_number": "", "given_on": "令和8年4月1日", "document": "総務綴り12"}
    assert browser.send("/outside/consents", nobody).status_code == 422


def test_an_unpublished_appointment_is_listed_for_hr_only(office: Office) -> None:
    with office.database.writing() as session:
        employment = office.cast.employment(session, "staff")
        employment.kind, employment.published_on = EmploymentKind.FISCAL_YEAR_FULL, TODAY + timedelta(days=9)
    for who in ("security", "chief"):
        assert "青木" not in office.browser(who).page("/outside/consents")
    assert "青木" in office.browser("hr").page("/outside/consents")


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"staff_number": "9"}, "staff_number"), ({"given_on": ""}, "given_on"),
     ({"given_on": "令和9年1月1日"}, "given_on"), ({"document": ""}, "document")],
)  # fmt: skip
def test_a_mistake_in_a_consent_is_told(office: Office, changed: Fields, field: str) -> None:
    answer = office.browser("security").send("/outside/consents", {**CONSENT, **changed})
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert office.rows()["consents"] == 0


def test_nobody_records_for_another_unit_or_for_themselves(office: Office) -> None:
    assert office.browser("system").send("/outside/consents", CONSENT).status_code == 403
    own = {**CONSENT, "staff_number": "100005"}
    assert office.browser("security").send("/outside/consents", own).status_code == 403
    with office.database.reading() as session:
        assert session.scalars(select(Consent)).all() == []


def test_an_application_without_the_consent_says_where_to_record_it(office: Office) -> None:
    part_time(office, "staff")
    with pytest.raises(InvalidInput, match="「外部者登録簿」の「同意書」の画面"):
        office.cast.file("hr", ("staff", "ledger/account"))


def test_a_service_is_reported_and_the_report_taken_back(office: Office) -> None:
    cast = office.cast
    with office.database.writing() as session:
        cast.entitlement(session, "ledger/account").service = Service.INTERNET
    cast.approve(cast.file("hr", ("staff", "ledger/account")))
    browser = office.browser("security")
    page = browser.follow(browser.send("/outside/services", REPORT))
    assert "利用を止めました" in page
    assert "窓口業務のみ" in page
    with office.database.reading() as session:
        assert session.scalars(select(Grant.state)).one() is GrantState.SUSPENDED
        block_id = session.scalars(select(ServiceBlock.id)).one()
    assert office.browser("system").send(f"/outside/services/{block_id}/lifting", {}).status_code == 403
    page = browser.follow(browser.send(f"/outside/services/{block_id}/lifting", {}))
    assert "取り消しました" in page
    with office.database.reading() as session:
        assert session.scalars(select(Grant.state)).one() is GrantState.IN_FORCE


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"staff_number": ""}, "staff_number"), ({"service": "radio"}, "service"), ({"reason": " "}, "reason")],
)
def test_a_mistake_in_a_report_is_told(office: Office, changed: Fields, field: str) -> None:
    answer = office.browser("security").send("/outside/services", {**REPORT, **changed})
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text


def test_managers_see_the_reports_of_their_own_unit(office: Office) -> None:
    office.browser("security").send("/outside/services", REPORT)
    assert "窓口業務のみ" not in office.browser("system").page("/outside/services")
    for who in ("hr", "auditor"):
        assert "窓口業務のみ" in office.browser(who).page("/outside/services")
    assert "報告して止める" not in office.browser("auditor").page("/outside/services")
