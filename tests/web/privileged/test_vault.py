"""How kept passwords stand, at the browser: counts, due days, what is refused and what to do; never a value (D4)."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from idm.models.privileged import Rotation, VaultSecret
from idm.vocabulary import RotationReason, RotationState
from tests.web.office import Browser, Office
from tests.web.privileged_office import opened, with_holder, without_fresh_factor


@pytest.fixture
def account(office: Office) -> int:
    account_id = with_holder(office)
    with office.database.writing() as session:
        for one in session.scalars(select(Rotation)):
            session.delete(one)
    return account_id


@pytest.fixture
def security(office: Office, account: int) -> Browser:
    return office.browser("security")


def on_its_way(office: Office, account: int, error: str | None = None) -> None:
    """A change of the password is asked for, and was answered so."""
    with office.database.writing() as session:
        system_id = session.get_one(VaultSecret, account).account.system_id
        session.add(
            Rotation(
                account_id=account, system_id=system_id, reason=RotationReason.INTERVAL, asked_at=office.now,
                state=RotationState.ASKED, due_at=office.now, attempts=3, last_error=error,
            )
        )  # fmt: skip


def rotations(office: Office) -> list[tuple[RotationReason, int | None]]:
    with office.database.reading() as session:
        return [(one.reason, one.asked_by_id) for one in session.scalars(select(Rotation).order_by(Rotation.id))]


@pytest.mark.parametrize("who", ["staff", "hr", "desk"])
def test_for_others_there_is_no_such_page(office: Office, account: int, who: str) -> None:
    browser = office.browser(who)
    assert browser.open("/vault").status_code == 404
    assert browser.open(f"/vault/{account}").status_code == 404


def test_it_says_when_a_password_was_changed_how_that_was_proven_and_when_it_is_due(
    account: int, security: Browser
) -> None:
    page = security.page("/vault")
    for said in ("会計システム", "預かり中", "ディレクトリの変更時刻で確認", "令和8年6月30日", "90日ごと"):
        assert said in page
    assert "だれにも知られていません" in security.page(f"/vault/{account}")


def test_an_overdue_password_and_a_refused_change_are_said_loudly_with_what_to_do(
    office: Office, account: int, security: Browser
) -> None:
    on_its_way(office, account, "パスワードの規則に合いません")
    for page in (security.page("/vault"), security.page(f"/vault/{account}")):
        assert "変更できていません" in page
        assert "パスワードの規則に合いません" in page
        assert "製品のIDに委任した権限" in page
    with office.database.writing() as session:
        session.delete(session.scalars(select(Rotation)).one())
    office.pass_by(days=91)
    assert "変更の期限を過ぎています" in office.browser("security").page("/vault")


def test_a_change_is_asked_for_with_a_reason_and_stands_in_the_log(
    office: Office, account: int, security: Browser
) -> None:
    assert security.send(f"/vault/{account}/rotation", {"reason": "interval"}).status_code == 422
    page = security.follow(security.send(f"/vault/{account}/rotation", {"reason": "by_hand"}))
    for said in ("パスワードの変更を受け付けました", "責任者の求め", "香椎　宮子", "重ねて求める必要はありません"):
        assert said in page
    assert rotations(office) == [(RotationReason.BY_HAND, office.cast.people["security"])]


def test_where_it_may_be_known_the_reason_says_so(office: Office, account: int, security: Browser) -> None:
    security.send(f"/vault/{account}/rotation", {"reason": "suspected"})
    assert [reason for reason, _ in rotations(office)] == [RotationReason.SUSPECTED]


@pytest.mark.parametrize("who", ["staff", "desk", "auditor", "ciso"])
def test_nobody_without_the_office_changes_one(office: Office, account: int, who: str) -> None:
    answer = office.browser(who).send(f"/vault/{account}/rotation", {"reason": "by_hand"})
    assert answer.status_code == 403
    assert rotations(office) == []
    if who in ("auditor", "ciso"):
        assert "新しいパスワードに変える" not in office.browser(who).page(f"/vault/{account}")


def test_a_change_needs_a_fresh_second_factor(office: Office, account: int, security: Browser) -> None:
    without_fresh_factor(office)
    assert security.send(f"/vault/{account}/rotation", {"reason": "by_hand"}).status_code == 401
    assert rotations(office) == []


def test_whoever_uses_it_and_knows_it_is_named(office: Office, account: int, security: Browser) -> None:
    holder = office.browser("staff")
    opened(office, account, holder, office.browser("system"))
    holder.send("/privileged-uses/1/password", {})
    page = security.page(f"/vault/{account}")
    assert "青木　一郎さんが利用中です" in page
    assert "利用した人が知っています" in page


def test_an_id_whose_password_is_not_kept_has_no_page(office: Office, account: int, security: Browser) -> None:
    with office.database.reading() as session:
        daily = account - 1
        assert session.get(VaultSecret, daily) is None
    assert security.open(f"/vault/{daily}").status_code == 404
    assert security.send(f"/vault/{daily}/rotation", {"reason": "by_hand"}).status_code == 404


def test_a_key_is_told_by_the_beginning_of_its_fingerprint_alone(security: Browser) -> None:
    page = security.page("/vault")
    assert "f" * 16 in page
    assert "f" * 17 not in page


def test_what_is_due_is_counted_in_days_of_the_profile(office: Office, account: int) -> None:
    with office.database.reading() as session:
        confirmed = session.get_one(VaultSecret, account).confirmed_at
    office.now = confirmed + timedelta(days=90) - timedelta(seconds=1)
    assert "預かり中" in office.browser("security").page("/vault")
    office.now = confirmed + timedelta(days=90)
    assert "預かり中" not in office.browser("security").page("/vault")
