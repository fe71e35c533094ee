"""The register of external services at a browser: applied for, decided, kept, ended and closed (I2 and I3)."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from idm.calendar_days import start_of
from idm.models.external_services import ExternalService, ProviderAccount
from idm.operations.external_services import service_ends
from idm.vocabulary import ExternalServiceState
from tests.cast import TODAY
from tests.operations.external_services.test_external_services import JOB
from tests.web.office import Office

PAGE = "/external-services"
END = TODAY + timedelta(days=30)
WANTED = {
    "name": "クラウド掲示板", "provider": "那珂川電算", "purpose": "庁内の連絡", "users": "総務課の職員",
    "information": "会議の日程", "confidential": "no", "place": "日本国内、日本法",
    "contract_last_day": "令和9年3月31日",
}  # fmt: skip


def wanted(office: Office, **changed: str) -> dict[str, str]:
    checks = {f"check_{code}": "回答書で確認した" for code in office.cast.policy.external_services.questions}
    return {**WANTED, **checks, **changed}


def asked(office: Office) -> int:
    security = office.browser("security")
    shown = security.follow(security.send(PAGE, wanted(office)))
    assert "承認されるまで、利用できません" in shown
    with office.database.reading() as session:
        return session.scalars(select(ExternalService.id)).one()


def test_what_waits_for_a_decision_is_counted_in_the_menu_of_whoever_decides(office: Office) -> None:
    mark = '<a href="/external-services">外部サービス'
    before = office.browser("chief").page("/systems")
    asked(office)
    after = office.browser("chief").page("/systems")
    assert "1件" in after.split(mark)[1][:80]
    assert "1件" not in before.split(mark)[1][:80]


def approved(office: Office) -> int:
    service_id = asked(office)
    chief = office.browser("chief")
    said = {"answer": "permit", "administrator": "100009", "answer_note": "公開情報だけを載せる"}
    assert "承認しました" in chief.follow(chief.send(f"{PAGE}/{service_id}/answer", said))
    return service_id


def test_an_application_with_mistakes_comes_back_as_it_was_typed(office: Office) -> None:
    answer = office.browser("security").send(PAGE, wanted(office, provider=" ", check_law="", confidential="no"))
    assert answer.status_code == 422
    assert "提供者を書いてください" in answer.text
    assert "クラウド掲示板" in answer.text
    with office.database.reading() as session:
        assert session.scalars(select(ExternalService)).all() == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [({"confidential": ""}, "選んでください"), ({"contract_last_day": "そのうち"}, "日付として読めません"),
     ({"contract_last_day": "令和7年3月31日"}, "今日以後")],
)  # fmt: skip
def test_mistakes_are_told_at_their_fields(office: Office, changed: dict[str, str], told: str) -> None:
    answer = office.browser("security").send(PAGE, wanted(office, **changed))
    assert (answer.status_code, told in answer.text) == (422, True)


def test_what_was_approved_stands_in_the_register_on_paper_and_in_the_list(office: Office) -> None:
    service_id = approved(office)
    auditor = office.browser("auditor")
    for page in (PAGE, f"{PAGE}/print", f"{PAGE}.csv", f"{PAGE}/{service_id}"):
        shown = auditor.page(page)
        assert "クラウド掲示板" in shown
        assert "青木" in shown
    assert "準拠法と裁判管轄" in auditor.page(f"{PAGE}/{service_id}")
    assert "クラウド掲示板" not in auditor.page(f"{PAGE}?state=closed")


def test_its_administrator_sees_it_without_an_office_and_nobody_else_does(office: Office) -> None:
    service_id = approved(office)
    assert "定期確認" in office.browser("staff").page(f"{PAGE}/{service_id}")
    assert f'href="{PAGE}/{service_id}">クラウド掲示板' in office.browser("staff").page("/")
    assert "クラウド掲示板" not in office.browser("other").page("/")
    assert office.browser("other").open(f"{PAGE}/{service_id}").status_code == 404
    for page in (PAGE, f"{PAGE}.csv", f"{PAGE}/print"):
        assert office.browser("staff").open(page).status_code == 404


def test_a_change_begins_with_what_is_approved(office: Office) -> None:
    service_id = approved(office)
    security = office.browser("security")
    form = security.page(f"{PAGE}/new?replaces={service_id}")
    for said in ("庁内の連絡", "回答書で確認した", "令和9年3月31日", "差し替わります"):
        assert said in form
    changed = wanted(office, purpose="庁内外の連絡", replaces=str(service_id))
    assert "第2号" in security.follow(security.send(PAGE, changed))


def test_from_its_planned_end_to_the_closed_entry(office: Office) -> None:
    service_id = approved(office)
    staff, security = office.browser("staff"), office.browser("security")
    here = f"{PAGE}/{service_id}"
    staff.follow(staff.send(f"{here}/accounts", {"account": "admin@example.jp", "administers": "yes"}))
    late = staff.send(f"{here}/end", {"end_on": TODAY.isoformat(), "end_reason": "満了"})
    assert (late.status_code, "30日前まで" in late.text) == (422, True)
    shown = staff.follow(staff.send(f"{here}/end", {"end_on": END.isoformat(), "end_reason": "満了"}))
    assert "終了の日になっていません" in shown
    assert "終了を取りやめる" in shown
    with office.database.reading() as session:
        account = session.scalars(select(ProviderAccount.id)).one()
    nothing = staff.send(f"/provider-accounts/{account}/done", {"how": "", "note": ""})
    assert (nothing.status_code, "選んでください" in nothing.text) == (422, True)
    said = {"how": "returned", "note": "サインインできない"}
    assert "別の人の確認待ち" in staff.follow(staff.send(f"/provider-accounts/{account}/done", said))
    assert staff.send(f"/provider-accounts/{account}/confirm", {}).status_code == 409
    assert "廃棄を確認しました" in security.follow(security.send(f"/provider-accounts/{account}/confirm", {}))
    office.now = start_of(END) + timedelta(hours=9)
    with office.database.writing() as session:
        service_ends.follow(session, actor=JOB, policy=office.cast.policy, now=office.now)
    staff, security = office.browser("staff"), office.browser("security")
    assert "残っているものはありません" in staff.page(here)
    assert "台帳を閉じました" in staff.follow(staff.send(f"{here}/close", {}))
    with office.database.reading() as session:
        assert session.get_one(ExternalService, service_id).state is ExternalServiceState.CLOSED


def test_it_is_not_closed_before_and_what_is_left_is_said(office: Office) -> None:
    service_id = approved(office)
    staff, here = office.browser("staff"), f"{PAGE}/{service_id}"
    staff.send(f"{here}/end", {"end_on": END.isoformat(), "end_reason": "満了"})
    answer = staff.send(f"{here}/close", {})
    assert answer.status_code == 422
    for left in ("終了の日になっていません", "一つも書かれていません"):
        assert left in answer.text
    assert "取りやめ" in staff.follow(staff.send(f"{here}/end/call-off", {}))


def test_a_check_is_recorded_by_name(office: Office) -> None:
    service_id = approved(office)
    staff, here = office.browser("staff"), f"{PAGE}/{service_id}"
    assert staff.send(f"{here}/check", {"comment": "確認"}).status_code == 422
    shown = staff.follow(staff.send(f"{here}/check", {"needed": "no", "comment": "使う人がいない"}))
    assert "使う人がいない" in shown
    assert "必要なし" in shown


def test_another_administrator_is_named_by_whoever_decides(office: Office) -> None:
    service_id = approved(office)
    chief, to = office.browser("chief"), f"{PAGE}/{service_id}/administrator"
    for number in ("", "999999", "900001"):
        assert chief.send(to, {"administrator": number}).status_code == 422
    assert "今泉" in chief.follow(chief.send(to, {"administrator": "100010"}))


def test_an_application_is_taken_back(office: Office) -> None:
    service_id = asked(office)
    security = office.browser("security")
    assert "取り下げました" in security.follow(security.send(f"{PAGE}/{service_id}/withdraw", {}))
