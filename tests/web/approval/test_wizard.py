"""Applying in five steps: who, what, which rights, period and reason, and a look at it before it is submitted."""

from datetime import date

import pytest
from sqlalchemy import select

from idm.models.audit import AuditOutcome, AuditRecord
from idm.models.officers import ConfigurationVersion
from idm.models.requests import Request
from idm.models.systems import InformationSystem
from idm.policy_file import effective_text, load_profile, shipped_profile
from idm.request_state import Event, RequestState
from idm.vocabulary import ConfigurationKind, LineEffect, RequestAction, Role
from tests.cast import Cast
from tests.web.office import Browser, Fields, Office

STEP = "/requests/new/{}"


def right(cast: Cast, code: str) -> int:
    with cast.database.reading() as session:
        return cast.entitlement(session, code).id


def what(cast: Cast, action: str, code: str = "ledger/account") -> str:
    with cast.database.reading() as session:
        return f"{action}:{cast.entitlement(session, code).system_id}"


def filled(office: Office, subject: str, **changes: str | int | list[str | int]) -> Fields:
    """All that a plain application for an account carries, with changes."""
    cast = office.cast
    return {
        "subject": cast.people[subject], "what": what(cast, "register"), "give": right(cast, "ledger/account"),
        "first_day": "令和8年4月1日", "reason": "伝票の入力のため", **changes,
    }  # fmt: skip


def submitted(office: Office) -> list[Request]:
    with office.database.reading() as session:
        found = list(session.scalars(select(Request).order_by(Request.id)))
        for request in found:
            _ = [line.entitlement.code for line in request.lines], request.cites
        return found


def submit(browser: Browser, fields: Fields) -> str:
    return browser.follow(browser.send("/requests/new/submit", fields, shown="/requests/new"))


def test_staff_apply_from_the_first_page_to_the_number(office: Office) -> None:
    browser, cast = office.browser("staff"), office.cast
    page = browser.page("/requests/new")
    assert "どのシステムの、どの申請ですか" in page  # there is nobody else to choose
    page = browser.send_on(page, STEP.format("rights"), {"what": what(cast, "register")}).text
    assert f'value="{right(cast, "ledger/account")}" checked' in page
    give: list[str | int] = [right(cast, "ledger/account"), right(cast, "ledger/enter")]
    page = browser.send_on(page, STEP.format("period"), {"give": give}).text
    assert 'value="令和8年4月1日"' in page
    page = browser.send_on(
        page, STEP.format("check"), {"first_day": "2026-04-10", "last_day": "R8.6.30", "reason": "応援のため"}
    ).text
    assert "令和8年4月10日（金）から" in page
    assert "令和8年6月30日（火）まで" in page
    received = browser.follow(browser.send_on(page, STEP.format("submit"), {}))
    assert "R8-000001" in received
    (request,) = submitted(office)
    assert (request.state, request.action, request.reason) == (
        RequestState.SUBMITTED, RequestAction.REGISTER, "応援のため"
    )  # fmt: skip
    assert [(line.entitlement.code, line.valid_from, line.valid_until) for line in request.lines] == [
        ("account", date(2026, 4, 10), date(2026, 7, 1)), ("enter", date(2026, 4, 10), date(2026, 7, 1))
    ]  # fmt: skip


def test_nothing_is_stored_before_submission(office: Office) -> None:
    browser = office.browser("staff")
    page, before = browser.page("/requests/new"), office.rows()
    for step in ("who", "what", "rights", "period", "check"):
        browser.send_on(page, STEP.format(step), filled(office, "staff"))
    assert office.rows() == before


def test_a_section_manager_chooses_from_their_own_unit(office: Office) -> None:
    page = office.browser("security").page("/requests/new")
    assert "だれのための申請ですか" in page
    assert "青木　一郎" in page
    assert "箱崎　花子" not in page


def test_people_are_searched_without_losing_what_was_chosen(office: Office) -> None:
    browser = office.browser("hr")
    page = browser.page("/requests/new")
    found = browser.send_on(page, STEP.format("who"), filled(office, "staff", q="いまいずみ")).text
    assert "今泉　二葉" in found
    assert "大濠　公子" not in found
    assert 'name="reason" value="伝票の入力のため"' in found
    assert f'value="{office.cast.people["staff"]}" checked' in found


@pytest.mark.asvs("8.2.2", "2.2.2")
@pytest.mark.parametrize("step", ["what", "rights", "period", "check", "submit"])
def test_somebody_of_another_unit_cannot_be_slipped_in(office: Office, step: str) -> None:
    browser, before = office.browser("security"), office.rows()["requests"]
    answer = browser.send(STEP.format(step), filled(office, "desk"), shown="/requests/new")
    assert answer.status_code == 422
    assert "この人のために申請することはできません" in answer.text
    assert office.rows()["requests"] == before


@pytest.mark.asvs("2.2.1")
@pytest.mark.parametrize(
    ("changes", "mistake", "link"),
    [
        ({"what": ""}, "システムと申請の区分を選んでください", "#what"),
        ({"what": "remove:1"}, "この区分の申請はできません", "#what"),
        ({"what": "register:99"}, "システムと申請の区分を選んでください", "#what"),
        ({"what": "register:x"}, "システムと申請の区分を選んでください", "#what"),
        ({"give": []}, "権限を1つ以上選んでください", "#rights"),
        ({"first_day": ""}, "日付を入れてください", "#first_day"),
        ({"first_day": "令和8年2月30日"}, "暦にない日付です", "#first_day"),
        ({"first_day": "あした"}, "日付として読めません", "#first_day"),
        ({"first_day": "2026-03-31"}, "今日以後の日付にしてください", "#first_day"),
        ({"last_day": "2026-03-31"}, "開始日以後の日付にしてください", "#last_day"),
        ({"reason": " "}, "理由を書いてください", "#reason"),
        ({"reason": "見えない\u202e文字"}, "使えない文字", "#reason"),
        ({"reason": "長" * 2001}, "2000文字までにしてください", "#reason"),
    ],
)
def test_a_mistake_is_told_on_top_and_at_its_field(
    office: Office, changes: dict[str, str | int | list[str | int]], mistake: str, link: str
) -> None:
    browser, before = office.browser("staff"), office.rows()["requests"]
    answer = browser.send("/requests/new/submit", filled(office, "staff", **changes), shown="/requests/new")
    assert answer.status_code == 422
    summary, rest = answer.text.split("<h1>", 1)
    assert f'<a href="{link}">' in summary
    assert mistake in summary
    assert f"＊{mistake}" in rest or mistake in rest
    assert f'id="{link[1:]}"' in rest
    assert "<title>エラー：" in answer.text
    assert office.rows()["requests"] == before


def test_a_right_of_a_group_needs_the_account(office: Office) -> None:
    fields = filled(office, "staff", give=right(office.cast, "ledger/enter"))
    answer = office.browser("staff").send(STEP.format("period"), fields, shown="/requests/new")
    assert answer.status_code == 422
    assert "「利用者ID」も一緒に選んでください" in answer.text


def test_a_privileged_right_needs_the_privileged_id_and_the_wizard_says_what_that_is(office: Office) -> None:
    browser = office.browser("staff")
    assert "日常の利用者IDとは別に作られ" in browser.send(STEP.format("rights"), filled(office, "staff")).text
    rights: list[str | int] = [right(office.cast, "ledger/account"), right(office.cast, "ledger/admin")]
    answer = browser.send(STEP.format("period"), filled(office, "staff", give=rights), shown="/requests/new")
    assert answer.status_code == 422
    assert "「管理用ID」も一緒に選んでください。特権は、日常の利用者IDではなく本人の別のIDに付きます" in answer.text


def test_a_privileged_right_needs_an_end(office: Office) -> None:
    rights: list[str | int] = [
        right(office.cast, "ledger/account"),
        right(office.cast, "ledger/admin-account"),
        right(office.cast, "ledger/admin"),
    ]
    answer = office.browser("staff").send("/requests/new/submit", filled(office, "staff", give=rights))
    assert answer.status_code == 422
    assert "特権、共用IDの利用、外部からの利用又は委託事業者の権限には終了日が必要です" in answer.text


def test_a_contractors_right_needs_an_end(office: Office) -> None:
    browser = office.browser("hr")
    answer = browser.send("/requests/new/submit", filled(office, "contractor"))
    assert "特権、共用IDの利用、外部からの利用又は委託事業者の権限には終了日が必要です" in answer.text
    assert "R8-000001" in submit(browser, filled(office, "contractor", last_day="2026-12-28"))


def pension(office: Office) -> Fields:
    """An application for an account of the My Number system."""
    return filled(
        office,
        "staff",
        what=what(office.cast, "register", "pension/account"),
        give=right(office.cast, "pension/account"),
    )


def test_a_my_number_right_is_asked_for_and_told_to_wait_for_its_factors(office: Office) -> None:
    browser = office.browser("staff")
    waits = "承認されても、二つの種類の認証要素の登録が確認できるまで有効になりません"
    with office.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "pension")).one()
        system.verification = {**(system.verification or {}), "password": False}
    assert waits in browser.send(STEP.format("check"), pension(office)).text
    submit(browser, pension(office))
    assert waits in browser.page("/requests/1")
    assert waits in office.browser("chief").page("/requests/1")
    assert waits not in browser.send(STEP.format("check"), filled(office, "staff")).text


def test_a_my_number_system_is_not_offered_where_the_profile_keeps_out_of_its_zone(office: Office) -> None:
    child = 'extends = "fukuoka"\n[zones]\nmynumber_forbidden = true\n'
    profile = load_profile("child", lambda name: child if name == "child" else shipped_profile(name))
    with office.database.writing() as session:
        session.scalars(
            select(ConfigurationVersion).where(ConfigurationVersion.kind == ConfigurationKind.PROFILE)
        ).one().content = effective_text(profile)
    browser = office.browser("staff")
    assert "この系の情報システムは使いません" in browser.page("/requests/new")
    assert browser.send("/requests/new/submit", pension(office)).status_code == 422
    assert submitted(office) == []


def test_what_one_has_can_be_changed_or_removed_but_not_registered_again(office: Office) -> None:
    office.cast.approve(office.cast.file("staff", ("staff", "ledger/account")))
    page = office.browser("staff").page("/requests/new")
    assert what(office.cast, "register") not in page
    assert what(office.cast, "change") in page
    assert what(office.cast, "remove") in page


def test_a_removal_takes_the_account_from_its_day(office: Office) -> None:
    cast = office.cast
    cast.approve(cast.file("staff", ("staff", "ledger/account")))
    browser = office.browser("staff")
    fields: Fields = {"what": what(cast, "remove")}
    page = browser.send(STEP.format("rights"), fields, shown="/requests/new").text
    assert f'name="take" value="{right(cast, "ledger/account")}" checked' in page
    page = browser.send_on(page, STEP.format("period"), {"take": right(cast, "ledger/account")}).text
    assert "last_day" not in page
    page = browser.send_on(page, STEP.format("check"), {"first_day": "令和8年5月1日", "reason": "担当替え"}).text
    browser.follow(browser.send_on(page, STEP.format("submit"), {}))
    (line,) = submitted(office)[-1].lines
    assert (line.effect, line.valid_from, line.valid_until) == (LineEffect.REVOKE, date(2026, 5, 1), None)


def test_ticks_of_another_system_are_left_behind(office: Office) -> None:
    stray: list[str | int] = [right(office.cast, "ledger/account"), right(office.cast, "pension/account"), 999]
    submit(office.browser("staff"), filled(office, "staff", give=stray))
    assert [line.entitlement.code for line in submitted(office)[0].lines] == ["account"]


def test_what_is_already_asked_for_is_not_offered_again(office: Office) -> None:
    browser = office.browser("staff")
    submit(browser, filled(office, "staff"))
    answer = browser.send("/requests/new/submit", filled(office, "staff"))
    assert answer.status_code == 422
    assert "R8-000001 で審査中です" in answer.text
    assert len(submitted(office)) == 1


def test_a_spelling_that_needs_a_look_is_told_before_submission(office: Office) -> None:
    page = office.browser("staff").send(STEP.format("check"), filled(office, "staff", first_day="平成38年4月1日")).text
    assert "元号の期間の外にあるため、令和8年4月1日" in page


def test_the_end_of_employment_is_told_before_submission(office: Office) -> None:
    with office.database.writing() as session:
        office.cast.employment(session, "staff").valid_until = date(2026, 9, 1)
    page = office.browser("staff").send(STEP.format("check"), filled(office, "staff")).text
    assert "在職期間が令和8年8月31日（月）までのため" in page


def test_a_returned_application_is_corrected_by_a_new_one_that_cites_it(office: Office) -> None:
    cast = office.cast
    old = cast.file("staff", ("staff", "ledger/account"), ("staff", "ledger/enter"), reason="応援のため")
    for line in (0, 1):
        cast.decide("chief", old, Role.CHIEF, Event.RETURN, line=line, comment="終了日を入れてください")
    browser = office.browser("staff")
    page = browser.page(f"/requests/{old}")
    assert f"/requests/new?cites={old}" in page
    page = browser.page(f"/requests/new?cites={old}")
    assert "天神　太郎: 終了日を入れてください" in page
    assert f'value="{right(cast, "ledger/enter")}" checked' in page
    fields: Fields = {"give": [right(cast, "ledger/account"), right(cast, "ledger/enter")]}
    page = browser.send_on(page, STEP.format("period"), fields).text
    assert "応援のため" in page
    page = browser.send_on(
        page, STEP.format("check"), {"first_day": "2026-04-01", "last_day": "2026-06-30", "reason": "応援のため"}
    ).text
    browser.follow(browser.send_on(page, STEP.format("submit"), {}))
    new = submitted(office)[-1]
    assert (new.cites_id, new.number) == (old, "R8-000002")
    assert "R8-000002" in browser.page(f"/requests/{old}")
    assert "R8-000001" in browser.page(f"/requests/{new.id}")


def test_of_a_batch_what_was_returned_is_put_forward_anew_for_that_person(office: Office) -> None:
    cast = office.cast
    old = cast.file("security", ("other", "ledger/account"), ("staff", "ledger/account"))
    cast.approve(old, line=0)
    cast.decide("chief", old, Role.CHIEF, Event.RETURN, line=1)
    browser = office.browser("security")
    page = browser.page(f"/requests/{old}")
    assert "青木　一郎 さんの分を直して申請する" in page
    assert "今泉　二葉 さんの分" not in page
    page = browser.page(f"/requests/new?cites={old}")
    assert "対象者：<strong>青木　一郎</strong>" in page


@pytest.mark.parametrize("event", [Event.APPROVE, None])
def test_what_had_effect_or_still_waits_cannot_be_cited(office: Office, event: Event | None) -> None:
    old = office.cast.file("staff", ("staff", "ledger/account"))
    if event is not None:
        office.cast.approve(old)
    browser = office.browser("staff")
    assert browser.open(f"/requests/new?cites={old}").status_code == 404
    assert browser.send("/requests/new/submit", filled(office, "staff", cites=old)).status_code == 404


def test_nobody_cites_somebody_elses_application(office: Office) -> None:
    old = office.cast.file("other", ("other", "ledger/account"))
    office.cast.decide("chief", old, Role.CHIEF, Event.RETURN)
    assert office.browser("staff").open(f"/requests/new?cites={old}").status_code == 404
    assert office.browser("security").open(f"/requests/new?cites={old}").status_code == 404


def test_a_refusal_of_the_operation_comes_back_to_the_form_and_is_audited(office: Office) -> None:
    browser = office.browser("hr")
    page = browser.send(STEP.format("check"), filled(office, "staff")).text
    with office.database.writing() as session:
        office.cast.employment(session, "staff").valid_until = date(2026, 4, 1)
    answer = browser.send_on(page, STEP.format("submit"), {})
    assert answer.status_code == 422
    assert "在職していないため、付与できません" in answer.text
    assert 'name="reason" value="伝票の入力のため"' in answer.text
    with office.database.reading() as session:
        refused = session.scalars(select(AuditRecord).where(AuditRecord.outcome == AuditOutcome.REFUSED)).one()
    assert (refused.action, refused.code, refused.object_kind) == ("request.submit", "INPUT", "person")


def test_a_step_has_no_address_of_its_own(office: Office) -> None:
    browser = office.browser("staff")
    assert browser.open("/requests/new/check").headers["Location"] == "/requests/new"
    assert browser.open("/requests/new/nowhere").status_code == 404
    assert browser.send("/requests/new/nowhere", filled(office, "staff")).status_code == 404


def test_a_form_without_our_token_is_refused(office: Office) -> None:
    answer = office.browser("staff").client.post("/requests/new/submit", data=filled(office, "staff"))
    assert answer.status_code == 400
    assert submitted(office) == []


@pytest.mark.asvs("1.2.1", "1.1.2")
def test_what_is_typed_is_shown_as_text(office: Office) -> None:
    submit(office.browser("staff"), filled(office, "staff", reason="<script>alert(1)</script>"))
    page = office.browser("chief").page("/requests/1")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
