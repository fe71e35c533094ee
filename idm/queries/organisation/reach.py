"""Which units and systems an action of somebody's reaches on a day: the scopes of `idm.permissions`, carried out."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.models.systems import InformationSystem
from idm.permissions import SCOPES, Action, Scope, everywhere
from idm.personnel.unit_tree import with_those_below
from idm.queries.organisation.officers import roles_of, units_of_role
from idm.queries.organisation.units import parents
from idm.vocabulary import Role


def managed_units(session: Session, person_id: int, action: Action, day: date) -> frozenset[str] | None:
    """The units that the person holds a role for which carries the action to its own units; None = every unit's.

    Without those below them (`units_reached`), and empty for somebody who may not do the action.
    """
    return _units(session, person_id, action, Scope.OWN_UNIT, day)


def units_reached(session: Session, person_id: int, action: Action, day: date) -> frozenset[str] | None:
    """The units whose people the action reaches, with those below; None = everybody's, empty = nobody's."""
    managed = managed_units(session, person_id, action, day)
    return managed if not managed else with_those_below(managed, parents(session))


def systems_reached(session: Session, person_id: int, action: Action, day: date) -> frozenset[int]:
    """The systems for which the person may do the action; empty = none."""
    managers = _units(session, person_id, action, Scope.OWN_SYSTEM, day)
    if managers is not None and not managers:
        return frozenset()
    query = select(InformationSystem.id)
    if managers is not None:
        query = query.where(InformationSystem.manager_unit_code.in_(managers))
    return frozenset(session.scalars(query))


def reaches_system(session: Session, person_id: int, action: Action, system: InformationSystem, day: date) -> bool:
    """Whether the person may do the action in this system."""
    managers = _units(session, person_id, action, Scope.OWN_SYSTEM, day)
    return managers is None or system.manager_unit_code in managers


def _units(session: Session, person_id: int, action: Action, scope: Scope, day: date) -> frozenset[str] | None:
    roles = roles_of(session, person_id, day)
    if everywhere(roles, action):
        return None
    carrying: set[Role] = {role for role in roles if SCOPES[action].get(role) is scope}
    return frozenset(unit for role in carrying for unit in units_of_role(session, person_id, role, day))
