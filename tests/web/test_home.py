"""The first page: what is one's own, with the decision and the directory told apart, and what waits for oneself."""

from datetime import date

import pytest

from idm.models.feeds import FeedRun, HeldRow
from idm.models.systems import Account
from idm.request_state import Event
from idm.vocabulary import RequestAction, Role
from tests.carried_out import carry_out
from tests.cast import NOW, TODAY
from tests.web.office import Office


def test_somebody_without_rights_is_told_what_to_do(office: Office) -> None:
    page = office.browser("staff").page("/")
    assert "利用中の権限 0件" in page
    assert "「新しく申請する」から申請してください" in page
    assert 'href="/requests/new"' in page
    assert "決裁待ち" not in page
    assert "人事データ" not in page


def test_rights_stand_with_end_decision_directory_and_application_soonest_end_first(office: Office) -> None:
    cast = office.cast
    first = cast.file("staff", ("staff", "ledger/account"))
    cast.approve(first)
    second = cast.file("staff", ("staff", "ledger/enter"), action=RequestAction.CHANGE, valid_until=date(2026, 4, 16))
    cast.approve(second)
    page = office.browser("staff").page("/").split("利用中の権限")[1]
    assert "2件" in page
    assert page.index("伝票入力") < page.index("利用者ID")
    assert "令和8年4月15日（水）" in page
    assert "あと15日" in page
    assert "期限なし" in page
    assert f'href="/requests/{second}"' in page


def test_an_approved_right_is_never_called_done_before_the_directory_was_read(office: Office) -> None:
    cast = office.cast
    cast.approve(cast.file("staff", ("staff", "ledger/account")))
    browser = office.browser("staff")
    page = browser.page("/")
    assert "承認済み" in page
    assert "ディレクトリ反映待ち" in page
    carry_out(cast)
    assert "作成済み・仮パスワードの交付待ち（確認 令和8年4月1日（水）10:00）" in browser.page("/")
    with office.database.writing() as session:
        account = session.query(Account).one()
        account.handed_over_at, account.seen_enabled = NOW, True
    page = browser.page("/")
    assert "反映済み（確認 令和8年4月1日（水）10:00）" in page
    assert "反映待ち" not in page


def test_a_directory_that_cannot_be_reached_or_refuses_is_told(office: Office) -> None:
    cast = office.cast
    cast.approve(cast.file("staff", ("staff", "ledger/account")))
    carry_out(cast, unavailable="接続できません")
    browser = office.browser("staff")
    assert "接続できないため、やり直しています" in browser.page("/")
    office.pass_by(hours=1)
    carry_out(cast, now=office.now, refused="受け付けません")
    assert "ディレクトリに反映できません（担当者の確認が必要です）" in office.browser("staff").page("/")


def test_a_right_that_begins_later_says_from_when(office: Office) -> None:
    office.cast.approve(office.cast.file("staff", ("staff", "ledger/account"), valid_from=date(2026, 5, 1)))
    page = office.browser("staff").page("/")
    assert "開始前（令和8年5月1日から）" in page
    assert "開始日を待っています" in page


def test_a_term_that_ends_first_is_the_end_of_the_right(office: Office) -> None:
    office.cast.approve(office.cast.file("staff", ("staff", "ledger/account"), valid_until=date(2026, 9, 1)))
    with office.database.writing() as session:
        office.cast.employment(session, "staff").valid_until = date(2026, 7, 1)
    page = office.browser("staff").page("/")
    assert "令和8年6月30日（火）" in page
    assert "（在職期間の終わり）" in page


def test_an_open_application_says_where_it_is_and_with_whom(office: Office) -> None:
    filed = office.cast.file("security", ("staff", "ledger/account"))
    office.cast.decide("chief", filed, Role.CHIEF)
    page = office.browser("staff").page("/")
    assert "申請中 1件" in page
    assert "情報システム管理者：箱崎　花子" in page
    assert "統括情報セキュリティ責任者：" not in page


def test_what_is_settled_is_no_longer_open(office: Office) -> None:
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    office.cast.decide("chief", filed, Role.CHIEF, Event.REJECT)
    assert "申請中 0件" in office.browser("staff").page("/")


@pytest.mark.parametrize("who", ["chief", "system"])
def test_what_waits_for_a_decision_stands_on_top(office: Office, who: str) -> None:
    office.cast.file("staff", ("staff", "ledger/account"))
    page = office.browser(who).page("/")
    assert "決裁待ち 1件" in page
    assert page.index("決裁待ち 1件") < page.index("利用中の権限")


def test_more_than_five_that_wait_are_found_on_their_own_page(office: Office) -> None:
    for who in ("staff", "other", "hr", "desk", "security", "auditor"):
        office.cast.file(who, (who, "ledger/account"))
    page = office.browser("chief").page("/")
    assert "決裁待ちをすべて見る（6件）" in page
    assert "R8-000005" in page
    assert "R8-000006" not in page


def test_hr_sees_the_last_file_and_what_it_left(office: Office) -> None:
    with office.database.writing() as session:
        run = FeedRun(feed="aoba", sha256="0" * 64, applied_at=NOW, as_of=TODAY, row_count=412, joiners=18, movers=64,
                      leavers=21, held=1)  # fmt: skip
        session.add(run)
        session.flush()
        session.add(HeldRow(run_id=run.id, row_number=45, staff_number="100077", name="那珂川　渡", reason="同じ人か"))
    page = office.browser("hr").page("/")
    assert "412行（採用等 18・異動 64・退職等 21・保留 1）" in page
    assert 'href="/hr"' in page
    assert "412行" not in office.browser("system").page("/")


def test_failed_attempts_before_this_sign_in_are_told(office: Office) -> None:
    browser = office.browser("staff", failures=2)
    assert "サインインの失敗が2回ありました" in browser.page("/")
