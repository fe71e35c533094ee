"""A stop for disuse ends only where use was read: what a directory hides, or does not show, opens nobody (C1, C3)."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from idm.calendar_days import day_of
from idm.models.dormancy import DormancyCase
from idm.models.requests import Grant
from idm.oversight.dormancy import Closing, Holding
from idm.vocabulary import DormancyStage, FindingKind
from jobs.sweep import sweep
from tests.jobs.conftest import Office
from tests.jobs.sweep.test_checks_not_possible import open_findings, unused_account


def _case(office: Office) -> DormancyCase:
    with office.cast.database.reading() as session:
        return session.scalars(select(DormancyCase)).one()


@pytest.fixture
def stopped(office: Office) -> Office:
    """u100009 was stopped for disuse yesterday."""
    office.clock.ahead = datetime(2030, 6, 3, 17, tzinfo=UTC) - datetime.now(UTC)
    unused_account(office)
    with office.cast.database.writing() as session:
        account = office.account(session, "staff")
        long_ago = office.clock() - timedelta(days=400)
        account.handed_over_at = account.created_at = long_ago
        for grant in session.scalars(select(Grant).where(Grant.account_id == account.id)):
            grant.valid_from = day_of(long_ago)
    sweep.sweep(office.installation, system_code="ledger")
    office.clock.ahead += timedelta(days=15)
    sweep.sweep(office.installation, system_code="ledger")
    office.provision()
    assert _case(office).stage is DormancyStage.DISABLED
    office.clock.ahead += timedelta(days=1)
    return office


def test_a_last_use_that_we_may_not_read_any_more_opens_nobody_and_is_told_of(stopped: Office) -> None:
    with stopped.directory.hiding("authTimestamp"):
        (result,) = sweep.sweep(stopped.installation, system_code="ledger")
    assert result.failure is None
    assert _case(stopped).stage is DormancyStage.DISABLED
    assert open_findings(stopped, FindingKind.NOT_CHECKED)


def test_an_entry_that_is_not_there_is_not_taken_for_used(stopped: Office) -> None:
    """An older state of the directory was restored, or somebody moved the entry out of the base."""
    someone = "objectClass: inetOrgPerson\nuid: other\ncn: x\nsn: x\n"
    stopped.directory.apply(f"dn: {stopped.dn('other')}\n{someone}")
    stopped.directory.apply(f"dn: {stopped.dn('u100009')}\nchangetype: delete\n")
    sweep.sweep(stopped.installation, system_code="ledger")
    assert (_case(stopped).stage, _case(stopped).held_back) == (DormancyStage.DISABLED, Holding.UNREAD.value)


def test_use_that_was_read_opens_it_again(stopped: Office) -> None:
    stopped.directory.set_last_use(stopped.dn("u100009"), stopped.clock() - timedelta(days=20))
    sweep.sweep(stopped.installation, system_code="ledger")
    assert _case(stopped).close_reason == Closing.USED.value
