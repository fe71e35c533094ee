"""The worker's examination against a real directory: what stops it, and what a size limit looks like."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.registry import open_directory
from idm.models.system_tests import SystemTest
from idm.models.systems import InformationSystem
from idm.models.work import OutboxTask, TaskState
from idm.ports import CheckVerdict
from idm.queries.governance.configuration import policy_in_force
from jobs.information_systems import examination
from jobs.information_systems.examination import LISTING, Subject, look_over
from tests.jobs.conftest import Office
from tests.servers.openldap import OpenLDAP


def tasks(office: Office) -> list[TaskState]:
    with office.cast.database.reading() as session:
        return list(session.scalars(select(OutboxTask.state)))


def sign_in_as(office: Office, dn: str, password: str) -> None:
    """The system's connector signs in as that account from now on."""
    office.installation.settings.secrets_dir.joinpath("ledger.password").write_text(password, encoding="utf-8")
    with office.cast.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        system.connector_settings = {**system.connector_settings, "bind_dn": dn}


def test_as_the_directorys_administrator_the_worker_writes_nothing_until_that_is_changed(office: Office) -> None:
    server = office.directory
    sign_in_as(office, server.administrator_dn, server.administrator_password_file.read_text())
    office.grant("staff", "ledger/account")
    office.provision()
    assert tasks(office) == [TaskState.REFUSED]
    assert office.entry("u100009") == {}
    sign_in_as(office, server.service_dn, server.service_password())
    with office.cast.database.reading() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
    assert examination.examine(office.installation, system).stops_writing is None
    office.provision()
    assert tasks(office) == [TaskState.DONE]
    assert office.entry("u100009")["uid"] == ["u100009"]


def test_a_directory_set_up_as_the_docs_say_fails_no_check(office: Office) -> None:
    office.grant("staff", "ledger/account")
    office.provision()
    with office.cast.database.reading() as session:
        [test] = session.scalars(select(SystemTest))
    failed = [check for check in test.checks if check["verdict"] == CheckVerdict.FAILED.value]
    assert failed == []
    assert test.reached


class Limited(OpenLDAP):
    """An OpenLDAP that lets the service account read three entries at most, in pages too."""

    def configuration(self) -> str:
        """The usual text, with that limit."""
        usual = "size=unlimited size.pr=unlimited size.prtotal=unlimited"
        text = super().configuration()
        assert usual in text
        return text.replace(usual, "size=3 size.prtotal=3")


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Limited]:
    server = Limited(tmp_path / "limited")
    server.build()
    server.start()
    yield server
    server.stop()


def test_a_size_limit_that_hides_accounts_is_found(limited: Limited, office: Office) -> None:
    for number in range(5):
        limited.apply(
            f"dn: uid=u{number},{limited.people_base}\nobjectClass: inetOrgPerson\nuid: u{number}\ncn: x\nsn: x\n"
        )
    with office.cast.database.reading() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        policy = policy_in_force(session, now=office.clock())
    directory = open_directory("openldap", limited.connector_settings(), limited.service_password())
    found = look_over(directory, Subject(system, (), policy, office.clock()))
    directory.close()
    [check] = [check for check in found.checks if check.subject == LISTING]
    assert check.verdict is CheckVerdict.FAILED
    assert "件数上限" in check.remedy
