"""The register of people outside HR at the browser: from the form through its check page, and every act on an entry."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from idm.calendar_days import start_of
from idm.models.audit import AuditOutcome, AuditRecord
from idm.models.outside import Sponsorship
from idm.models.people import Employment
from idm.models.requests import Grant
from tests.cast import TODAY
from tests.outsiders import COMMITTEE, CONTRACT, WORKER, enter, entry, let, sponsorships
from tests.web.office import Fields, Office

TYPED: dict[str, str] = {
    "name": "吉塚　委員", "kana": "ヨシヅカ　イイン", "birth_date": "昭和45年5月5日", "mail": "", "kind": "committee",
    "unit": "0100", "post": "委員", "sponsor": "100009", "contract": "", "valid_from": "令和8年4月1日",
    "last_day": "令和8年9月30日",
}  # fmt: skip


def refused(office: Office) -> list[str]:
    with office.database.reading() as session:
        query = select(AuditRecord.action).where(AuditRecord.outcome == AuditOutcome.REFUSED).order_by(AuditRecord.id)
        return list(session.scalars(query))


# --- the list --------------------------------------------------------------------------------------------------------


def test_the_lists_tell_who_is_there_who_ends_soon_and_who_waits_for_a_sponsor(office: Office) -> None:
    enter(office.cast)
    soon = replace(COMMITTEE, name="竹下　駅", kana="タケシタ　エキ", valid_until=date(2026, 4, 20), birth_date=None)
    enter(office.cast, soon, sponsor="staff")
    browser = office.browser("security")
    page = browser.page("/outside")
    for shown in ("吉塚　委員", "竹下　駅", "G00001", "総務課 委員", "引受け済み", "引受け待ち（令和8年4月15日まで）",
                  "登録しても権限は何も付きません", "30日以内に終わる 1件"):  # fmt: skip
        assert shown in page, shown
    for which in ("ending", "unaccepted"):
        page = browser.page(f"/outside?list={which}")
        assert "竹下　駅" in page
        assert "吉塚" not in page
    assert "吉塚" in browser.page("/outside?q=ヨシ")
    assert "吉塚" in browser.page("/outside?q=g00001")
    assert "吉塚" not in browser.page("/outside?q=タケ")
    office.now = start_of(date(2026, 4, 20))
    browser = office.browser("security")
    assert "竹下　駅" not in browser.page("/outside")
    assert "竹下　駅" in browser.page("/outside?list=over")


def test_a_section_manager_sees_their_own_unit_only(office: Office) -> None:
    ours = enter(office.cast)
    theirs = replace(COMMITTEE, name="別府　橋", kana="ベフ　ハシ", unit_code="0600", birth_date=None)
    theirs_id = enter(office.cast, theirs, who="system", sponsor="system")
    browser = office.browser("system")
    assert "吉塚" not in browser.page("/outside")
    assert browser.open(f"/outside/{ours}").status_code == 404
    browser.page(f"/outside/{theirs_id}")
    for who in ("hr", "ciso", "auditor"):
        page = office.browser(who).page("/outside")
        assert "別府" in page
        assert "吉塚" in page


@pytest.mark.parametrize("who", ["staff", "other", "contractor", "desk"])
def test_for_everybody_else_there_is_no_register(office: Office, who: str) -> None:
    found = enter(office.cast)
    browser = office.browser(who)
    for path in ("/outside", "/outside/new", f"/outside/{found}", "/outside/contracts", "/outside/consents",
                 "/outside/services"):  # fmt: skip
        answer = browser.open(path)
        assert answer.status_code == 404, path
        assert "吉塚" not in answer.text


def test_a_sponsor_without_a_role_sees_those_they_answer_for(office: Office) -> None:
    found = enter(office.cast, sponsor="staff")
    other = enter(office.cast, replace(COMMITTEE, name="別人", kana="ベツ", birth_date=None))
    browser = office.browser("staff")
    page = browser.page("/outside")
    assert "吉塚" in page
    assert "別人" not in page
    assert browser.open(f"/outside/{other}").status_code == 404
    page = browser.page(f"/outside/{found}")
    assert "あなたの引受けを待っています" in page
    assert "登録を更新する" not in page
    browser.follow(browser.send(f"/outside/{found}/acceptance", {}))
    page = browser.page(f"/outside/{found}")
    assert "あなたの引受けを待っています" not in page
    assert "登録を更新する" in page


# --- registering -----------------------------------------------------------------------------------------------------


def test_an_entry_is_checked_before_it_is_made(office: Office) -> None:
    browser = office.browser("security")
    before = office.rows()
    browser.page("/outside/new")
    page = browser.send("/outside/new/check", TYPED).text
    for shown in ("この内容で登録しますか", "吉塚　委員", "青木　一郎", "総務課 委員", "令和8年9月30日（水）まで",
                  "登録しても権限は付きません", "14日以内に引き受けないと"):  # fmt: skip
        assert shown in page, shown
    assert office.rows() == before
    page = browser.follow(browser.send_on(page, "/outside/new/register", {}))
    assert "番号 G00001 で登録しました" in page
    assert "権限はまだ何もありません" in page
    with office.database.reading() as session:
        found = session.scalars(select(Employment).where(Employment.staff_number == "G00001")).one()
        assert found.valid_until == date(2026, 10, 1)
        assert session.scalars(select(Grant)).all() == []
        assert session.scalars(select(Sponsorship.sponsor_id)).one() == office.cast.people["staff"]


def test_one_goes_back_and_mends(office: Office) -> None:
    browser = office.browser("security")
    page = browser.send("/outside/new/check", TYPED).text
    page = browser.send_on(page, "/outside/new/edit", {}).text
    assert 'value="昭和45年5月5日"' in page
    assert '<option value="0100" selected>' in page
    assert browser.send("/outside/new/nothing", TYPED).status_code == 404


@pytest.mark.parametrize(
    ("field", "typed", "told"),
    [
        ("name", "", "氏名を入れてください"), ("birth_date", "平成", ""), ("kind", "regular", "種類を選んでください"),
        ("unit", "", "今ある課を"), ("post", "課長", "責任者の職です"), ("sponsor", "", "職員番号を入れて"),
        ("sponsor", "999999", "見つかりません"), ("sponsor", "100004", "所属する職員"), ("valid_from", "", "始まる日"),
        ("last_day", "令和10年4月1日", "366日まで"), ("last_day", "", "終わる日を"), ("contract", "x", "選び直して"),
        ("kind", "contractor", "契約が必要です"), ("mail", "a", "メールアドレスを確かめて"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("step", ["check", "register"])
def test_mistakes_are_told_at_their_field(office: Office, field: str, typed: str, told: str, step: str) -> None:
    before = office.rows()["employments"]
    answer = office.browser("security").send(f"/outside/new/{step}", {**TYPED, field: typed})
    assert answer.status_code == 422
    shown = {"last_day": "last_day", "kind": "contract" if typed == "contractor" else "kind"}.get(field, field)
    assert f'href="#{shown}"' in answer.text
    assert told in answer.text
    assert office.rows()["employments"] == before


def test_somebody_of_the_same_name_is_asked_about(office: Office) -> None:
    cast = office.cast
    with office.database.writing() as session:
        cast.employment(session, "other").valid_until = TODAY
    typed = {**TYPED, "name": "今泉　二葉", "kana": "イマイズミ　フタバ", "birth_date": ""}
    browser = office.browser("security")
    page = browser.send("/outside/new/check", typed)
    assert page.status_code == 422
    assert "同じ人：今泉　二葉（100010 総務課 主事）" in page.text
    assert "別の人です" in page.text
    page = browser.send("/outside/new/check", {**typed, "same": cast.people["other"]})
    assert "記録のある人につなげます" in page.text
    browser.send_on(page.text, "/outside/new/register", {})
    with office.database.reading() as session:
        found = session.scalars(select(Employment).where(Employment.staff_number == "G00001")).one()
        assert found.person_id == cast.people["other"]


def test_another_unit_is_refused_and_the_attempt_is_audited(office: Office) -> None:
    answer = office.browser("security").send("/outside/new/register", {**TYPED, "unit": "0600", "sponsor": "100004"})
    assert answer.status_code == 403
    assert refused(office) == ["outside.register"]


@pytest.mark.parametrize("who", ["staff", "contractor", "ciso"])
def test_nobody_without_the_role_registers(office: Office, who: str) -> None:
    browser = office.browser(who)
    assert browser.send("/outside/new/register", TYPED).status_code == 403
    assert browser.send("/outside/new/check", TYPED).status_code == 404
    assert refused(office) == ["outside.register"]
    assert "G00001" not in office.browser("hr").page("/outside")


# --- one entry -------------------------------------------------------------------------------------------------------


def test_an_entry_is_renewed_handed_over_and_ended(office: Office) -> None:
    found = enter(office.cast)
    browser = office.browser("security")
    page = browser.follow(browser.send(f"/outside/{found}/renewal", {"last_day": "令和8年12月31日"}))
    assert "登録を更新しました" in page
    assert entry(office.cast, found).valid_until == date(2027, 1, 1)
    page = browser.follow(browser.send(f"/outside/{found}/handover", {"sponsor": "100009"}))
    assert "引受けを依頼しました" in page
    assert sponsorships(office.cast, found)[-1].sponsor_id == office.cast.people["staff"]
    assert "青木　一郎" in browser.page(f"/outside/{found}")
    page = browser.follow(browser.send(f"/outside/{found}/end", {"reason": "任期の終わり"}))
    assert "登録を終わらせました" in page
    assert entry(office.cast, found).valid_until == TODAY + timedelta(days=1)


@pytest.mark.parametrize(
    ("act", "fields", "told"),
    [
        ("renewal", {"last_day": ""}, "終わる日を"), ("renewal", {"last_day": "令和8年4月2日"}, "後にしてください"),
        ("handover", {"sponsor": "1"}, "見つかりません"), ("handover", {"sponsor": "100005"}, "今の受入担当者"),
        ("end", {"reason": ""}, "理由を書いて"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_on_the_entrys_page(office: Office, act: str, fields: Fields, told: str) -> None:
    found = enter(office.cast)
    answer = office.browser("security").send(f"/outside/{found}/{act}", fields)
    assert answer.status_code == 422
    assert told in answer.text
    assert entry(office.cast, found).valid_until == COMMITTEE.valid_until


def test_the_contractor_at_their_own_browser_can_do_nothing_of_it(office: Office) -> None:
    contract = let(office.cast)
    found = enter(office.cast, replace(WORKER, contract_id=contract), sponsor="staff")
    office.cast.people["worker"] = entry(office.cast, found).person_id
    browser = office.browser("worker")
    for act, fields in (("acceptance", {}), ("renewal", {"last_day": "令和9年3月1日"}), ("end", {"reason": "x"}),
                        ("handover", {"sponsor": "100005"})):  # fmt: skip
        assert browser.send(f"/outside/{found}/{act}", fields).status_code in (403, 404), act
    assert browser.send("/outside/new/register", TYPED).status_code == 403
    assert entry(office.cast, found).valid_until == WORKER.valid_until
    assert len(refused(office)) == 5


def test_somebody_who_came_otherwise_is_listed_until_a_sponsor_is_asked(office: Office) -> None:
    browser = office.browser("system")
    page = browser.page("/outside")
    assert "受入担当者の決まっていない外部者 1人" in page
    with office.database.reading() as session:
        found = office.cast.employment(session, "contractor").id
    assert browser.send(f"/outside/{found}/sponsor", {"sponsor": "x"}).status_code == 422
    page = browser.follow(browser.send(f"/outside/{found}/sponsor", {"sponsor": "100004"}))
    assert "委託　三郎（900001）" in page
    assert "決まっていない外部者" not in browser.page("/outside")


def test_an_auditor_looks_and_has_no_form(office: Office) -> None:
    found = enter(office.cast)
    page = office.browser("auditor").page(f"/outside/{found}")
    assert "吉塚" in page
    for form in ("登録を更新する", "受入担当者を変える", "今すぐ終わらせる"):
        assert form not in page


def test_looking_changes_nothing(office: Office) -> None:
    found = enter(office.cast)
    browser = office.browser("hr")
    before = office.rows()
    for path in ("/outside", "/outside/new", f"/outside/{found}", "/outside/contracts", "/outside/contracts/new",
                 "/outside/consents", "/outside/services"):  # fmt: skip
        browser.page(path)
    assert office.rows() == before
    assert CONTRACT.number not in browser.page("/outside/contracts")
    accept_again = browser.send(f"/outside/{found}/acceptance", {})
    assert accept_again.status_code == 403
