"""Whose are the people outside HR: units and those above them, who may answer for somebody."""

from datetime import date

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from idm.employment_kind import OUTSIDE_KINDS
from idm.models.people import Assignment, Employment, OrganisationUnit
from idm.models.periods import holding_on, not_over_on
from idm.publication import Reader
from idm.queries.organisation.officers import contracted, humans
from idm.queries.organisation.publication import public
from idm.queries.organisation.units import units_of_posts


def units_of_person(session: Session, person_id: int, day: date) -> frozenset[str]:
    """The units in which somebody works on the day, or will, as far as that is published."""
    codes = session.scalars(
        units_of_posts(person_id)
        .with_only_columns(OrganisationUnit.code)
        .where(
            not_over_on(Employment, day),
            not_over_on(Assignment, day),
            public(Assignment, Reader(day)),
            public(Employment, Reader(day)),
        )
    )
    return frozenset(codes)


def may_answer(session: Session, person_id: int, unit_code: str, day: date) -> bool:
    """Whether the person is employed by us, assigned in the unit on the day, and no contractor under any row."""
    if person_id not in set(session.scalars(_staff_of_unit(unit_code, day))):
        return False
    return not contracted(session, humans(session, [person_id])[person_id].rows, day)


def _staff_of_unit(unit_code: str, day: date) -> Select[int]:
    """The people whom HR knows and who are assigned in the unit, primary or concurrent."""
    return (
        select(Employment.person_id)
        .join(Assignment, Assignment.employment_id == Employment.id)
        .join(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .where(
            OrganisationUnit.code == unit_code,
            Employment.kind.not_in(OUTSIDE_KINDS),
            holding_on(Employment, day),
            holding_on(Assignment, day),
        )
    )
