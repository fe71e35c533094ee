"""Who may decide which undecided step at this moment, for many steps at once; and where nobody may, why.

The rules are those of `idm.routing`, the same that a decision is judged by; here their facts are read in bulk.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from idm.models.officers import Deputy, Officer
from idm.models.requests import ApprovalStep, PolicyException, Request, RequestLine
from idm.models.systems import InformationSystem
from idm.queries.officers import deputations_on, humans, never_deciding, tenures_on
from idm.request_state import StepState
from idm.routing import Deputation, Seated, SeatFacts, seated
from idm.separation_of_duties import Human
from idm.vocabulary import Role


@dataclass(frozen=True)
class OpenStep:
    """One step that nobody has decided. `state` is pending, or closed when its line ended without it."""

    step_id: int
    line_id: int
    request_id: int
    seat: Role
    state: StepState
    manager_unit_code: str
    applicant_id: int
    subject_id: int


class Bar(StrEnum):
    """Why somebody who could hold a seat may not decide this step."""

    APPLICANT = "applicant"
    SUBJECT = "subject"
    OTHER_STEP = "other_step"
    NEVER = "never"


BAR_TITLES = {
    Bar.APPLICANT: "申請者本人",
    Bar.SUBJECT: "対象者本人",
    Bar.OTHER_STEP: "別の決裁欄を決裁済み",
    Bar.NEVER: "監査を行う者又は委託事業者",
}


@dataclass(frozen=True)
class Seating:
    """Who may decide a step now. When nobody may, the step is held and `barred` says who would, and why they may not.

    `barred` empty on a held step: nobody holds any of the posts.
    """

    seated: tuple[Seated, ...]
    barred: tuple[tuple[int, Bar], ...] = ()

    @property
    def held(self) -> bool:
        """Whether nobody may decide."""
        return not self.seated

    def seat_of(self, person_id: int) -> Seated | None:
        """How this person comes to the seat; None when they do not."""
        return next((seat for seat in self.seated if seat.person_id == person_id), None)


def open_steps(session: Session, *conditions: ColumnElement[bool]) -> list[OpenStep]:
    """The undecided steps that the conditions on steps, lines and applications let through."""
    columns = (
        ApprovalStep.id, ApprovalStep.line_id, RequestLine.request_id, ApprovalStep.seat, ApprovalStep.state,
        InformationSystem.manager_unit_code, ApprovalStep.applicant_id, ApprovalStep.subject_id,
    )  # fmt: skip
    rows = session.execute(
        select(*columns)
        .join(RequestLine, ApprovalStep.line_id == RequestLine.id)
        .join(Request, RequestLine.request_id == Request.id)
        .join(InformationSystem, RequestLine.system_id == InformationSystem.id)
        .where(ApprovalStep.decider_id.is_(None), *conditions)
        .order_by(RequestLine.id, ApprovalStep.position)
    )
    return [OpenStep(*row) for row in rows]


def seatings(session: Session, steps: Sequence[OpenStep], *, day: date) -> dict[int, Seating]:
    """Step id → who may decide it on the day."""
    if not steps:
        return {}
    officers = _Officers.on(session, day)
    deciders = _deciders(session, {step.line_id for step in steps})
    excepted = _excepted(session, {step.request_id for step in steps}, day)
    found = {}
    for step in steps:
        facts = officers.facts(step, frozenset(deciders[step.line_id]))
        may = _seated(facts, excepted.get(step.request_id, frozenset()))
        found[step.step_id] = Seating(may, () if may else tuple(_barred(facts)))
    return found


class _Officers:
    """Everyone who may hold or stand in for a seat on one day."""

    def __init__(self, tenures: Iterable[tuple[Role, str | None, int]], deputies: Iterable[tuple[Role, int, int]],
                 known: dict[int, Human], never_deciding: frozenset[int]) -> None:  # fmt: skip
        self._known = known
        self._never_deciding = never_deciding
        self._holders: dict[tuple[Role, str | None], set[int]] = defaultdict(set)
        for role, unit, person_id in tenures:
            self._holders[role, None].add(person_id)
            self._holders[role, unit].add(person_id)
        self._deputies: dict[Role, list[tuple[int, int]]] = defaultdict(list)
        for role, principal, deputy in deputies:
            self._deputies[role].append((principal, deputy))

    @classmethod
    def on(cls, session: Session, day: date) -> "_Officers":
        """Read on the day."""
        columns = (Officer.role, Officer.unit_code, Officer.person_id)
        tenures = [(role, unit, person) for role, unit, person in
                   session.execute(tenures_on(day).with_only_columns(*columns))]  # fmt: skip
        named = session.execute(
            deputations_on(day).with_only_columns(Deputy.role, Deputy.principal_id, Deputy.deputy_id)
        )
        deputies = [(role, principal, deputy) for role, principal, deputy in named]
        people = {person for _, _, person in tenures} | {deputy for _, _, deputy in deputies}
        known = humans(session, people)
        return cls(tenures, deputies, known, never_deciding(session, known.values(), day))

    def _held_by(self, role: Role, unit: str | None = None) -> tuple[Human, ...]:
        return tuple(self._known[person] for person in sorted(self._holders.get((role, unit), ())))

    def facts(self, step: OpenStep, other_deciders: frozenset[int]) -> SeatFacts:
        """What routing decides on for the step."""
        holders = self._held_by(step.seat, step.manager_unit_code if step.seat is Role.SYSTEM else None)
        principals = {holder.person_id for holder in holders}
        return SeatFacts(
            holders=holders,
            deputies=tuple(Deputation(principal, self._known[deputy])
                           for principal, deputy in self._deputies[step.seat] if principal in principals),
            vice_cisos=self._held_by(Role.VICE_CISO),
            cisos=self._held_by(Role.CISO),
            applicant=step.applicant_id,
            subject=step.subject_id,
            other_deciders=other_deciders,
            never_deciding=self._never_deciding,
        )  # fmt: skip


def _deciders(session: Session, line_ids: set[int]) -> dict[int, set[int]]:
    """Line id → who decided its other steps."""
    rows = session.execute(
        select(ApprovalStep.line_id, ApprovalStep.decider_id).where(
            ApprovalStep.line_id.in_(line_ids), ApprovalStep.decider_id.is_not(None)
        )
    )
    found: dict[int, set[int]] = defaultdict(set)
    for line_id, decider_id in rows:
        if decider_id is not None:
            found[line_id].add(decider_id)
    return found


def _excepted(session: Session, request_ids: set[int], day: date) -> dict[int, frozenset[int]]:
    """Application id → who may, by an exception to SOD-4, decide a second step of it on the day."""
    rows = session.execute(
        select(PolicyException.request_id, PolicyException.beneficiary_id).where(
            PolicyException.request_id.in_(request_ids),
            PolicyException.rule == "SOD-4",
            PolicyException.valid_until > day,
        )
    )
    found: dict[int, set[int]] = defaultdict(set)
    for request_id, person_id in rows:
        found[request_id].add(person_id)
    return {request_id: frozenset(people) for request_id, people in found.items()}


def _seated(facts: SeatFacts, excepted: frozenset[int]) -> tuple[Seated, ...]:
    """Those on the first rung that has anyone, and whoever an exception seats beside them."""
    may = list(seated(facts))
    for person_id in sorted(excepted & facts.other_deciders):
        lifted = replace(facts, other_deciders=facts.other_deciders - {person_id})
        may += [seat for seat in seated(lifted) if seat.person_id == person_id]
    return tuple(may)


def _barred(facts: SeatFacts) -> Iterable[tuple[int, Bar]]:
    humans_asked = (*facts.holders, *(named.deputy for named in facts.deputies), *facts.vice_cisos, *facts.cisos)
    for human in dict.fromkeys(humans_asked):
        if human.is_one_of(frozenset({facts.applicant})):
            yield human.person_id, Bar.APPLICANT
        elif human.is_one_of(frozenset({facts.subject})):
            yield human.person_id, Bar.SUBJECT
        elif human.is_one_of(facts.other_deciders):
            yield human.person_id, Bar.OTHER_STEP
        elif human.is_one_of(facts.never_deciding):
            yield human.person_id, Bar.NEVER
