"""The pages of names under the sweeps' results, and of failures (C2, G6)."""

import pytest
from sqlalchemy import select

from idm.models.systems import InformationSystem
from idm.models.work import Finding, MailMessage, MailState
from idm.operations.sweep import nights
from idm.operations.sweep.findings import Found, SweepResult, record_sweep
from idm.vocabulary import FindingKind
from tests.carried_out import WORKER
from tests.cast import NOW
from tests.web.office import Office

UNREACHED = Found(FindingKind.CHECK_FAILED, "ledger", "会計システム", details={"reason": "接続できません。"})


def night(office: Office, *found: Found, failure: str | None = None, clock_apart: float | None = None) -> None:
    policy = office.cast.policy
    with office.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        held = nights.begin(session, systems=1, holder="w1", actor=WORKER, policy=policy, now=NOW)
        result = SweepResult(system.id, "ledger", 12, found, failure, clock_apart=clock_apart)
        record_sweep(session, result, started_at=NOW, actor=WORKER, policy=policy, now=NOW, night_id=held.id)


def test_the_seats_sign_on_the_page_of_the_system(office: Office) -> None:
    night(office, Found(FindingKind.ORPHAN, "7", "tanaka"))
    for who in ("chief", "system", "security"):
        browser = office.browser(who)
        assert "あなたの署名待ち" in browser.page("/findings/sign-offs")
        page = browser.page("/systems/1/sign-off")
        assert "持ち主のないID" in page
        told = browser.follow(browser.send_on(page, "/systems/1/sign-off", {"comment": f"{who}が確認"}))
        assert f"{who}が確認" in told
    assert "確認済み" in office.browser("auditor").page("/findings/sign-offs")


def test_who_has_no_seat_is_shown_the_results_and_no_button(office: Office) -> None:
    night(office)
    assert "署名する</button>" not in office.browser("auditor").page("/systems/1/sign-off")


@pytest.mark.parametrize("path", ["/findings/sign-offs", "/systems/1/sign-off", "/findings/failures"])
def test_for_those_who_may_not_see_findings_there_is_no_page(office: Office, path: str) -> None:
    night(office)
    assert office.browser("staff").open(path).status_code == 404


def test_a_comment_that_is_too_long_is_told_at_its_field(office: Office) -> None:
    night(office)
    browser = office.browser("chief")
    page = browser.page("/systems/1/sign-off")
    answer = browser.send_on(page, "/systems/1/sign-off", {"comment": "長" * 1001})
    assert answer.status_code == 422
    assert "1000文字以内" in answer.text


def test_failures_are_listed_with_who_took_care_of_them(office: Office) -> None:
    night(office, UNREACHED, failure="接続できません。")
    with office.database.writing() as session:
        finding = session.scalars(select(Finding)).one().id
        session.add(
            MailMessage(
                recipient="x@example.jp", person_id=office.cast.people["staff"], subject="s", body="b", link="/",
                state=MailState.WAITING, due_at=NOW,
                attempts=3, last_error="550 宛先がありません", created_at=NOW,
            )
        )  # fmt: skip
    browser = office.browser("security")
    assert "対応の記録なし" in browser.page("/findings/failures")
    browser.send_on(browser.page(f"/findings/{finding}"), f"/findings/{finding}/notes", {"note": "電源を入れ直した"})
    page = browser.page("/findings/failures")
    assert "続いています" in page
    assert "電源を入れ直した" in page
    assert "香椎　宮子" in page
    assert "550 宛先がありません" in page


def test_how_far_clocks_are_apart_stands_in_the_record_of_sweeps(office: Office) -> None:
    night(office, clock_apart=-2.04)
    assert "-2.0秒" in office.browser("auditor").page("/findings/sweeps")
