"""Planned batches at the browser: HR plans what a rehearsal shows, the chief answers what the page shows."""

from datetime import date

import pytest
from sqlalchemy import select

from idm.models.audit import AuditOutcome, AuditRecord
from idm.models.people import Person
from idm.models.safety import PlannedBatch
from tests.cast import NOW
from tests.web.office import Office

MAY = date(2026, 5, 1)


def leavers(office: Office, *people: str) -> None:
    """These people have an account and leave at the end of April."""
    for who in people:
        office.cast.approve(office.cast.file("hr", (who, "ledger/account"), now=NOW))
    with office.database.writing() as session:
        for who in people:
            office.cast.employment(session, who).valid_until = MAY


def propose(office: Office, reason: str = "年度末の退職") -> str:
    """The page of the plan that HR has made."""
    browser = office.browser("hr")
    page = browser.page("/batches/new?day=令和8年5月1日")
    return browser.follow(browser.send_on(page, "/batches", {"reason": reason}))


def batch(office: Office) -> PlannedBatch:
    with office.database.reading() as session:
        return session.scalars(select(PlannedBatch)).one()


@pytest.mark.parametrize("who", ["staff", "ciso", "auditor", "system", "contractor"])
def test_for_others_there_is_no_page(office: Office, who: str) -> None:
    browser = office.browser(who)
    assert {browser.open(path).status_code for path in ("/batches", "/batches/new", "/batches/1")} == {404}


def test_hr_sees_the_rehearsal_with_counts_and_limits_and_plans_it(office: Office) -> None:
    leavers(office, "staff", "other")
    page = office.browser("hr").page("/batches/new?day=2026-05-01")
    for words in ("青木　一郎", "100010", "総務課", "このままでは上限を超えます", "全体で 2 人になります"):
        assert words in page
    page = propose(office)
    assert "一括処理を計画しました" in page
    assert "この一覧を許可する" not in page
    assert "計画した本人は許可できません" in page


def test_a_day_within_the_limits_says_so_and_a_day_of_nothing_has_nothing_to_plan(office: Office) -> None:
    browser = office.browser("hr")
    assert "何も変わりません" in browser.page("/batches/new?day=2026-05-01")
    assert "この一覧で計画する" not in browser.page("/batches/new?day=2026-05-01")
    leavers(office, "staff")
    assert "上限の内です" in browser.page("/batches/new?day=2026-05-01")


def test_a_day_that_is_none_is_told_at_its_field(office: Office) -> None:
    answer = office.browser("hr").open("/batches/new?day=令和8年2月30日")
    assert answer.status_code == 422
    assert "入力内容を確認してください" in answer.text
    assert office.browser("hr").send("/batches", {"day": "x", "reason": "y"}).status_code == 422


def test_a_plan_without_a_reason_is_not_made(office: Office) -> None:
    leavers(office, "staff", "other")
    browser = office.browser("hr")
    answer = browser.send_on(browser.page("/batches/new?day=2026-05-01"), "/batches", {"reason": ""})
    assert answer.status_code == 422
    assert "理由を書いてください" in answer.text
    assert office.rows()["planned_batches"] == 0


def test_the_chief_sees_the_list_and_permits_it(office: Office) -> None:
    leavers(office, "staff", "other")
    propose(office)
    browser = office.browser("chief")
    assert "許可待ち" in browser.page("/batches")
    page = browser.page("/batches/1")
    for words in ("青木　一郎", "今泉　二葉", "年度末の退職", "薬院　大通", "令和8年5月1日"):
        assert words in page
    page = browser.follow(browser.send_on(page, "/batches/1/permission", {"comment": ""}))
    assert "一括処理を許可しました" in page
    assert "許可済み" in page
    assert batch(office).approved_by_id == office.cast.people["chief"]
    assert "上限の内です" in office.browser("hr").page("/batches/new?day=2026-05-01")


def test_the_chief_refuses_with_a_reason(office: Office) -> None:
    leavers(office, "staff", "other")
    propose(office)
    browser = office.browser("chief")
    page = browser.page("/batches/1")
    answer = browser.send_on(page, "/batches/1/refusal", {"comment": " "})
    assert answer.status_code == 422
    assert "不許可とする理由を書いてください" in answer.text
    page = browser.follow(browser.send_on(page, "/batches/1/refusal", {"comment": "日が違います"}))
    assert "不許可" in page
    assert batch(office).refused_at is not None


def test_a_list_that_was_not_shown_is_not_permitted(office: Office) -> None:
    leavers(office, "staff", "other")
    propose(office)
    answer = office.browser("chief").send("/batches/1/permission", {"shown": "0" * 64}, shown="/batches/1")
    assert answer.status_code == 409
    assert batch(office).approved_at is None


def test_whoever_sends_the_form_without_the_role_is_refused_and_recorded(office: Office) -> None:
    leavers(office, "staff", "other")
    propose(office)
    for who, status in (("ciso", 403), ("hr", 403), ("staff", 403)):
        assert office.browser(who).send("/batches/1/permission", {"shown": "x"}).status_code == status
    with office.database.reading() as session:
        refused = session.scalars(
            select(AuditRecord.action).where(AuditRecord.outcome == AuditOutcome.REFUSED).order_by(AuditRecord.id)
        ).all()
    assert refused == ["batch.permit"] * 3
    assert batch(office).approved_at is None


def test_a_name_is_text_and_never_markup(office: Office) -> None:
    leavers(office, "staff", "other")
    with office.database.writing() as session:
        session.get_one(Person, office.cast.people["staff"]).name = "<b>太い</b>"
    page = office.browser("hr").page("/batches/new?day=2026-05-01")
    assert "&lt;b&gt;太い&lt;/b&gt;" in page
