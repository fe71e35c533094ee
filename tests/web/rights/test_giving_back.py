"""Giving back and renewing at a browser: from one's own page, with one confirmation; many at once (A8)."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from idm.models.requests import Grant, Request
from idm.models.systems import Account
from idm.queries import page
from idm.request_state import RequestState
from tests.cast import TODAY
from tests.web.office import Office

END = TODAY + timedelta(days=40)


@pytest.fixture
def holding(office: Office) -> Office:
    """青木 and 今泉 have the ID of the ledger system until a day within the time of renewal."""
    for who in ("staff", "other"):
        office.cast.approve(office.cast.file("hr", (who, "ledger/account"), valid_until=END))
    return office


def grant_of(office: Office, who: str = "staff") -> int:
    with office.database.reading() as session:
        query = select(Grant.id).join(Grant.account).where(Account.person_id == office.cast.people[who])
        return session.scalars(query).one()


def requests_made(office: Office) -> list[Request]:
    with office.database.reading() as session:
        return list(session.scalars(select(Request).where(Request.state == RequestState.SUBMITTED)))


def test_what_is_not_needed_is_given_back_from_ones_own_page_with_one_confirmation(holding: Office) -> None:
    staff, address = holding.browser("staff"), f"/me/rights/{grant_of(holding)}/giving-back"
    assert address in staff.page("/me")
    assert "もう必要ない（取消しを申請する）" in staff.page(address)
    shown = staff.follow(staff.send(address, {"reason": "業務で使わなくなったため"}))
    assert "取消しの申請を出しました" in shown
    assert len(requests_made(holding)) == 1


@pytest.mark.asvs("8.2.2")
def test_nobody_sees_or_gives_back_somebody_elses_right(holding: Office) -> None:
    page = f"/me/rights/{grant_of(holding)}/giving-back"
    for who in ("other", "security", "hr"):
        assert holding.browser(who).open(page).status_code == 404
        assert holding.browser(who).send(page, {"reason": "要らない"}).status_code == 404
    assert requests_made(holding) == []


def test_without_a_reason_nothing_is_given_back(holding: Office) -> None:
    staff, address = holding.browser("staff"), f"/me/rights/{grant_of(holding)}/giving-back"
    answer = staff.send(address, {"reason": " "})
    assert (answer.status_code, requests_made(holding)) == (422, [])
    assert "要らなくなった理由" in answer.text


def test_ones_own_renewal_begins_ticked_and_asks_only_for_the_new_end(holding: Office) -> None:
    staff = holding.browser("staff")
    page = f"/renewals?grant={grant_of(holding)}"
    assert page in staff.page("/me")
    shown = staff.page(page)
    assert shown.count(" checked") == 1
    assert "今泉" not in shown
    fields: dict[str, str | int | list[str | int]] = {
        "grant_id": grant_of(holding), "last_day": "令和8年12月31日", "reason": "続けて使うため",
    }  # fmt: skip
    assert "更新を1件申請しました" in staff.follow(staff.send("/renewals", fields))
    assert "更新を申請できる権限はありません" in staff.page("/renewals")


def test_a_section_manager_renews_for_several_people_at_once(holding: Office) -> None:
    manager = holding.browser("security")
    assert "/renewals" in manager.page("/requests")
    assert "今泉" in manager.page("/renewals")
    ids: list[str | int] = [grant_of(holding), grant_of(holding, "other")]
    said = {"last_day": "令和8年12月31日", "reason": "続けて使うため"}
    manager.follow(manager.send("/renewals", {"grant_id": ids, **said}))
    (made,) = requests_made(holding)
    with holding.database.reading() as session:
        assert len(session.get_one(Request, made.id).lines) == 2


def test_a_long_list_has_pages_and_begins_where_the_wanted_right_is(
    holding: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "ROWS_A_PAGE", 1)
    manager = holding.browser("security")
    first, second = manager.page("/renewals"), manager.page("/renewals?page=2")
    assert ("今泉" in first) is ("青木" in second) is ("今泉" not in second)
    assert "このページで選んだものだけ" in first
    for who in ("staff", "other"):
        wanted = manager.page(f"/renewals?grant={grant_of(holding, who)}")
        assert wanted.count(" checked") == 1


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"grant_id": []}, "一つ以上選んでください"),
        ({"last_day": "令和8年4月2日"}, "いまの期限より後"),
        ({"last_day": "そのうち"}, "日付として読めません"),
        ({"reason": " "}, "理由を書いてください"),
    ],
)
def test_mistakes_are_told_and_the_choice_is_kept(holding: Office, typed: dict[str, str], told: str) -> None:
    fields: dict[str, str | int | list[str | int]] = {
        "grant_id": grant_of(holding), "last_day": "令和8年12月31日", "reason": "続ける", **typed,
    }  # fmt: skip
    answer = holding.browser("staff").send("/renewals", fields)
    assert answer.status_code == 422
    assert told in answer.text
    assert requests_made(holding) == []
