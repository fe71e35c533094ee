"""The register of exceptions at a browser: asked, answered by the CISO, checked, ended, printed, kept as a list."""

import pytest
from sqlalchemy import select, update

from idm.models.exceptions import ExceptionCheck, RegisteredException
from idm.models.people import Person
from idm.operations.approval import permitted_exceptions
from idm.operations.approval.requests import find
from idm.vocabulary import ExceptionState, FindingKind
from tests.web.office import Office
from tests.web.test_unpublished import NEWCOMER, announce

FORM: dict[str, str | int | list[str | int]] = {
    "clause": "6-2(2)③", "scope": "person", "system": "", "login_name": "", "staff_number": "100009", "unit": "",
    "finding_kind": "dormant", "what": "年に一度だけ使うID", "reason": "決算のとき",
    "compensating_control": "課長が確認",
    "first_day": "令和8年4月1日", "last_day": "令和8年6月30日",
}  # fmt: skip


def rows(office: Office) -> list[RegisteredException]:
    with office.database.reading() as session:
        return list(session.scalars(select(RegisteredException).order_by(RegisteredException.id)))


@pytest.fixture
def asked(office: Office) -> str:
    """The page of an exception that 香椎 has asked for."""
    answer = office.browser("security").send("/exceptions", FORM)
    assert answer.status_code == 302, answer.text
    return str(answer.headers["Location"])


@pytest.mark.asvs("8.2.1")
def test_it_is_asked_permitted_checked_and_ended_on_its_page(office: Office, asked: str) -> None:
    ciso, chief, security = office.browser("ciso"), office.browser("chief"), office.browser("security")
    assert "許可するかどうかを答える" in ciso.page(asked)
    assert "許可するかどうかを答える" not in chief.page(asked)
    said = ciso.follow(ciso.send(f"{asked}/answer", {"answer": "permit", "answer_note": "よい"}))
    assert "例外措置を許可しました" in said
    looked = chief.follow(chief.send(f"{asked}/check", {"needed": "yes", "comment": "記録を見た"}))
    assert "記録を見た" in looked
    ended = security.follow(security.send(f"{asked}/end", {"end_note": "廃止した"}))
    assert "廃止した" in ended
    assert rows(office)[0].state is ExceptionState.ENDED


def test_mistakes_are_told_at_their_fields_and_what_was_typed_is_kept(office: Office) -> None:
    answer = office.browser("security").send("/exceptions", {**FORM, "last_day": "令和20年1月1日"})
    assert answer.status_code == 422
    assert "365日以内にしてください" in answer.text
    assert "年に一度だけ使うID" in answer.text
    assert rows(office) == []


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"scope": ""}, "対象の範囲を選んで"),
        ({"scope": "account", "login_name": "nobody"}, "利用者IDはありません"),
        ({"staff_number": "999999"}, "見つかりません"),
        ({"last_day": "いつか"}, "日付として読めません"),
        ({"emergency": "yes", "acted_day": "令和8年4月1日", "acted_time": "午後"}, "時刻を入れて"),
        ({"finding_kind": "left"}, "離職者"),
    ],
)
def test_what_cannot_be_understood_is_said_in_words(office: Office, typed: dict[str, str], told: str) -> None:
    answer = office.browser("security").send("/exceptions", {**FORM, **typed})
    assert answer.status_code == 422
    assert told in answer.text


def test_the_form_offers_no_kind_that_is_never_covered(office: Office) -> None:
    page = office.browser("security").page("/exceptions/new")
    assert 'value="dormant"' in page
    assert 'value="left"' not in page


def test_another_page_leads_to_a_form_that_is_filled_in(office: Office) -> None:
    page = office.browser("security").page("/exceptions/new?finding_kind=dormant&scope=person&staff_number=100009")
    assert 'value="100009"' in page
    assert 'value="dormant" selected' in page
    assert 'value="person" checked' in page


def test_an_emergency_is_told_then_reported_and_only_then_answered(office: Office) -> None:
    security, ciso = office.browser("security"), office.browser("ciso")
    told = {**FORM, "emergency": "yes", "acted_day": "令和8年4月1日", "acted_time": "08:30"}
    page = security.send("/exceptions", told).headers["Location"]
    assert "報告待ち" in security.page(page)
    assert "許可するかどうかを答える" not in ciso.page(page)
    security.follow(security.send(f"{page}/report", {"report": "回線が切れたため"}))
    shown = ciso.page(page)
    assert "回線が切れたため" in shown
    assert "許可するかどうかを答える" in shown


def test_a_renewal_is_filled_in_from_the_one_before_and_names_it(office: Office, asked: str) -> None:
    ciso, security = office.browser("ciso"), office.browser("security")
    ciso.follow(ciso.send(f"{asked}/answer", {"answer": "permit", "answer_note": "よい"}))
    office.pass_by(days=70)
    security = office.browser("security")
    assert "更新を申請する" in security.page(asked)
    form = security.page(f"/exceptions/new?renews={asked.rpartition('/')[2]}")
    assert "年に一度だけ使うID" in form
    assert "令和8年7月1日" in form
    wanted = {key: FORM[key] for key in ("clause", "what", "reason", "compensating_control")}
    answer = security.send(
        "/exceptions", {**wanted, "renews": asked.rpartition("/")[2], "first_day": "R8.7.1", "last_day": "R8.9.30"}
    )
    assert f"第{rows(office)[0].id}号の更新です" in security.follow(answer)
    before, renewal = rows(office)
    assert (renewal.renews_id, renewal.person_id, renewal.finding_kind) == (
        before.id, before.person_id, FindingKind.DORMANT,
    )  # fmt: skip


def test_the_register_is_on_the_page_on_paper_and_in_the_list(office: Office, asked: str) -> None:
    ciso = office.browser("ciso")
    ciso.follow(ciso.send(f"{asked}/answer", {"answer": "permit", "answer_note": "よい"}))
    auditor = office.browser("auditor")
    for page in (auditor.page("/exceptions"), auditor.page("/exceptions/print"), auditor.page("/exceptions.csv")):
        assert "年に一度だけ使うID" in page
        assert "香椎" in page
    assert "年に一度だけ使うID" not in auditor.page("/exceptions?state=asked")
    assert asked in auditor.page("/exceptions?state=permitted")


def test_what_was_permitted_for_one_application_stands_in_the_same_register(office: Office) -> None:
    cast = office.cast
    request_id = cast.file("hr", ("staff", "ledger/account"))
    with cast.acting("ciso", "exception.permit") as session:
        permitted_exceptions.permit(
            session, find(session, request_id), rule="SOD-4", beneficiary_id=cast.people["system"], reason="欠員",
            days=7, actor=cast.actor("ciso"), policy=cast.policy, now=office.now,
        )  # fmt: skip
    for path in ("/exceptions", "/exceptions/print"):
        page = office.browser("auditor").page(path)
        assert "欠員" in page
        assert "SOD-4" in page


@pytest.mark.parametrize("who", ["staff", "hr", "desk"])
def test_for_others_there_is_no_such_page(office: Office, asked: str, who: str) -> None:
    browser = office.browser(who)
    assert browser.open("/exceptions").status_code == 404
    assert browser.open(asked).status_code == 404
    assert browser.send("/exceptions", FORM).status_code == 403


@pytest.mark.asvs("8.2.3")
def test_of_an_unpublished_person_no_exception_is_shown_to_who_may_not_know(office: Office) -> None:
    announce(office.cast)
    page = str(office.browser("security").send("/exceptions", {**FORM, "what": "内密の措置"}).headers["Location"])
    with office.database.writing() as session:
        newcomer = session.scalars(select(Person.id).where(Person.name == NEWCOMER)).one()
        session.execute(update(RegisteredException).values(person_id=newcomer))
    assert "内密の措置" not in office.browser("chief").page("/exceptions")
    assert office.browser("chief").open(page).status_code == 404
    assert "内密の措置" in office.browser("ciso").page("/exceptions")


def test_a_check_without_an_answer_records_nothing(office: Office, asked: str) -> None:
    ciso = office.browser("ciso")
    ciso.follow(ciso.send(f"{asked}/answer", {"answer": "permit", "answer_note": "よい"}))
    assert office.browser("chief").send(f"{asked}/check", {"comment": "見た"}).status_code == 422
    with office.database.reading() as session:
        assert session.scalars(select(ExceptionCheck)).all() == []


def test_the_first_page_says_what_waits_for_whom(office: Office) -> None:
    security = office.browser("security")
    asked = security.send("/exceptions", {**FORM, "last_day": "令和8年12月31日"}).headers["Location"]
    assert "あなたの許可を待っているもの" in office.browser("ciso").page("/")
    assert "例外措置台帳へ" not in security.page("/")
    told = {**FORM, "emergency": "yes", "acted_day": "令和8年4月1日", "acted_time": "08:30"}
    security.send("/exceptions", told)
    assert "あなたの報告を待っている緊急の措置" in security.page("/")
    ciso = office.browser("ciso")
    ciso.follow(ciso.send(f"{asked}/answer", {"answer": "permit", "answer_note": "よい"}))
    assert "例外措置台帳へ" not in ciso.page("/")
    office.pass_by(days=94)
    assert "定期確認の期限を過ぎたもの" in office.browser("chief").page("/")


def test_what_a_check_found_no_longer_needed_is_on_the_register_and_the_first_page(office: Office, asked: str) -> None:
    ciso, chief = office.browser("ciso"), office.browser("chief")
    ciso.follow(ciso.send(f"{asked}/answer", {"answer": "permit", "answer_note": "よい"}))
    page = chief.follow(chief.send(f"{asked}/check", {"needed": "no", "comment": "もう使っていない"}))
    assert "必要なし・終えるのを待っています" in page
    assert "必要なし・終えるのを待っています" in chief.page("/exceptions")
    security = office.browser("security")
    assert "定期確認で必要がないとされ" in security.page("/")
    ended = security.follow(security.send(f"{asked}/end", {"end_note": "使い終えた"}))
    assert "必要なし・終えるのを待っています" not in ended
    assert "定期確認で必要がないとされ" not in security.page("/")
