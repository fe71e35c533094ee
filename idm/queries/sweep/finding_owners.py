"""Whose findings are: who was given one by name, or else whoever holds its office that day (FK 1-2, 7-2(1))."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from idm.models.officers import Officer
from idm.models.systems import InformationSystem
from idm.models.work import Finding
from idm.oversight.finding_state import OFFICE, office_of
from idm.queries.organisation.officers import holders, tenures_on
from idm.vocabulary import FindingKind, Role


@dataclass(frozen=True)
class Offices:
    """Who holds the offices that findings belong to. A system that nobody manages is the security officer's."""

    managers: Mapping[int, frozenset[int]]
    """System → whoever manages it."""
    security: frozenset[int]
    chief: frozenset[int]

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
        """Whether a finding is this person's."""
        managed = sorted(system for system, people in self.managers.items() if person_id in people)
        of_systems = sorted(kind for kind, office in OFFICE.items() if office is Role.SYSTEM)
        theirs = [and_(Finding.system_id.in_(managed), Finding.kind.in_(of_systems))]
        if person_id in (self.security or self.chief):
            unmanaged = sorted(system for system, people in self.managers.items() if not people)
            theirs += [
                Finding.system_id.is_(None), Finding.system_id.in_(unmanaged), Finding.kind.not_in(of_systems),
            ]  # fmt: skip
        return or_(Finding.owner_id == person_id, and_(Finding.owner_id.is_(None), or_(*theirs)))
