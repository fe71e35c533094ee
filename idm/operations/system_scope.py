"""Whose system it is: its manager acts on it, and the head of information security on every one."""

from datetime import date

from sqlalchemy.orm import Session

from idm.errors import NotPermitted
from idm.models.systems import InformationSystem
from idm.permissions import Action, require
from idm.queries.officers import roles_of, units_of_role
from idm.vocabulary import Role

EVERYWHERE = frozenset({Role.SECURITY, Role.CHIEF})
"""Officers who do not answer for one system alone; what they may do is said in `idm.permissions`."""


def require_for_system(
    session: Session, system: InformationSystem, action: Action, *, person_id: int, day: date
) -> None:
    """Afterwards this person may do that in this system. Raises NotPermitted."""
    roles = roles_of(session, person_id, day)
    require(roles, action)
    if roles & EVERYWHERE:
        return
    if system.manager_unit_code not in units_of_role(session, person_id, Role.SYSTEM, day):
        raise NotPermitted(f"「{system.name}」の情報システム管理者だけが行えます。")
