"""Who may keep the register of people outside HR: HR for everybody, a section manager for their own units (A12).

Nobody acts on themselves, under any row of theirs, and a contractor never acts (SOD-5, SOD-7).
"""

from collections.abc import Iterable
from datetime import date

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.errors import NotPermitted
from idm.permissions import Action, everywhere, require
from idm.queries.organisation.officers import contracted, humans, roles_of
from idm.queries.organisation.reach import units_reached
from idm.separation_of_duties import Human


def person_acting(session: Session, actor: Actor, day: date) -> Human:
    """The human behind the actor. Raises NotPermitted for a job and for a contractor."""
    if actor.person_id is None:
        raise NotPermitted("外部者の登録は、名前のある人だけができます。")
    human = humans(session, [actor.person_id])[actor.person_id]
    if contracted(session, human.rows, day):
        raise NotPermitted("委託事業者は、外部者の登録をすることも、受入れを引き受けることもできません。")
    return human


def require_not_oneself(human: Human, person_id: int, act: str) -> None:
    """Afterwards the act is about somebody else. Raises NotPermitted."""
    if human.is_one_of(frozenset({person_id})):
        raise NotPermitted(f"自分について{act}ことはできません。人事担当者又は所属の課長に頼んでください。")


def for_anyone(session: Session, human: Human, day: date) -> bool:
    """Whether this human keeps the register for every unit (HR)."""
    return everywhere(roles_of(session, human.person_id, day), Action.REGISTER_OUTSIDE)


def require_for_units(session: Session, human: Human, action: Action, units: Iterable[str], day: date) -> None:
    """Afterwards this human may do the action for one of these units. Raises NotPermitted."""
    require(roles_of(session, human.person_id, day), action)
    reached = units_reached(session, human.person_id, action, day)
    if reached is not None and reached.isdisjoint(units):
        raise NotPermitted("ほかの課のことはできません。その課の課長又は人事担当者に頼んでください。")
