"""Who may permit a use of a privileged ID: never the user, nor whoever asked for them, by any row of theirs (D6, D8).

The officers whom the profile names, each as far as their office reaches; and the accepted deputies (代決) of those of
them who are not concerned themselves: who deputises is bound by the rules of whom they act for.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from idm.models.officers import Deputy, Officer
from idm.models.privileged import PrivilegedUse
from idm.models.systems import InformationSystem
from idm.permissions import PERMISSIONS, Action
from idm.policy import Policy
from idm.queries.organisation.officers import deputations_on, humans, never_deciding, tenures_on
from idm.vocabulary import Role


@dataclass(frozen=True)
class PermitSeat:
    """One human who may permit, and whom they act for."""

    person_id: int
    acting_for: int | None = None


def concerned(use: PrivilegedUse) -> frozenset[int]:
    """The user, and whoever asked for them."""
    return frozenset(one for one in (use.person_id, use.named_by_id) if one is not None)


def permitters(
    session: Session, system: InformationSystem, interested: Collection[int], *, policy: Policy, day: date
) -> tuple[PermitSeat, ...]:
    """Everybody who may permit a use there in which these people are concerned; holders before deputies."""
    roles = frozenset(policy.privileged.approve_by) & PERMISSIONS[Action.PERMIT_USE]
    tenures = session.execute(
        tenures_on(day)
        .where(Officer.role.in_(roles))
        .with_only_columns(Officer.role, Officer.unit_code, Officer.person_id)
    ).all()
    holding = [
        (role, person) for role, unit, person in tenures if role is not Role.SYSTEM or unit == system.manager_unit_code
    ]
    named = session.execute(
        deputations_on(day)
        .where(Deputy.role.in_(roles))
        .with_only_columns(Deputy.role, Deputy.principal_id, Deputy.deputy_id)
    ).all()
    seats = [PermitSeat(person) for _, person in holding]
    seats += [PermitSeat(deputy, principal) for role, principal, deputy in named if (role, principal) in holding]
    return _free(session, seats, frozenset(interested), day)


def _free(
    session: Session, seats: Collection[PermitSeat], interested: frozenset[int], day: date
) -> tuple[PermitSeat, ...]:
    known = humans(session, {one.person_id for one in seats} | {one.acting_for or one.person_id for one in seats})
    never = never_deciding(session, known.values(), day)
    found: dict[int, PermitSeat] = {}
    for seat in seats:
        barred = known[seat.person_id].is_one_of(interested | never)
        if seat.acting_for is not None:
            principal = known[seat.acting_for]
            barred = barred or principal.is_one_of(interested) or principal.is_one_of(known[seat.person_id].rows)
        if not barred:
            found.setdefault(seat.person_id, seat)
    return tuple(found.values())
