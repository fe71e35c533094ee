"""Whose findings are: who was given one by name, or else whoever holds its office that day (FK 1-2, 7-2(1))."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, and_, false, or_, select
from sqlalchemy.orm import Session

from idm.models.officers import Deputy, Officer
from idm.models.systems import InformationSystem
from idm.models.work import Finding
from idm.oversight.finding_state import OFFICE, office_of
from idm.queries.organisation.officers import deputations_on, holders, tenures_on
from idm.vocabulary import FindingKind, Role


@dataclass(frozen=True)
class Offices:
    """Who holds the offices that findings belong to. A system that nobody manages is the security officer's."""

    managers: Mapping[int, frozenset[int]]
    """System → whoever manages it."""
    security: frozenset[int]
    chief: frozenset[int]
    standing_in: Mapping[int, frozenset[tuple[Role, int]]]
    """Deputy → the offices, each with its holder, in whose place they decide that day (代決)."""

    @classmethod
    def on(cls, session: Session, day: date) -> "Offices":
        """The offices as they are held on the day, for every system."""
        units: dict[str | None, set[int]] = defaultdict(set)
        tenures = tenures_on(day).where(Officer.role == Role.SYSTEM)
        for unit, person in session.execute(tenures.with_only_columns(Officer.unit_code, Officer.person_id)):
            units[unit].add(person)
        systems = session.execute(select(InformationSystem.id, InformationSystem.manager_unit_code))
        return cls(
            {system: frozenset(units.get(unit, ())) for system, unit in systems},
            frozenset(holders(session, Role.SECURITY, None, day)), frozenset(holders(session, Role.CHIEF, None, day)),
            _standing_in(session, day),
        )  # fmt: skip

    def of(self, kind: FindingKind, system_id: int | None, owner_id: int | None = None) -> frozenset[int]:
        """Whose a finding is; empty where nobody holds any of its offices."""
        if owner_id is not None:
            return frozenset({owner_id})
        managers = self.managers.get(system_id, frozenset()) if system_id is not None else frozenset()
        by_system = office_of(kind, of_system=system_id is not None) is Role.SYSTEM
        return (managers if by_system else frozenset()) or self.security or self.chief

    def may_be_given(self, system_id: int | None) -> frozenset[int]:
        """Those who can be named for a finding there: whoever may care for it."""
        managers = self.managers.get(system_id, frozenset()) if system_id is not None else frozenset()
        return managers | self.security | self.chief

    def mine(self, person_id: int) -> ColumnElement[bool]:
        """Whether a finding is this person's, or of an office in which they stand in for its holder that day.

        What somebody was given by name stays theirs alone.
        """
        offices = {(role, person_id) for role in (Role.SYSTEM, Role.SECURITY, Role.CHIEF)}
        offices |= self.standing_in.get(person_id, frozenset())
        of_offices = or_(*(self._of_office(role, holder) for role, holder in sorted(offices)))
        return or_(Finding.owner_id == person_id, and_(Finding.owner_id.is_(None), of_offices))

    def _of_office(self, role: Role, holder: int) -> ColumnElement[bool]:
        """Whether a finding belongs to that office as this person holds it; of one that they do not hold, none."""
        of_systems = sorted(kind for kind, office in OFFICE.items() if office is Role.SYSTEM)
        if role is Role.SYSTEM:
            managed = sorted(system for system, people in self.managers.items() if holder in people)
            return and_(Finding.system_id.in_(managed), Finding.kind.in_(of_systems))
        held = {Role.SECURITY: self.security, Role.CHIEF: self.chief if not self.security else frozenset[int]()}
        if holder not in held.get(role, frozenset()):
            return false()
        unmanaged = sorted(system for system, people in self.managers.items() if not people)
        return or_(Finding.system_id.is_(None), Finding.system_id.in_(unmanaged), Finding.kind.not_in(of_systems))


def _standing_in(session: Session, day: date) -> Mapping[int, frozenset[tuple[Role, int]]]:
    found: dict[int, set[tuple[Role, int]]] = defaultdict(set)
    named = deputations_on(day).with_only_columns(Deputy.deputy_id, Deputy.role, Deputy.principal_id)
    for deputy, role, principal in session.execute(named):
        found[deputy].add((role, principal))
    return {deputy: frozenset(offices) for deputy, offices in found.items()}
