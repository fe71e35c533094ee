"""The page of the log check: what stands out, and a name to having looked."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from idm import audit
from idm.actor import Actor
from idm.models.log_checks import ExportPosition
from idm.queries.logs.log_facts import sealed_until
from jobs.logs.log_check import check
from tests.web.office import Fields, Office

NIGHT = datetime(2026, 4, 1, 15, 0, tzinfo=UTC)
AFTER = datetime(2026, 4, 3, 1, 0, tzinfo=UTC)


def checked(office: Office, *who: str) -> None:
    """These people have acted in the night, and the record was checked."""
    with office.database.writing() as session:
        for number, name in enumerate(who):
            audit.record(
                session, action="handover.asked", actor=office.cast.actor(name), obj=("account", "1"),
                now=NIGHT + timedelta(minutes=number),
            )  # fmt: skip
        session.flush()
        audit.seal(session, now=NIGHT)
    check(office.database, actor=Actor.job("tests"), policy=office.cast.policy, now=AFTER)
    office.now = AFTER


def shown_on(page: str) -> list[str | int]:
    """What the form of the page says that it has shown."""
    return re.findall(r'name="shown" value="([^"]+)"', page)


@pytest.mark.parametrize("who", ["staff", "hr", "desk", "system"])
def test_for_those_who_may_not_see_the_record_there_is_no_page(office: Office, who: str) -> None:
    assert office.browser(who).open("/log-check").status_code == 404


def test_what_stands_out_is_shown_with_its_records(office: Office) -> None:
    checked(office, "staff")
    page = office.browser("auditor").page("/log-check")
    assert "青木　一郎（令和8年4月2日）" in page
    assert "時間外に1回の決裁・管理の操作をしました。" in page
    assert 'href="/audit/' in page
    assert "確認したことを記録する" not in page


def test_a_checker_signs_and_what_is_about_themselves_stays(office: Office) -> None:
    checked(office, "staff", "security")
    browser = office.browser("security")
    fields: Fields = {"up_to": "令和8年4月2日", "comment": "業務による", "shown": shown_on(browser.page("/log-check"))}
    page = browser.follow(browser.send("/log-check", fields, shown="/log-check"))
    assert "1件を確認済みにしました。" in page
    assert "ほかの確認者が確認するまで残ります" in page
    assert "香椎　宮子（令和8年4月2日）" in page
    assert "青木　一郎（令和8年4月2日）" not in page
    assert "業務による" in page


def test_a_name_stands_to_the_page_that_was_shown_and_the_rest_is_told(office: Office) -> None:
    checked(office, "staff", "other", "hr")
    browser = office.browser("chief")
    first = shown_on(browser.page("/log-check"))[:1]
    fields: Fields = {"up_to": "2026-04-02", "comment": "業務による", "shown": [*first, "9:x"]}
    page = browser.follow(browser.send("/log-check", fields, shown="/log-check"))
    assert "1件を確認済みにしました。" in page
    assert "まだ見ていない2件が残っています。" in page
    assert "全2件中" in page


def test_a_collector_that_is_away_is_told_of_with_how_much_waits(office: Office) -> None:
    checked(office, "staff")
    with office.database.writing() as session:
        session.add(ExportPosition(name="siem:6514", sequence=1, at=AFTER, last_error="ConnectionRefusedError"))
        newest = sealed_until(session) - 1
    page = office.browser("auditor").page("/log-check")
    assert "送信できません" in page
    assert f'<td class="number">{newest - 1}</td>' in page


def test_mistakes_are_told_at_their_fields(office: Office) -> None:
    checked(office)
    browser = office.browser("chief")
    answer = browser.send("/log-check", {"up_to": "いつか", "comment": ""}, shown="/log-check")
    assert (answer.status_code, 'id="up_to-error"' in answer.text) == (422, True)
    answer = browser.send("/log-check", {"up_to": "2026-04-02", "comment": " "}, shown="/log-check")
    assert (answer.status_code, 'id="comment-error"' in answer.text) == (422, True)


def test_nobody_else_signs(office: Office) -> None:
    checked(office, "staff")
    answer = office.browser("ciso").send("/log-check", {"up_to": "2026-04-02", "comment": "x"}, shown="/log-check")
    assert answer.status_code == 403
