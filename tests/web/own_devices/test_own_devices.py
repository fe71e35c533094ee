"""Devices of one's own at a browser: applied for, permitted, checked, ended, lost (FK 5-1(1)④; control I4)."""

import pytest
from sqlalchemy import select, update

from idm.models.officers import Officer
from idm.models.own_devices import OwnDevice
from idm.models.people import Assignment, Employment, OrganisationUnit
from idm.operations.own_devices.applications import TEXTS
from idm.vocabulary import OwnDeviceState, Role
from tests.cast import TODAY
from tests.operations.own_devices.devices import ended, lose, permitted, report, wanted
from tests.web.office import Office

PAGE = "/own-devices"


def typed(office: Office, **changed: str) -> dict[str, str]:
    plain = wanted(office.cast)
    texts = {name: getattr(plain, name) for name in TEXTS}
    checks = {f"check_{code}": "している" for code in office.cast.policy.own_devices.questions}
    rest = {"unit": "0100", "confidentiality": "2", "connects_inside": "no", "first_day": "令和8年4月1日",
            "last_day": "令和8年7月31日"}  # fmt: skip
    return {**texts, **checks, **rest, **changed}


def state(office: Office) -> OwnDeviceState:
    with office.database.reading() as session:
        return session.scalars(select(OwnDevice.state).order_by(OwnDevice.id.desc())).first() or OwnDeviceState.ASKED


def test_from_the_application_to_the_confirmed_clearing(office: Office) -> None:
    staff = office.browser("staff")
    assert "申請した端末はありません" in staff.page("/me/devices")
    form = staff.page(PAGE + "/new")
    assert "総務課" in form
    assert "CISO" in form or "最高情報セキュリティ責任者" in form
    shown = staff.follow(staff.send(PAGE, typed(office)))
    assert "許可されるまで、業務に使えません" in shown
    for who in ("ciso", "security"):
        said = {"answer": "permit", "answer_note": "連絡だけに使う"}
        deciding = office.browser(who)
        assert "決定を記録しました" in deciding.follow(deciding.send(f"{PAGE}/1/answer", said))
    assert "連絡だけに使う" in staff.page(f"{PAGE}/1")
    assert "業務の情報を消し" in staff.follow(staff.send(f"{PAGE}/1/end", {}))
    assert "別の人の確認" in staff.follow(staff.send(f"{PAGE}/1/cleared", {"cleared_how": "アプリを消した"}))
    security = office.browser("security")
    said = {"gone": "yes", "confirm_note": "端末を見た"}
    assert "削除を確認しました" in security.follow(security.send(f"{PAGE}/1/confirm", said))
    assert state(office) is OwnDeviceState.CLOSED


def test_an_application_with_mistakes_comes_back_as_it_was_typed(office: Office) -> None:
    changed = {"maker": " ", "confidentiality": "3", "check_lock": "", "last_day": "そのうち", "connects_inside": ""}
    answer = office.browser("staff").send(PAGE, typed(office, **changed))
    assert answer.status_code == 422
    assert "製造企業名を書いてください" in answer.text
    assert "機密性3の情報は" in answer.text
    assert "日付として読めません" in answer.text
    assert "どのようにするかを書いてください" in answer.text
    assert "災害時の参集の連絡" in answer.text
    with office.database.reading() as session:
        assert session.scalars(select(OwnDevice)).all() == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"confidentiality": ""}, "選んでください"), ({"connects_inside": ""}, "選んでください"),
        ({"last_day": "そのうち"}, "日付として読めません"), ({"last_day": "令和8年3月31日"}, "今日より後"),
        ({"unit": "0600"}, "いまの所属"),
    ],
)  # fmt: skip
def test_mistakes_are_told_at_their_fields(office: Office, changed: dict[str, str], told: str) -> None:
    answer = office.browser("staff").send(PAGE, typed(office, **changed))
    assert (answer.status_code, told in answer.text) == (422, True)


def test_the_register_is_on_the_page_on_paper_and_in_the_list(office: Office) -> None:
    permitted(office.cast)
    auditor = office.browser("auditor")
    for page in (PAGE, f"{PAGE}/print", f"{PAGE}.csv", f"{PAGE}/1"):
        shown = auditor.page(page)
        assert "N-1" in shown
        assert "青木" in shown
    assert "N-1" in auditor.page(f"{PAGE}?state=permitted")
    assert "N-1" not in auditor.page(f"{PAGE}?state=lost")


def test_what_waits_for_a_permit_is_counted_for_whose_turn_it_is(office: Office) -> None:
    staff = office.browser("staff")
    staff.send(PAGE, typed(office))
    mark = '<a href="/own-devices">支給以外の端末'
    assert "1件" in office.browser("ciso").page("/systems").split(mark)[1][:80]
    assert "1件" not in office.browser("security").page("/systems").split(mark)[1][:80]


def test_somebody_elses_device_is_not_there_for_people_who_do_not_look_after_it(office: Office) -> None:
    permitted(office.cast)
    for who in ("other", "hr", "system"):
        browser = office.browser(who)
        assert browser.open(f"{PAGE}/1").status_code == 404
        assert browser.send(f"{PAGE}/1/end", {}).status_code == 404
        assert browser.open(f"{PAGE}/new?replaces=1").status_code == 404
    assert state(office) is OwnDeviceState.PERMITTED


def test_nobody_fills_in_a_renewal_for_somebody_else_or_looks_after_their_own(office: Office) -> None:
    permitted(office.cast)
    security = office.browser("security")
    assert security.open(f"{PAGE}/new?replaces=1").status_code == 404
    answering = permitted(office.cast, "security", permitting=("ciso", "chief"))
    own = security.page(f"{PAGE}/{answering}")
    assert "確認を記録する" not in own
    assert "許可を取り消す" not in own


def test_a_renewal_begins_with_what_was_permitted(office: Office) -> None:
    permitted(office.cast)
    form = office.browser("staff").page(f"{PAGE}/new?replaces=1")
    assert 'value="那珂川電子"' in form
    assert "災害時の参集の連絡" in form


@pytest.mark.parametrize(
    ("path", "who", "told"),
    [("answer", "ciso", "許可・不許可"), ("check", "security", "まだ必要か"), ("confirm", "security", "確認できたか")],
)
def test_a_form_without_its_choice_is_told_what_to_choose(office: Office, path: str, who: str, told: str) -> None:
    if path == "answer":
        office.browser("staff").send(PAGE, typed(office))
    elif path == "check":
        permitted(office.cast)
    else:
        report(office.cast, ended(office.cast))
    answer = office.browser(who).send(f"{PAGE}/1/{path}", {})
    assert (answer.status_code, told in answer.text) == (422, True)


def test_the_list_says_in_words_why_a_use_ended(office: Office) -> None:
    ended(office.cast)
    listed = office.browser("auditor").page(f"{PAGE}.csv")
    assert "必要なくなった" in listed
    assert "not_needed" not in listed


def test_a_permit_is_taken_back_at_the_page_with_a_reason(office: Office) -> None:
    permitted(office.cast)
    security = office.browser("security")
    assert "許可を取り消す理由" in security.page(f"{PAGE}/1")
    assert security.send(f"{PAGE}/1/end", {"end_note": " "}).status_code == 422
    shown = security.follow(security.send(f"{PAGE}/1/end", {"end_note": "申請と違う"}))
    assert "許可の取消し：申請と違う" in shown
    assert "申請と違う" in office.browser("staff").page(f"{PAGE}/1")


def test_its_holder_needs_no_reason_to_end_it(office: Office) -> None:
    permitted(office.cast)
    staff = office.browser("staff")
    assert "許可を取り消す" not in staff.page(f"{PAGE}/1")
    staff.follow(staff.send(f"{PAGE}/1/end", {}))


def test_the_page_names_whoever_may_permit_it_and_says_where_nobody_can(office: Office) -> None:
    staff = office.browser("staff")
    staff.send(PAGE, typed(office))
    assert "許可を待っている人：大濠" in staff.page(f"{PAGE}/1")
    with office.database.writing() as session:
        heads = (Role.CISO, Role.VICE_CISO)
        session.execute(update(Officer).where(Officer.role.in_(heads)).values(valid_until=TODAY))
    assert "許可できる人がいません" in staff.page(f"{PAGE}/1")


def test_who_has_moved_renews_for_the_section_they_are_in_now(office: Office) -> None:
    ended(office.cast)
    with office.database.writing() as session:
        unit = session.scalars(select(OrganisationUnit.id).where(OrganisationUnit.code == "0600")).one()
        mine = select(Employment.id).where(Employment.person_id == office.cast.people["staff"])
        session.execute(update(Assignment).where(Assignment.employment_id.in_(mine)).values(unit_id=unit))
    form = office.browser("staff").page(f"{PAGE}/new?replaces=1")
    assert 'name="unit" value="0600"' in form


@pytest.mark.parametrize(("begins", "shown"), [("令和8年4月1日", False), ("令和8年4月2日", True)])
def test_a_use_that_has_not_begun_says_so(office: Office, begins: str, *, shown: bool) -> None:
    office.browser("staff").send(PAGE, typed(office, first_day=begins))
    for who in ("ciso", "security"):
        office.browser(who).send(f"{PAGE}/1/answer", {"answer": "permit", "answer_note": "確認"})
    assert ("利用の開始前" in office.browser("staff").page("/me/devices")) is shown


@pytest.mark.parametrize(("over", "first_day"), [(False, "令和8年7月10日"), (True, "令和8年4月1日")])
def test_a_renewal_begins_where_the_permit_ends_or_today(office: Office, first_day: str, *, over: bool) -> None:
    if over:
        ended(office.cast)
    else:
        permitted(office.cast)
    assert f'value="{first_day}"' in office.browser("staff").page(f"{PAGE}/new?replaces=1")


def test_a_loss_is_shown_first_and_settled_by_whoever_looks_after_it(office: Office) -> None:
    lose(office.cast, permitted(office.cast))
    assert "電車に忘れた" in office.browser("staff").page(f"{PAGE}/1")
    security = office.browser("security")
    assert security.send(f"{PAGE}/1/settle", {"settle_note": " "}).status_code == 422
    done = security.follow(security.send(f"{PAGE}/1/settle", {"settle_note": "遠隔で消した"}))
    assert "対応を記録しました" in done
    assert state(office) is OwnDeviceState.CLOSED


def test_checked_taken_back_lost_and_found_again_at_the_page(office: Office) -> None:
    permitted(office.cast)
    security, staff = office.browser("security"), office.browser("staff")
    said = {"needed": "yes", "comment": "使い方を聞いた"}
    assert "使い方を聞いた" in security.follow(security.send(f"{PAGE}/1/check", said))
    staff.send(f"{PAGE}/1/loss", {"lost_what": "電車に忘れた"})
    assert state(office) is OwnDeviceState.LOST
    assert "業務の情報を消し" in staff.follow(staff.send(f"{PAGE}/1/found", {}))
    assert state(office) is OwnDeviceState.TO_CLEAR


def test_an_application_is_taken_back_at_its_page(office: Office) -> None:
    staff = office.browser("staff")
    staff.send(PAGE, typed(office))
    shown = staff.follow(staff.send(f"{PAGE}/1/withdraw", {}))
    assert "取り下げました" in shown
    assert "許可を待っている人" not in shown


@pytest.mark.parametrize("page", [PAGE, f"{PAGE}/print", f"{PAGE}.csv"])
def test_a_manager_of_another_section_reads_nothing_of_it(office: Office, page: str) -> None:
    permitted(office.cast)
    assert "N-1" not in office.browser("system").page(page)
    assert "N-1" in office.browser("security").page(page)
