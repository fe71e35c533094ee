"""Where the audit record cannot be written, the operation does not go ahead: nothing is half done (FK 6-1(6), G3)."""

from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from idm.actor import Actor
from idm.models.everything import METADATA
from idm.vocabulary import Role
from jobs.logs.log_check import check
from tests.cast import NOW, Cast
from tests.unwritable_record import unwritable
from tests.web.office import open_office


def rows(cast: Cast) -> dict[str, int]:
    """How many rows each table has."""
    with cast.database.reading() as session:
        return {one.name: session.scalar(select(func.count()).select_from(one)) or 0 for one in METADATA.sorted_tables}


@pytest.mark.asvs("16.5.3")
def test_an_application_without_its_record_is_not_submitted(office: Cast) -> None:
    before = rows(office)
    with unwritable(office):
        with pytest.raises(DBAPIError):
            office.file("staff", ("staff", "ledger/account"))
        assert rows(office) == before
    office.file("staff", ("staff", "ledger/account"))
    assert rows(office)["requests"] == before["requests"] + 1


def test_the_last_decision_without_its_record_gives_no_right_and_no_task(office: Cast) -> None:
    request_id = office.file("staff", ("staff", "ledger/account"))
    office.decide("chief", request_id, Role.CHIEF)
    before = rows(office)
    with unwritable(office):
        with pytest.raises(DBAPIError):
            office.decide("system", request_id, Role.SYSTEM)
        assert rows(office) == before
        with office.database.reading() as session:
            assert office.step(session, request_id, Role.SYSTEM).decider_id is None
    office.decide("system", request_id, Role.SYSTEM)
    after = rows(office)
    assert (after["grants"], after["outbox_tasks"]) == (before["grants"] + 1, before["outbox_tasks"] + 1)


def test_a_check_of_the_record_without_its_record_has_not_been_made(office: Cast) -> None:
    with unwritable(office), pytest.raises(DBAPIError):
        check(office.database, actor=Actor.job("tests"), policy=office.policy, now=NOW)
    assert rows(office)["log_checks"] == 0


def test_whoever_sent_it_is_told_that_it_failed_and_the_fault_is_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    office = open_office(tmp_path)
    browser = office.browser("staff")
    before = rows(office.cast)
    with unwritable(office.cast):
        answer = browser.send("/handovers", {"account_id": 1})
        assert (answer.status_code, "お問い合わせ番号" in answer.text) == (500, True), answer.text
        assert rows(office.cast) == before
    assert "disk I/O error" in caplog.text
    office.database.dispose()
