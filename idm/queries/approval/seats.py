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

from idm.models.requests import ApprovalStep, PolicyException, Request, RequestLine
from idm.models.systems import InformationSystem
from idm.queries.approval.bench import Asked, Bench
from idm.queries.approval.confirmers import confirmers
from idm.request_state import StepState
from idm.routing import Seated, SeatFacts, represented, seated
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
    CONFIRMER = "confirmer"
    PRINCIPAL = "principal"
    """They would decide in the place of somebody who may not (SOD-3)."""
    NEVER = "never"


BAR_TITLES = {
    Bar.APPLICANT: "申請者本人",
    Bar.SUBJECT: "対象者本人",
    Bar.OTHER_STEP: "別の決裁欄を決裁済み（代決を含む）",
    Bar.CONFIRMER: "対象者の認証要素の使用を開始した人",
    Bar.PRINCIPAL: "代決の本人がこの決裁をできない人",
    Bar.NEVER: "監査を行う者又は委託事業者",
}


@dataclass(frozen=True)
class Seating:
    """Who may decide a step now; when nobody may, the step is held. `barred` says who else would, and why they may not.

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
    bench = Bench.on(session, day)
    line_ids = {step.line_id for step in steps}
    deciders, confirmed_by = _deciders(session, line_ids), confirmers(session, line_ids)
    excepted = _excepted(session, {step.request_id for step in steps}, day)
    found = {}
    for step in steps:
        asked = Asked(step.seat, step.manager_unit_code, step.applicant_id, step.subject_id)
        facts = bench.facts(asked, frozenset(deciders[step.line_id]), confirmed_by.get(step.line_id, frozenset()))
        may = _seated(facts, excepted.get(step.request_id, frozenset()))
        barred = tuple((person, bar) for person, bar in _barred(facts) if all(s.person_id != person for s in may))
        found[step.step_id] = Seating(may, barred)
    return found


def _deciders(session: Session, line_ids: set[int]) -> dict[int, set[int]]:
    """Line id → who decided its other steps, and in whose place."""
    rows = session.execute(
        select(ApprovalStep.line_id, ApprovalStep.decider_id, ApprovalStep.acting_for_id).where(
            ApprovalStep.line_id.in_(line_ids), ApprovalStep.decider_id.is_not(None)
        )
    )
    found: dict[int, set[int]] = defaultdict(set)
    for line_id, *people in rows:
        found[line_id] |= {person for person in people if person is not None}
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
        bar = _bar_of(human, facts)
        if bar is not None:
            yield human.person_id, bar


def _bar_of(human: Human, facts: SeatFacts) -> Bar | None:
    """The first reason that keeps this human from the step; None = they may stand on a rung of the ladder."""
    among = {
        Bar.APPLICANT: frozenset({facts.applicant}), Bar.SUBJECT: frozenset({facts.subject}),
        Bar.OTHER_STEP: facts.other_deciders, Bar.CONFIRMER: facts.confirmers, Bar.NEVER: facts.never_deciding,
    }  # fmt: skip
    own = next((bar for bar, people in among.items() if human.is_one_of(people)), None)
    return own or (Bar.PRINCIPAL if _for_the_barred_only(human, facts) else None)


def _for_the_barred_only(human: Human, facts: SeatFacts) -> bool:
    """Whether somebody comes to the step only in the place of those who may not decide it themselves (SOD-3)."""
    if human in (*facts.holders, *facts.vice_cisos, *facts.cisos):
        return False
    return represented(facts).isdisjoint(one.principal for one in facts.deputies if one.deputy == human)
