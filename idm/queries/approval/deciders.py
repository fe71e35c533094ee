"""Who decides, and from whom a second factor is demanded: as a holder of an office or as somebody's deputy."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.models.officers import Deputy
from idm.policy import Policy
from idm.queries.governance.configuration import policy_in_force
from idm.queries.organisation.officers import deputations_on, humans, roles_of
from idm.vocabulary import Role

DECIDING_ROLES = frozenset({Role.CISO, Role.VICE_CISO, Role.CHIEF, Role.SECURITY, Role.SYSTEM, Role.HR, Role.HANDOVER})
"""Who decides everywhere; where the profile's route of applications names others, they do as well."""


def decides(session: Session, person_id: int, *, now: datetime) -> bool:
    """Whether the person, under any of their rows, holds a role today that decides here, or deputises one."""
    rows, day = humans(session, [person_id])[person_id].rows, day_of(now)
    deciding = DECIDING_ROLES.union(policy_in_force(session, now=now).applications.route)
    if any(roles_of(session, row, day) & deciding for row in rows):
        return True
    return bool(session.scalars(deputations_on(day).where(Deputy.deputy_id.in_(rows))).first())


def needs_second_factor(session: Session, person_id: int, *, policy: Policy, day: date) -> bool:
    """Whether the profile demands a second factor of a role that the person holds on the day or deputises."""
    deputised = deputations_on(day).where(Deputy.deputy_id == person_id).with_only_columns(Deputy.role)
    roles = roles_of(session, person_id, day) | frozenset(session.scalars(deputised))
    return bool(roles & policy.sign_in.second_factor_roles)
