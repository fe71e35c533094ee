"""A finding from close: put right with a click, answered for until a day, and never for oneself."""

import pytest
from sqlalchemy import select

from idm.models.systems import InformationSystem
from idm.models.work import Finding, OutboxTask
from idm.operations.sweep.findings import Found, SweepResult, record_sweep
from idm.vocabulary import FindingKind, Stage
from tests.carried_out import WORKER, carry_out
from tests.cast import NOW
from tests.web.office import Office

SAID: dict[str, object] = {
    "reason": "承認のないグループ「システム管理」に入っています。", "repair": "グループ「システム管理」から外す",
    "differences": [["extra_group", "g-admin"]], "more": True,
}  # fmt: skip


def sweep(office: Office, *found: Found) -> None:
    with office.database.writing() as session:
        result = SweepResult(1, "ledger", 12, found)
        record_sweep(session, result, started_at=NOW, actor=WORKER, policy=office.cast.policy, now=NOW)


@pytest.fixture
def drifted(office: Office) -> Office:
    """青木's account is in a group that nobody approved."""
    office.cast.approve(office.cast.file("staff", ("staff", "ledger/account")))
    carry_out(office.cast)
    sweep(office, Found(FindingKind.DRIFT, "e-1", "u100009", 1, SAID))
    return office


def tasks(office: Office) -> int:
    with office.database.reading() as session:
        return len(session.scalars(select(OutboxTask)).all())


def test_a_finding_says_what_it_is_and_what_putting_it_right_would_do(drifted: Office) -> None:
    assert 'href="/findings/1"' in drifted.browser("auditor").page("/findings")
    page = drifted.browser("auditor").page("/findings/1")
    assert "承認のないグループ「システム管理」に入っています" in page
    assert "グループ「システム管理」から外す" in page
    assert "承認より多くのことができる状態" in page
    assert "是正する" not in page, "an auditor only looks"


def test_a_click_puts_it_right(drifted: Office) -> None:
    before = tasks(drifted)
    browser = drifted.browser("system")
    page = browser.follow(browser.send("/findings/1/repair", {}, shown="/findings/1"))
    assert "是正を頼みました" in page
    assert "箱崎　花子" in page
    assert tasks(drifted) == before + 1
    assert "是正中" in browser.page("/findings")


@pytest.mark.parametrize("who", ["staff", "auditor", "hr", "chief"])
def test_others_put_nothing_right(drifted: Office, who: str) -> None:
    before = tasks(drifted)
    assert drifted.browser(who).send("/findings/1/repair", {}).status_code == 403
    assert tasks(drifted) == before


def test_what_a_person_has_to_do_is_not_queued(office: Office) -> None:
    said = {**SAID, "repair": "手作業の指示書により行ってください"}
    sweep(office, Found(FindingKind.EXTRA_MEMBER, "g:e-9", "mystery", None, said))
    browser = office.browser("security")
    page = browser.page("/findings/1")
    assert "是正する" not in page
    assert "是正の案のとおり手作業で直してください" in page
    answer = browser.send("/findings/1/repair", {}, shown="/findings/1")
    assert (answer.status_code, "手作業の指示書" in answer.text) == (409, True)


def test_an_id_that_is_only_unused_is_not_put_right_by_writing_it_again(drifted: Office) -> None:
    sweep(drifted, Found(FindingKind.DORMANT, "e-9", "u100009", 1, {"last_used_at": None, "source": "memory"}))
    before = tasks(drifted)
    browser = drifted.browser("security")
    assert "是正する" not in browser.page("/findings/2")
    assert browser.send("/findings/2/repair", {}, shown="/findings/2").status_code == 409
    assert tasks(drifted) == before


def test_nothing_is_put_right_in_a_system_that_is_only_observed(drifted: Office) -> None:
    with drifted.database.writing() as session:
        session.get_one(InformationSystem, 1).stage = Stage.OBSERVE
    answer = drifted.browser("security").send("/findings/1/repair", {}, shown="/findings/1")
    assert (answer.status_code, "観察の段階" in answer.text) == (409, True)


def test_somebody_answers_for_it_and_it_stands_apart_until_the_day(drifted: Office) -> None:
    browser = drifted.browser("chief")
    said = {"reason": "年度末の作業のため", "until": "令和8年4月10日"}
    page = browser.follow(browser.send("/findings/1/justification", said, shown="/findings/1"))
    assert "正当化を記録しました" in page
    assert "年度末の作業のため" in page
    assert "u100009" not in browser.page("/findings")
    assert "u100009" in browser.page("/findings?state=answered")
    drifted.pass_by(days=10)
    late = drifted.browser("chief")
    assert "u100009" in late.page("/findings"), "it is open again by itself"
    assert "u100009" not in late.page("/findings?state=answered")


def test_an_answer_is_for_what_was_found_and_for_nothing_else(drifted: Office) -> None:
    browser = drifted.browser("chief")
    browser.send("/findings/1/justification", {"reason": "x", "until": "2026-04-10"}, shown="/findings/1")
    more = {**SAID, "differences": [["extra_group", "g-admin"], ["extra_group", "g-approve"]]}
    sweep(drifted, Found(FindingKind.DRIFT, "e-1", "u100009", 1, more))
    assert "u100009" in browser.page("/findings")


@pytest.mark.parametrize(("until", "told"), [("2026-12-31", "90日以内"), ("2026-03-01", "明日から"), ("x", "日付")])
def test_an_answer_ends_within_the_profiles_days(drifted: Office, until: str, told: str) -> None:
    browser = drifted.browser("chief")
    answer = browser.send("/findings/1/justification", {"reason": "x", "until": until}, shown="/findings/1")
    assert (answer.status_code, told in answer.text) == (422, True)


@pytest.mark.parametrize("who", ["staff", "system", "auditor"])
def test_others_answer_for_nothing(drifted: Office, who: str) -> None:
    said = {"reason": "x", "until": "2026-04-10"}
    assert drifted.browser(who).send("/findings/1/justification", said).status_code == 403


def test_nobody_answers_for_their_own(office: Office) -> None:
    office.cast.approve(office.cast.file("security", ("security", "ledger/account")))
    carry_out(office.cast)
    sweep(office, Found(FindingKind.DRIFT, "e-1", "u100005", 1, SAID))
    browser = office.browser("security")
    assert "自分で正当化することはできません" in browser.page("/findings/1")
    said = {"reason": "x", "until": "2026-04-10"}
    assert browser.send("/findings/1/justification", said, shown="/findings").status_code == 409
    with office.database.reading() as session:
        assert session.get_one(Finding, 1).repair_asked_at is None
