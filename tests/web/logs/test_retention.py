"""The page about how long logs are kept, and what holds them."""

import pytest

from tests.web.office import Office


@pytest.mark.parametrize("who", ["staff", "hr", "desk", "system"])
def test_for_those_who_may_not_see_the_record_there_is_no_page(office: Office, who: str) -> None:
    assert office.browser(who).open("/retention").status_code == 404


def test_periods_and_logs_are_told(office: Office) -> None:
    page = office.browser("auditor").page("/retention")
    assert "12か月を過ぎると" in page
    assert "令和7年4月1日" in page
    assert "通知メール" in page
    assert "消去を止める" not in page


def test_a_hold_is_ordered_by_one_and_lifted_by_two(office: Office) -> None:
    ciso, chief = office.browser("ciso"), office.browser("chief")
    page = ciso.follow(ciso.send("/retention/holds", {"reason": "訴訟のため"}, shown="/retention"))
    assert "保存の指示があるため、何も消去していません。" in page
    page = ciso.follow(ciso.send("/retention/holds/1/ask-to-lift", {}, shown="/retention"))
    assert "/retention/holds/1/lift" not in page
    assert ciso.send("/retention/holds/1/lift", {}, shown="/retention").status_code == 409
    page = chief.follow(chief.send("/retention/holds/1/keep", {}, shown="/retention"))
    assert "保存中" in page
    ciso.follow(ciso.send("/retention/holds/1/ask-to-lift", {}, shown="/retention"))
    page = chief.follow(chief.send("/retention/holds/1/lift", {}, shown="/retention"))
    assert "天神　太郎" in page
    assert "保存の指示があるため" not in page


def test_mistakes_are_told_at_their_fields(office: Office) -> None:
    answer = office.browser("ciso").send("/retention/holds", {"reason": "", "from_day": "x"}, shown="/retention")
    assert (answer.status_code, 'id="from_day-error"' in answer.text) == (422, True)
    answer = office.browser("ciso").send("/retention/holds", {"reason": ""}, shown="/retention")
    assert (answer.status_code, 'id="reason-error"' in answer.text) == (422, True)


def test_nobody_else_orders_one(office: Office) -> None:
    answer = office.browser("security").send("/retention/holds", {"reason": "x"}, shown="/retention")
    assert answer.status_code == 403
