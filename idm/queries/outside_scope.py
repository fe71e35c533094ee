"""Whose are the people outside HR: units and those above them, who may answer for somebody, who oversees whom."""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from idm.employment_kind import OUTSIDE_KINDS
from idm.models.people import Assignment, Employment, OrganisationUnit
from idm.models.periods import holding_on, not_over_on
from idm.personnel.outside_rules import upwards
from idm.queries.officers import contracted, humans, units_of_role
from idm.vocabulary import Role


def unit_on(session: Session, code: str, day: date) -> OrganisationUnit | None:
    """The generation of the unit that holds on the day."""
    return session.scalar(
        select(OrganisationUnit).where(
            OrganisationUnit.code == code,
            holding_on(OrganisationUnit, day),
        )
    )


def unit_and_above(session: Session, code: str) -> list[str]:
    """The unit and every unit above it, from below, by the newest generation of each."""
    rows = session.execute(
        select(OrganisationUnit.code, OrganisationUnit.parent_code).order_by(OrganisationUnit.valid_from)
    )
    return upwards(code, dict(rows.all()))


def units_of_person(session: Session, person_id: int, day: date) -> frozenset[str]:
    """The units in which somebody works on the day, or will, as far as that is published."""
    codes = session.scalars(
        select(OrganisationUnit.code)
        .join(Assignment, Assignment.unit_id == OrganisationUnit.id)
        .join(Employment, Assignment.employment_id == Employment.id)
        .where(
            Employment.person_id == person_id,
            not_over_on(Employment, day),
            not_over_on(Assignment, day),
            *published(day),
        )
    )
    return frozenset(codes)


def published(day: date) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Whether the post, and the employment behind it, are published by the day (内示; control A7)."""
    return (
        or_(Assignment.published_on.is_(None), Assignment.published_on <= day),
        or_(Employment.published_on.is_(None), Employment.published_on <= day),
    )


def oversees(session: Session, person_id: int, units: Iterable[str], day: date) -> bool:
    """Whether the person manages one of the units, or a unit above one, on the day."""
    managed = units_of_role(session, person_id, Role.SECTION, day)
    return any(managed & set(unit_and_above(session, code)) for code in units)


def overseen_units(session: Session, person_id: int, day: date) -> frozenset[str]:
    """Every unit that the person manages on the day, with those below."""
    managed = units_of_role(session, person_id, Role.SECTION, day)
    codes = set(session.scalars(select(OrganisationUnit.code))) if managed else set()
    return frozenset(code for code in codes if managed & set(unit_and_above(session, code)))


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
