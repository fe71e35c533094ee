"""For which systems somebody may do, confirm or list work done by hand: a system's manager for those of their units."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.models.systems import InformationSystem
from idm.permissions import PERMISSIONS, Action
from idm.queries.officers import roles_of, units_of_role
from idm.vocabulary import Role


def systems_for(session: Session, person_id: int, action: Action, day: date) -> frozenset[int]:
    """The systems for which the person may do the action on the day; empty = none."""
    roles = roles_of(session, person_id, day) & PERMISSIONS[action]
    query = select(InformationSystem.id)
    if not roles:
        return frozenset()
    if roles == {Role.SYSTEM}:
        query = query.where(
            InformationSystem.manager_unit_code.in_(units_of_role(session, person_id, Role.SYSTEM, day))
        )
    return frozenset(session.scalars(query))
