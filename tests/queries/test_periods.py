"""A period means one thing, whether two days are asked about it or a database is."""

from datetime import timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from idm.calendar_days import Period, holds
from idm.models.people import OrganisationUnit
from idm.models.periods import holding_on, not_over_on
from tests.cast import TODAY, Cast

WEEK = [TODAY + timedelta(days=n) for n in range(-3, 4)]
PERIODS = [(begins, until) for begins in WEEK for until in [*WEEK, None] if until is None or until > begins]


def periods_where(session: Session, condition: ColumnElement[bool]) -> set[Period]:
    """The periods of the test's units that meet the condition."""
    columns = select(OrganisationUnit.valid_from, OrganisationUnit.valid_until)
    rows = session.execute(columns.where(OrganisationUnit.code.startswith("P"), condition))
    return {(begins, until) for begins, until in rows}


def test_the_database_says_of_every_period_around_a_day_what_the_calendar_says(cast: Cast) -> None:
    with cast.database.writing() as session:
        for n, (begins, until) in enumerate(PERIODS):
            session.add(OrganisationUnit(code=f"P{n}", name="期間課", valid_from=begins, valid_until=until))
    with cast.database.reading() as session:
        for day in WEEK:
            holding = periods_where(session, holding_on(OrganisationUnit, day))
            not_over = periods_where(session, not_over_on(OrganisationUnit, day))
            assert holding == {period for period in PERIODS if holds(*period, day)}
            assert not_over == {(begins, until) for begins, until in PERIODS if until is None or until > day}
