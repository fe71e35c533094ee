"""A night and whoever opens an ID again do not cross: one waits for the other (control C1)."""

import pytest
from sqlalchemy import select

from idm.models.dormancy import DormancyCase
from idm.queries.sweep.unused_ids import open_cases
from tests.cast import Cast
from tests.operations.sweep.test_dormancy_cases import account_of, held, stopped

__all__ = ["held"]


@pytest.fixture
def office(postgres_office: Cast) -> Cast:
    """The office on a database that lets two write at once."""
    return postgres_office


def test_what_a_night_judges_nobody_opens_again_meanwhile(held: Cast) -> None:
    case = stopped(held)
    free = select(DormancyCase.id).where(DormancyCase.id == case.id).with_for_update(skip_locked=True)
    with held.database.writing() as night:
        assert set(open_cases(night, account_of(held).system_id)) == {case.account_id}
        with held.database.writing() as other:
            assert list(other.scalars(free)) == []
    with held.database.writing() as other:
        assert list(other.scalars(free)) == [case.id]
