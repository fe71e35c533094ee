"""Official accounts at a browser: applied for, kept, taken over, got back, given up (FK 6-1(22); control I6)."""

import pytest
from sqlalchemy import select

from idm.models.official_accounts import OfficialAccount
from idm.operations.official_accounts.applications import TEXTS
from idm.vocabulary import OfficialAccountState
from tests.operations.official_accounts.accounts import approved, ask, do_step, give_up, name_poster, taken, wanted
from tests.web.office import Office

PAGE = "/official-accounts"


def typed(office: Office, **changed: str) -> dict[str, str]:
    plain = wanted(office.cast)
    texts = {name: getattr(plain, name) for name in TEXTS}
    return {**texts, "unit": "0100", "responsible": "100009", "only_public": "yes", "two_factors": "yes", **changed}


def state(office: Office) -> OfficialAccountState:
    with office.database.reading() as session:
        return session.scalars(select(OfficialAccount.state)).one()


def test_from_the_application_to_the_confirmed_end(office: Office) -> None:
    security, chief, staff = (office.browser(who) for who in ("security", "chief", "staff"))
    assert "総務課" in security.page(PAGE + "/new")
    assert "承認されるまで、利用できません" in security.follow(security.send(PAGE, typed(office)))
    said = {"answer": "permit", "answer_note": "案内だけに使う"}
    assert "決定を記録しました" in chief.follow(chief.send(f"{PAGE}/1/answer", said))
    assert "さえずり @kumiai" in staff.page("/")
    assert "今泉" in staff.follow(staff.send(f"{PAGE}/1/posters", {"poster": "100010"}))
    assert "定期確認を記録" in staff.follow(staff.send(f"{PAGE}/1/check", {"comment": "見た"}))
    assert "別の人の確認" in staff.follow(staff.send(f"{PAGE}/1/end", {"ended_how": "削除した"}))
    said = {"gone": "yes", "closing_note": "ページがない"}
    assert "終了を確認しました" in security.follow(security.send(f"{PAGE}/1/confirm", said))
    assert state(office) is OfficialAccountState.CLOSED


def test_an_application_with_mistakes_comes_back_as_it_was_typed(office: Office) -> None:
    changed = {"handle": " ", "responsible": "999999", "only_public": ""}
    answer = office.browser("security").send(PAGE, typed(office, **changed))
    assert answer.status_code == 422
    for told in ("アカウントの名前を書いてください", "責任者には、在籍している職員", "機密性2以上", "催しの案内"):
        assert told in answer.text


def test_the_register_is_on_the_page_on_paper_and_in_the_list(office: Office) -> None:
    approved(office.cast)
    auditor = office.browser("auditor")
    for page in (PAGE, f"{PAGE}/print", f"{PAGE}.csv", f"{PAGE}/1"):
        shown = auditor.page(page)
        assert "@kumiai" in shown
        assert "青木" in shown
    assert "@kumiai" not in auditor.page(f"{PAGE}?state=taken_over")


def test_what_waits_for_a_decision_is_counted_for_whoever_decides(office: Office) -> None:
    ask(office.cast)
    mark = '<a href="/official-accounts">公式アカウント'
    assert "1件" in office.browser("chief").page("/systems").split(mark)[1][:80]
    assert "1件" not in office.browser("security").page("/systems").split(mark)[1][:80]


def test_a_take_over_is_told_shown_worked_through_and_confirmed_by_another(office: Office) -> None:
    approved(office.cast)
    name_poster(office.cast, 1)
    other, security = office.browser("other"), office.browser("security")
    shown = other.follow(other.send(f"{PAGE}/1/take-over", {"what": "知らない投稿"}))
    assert "関係する人に知らせました" in shown
    assert "サービスの提供者に届け出て" in shown
    assert other.send(f"{PAGE}/1/steps/password", {"note_password": " "}).status_code == 422
    for code in office.cast.policy.official_accounts.questions:
        other.send(f"{PAGE}/1/steps/{code}", {f"note_{code}": "済ませた"})
    staff = office.browser("staff")
    assert "パスワードを変更したことの記録" in staff.page(f"{PAGE}/1")
    assert "対応が終わったことを記録する" not in staff.page(f"{PAGE}/1")
    assert "対応が終わったことを記録する" in staff.follow(staff.send(f"{PAGE}/1/password", {}))
    assert "別の人の確認" in staff.follow(staff.send(f"{PAGE}/1/settled", {"settled_note": "投稿が止まった"}))
    assert "取り戻したことを確認した" not in staff.page(f"{PAGE}/1")
    assert "取り戻したことを確認しました" in security.follow(security.send(f"{PAGE}/1/recovered", {}))
    assert state(office) is OfficialAccountState.IN_USE
    assert "済ませた" in security.page(f"{PAGE}/1")


def test_what_is_still_to_do_is_told_at_the_page(office: Office) -> None:
    approved(office.cast)
    taken(office.cast, 1, "staff")
    do_step(office.cast, 1, "password")
    answer = office.browser("staff").send(f"{PAGE}/1/settled", {"settled_note": "投稿が止まった"})
    assert (answer.status_code, "まだ記録されていない手順" in answer.text) == (422, True)


def test_who_neither_posts_nor_keeps_the_register_finds_nothing(office: Office) -> None:
    approved(office.cast)
    for who in ("other", "hr", "desk"):
        browser = office.browser(who)
        assert browser.open(f"{PAGE}/1").status_code == 404
        assert browser.send(f"{PAGE}/1/end", {"ended_how": "削除"}).status_code == 404
    assert state(office) is OfficialAccountState.IN_USE


def test_who_posts_changes_the_password_and_is_taken_off(office: Office) -> None:
    approved(office.cast)
    name_poster(office.cast, 1)
    other, staff = office.browser("other"), office.browser("staff")
    assert "変更を記録しました" in other.follow(other.send(f"{PAGE}/1/password", {}))
    shown = staff.follow(staff.send("/official-account-posters/1/end", {}))
    assert "パスワードの変更が必要です" in shown
    assert "前に投稿していた人（1人）" in shown
    assert other.open(f"{PAGE}/1").status_code == 404


def test_custody_and_whoever_answers_for_it_are_changed(office: Office) -> None:
    approved(office.cast)
    staff, chief = office.browser("staff"), office.browser("chief")
    said = {
        "own_page": "掲載",
        "same_elsewhere": "なし",
        "custody": "課長の金庫",
        "recovery": "金庫",
        "two_factors": "yes",
    }
    assert "課長の金庫" in staff.follow(staff.send(f"{PAGE}/1/custody", said))
    assert chief.send(f"{PAGE}/1/responsible", {"responsible": "999"}).status_code == 422
    assert "今泉" in chief.follow(chief.send(f"{PAGE}/1/responsible", {"responsible": "100010"}))


def test_what_was_unticked_stays_so_where_a_mistake_is_told(office: Office) -> None:
    approved(office.cast)
    staff = office.browser("staff")
    ticked = 'name="two_factors" value="yes" checked'
    assert ticked in staff.page(f"{PAGE}/1")
    answer = staff.send(f"{PAGE}/1/custody", {"own_page": "掲載", "custody": ""})
    assert (answer.status_code, ticked in answer.text) == (422, False)


@pytest.mark.parametrize(
    ("path", "told"), [("answer", "承認・不承認"), ("confirm", "確認できたか"), ("posters", "職員番号")]
)
def test_a_form_left_open_is_told_what_to_choose(office: Office, path: str, told: str) -> None:
    if path == "answer":
        ask(office.cast)
    else:
        approved(office.cast)
    if path == "confirm":
        give_up(office.cast, 1)
    answer = office.browser("chief").send(f"{PAGE}/1/{path}", {})
    assert (answer.status_code, told in answer.text) == (422, True)


def test_of_one_that_was_taken_over_and_given_up_nothing_is_left_to_do_but_the_confirmation(office: Office) -> None:
    approved(office.cast)
    name_poster(office.cast, 1)
    taken(office.cast, 1, "staff")
    give_up(office.cast, 1)
    security, auditor = office.browser("security"), office.browser("auditor")
    shown = security.page(f"{PAGE}/1")
    assert "乗っ取られたあと、利用を終えました" in shown
    assert "別の人が確認すると、乗っ取りへの対応も終わります" in shown
    assert "/steps/" not in shown
    assert "次の人は投稿する人ではなくなります" in shown
    for register in (PAGE, f"{PAGE}/print", f"{PAGE}.csv"):
        assert "今泉" not in auditor.page(register)
    said = {"gone": "yes", "closing_note": "ページがない"}
    closed = security.follow(security.send(f"{PAGE}/1/confirm", said))
    assert "乗っ取りへの対応中です" not in closed
    assert "アカウントの利用を終えた：削除した" in closed


def test_who_posts_finds_it_on_the_first_page_while_it_is_in_use(office: Office) -> None:
    approved(office.cast)
    name_poster(office.cast, 1)
    assert "さえずり @kumiai" in office.browser("other").page("/")
    assert "さえずり @kumiai" not in office.browser("hr").page("/")
    give_up(office.cast, 1)
    assert "さえずり @kumiai" not in office.browser("other").page("/")


def test_whoever_will_answer_for_it_has_no_form_to_decide(office: Office) -> None:
    ask(office.cast, responsible_id=office.cast.people["chief"])
    chief = office.browser("chief")
    assert "承認する" not in chief.page(f"{PAGE}/1")
    assert chief.send(f"{PAGE}/1/answer", {"answer": "permit", "answer_note": "よい"}).status_code == 409


def test_a_section_that_there_is_not_is_told_at_its_field(office: Office) -> None:
    for unit in ("9999", ""):
        answer = office.browser("security").send(PAGE, typed(office, unit=unit))
        assert (answer.status_code, "いまある所属" in answer.text) == (422, True)
    assert '<option value="">選ぶ</option>' in office.browser("security").page(PAGE + "/new")


def test_an_application_is_taken_back_at_its_page(office: Office) -> None:
    ask(office.cast)
    security = office.browser("security")
    assert "取り下げました" in security.follow(security.send(f"{PAGE}/1/withdraw", {}))
