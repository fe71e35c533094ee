"""The page that proves the gate: every holder, their factors, who verifies them, and when that was read (B1, B2)."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from idm.grant_state import GrantState
from idm.models.requests import Grant
from idm.models.systems import InformationSystem
from idm.vocabulary import AuthenticatorKind
from tests import authenticator_office as desk
from tests.cast import NOW
from tests.operations.factors.test_factor_gate import approve, gated, read_back
from tests.web.office import Office


@pytest.fixture
def pension(office: Office) -> Office:
    """青木's right in the pension system is in effect, 今泉's is held back."""
    gated(office.cast, terminals=["年金窓口1"])
    approve(office.cast)
    approve(office.cast, who="other")
    token = desk.issue(office.cast, "T-1", kind=AuthenticatorKind.HARDWARE_TOKEN)
    desk.activate(office.cast, token, "pension")
    read_back(office.cast, now=NOW - timedelta(days=3))
    return office


def path(office: Office, code: str = "pension") -> str:
    with office.database.reading() as session:
        system_id = session.scalars(select(InformationSystem.id).where(InformationSystem.code == code)).one()
    return f"/systems/{system_id}"


def test_every_holder_is_there_with_factors_verdict_and_the_age_of_the_read_back(pension: Office) -> None:
    page = pension.browser("auditor").page(f"{path(pension)}/factors")
    for said in (
        "端末（", "年金窓口1", "ハードウェアトークン T-1", "知識・所持", "二つの種類の認証要素を確認済み", "（3日前）",
        "今泉", "認証要素が足りません", "保有者", "2人（有効 1人、停止中 1人）",
    ):  # fmt: skip
        assert said in page, said


def test_the_page_of_the_system_says_that_nobody_is_in_without_two_factors(pension: Office) -> None:
    assert "二要素が確かめられないまま有効な人はいません。" in pension.browser("auditor").page(path(pension))
    with pension.database.writing() as session:
        for grant in session.scalars(select(Grant)):
            grant.state = GrantState.IN_FORCE
    assert "二要素が確かめられないまま有効 1人" in pension.browser("auditor").page(path(pension))


def test_where_no_right_needs_factors_there_is_no_such_section(pension: Office) -> None:
    assert "二要素認証のゲート" not in pension.browser("auditor").page(path(pension, "ledger"))


@pytest.mark.asvs("8.2.1")
def test_for_staff_there_is_no_such_page(pension: Office) -> None:
    assert pension.browser("staff").open(f"{path(pension)}/factors").status_code == 404
