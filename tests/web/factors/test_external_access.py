"""The register of access from outside, as a page and as a list to keep (control I1)."""

from datetime import timedelta

import pytest

from idm.vocabulary import RequestAction
from tests.cast import TODAY
from tests.web.office import Fields, Office


def allow(office: Office) -> None:
    """青木 was permitted to come in from outside for sixty days."""
    cast = office.cast
    with cast.database.writing() as session:
        cast.entitlement(session, "ledger/enter").external_access = True
    cast.approve(cast.file("hr", ("staff", "ledger/account")))
    request = cast.file("hr", ("staff", "ledger/enter"), action=RequestAction.CHANGE, reason="=在宅勤務のため",
                        valid_until=TODAY + timedelta(days=60))  # fmt: skip
    cast.approve(request)


def test_the_register_shows_who_why_until_when_and_what_the_gate_says(office: Office) -> None:
    assert "許可されているものはありません" in office.browser("auditor").page("/external-access")
    allow(office)
    page = office.browser("auditor").page("/external-access")
    for told in ("青木　一郎", "伝票入力", "在宅勤務のため", "R8-000002", "二要素認証を確かめる仕組みが登録され",
                 "令和8年5月30日"):  # fmt: skip
        assert told in page, told


def test_the_register_is_saved_as_a_list_without_formulas(office: Office) -> None:
    allow(office)
    answer = office.browser("security").open("/external-access.csv")
    assert answer.content_type.startswith("text/csv")
    head, line = answer.data.decode("utf-8-sig").splitlines()
    assert head.startswith("氏名,職員番号,所属")
    assert "2026-05-30" in line
    assert ",=在宅" not in line


def test_what_has_no_end_is_told_before_everything_else(office: Office) -> None:
    assert "期限のない権限が" not in office.browser("auditor").page("/external-access")
    allow(office)
    with office.cast.database.writing() as session:
        office.cast.entitlement(session, "ledger/account").external_access = True
    page = office.browser("auditor").page("/external-access")
    assert "期限のない権限が1件あります" in page
    assert page.index("期限なし（要見直し）") < page.index("在宅勤務のため")
    assert "期限なし（要見直し）" in office.browser("auditor").open("/external-access.csv").data.decode("utf-8-sig")


def test_more_of_it_is_asked_for_step_by_step_from_its_end_on(office: Office) -> None:
    allow(office)
    cast, browser = office.cast, office.browser("hr")
    with cast.database.reading() as session:
        right = cast.entitlement(session, "ledger/enter")
    chosen: Fields = {"subject": cast.people["staff"], "what": f"change:{right.system_id}"}
    assert "期限の後も続ける権限" in browser.send("/requests/new/rights", chosen).text
    page = browser.send("/requests/new/period", {**chosen, "give": right.id}).text
    assert 'value="令和8年5月31日"' in page
    days: Fields = {"first_day": "令和8年5月31日", "last_day": "令和8年8月1日", "reason": "在宅勤務を続けるため"}
    both = browser.send("/requests/new/submit", {**chosen, "give": right.id, "take": right.id, **days})
    assert (both.status_code, "続けるか取り消すかのどちらか" in both.text) == (422, True)
    answer = browser.send("/requests/new/submit", {**chosen, "give": right.id, **days})
    assert answer.status_code == 302


def test_the_wizard_asks_for_an_end(office: Office) -> None:
    cast = office.cast
    with cast.database.writing() as session:
        right = cast.entitlement(session, "ledger/account")
        right.external_access = True
        fields: Fields = {"subject": cast.people["staff"], "what": f"register:{right.system_id}", "give": right.id,
                  "first_day": "令和8年4月1日", "reason": "在宅勤務のため"}  # fmt: skip
    browser = office.browser("staff")
    answer = browser.send("/requests/new/submit", fields)
    assert (answer.status_code, "外部からの利用又は委託事業者の権限には終了日が必要です" in answer.text) == (422, True)
    answer = browser.send("/requests/new/submit", {**fields, "last_day": "令和10年4月1日"})
    assert (answer.status_code, "今日から366日以内の期間にしてください" in answer.text) == (422, True)


def test_a_system_says_what_verifies_its_factors(office: Office) -> None:
    with office.database.reading() as session:
        pension = office.cast.entitlement(session, "pension/account").system_id
    assert "年金システムの二要素認証（多要素認証のグループ）" in office.browser("auditor").page(f"/systems/{pension}")
    assert "確かめる仕組みは登録されていません" in office.browser("auditor").page("/systems/1")


@pytest.mark.asvs("8.2.1")
@pytest.mark.parametrize("path", ["/external-access", "/external-access.csv"])
def test_for_staff_there_is_no_register(office: Office, path: str) -> None:
    assert office.browser("staff").open(path).status_code == 404
