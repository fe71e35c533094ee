"""The register of deputies for privilege (代行者): a page of its own, apart from that of decision deputies (代決者)."""

import pytest
from sqlalchemy import select

from idm.models.privileged import PrivilegeDeputy
from idm.models.systems import InformationSystem
from tests.web.office import Office


def form(at: Office, /, **changes: str) -> dict[str, str]:
    with at.database.reading() as session:
        ledger = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "ledger")).one()
    return {
        "system": str(ledger), "office": f"system:{at.cast.people['system']}", "staff_number": "100007",
        "valid_from": "令和8年4月1日", "last_day": "2026-04-30", "reason": "休暇中の保守のため", **changes,
    }  # fmt: skip


def test_one_is_named_accepted_and_ended_and_stays_in_the_register(office: Office) -> None:
    manager = office.browser("system")
    page = manager.follow(manager.send("/privilege-deputies", form(office)))
    assert "CISOの承認を待っている指名" in page
    ciso = office.browser("ciso")
    page = ciso.follow(ciso.send("/privilege-deputies/1/acceptance", {}))
    assert "西新　町子さんを特権の代行者として承認し" in page
    assert "大濠　公子が承認" in page
    page = manager.follow(manager.send("/privilege-deputies/1/end", {}))
    assert "これまでの代行者" in page
    assert "箱崎　花子が終了" in page
    with office.database.reading() as session:
        deputy = session.get_one(PrivilegeDeputy, 1)
    assert (deputy.valid_from.isoformat(), deputy.valid_until.isoformat()) == ("2026-04-01", "2026-05-01")


def test_the_page_says_that_there_are_two_registers(office: Office) -> None:
    page = office.browser("auditor").page("/privilege-deputies")
    assert "代決者とは別の名簿です" in page
    assert "代行者を指名する" not in page
    assert "代行者" not in office.browser("auditor").page("/officers").split("<main")[1], "each on its own page"


@pytest.mark.parametrize("who", ["staff", "hr", "desk", "contractor"])
def test_for_others_there_is_no_such_page(office: Office, who: str) -> None:
    assert office.browser(who).open("/privilege-deputies").status_code == 404


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("system", ""), ("system", "4711999999"), ("office", "chief"), ("office", "chief:x"), ("reason", " "),
        ("staff_number", "999999"), ("valid_from", "昨日"), ("last_day", ""), ("last_day", "2027-05-01"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_at_its_field_and_nothing_typed_is_lost(office: Office, field: str, typed: str) -> None:
    answer = office.browser("system").send("/privilege-deputies", form(office, **{field: typed}))
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    if field != "reason":
        assert "休暇中の保守のため" in answer.text
    with office.database.reading() as session:
        assert session.scalars(select(PrivilegeDeputy)).all() == []


def test_a_contractor_is_refused_by_the_rule(office: Office) -> None:
    answer = office.browser("system").send("/privilege-deputies", form(office, staff_number="900001"))
    assert answer.status_code == 409
    assert "SOD-7" in answer.text


def test_only_the_ciso_accepts(office: Office) -> None:
    manager = office.browser("system")
    manager.send("/privilege-deputies", form(office))
    assert manager.send("/privilege-deputies/1/acceptance", {}).status_code == 403
    assert office.browser("security").send("/privilege-deputies/1/end", {}).status_code == 403
