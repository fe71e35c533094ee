"""Half-open periods as conditions on rows: what `idm.calendar_days.holds` says of two days, said of two columns."""

from datetime import date

from sqlalchemy import ColumnElement, and_, or_

from idm.models.officers import Deputy, Officer
from idm.models.people import Absence, Assignment, Employment, OrganisationUnit
from idm.models.privileged import PrivilegeDeputy
from idm.models.requests import Grant

Dated = type[Absence | Assignment | Deputy | Employment | Grant | Officer | OrganisationUnit | PrivilegeDeputy]
"""A table whose rows hold from `valid_from` until, and not on, `valid_until` (None = no end); or an alias of one."""


def holding_on(table: Dated, day: date) -> ColumnElement[bool]:
    """Whether the row holds on the day."""
    return and_(table.valid_from <= day, not_over_on(table, day))


def not_over_on(table: Dated, day: date) -> ColumnElement[bool]:
    """Whether the row holds on the day or begins after it."""
    return or_(table.valid_until.is_(None), table.valid_until > day)
