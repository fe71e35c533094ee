"""A system's page tells what the last examination of its connection found, to those who see findings."""

from sqlalchemy import select

from idm.actor import Actor
from idm.models.systems import InformationSystem
from idm.operations.information_systems.system_tests import record_test
from idm.ports import Check, CheckVerdict
from tests.cast import NOW
from tests.web.office import Office

CERTIFICATE = Check("証明書", CheckVerdict.WARNING, "残り10日", "サーバーの証明書を更新してください")
TOO_MUCH = Check(
    "接続アカウントの権限", CheckVerdict.FAILED, "Domain Admins です", "外してください", stops_writing=True
)


def examined(office: Office, *checks: Check) -> str:
    """The path of the system's page."""
    with office.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        system.service_account, system.for_sign_in = "svc-idm", True
        record_test(session, system, checks, reached=True, actor=Actor.job("tests"), policy=office.cast.policy, now=NOW)
        return f"/systems/{system.id}"


def test_every_check_is_shown_with_what_to_do(office: Office) -> None:
    page = office.browser("system").page(examined(office, CERTIFICATE))
    for said in ("接続の点検", "令和8年4月1日", "注意", "残り10日", "サーバーの証明書を更新してください"):
        assert said in page
    assert "このシステムには書き込みません" not in page


def test_too_many_rights_are_told_at_the_top(office: Office) -> None:
    page = office.browser("security").page(examined(office, TOO_MUCH))
    assert "このシステムには書き込みません" in page
    assert "Domain Admins" in page


def test_who_sees_no_findings_sees_no_examination(office: Office) -> None:
    page = office.browser("hr").page(examined(office, TOO_MUCH))
    assert "Domain Admins" not in page


def test_the_register_names_our_own_account_and_what_people_sign_in_with(office: Office) -> None:
    page = office.browser("auditor").page(examined(office, CERTIFICATE))
    assert "svc-idm" in page
    assert "この画面へのサインインに使っています" in page
