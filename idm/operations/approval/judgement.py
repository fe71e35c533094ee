"""Whether one person may decide steps of one application: facts read once, every step judged by itself (A2, A4)."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.calendar_days import day_of, overlap
from idm.errors import NotSeated
from idm.grant_state import GrantState
from idm.models.requests import ApprovalStep, Grant, Request, RequestLine
from idm.models.systems import Account, Entitlement, EntitlementConflict
from idm.operations.approval.permitted_exceptions import excepted_rules
from idm.queries.approval.bench import Asked, Bench
from idm.queries.approval.confirmers import confirmers
from idm.queries.organisation.officers import auditing, contracted, humans
from idm.request_state import StepState
from idm.routing import Seated, SeatFacts, seated
from idm.separation_of_duties import Decision, Human, require
from idm.vocabulary import LineEffect

Held = dict[int, list[tuple[int, date, date | None]]]
"""Person row → what they hold: entitlement, from, until."""


@dataclass
class Judgement:
    """One person before one application.

    Decisions of the same act count at once: both seats of one line, both rights of one conflict.
    """

    human: Human
    bench: Bench
    manager_unit_code: str
    audits: bool
    contractor: bool
    exceptions: dict[str, int]
    conflicts: dict[int, set[int]]
    names: dict[int, str]
    held: Held
    subjects: dict[int, Human]
    confirmers: dict[int, frozenset[int]]
    """Line → who saw its subject's authenticator work in the system (SOD-4)."""
    decided_here: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Line → the steps of it that this act has decided."""
    represented_here: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Line → those in whose place this act has decided a step of it."""
    promised: list[RequestLine] = field(default_factory=list)
    """What this act agrees to take and others have yet to: enough to agree to what follows, never to give it."""

    @classmethod
    def of(cls, session: Session, request: Request, *, person_id: int, now: datetime) -> "Judgement":
        """With everything the rules look at, read on the day of `now`."""
        day = day_of(now)
        human = humans(session, [person_id])[person_id]
        subjects = humans(session, {line.subject_id for line in request.lines})
        conflicts = _conflicts(session)
        involved = set(conflicts) if {line.entitlement_id for line in request.lines} & set(conflicts) else set()
        return cls(
            human=human,
            bench=Bench.on(session, day),
            manager_unit_code=request.system.manager_unit_code,
            audits=bool(auditing(session, human.rows, day)),
            contractor=bool(contracted(session, human.rows, day)),
            exceptions=excepted_rules(session, request.id, person_id=person_id, day=day),
            conflicts=conflicts,
            names=_names(session, involved),
            held=_held(session, subjects, involved),
            subjects=subjects,
            confirmers=confirmers(session, {line.id for line in request.lines}),
        )

    def seat_of(self, step: ApprovalStep, *, approves: bool) -> Seated:
        """The seat by which this person may decide the step; from then on it counts as decided by them.

        The separation rules speak first: their refusal names the rule. Raises SeparationOfDuties, NotSeated.
        """
        facts = self._facts(step)
        others = self._other_deciders(step)
        seat = next((seat for seat in seated(facts) if seat.person_id == self.human.person_id), None)
        principal = _acting_for(facts, self.human.person_id, seat)
        require(
            Decision(
                decider=self.human,
                applicant=step.applicant_id,
                subject=step.subject_id,
                other_deciders=others,
                confirmers=self.confirmers_of(step.line),
                acting_for=principal,
                principal_never_decides=principal is not None and principal.is_one_of(facts.never_deciding),
                decider_audits=self.audits,
                decider_is_contractor=self.contractor,
                conflicting_entitlements=tuple(self.conflicting(step.line, final=self._is_last(step))),
                approves=approves,
                excepted_rules=frozenset(self.exceptions),
            )
        )
        if seat is None:
            raise NotSeated("この決裁欄を決裁する職にありません。")
        self._note(step, seat, approves=approves)
        return seat

    def exception_used(self, step: ApprovalStep) -> int | None:
        """The exception that seats this person a second time on the line, where one is needed."""
        return self.exceptions.get("SOD-4") if self.human.person_id in self._other_deciders(step) else None

    def confirmers_of(self, line: RequestLine) -> frozenset[int]:
        """Who saw the subject's authenticator work in the system of the line: none of them decides on it."""
        return self.confirmers.get(line.id, frozenset())

    def _facts(self, step: ApprovalStep) -> SeatFacts:
        asked = Asked(step.seat, self.manager_unit_code, step.applicant_id, step.subject_id)
        facts = self.bench.facts(asked, self._other_deciders(step), self.confirmers_of(step.line))
        if "SOD-4" in self.exceptions:
            return replace(facts, other_deciders=facts.other_deciders - {self.human.person_id})
        return facts

    def _other_deciders(self, step: ApprovalStep) -> frozenset[int]:
        """Who decided another step of the line, and in whose place: both count (SOD-4)."""
        decided = [other for other in step.line.steps if other.id != step.id]
        others = {person for other in decided for person in (other.decider_id, other.acting_for_id)}
        if self.decided_here[step.line_id] - {step.id}:
            others |= {self.human.person_id, *self.represented_here[step.line_id]}
        return frozenset(person for person in others if person is not None)

    def conflicting(self, line: RequestLine, *, final: bool = True) -> Iterator[tuple[str, str]]:
        """Declared conflicts of the line with what the subject, under any row, holds on a day of it.

        Where others still have to decide (not `final`), what this act has agreed to take counts as taken.
        """
        if line.effect is not LineEffect.GRANT:
            return
        for row in sorted(self.subjects[line.subject_id].rows):
            held = self.held.get(row, [])
            for taken in () if final else self.promised:
                held = [_until(taken, one) for one in held] if taken.subject_id == line.subject_id else held
            for entitlement_id, begins, ends in held:
                against = entitlement_id in self.conflicts.get(line.entitlement_id, ())
                if against and overlap(line.valid_from, line.valid_until, begins, ends):
                    yield self.names[line.entitlement_id], self.names[entitlement_id]

    def _is_last(self, step: ApprovalStep) -> bool:
        """Whether the line takes effect with this step's approval."""
        others = (s for s in step.line.steps if s.id not in {step.id, *self.decided_here[step.line_id]})
        return all(other.state is StepState.APPROVED for other in others)

    def _note(self, step: ApprovalStep, seat: Seated, *, approves: bool) -> None:
        last = self._is_last(step)
        self.decided_here[step.line_id].add(step.id)
        if seat.acting_for is not None:
            self.represented_here[step.line_id].add(seat.acting_for)
        if approves and last:
            self.note_given(step.line)
        elif approves and step.line.effect is LineEffect.REVOKE:
            self.promised.append(step.line)

    def note_given(self, line: RequestLine) -> None:
        """Afterwards what the line gives counts as held, and what it takes as taken, for the lines judged after it."""
        held = self.held[line.subject_id]
        if line.effect is LineEffect.GRANT:
            held.append((line.entitlement_id, line.valid_from, line.valid_until))
        else:
            held[:] = [_until(line, one) for one in held]


def _until(taken: RequestLine, held: tuple[int, date, date | None]) -> tuple[int, date, date | None]:
    """What is held, once the line has taken it: both sides of one conflict may be decided in one go."""
    entitlement_id, begins, ends = held
    if entitlement_id != taken.entitlement_id:
        return held
    return entitlement_id, begins, taken.valid_from if ends is None else min(ends, taken.valid_from)


def _acting_for(facts: SeatFacts, person_id: int, seat: Seated | None) -> Human | None:
    """Whom this person stands in for; where no seat is theirs, whom they would, so that the refusal names the rule."""
    principal = seat.acting_for if seat is not None else None
    if seat is None and all(holder.person_id != person_id for holder in facts.holders):
        named = (named.principal for named in facts.deputies if named.deputy.person_id == person_id)
        principal = next(named, None)
    return next((holder for holder in facts.holders if holder.person_id == principal), None)


def _conflicts(session: Session) -> dict[int, set[int]]:
    """Entitlement → the entitlements declared to conflict with it."""
    found: dict[int, set[int]] = defaultdict(set)
    for pair in session.scalars(select(EntitlementConflict)):
        found[pair.first_id].add(pair.second_id)
        found[pair.second_id].add(pair.first_id)
    return dict(found)


def _names(session: Session, entitlement_ids: set[int]) -> dict[int, str]:
    rows = session.execute(select(Entitlement.id, Entitlement.name).where(Entitlement.id.in_(entitlement_ids)))
    return dict(rows.all())


def _held(session: Session, subjects: dict[int, Human], entitlement_ids: set[int]) -> Held:
    """What the subjects, under any of their rows, hold or will hold of these entitlements."""
    rows = session.execute(
        select(Account.person_id, Grant.entitlement_id, Grant.valid_from, Grant.valid_until)
        .join(Grant, Grant.account_id == Account.id)
        .where(
            Grant.state != GrantState.ENDED,
            Grant.entitlement_id.in_(entitlement_ids),
            Account.person_id.in_({row for human in subjects.values() for row in human.rows}),
        )
    )
    held: Held = defaultdict(list)
    for person_id, entitlement_id, begins, ends in rows:
        held[person_id or 0].append((entitlement_id, begins, ends))
    return held
