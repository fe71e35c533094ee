"""Whose system it is: whether what somebody may do reaches this one (`permissions`, `queries.organisation.reach`)."""

from datetime import date

from sqlalchemy.orm import Session

from idm.errors import NotPermitted
from idm.models.systems import InformationSystem
from idm.permissions import Action, require
from idm.queries.organisation.officers import roles_of
from idm.queries.organisation.reach import reaches_system


def require_for_system(
    session: Session, system: InformationSystem, action: Action, *, person_id: int, day: date
) -> None:
    """Afterwards this person may do that in this system. Raises NotPermitted."""
    require(roles_of(session, person_id, day), action)
    if not reaches_system(session, person_id, action, system, day):
        raise NotPermitted(f"「{system.name}」の情報システム管理者だけが行えます。")
