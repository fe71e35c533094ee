"""People's pages: the list, one person's record and years, one's own page, and the invitation to enrol."""

import re
from datetime import date

import pytest
from sqlalchemy import select

from idm.models.audit import AuditOutcome, AuditRecord
from idm.vocabulary import LineEffect, RequestAction
from tests.carried_out import carry_out
from tests.cast import Cast
from tests.web.office import Office

LINK = re.compile(r"http://localhost:8600(/enrol/[\w-]+)")


def give(cast: Cast, *rights: str) -> int:
    request_id = cast.file("staff", *(("staff", right) for right in rights))
    for line in range(len(rights)):
        cast.approve(request_id, line=line)
    return request_id


def on_day(page: str) -> str:
    """The table of what holds on the day that is asked about."""
    begins = page.index('id="on-day"')
    return page[begins : page.index("</table>", begins)]


@pytest.mark.parametrize("who", ["ciso", "chief", "system", "security", "hr", "desk", "auditor"])
def test_everyone_with_an_office_sees_people(office: Office, who: str) -> None:
    assert "青木　一郎" in office.browser(who).page("/people")


@pytest.mark.parametrize("path", ["/people", "/people/1"])
def test_for_staff_there_is_no_list_of_people(office: Office, path: str) -> None:
    answer = office.browser("staff").open(path)
    assert answer.status_code == 404
    assert "青木　一郎" not in answer.text.split("</header>")[1]


def test_the_list_shows_reading_number_unit_and_post(office: Office) -> None:
    page = office.browser("hr").page("/people?q=おおほり")
    assert "大濠　公子" in page
    assert "オオホリ　キミコ" in page
    assert "100001" in page
    assert "事務局長" in page
    assert "青木　一郎" not in page


def test_filters_stay_in_the_form(office: Office) -> None:
    page = office.browser("hr").page("/people?q=&unit=0100&presence=employed")
    assert '<option value="0100" selected>' in page
    assert "青木　一郎" in page
    assert "大濠　公子" not in page


def test_nobody_found_says_what_to_do(office: Office) -> None:
    assert "条件に合う職員はいません" in office.browser("hr").page("/people?q=だれでもない")


def test_a_right_is_shown_with_the_application_behind_it(office: Office) -> None:
    request_id = give(office.cast, "ledger/account", "ledger/enter")
    page = office.browser("auditor").page(f"/people/{office.cast.people['staff']}")
    assert "伝票入力" in page
    assert f'href="/requests/{request_id}"' in page


def test_who_may_not_open_the_application_sees_its_number_only(office: Office) -> None:
    request_id = give(office.cast, "ledger/account")
    page = office.browser("desk").page(f"/people/{office.cast.people['staff']}")
    assert f'href="/requests/{request_id}"' not in page


def test_an_ended_right_stays_as_history(office: Office) -> None:
    give(office.cast, "ledger/account", "ledger/enter")
    taken = office.cast.file("staff", ("staff", "ledger/enter"), action=RequestAction.CHANGE, effect=LineEffect.REVOKE)
    office.cast.approve(taken)
    page = office.browser("auditor").page(f"/people/{office.cast.people['staff']}")
    assert "終了した権限（1件）" in page
    assert "申請による取消し" in page


def test_an_account_shows_decision_reading_and_refusal(office: Office) -> None:
    give(office.cast, "ledger/account")
    path = f"/people/{office.cast.people['staff']}"
    assert "反映待ち" in office.browser("auditor").page(path)
    carry_out(office.cast, refused="constraint violation")
    page = office.browser("auditor").page(path)
    assert "拒否されました" in page
    assert "constraint violation" in page


def test_the_picture_has_title_description_and_table_and_no_inline_style(office: Office) -> None:
    give(office.cast, "ledger/account")
    page = office.browser("auditor").page(f"/people/{office.cast.people['staff']}")
    picture = page[page.index("<svg") : page.index("</svg>")]
    assert "<title id=" in picture
    assert "<desc id=" in picture
    assert "年表を表で見る" in page
    assert "style=" not in page


def test_another_day_shows_what_was_held_then(office: Office) -> None:
    give(office.cast, "ledger/account")
    path = f"/people/{office.cast.people['staff']}"
    today = office.browser("auditor").page(f"{path}?on=令和8年4月1日")
    before = office.browser("auditor").page(f"{path}?on=2026-03-31")
    assert "会計システム 利用者ID" in on_day(today)
    assert "会計システム 利用者ID" not in on_day(before)


def test_a_right_that_was_taken_is_no_longer_held_from_that_day_on(office: Office) -> None:
    give(office.cast, "ledger/account", "ledger/enter")
    office.pass_by(days=9)
    taken = office.cast.file(
        "staff", ("staff", "ledger/enter"), action=RequestAction.CHANGE, effect=LineEffect.REVOKE, now=office.now
    )
    office.cast.approve(taken, now=office.now)
    path = f"/people/{office.cast.people['staff']}"
    assert "会計システム 伝票入力" in on_day(office.browser("auditor").page(f"{path}?on=2026-04-09"))
    assert "会計システム 伝票入力" not in on_day(office.browser("auditor").page(f"{path}?on=2026-04-10"))


def test_a_day_that_cannot_be_read_is_told_at_its_field(office: Office) -> None:
    page = office.browser("auditor").page(f"/people/{office.cast.people['staff']}?on=きのう")
    assert "「きのう」は日付として読めません" in page
    assert 'aria-invalid="true"' in page


def test_a_person_who_is_not_there_is_not_found(office: Office) -> None:
    assert office.browser("auditor").open("/people/999").status_code == 404


def test_everyone_has_their_own_page(office: Office) -> None:
    request_id = give(office.cast, "ledger/account")
    page = office.browser("staff").page("/me")
    assert "青木　一郎" in page
    assert f'href="/requests/{request_id}"' in page
    assert "サインイン登録の案内" not in page


def test_looking_changes_nothing(office: Office) -> None:
    browser = office.browser("desk")
    before = office.rows()
    browser.page(f"/people/{office.cast.people['staff']}")
    browser.page("/people")
    browser.page("/me")
    assert office.rows() == before


# --- invitation ------------------------------------------------------------------------------------------------------


def invite(office: Office, whom: str, *, by: str = "desk") -> tuple[int, str]:
    answer = office.browser(by).send(f"/people/{office.cast.people[whom]}/invitation", {})
    return answer.status_code, answer.text


def test_the_link_is_shown_once_and_lets_the_person_enrol(office: Office) -> None:
    status, page = invite(office, "staff")
    found = LINK.search(page)
    assert status == 200
    assert found is not None
    assert "青木　一郎" in office.app.test_client().get(found[1]).text
    assert found[1] not in office.browser("desk").page(f"/people/{office.cast.people['staff']}")


@pytest.mark.parametrize("whom", ["ciso", "vice", "chief", "security", "system", "hr"])
def test_nobody_who_decides_is_invited_by_one_officer(office: Office, whom: str) -> None:
    for _ in range(2):
        status, page = invite(office, whom)
        assert status == 200
        assert "もう一人の責任者の発行を待っています" in page
        assert not LINK.search(page)
        office.pass_by(seconds=1)
    own = office.browser("desk").page(f"/people/{office.cast.people[whom]}")
    assert "一人目として発行済み" in own
    assert "二人目として案内を発行する" not in own


def test_the_second_officer_is_shown_the_link_that_two_have_issued(office: Office) -> None:
    invite(office, "hr")
    office.pass_by(seconds=1)
    page = office.browser("security").page(f"/people/{office.cast.people['hr']}")
    assert "西新　町子 さんが一人目として発行しました" in page
    assert "二人目として案内を発行する" in page
    found = LINK.search(invite(office, "hr", by="security")[1])
    assert found is not None
    assert "薬院　大通" in office.app.test_client().get(found[1]).text


def test_a_deputy_is_not_invited_by_one_officer(office: Office) -> None:
    chief, ciso = office.browser("chief"), office.browser("ciso")
    chief.send("/deputies", {"role": "chief", "staff_number": "100010", "valid_from": "2026-04-01",
                             "last_day": "2026-04-30"})  # fmt: skip
    assert LINK.search(invite(office, "other")[1])
    ciso.send("/deputies/1/acceptance", {})
    office.pass_by(seconds=1)
    assert not LINK.search(invite(office, "other")[1])


def test_the_page_of_somebody_who_decides_says_that_two_officers_invite(office: Office) -> None:
    page = office.browser("desk").page(f"/people/{office.cast.people['chief']}")
    assert "二人の責任者が発行します" in page
    assert "一人目として案内を発行する" in page
    assert "案内を発行する" not in office.browser("auditor").page(f"/people/{office.cast.people['chief']}")


@pytest.mark.parametrize("by", ["staff", "auditor", "ciso"])
def test_only_the_hand_over_officer_invites_and_every_attempt_is_on_record(office: Office, by: str) -> None:
    assert invite(office, "other", by=by)[0] == 403
    with office.database.reading() as session:
        refused = session.scalars(select(AuditRecord).where(AuditRecord.outcome == AuditOutcome.REFUSED)).all()
    assert [(record.action, record.actor_id) for record in refused] == [("sign_in.invite", office.cast.people[by])]


def test_somebody_who_has_left_is_not_invited(office: Office) -> None:
    with office.database.writing() as session:
        employment = office.cast.employment(session, "other")
        employment.valid_until = date(2026, 4, 1)
    assert invite(office, "other")[0] == 404
