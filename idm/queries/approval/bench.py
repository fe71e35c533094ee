"""Everyone who may hold or stand in for a seat on one day, read once for as many steps as are asked about."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from idm.models.officers import Deputy, Officer
from idm.queries.organisation.officers import deputations_on, humans, never_deciding, tenures_on
from idm.reviews.review_rules import ReviewFacts
from idm.routing import Deputation, SeatFacts
from idm.separation_of_duties import Human
from idm.vocabulary import Role


@dataclass(frozen=True)
class Asked:
    """One step for which somebody is sought. The unit is the one whose manager answers for the system."""

    seat: Role
    manager_unit_code: str
    applicant_id: int
    subject_id: int


class Bench:
    """The officers and deputies of one day."""

    def __init__(
        self,
        tenures: Iterable[tuple[Role, str | None, int]],
        deputies: Iterable[tuple[Role, int, int]],
        known: Mapping[int, Human],
        never: frozenset[int],
    ) -> None:
        self._known, self._never = known, never
        self._holders: dict[tuple[Role, str | None], set[int]] = defaultdict(set)
        for role, unit, person_id in tenures:
            self._holders[role, None].add(person_id)
            self._holders[role, unit].add(person_id)
        self._deputies: dict[Role, list[tuple[int, int]]] = defaultdict(list)
        for role, principal, deputy in deputies:
            self._deputies[role].append((principal, deputy))

    @classmethod
    def on(cls, session: Session, day: date) -> "Bench":
        """As it sits on the day."""
        columns = (Officer.role, Officer.unit_code, Officer.person_id)
        tenures = session.execute(tenures_on(day).with_only_columns(*columns)).all()
        named = deputations_on(day).with_only_columns(Deputy.role, Deputy.principal_id, Deputy.deputy_id)
        deputies = session.execute(named).all()
        known = humans(session, {person for *_, person in tenures} | {deputy for *_, deputy in deputies})
        never = never_deciding(session, known.values(), day)
        return cls([(r, u, p) for r, u, p in tenures], [(r, p, d) for r, p, d in deputies], known, never)

    def facts(
        self, asked: Asked, other_deciders: frozenset[int], confirmers: frozenset[int] = frozenset()
    ) -> SeatFacts:  # fmt: skip
        """Who is who for one step: what `idm.routing` decides on."""
        holders = self._held(asked.seat, asked.manager_unit_code if asked.seat is Role.SYSTEM else None)
        principals = {holder.person_id for holder in holders}
        return SeatFacts(
            holders=holders,
            deputies=tuple(
                Deputation(principal, self._known[deputy])
                for principal, deputy in self._deputies[asked.seat]
                if principal in principals
            ),
            vice_cisos=self._held(Role.VICE_CISO),
            cisos=self._held(Role.CISO),
            applicant=asked.applicant_id,
            subject=asked.subject_id,
            other_deciders=other_deciders,
            never_deciding=self._never,
            confirmers=confirmers,
        )

    def review_facts(
        self, office: Role, units: Iterable[str], holder_id: int, approvers: frozenset[int]
    ) -> ReviewFacts:  # fmt: skip
        """Who is who for one right of an access review: the managers of these units, the nearest first."""
        offices = tuple(held for unit in units if (held := self._held(office, unit)))
        return ReviewFacts(
            offices=offices,
            deputies=tuple(Deputation(principal, self._known[deputy]) for principal, deputy in self._deputies[office]),
            vice_cisos=self._held(Role.VICE_CISO),
            cisos=self._held(Role.CISO),
            holder=holder_id,
            approvers=approvers,
            never_deciding=self._never,
        )

    def _held(self, role: Role, unit: str | None = None) -> tuple[Human, ...]:
        return tuple(self._known[person] for person in sorted(self._holders.get((role, unit), ())))
