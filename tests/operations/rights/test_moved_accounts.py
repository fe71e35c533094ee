"""A mover's directory entry shows the new unit from the day on, though no right changed."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from idm.calendar_days import start_of
from idm.models.people import Assignment, Employment, OrganisationUnit, Person
from idm.models.systems import Account
from idm.operations.rights import moved_accounts
from idm.queries.rights.account_facts import account_facts
from tests.carried_out import carry_out
from tests.cast import NOW, Cast

MAY = date(2026, 5, 1)


@pytest.fixture
def moving(cast: Cast) -> Cast:
    """青木 has an account and goes to another unit in May."""
    cast.approve(cast.file("hr", ("staff", "ledger/account")))
    carry_out(cast)
    with cast.database.writing() as session:
        employment = session.scalars(select(Employment).where(Employment.person_id == cast.people["staff"])).one()
        unit = OrganisationUnit(code="0200", name="会計課", valid_from=date(2020, 4, 1))
        employment.assignments[0].valid_until = MAY
        employment.assignments.append(Assignment(unit=unit, post="主事", primary=True, valid_from=MAY))
    return cast


def refreshed(cast: Cast, day: date) -> int:
    with cast.database.writing() as session:
        return moved_accounts.refresh(session, now=start_of(day) + timedelta(hours=1))


def test_the_account_is_looked_at_on_the_day_and_once(moving: Cast) -> None:
    assert refreshed(moving, MAY - timedelta(days=1)) == 0
    assert refreshed(moving, MAY) == 1
    carry_out(moving, now=start_of(MAY) + timedelta(hours=2))
    assert refreshed(moving, MAY + timedelta(days=1)) == 0


def test_a_run_that_was_missed_is_made_up(moving: Cast) -> None:
    assert refreshed(moving, MAY + timedelta(days=30)) == 1


def test_the_directory_shows_the_name_that_is_used_at_work(moving: Cast) -> None:
    with moving.database.writing() as session:
        session.get_one(Person, moving.people["staff"]).work_name = "旧姓　一郎"
        account = session.scalars(select(Account)).one()
        attributes = account_facts(session, [account.id], now=NOW)[account.id].attributes
    assert (attributes.display_name, attributes.family_name) == ("旧姓　一郎", "旧姓")
