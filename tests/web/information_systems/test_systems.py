"""The register of systems, one system, and the holders of a right."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from idm.models.systems import Entitlement, InformationSystem
from idm.operations.sweep.findings import Found, SweepResult, record_sweep
from idm.vocabulary import FindingKind
from tests.carried_out import WORKER, carry_out
from tests.cast import NOW, TODAY
from tests.web.office import Office


def ledger(office: Office) -> int:
    with office.database.reading() as session:
        return session.scalars(select(InformationSystem.id).where(InformationSystem.code == "ledger")).one()


def right(office: Office, code: str) -> int:
    with office.database.reading() as session:
        query = select(Entitlement.id).where(Entitlement.system_id == ledger(office), Entitlement.code == code)
        return session.scalars(query).one()


def give(office: Office, *rights: str) -> int:
    request_id = office.cast.file("staff", *(("staff", r) for r in rights), valid_until=TODAY + timedelta(days=30))
    for line in range(len(rights)):
        office.cast.approve(request_id, line=line)
    return request_id


@pytest.mark.parametrize("path", ["/systems", "/systems/1", "/systems/1/rights/1"])
def test_for_staff_there_are_no_pages_of_systems(office: Office, path: str) -> None:
    assert office.browser("staff").open(path).status_code == 404


def test_the_register_shows_zone_classes_manager_and_figures(office: Office) -> None:
    give(office, "ledger/admin-account", "ledger/admin")
    page = office.browser("auditor").page("/systems")
    assert "会計システム" in page
    assert "LGWAN接続系" in page
    assert "C2・I2・A2" in page
    assert "箱崎　花子" in page
    assert "待ち 1件" in page


def test_a_system_without_a_manager_says_so(office: Office) -> None:
    with office.database.writing() as session:
        employment = office.cast.employment(session, "system")
        employment.assignments[0].valid_until = TODAY
    assert "いません" in office.browser("auditor").page("/systems")


def test_a_system_shows_holders_and_what_its_target_refused(office: Office) -> None:
    give(office, "ledger/account")
    carry_out(office.cast, refused="constraint violation")
    page = office.browser("system").page(f"/systems/{ledger(office)}")
    assert "constraint violation" in page
    assert "青木　一郎" in page
    assert f'href="/systems/{ledger(office)}/rights/{right(office, "account")}"' in page


def test_a_right_lists_its_holders_with_their_application(office: Office) -> None:
    request_id = give(office, "ledger/account")
    page = office.browser("auditor").page(f"/systems/{ledger(office)}/rights/{right(office, 'account')}")
    assert "u100009" in page
    assert f'href="/requests/{request_id}"' in page


def test_findings_of_a_system_are_not_for_those_who_may_not_see_findings(office: Office) -> None:
    found = (Found(FindingKind.ORPHAN, "7", "tanaka"),)
    with office.database.writing() as session:
        result = SweepResult(ledger(office), "ledger", 3, found)
        record_sweep(session, result, started_at=NOW, actor=WORKER, policy=office.cast.policy, now=NOW)
    assert "tanaka" in office.browser("auditor").page(f"/systems/{ledger(office)}")
    assert "tanaka" not in office.browser("hr").page(f"/systems/{ledger(office)}")


def test_a_system_that_is_not_there_is_not_found(office: Office) -> None:
    assert office.browser("auditor").open("/systems/99").status_code == 404
    assert office.browser("auditor").open(f"/systems/{ledger(office)}/rights/99").status_code == 404
