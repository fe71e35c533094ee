"""What the rules of standing approvals look at: rights, seats, the people a line may not be about (control A1)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.employment_kind import EmploymentKind
from idm.models.officers import Officer
from idm.models.people import Employment
from idm.models.requests import RequestLine
from idm.models.standing import StandingApproval, StandingUse
from idm.models.systems import Entitlement, InformationSystem
from idm.organisation import Organisation
from idm.personnel.post_rights import RightName, rights_by_post, rights_under_rules
from idm.policy import Policy
from idm.queries.approval.bench import Asked, Bench
from idm.queries.governance.configuration import organisation_in_force
from idm.queries.hr.roll import posts_on
from idm.queries.organisation.officers import humans
from idm.routing import Seated, SeatFacts, seated
from idm.separation_of_duties import Human
from idm.standing_rules import (
    Basis,
    LineFacts,
    Makers,
    RightBar,
    RightFacts,
    Seats,
    StandingContent,
    content_digest,
    right_bar,
    rules_digest,
)
from idm.vocabulary import LineEffect, Role


@dataclass(frozen=True)
class SystemRight:
    """One right of a system. `bar` None = a standing approval may cover it."""

    entitlement_id: int
    name: str
    bar: RightBar | None


def right_facts(right: Entitlement, organisation: Organisation) -> RightFacts:
    """What the rules look at in the right, under the organisation's rights-by-post rules."""
    name = RightName(right.system.code, right.code)
    return RightFacts(
        zone=right.system.zone, privileged=right.privileged, external_access=right.external_access,
        by_name_only=right.by_name_only, by_post=name in rights_under_rules(organisation.post_rights),
    )  # fmt: skip


def rights_of_system(session: Session, system: InformationSystem, *, now: datetime) -> list[SystemRight]:
    """Every right of the system, with why it cannot be covered."""
    organisation = organisation_in_force(session, now=now)
    return [SystemRight(r.id, r.name, right_bar(right_facts(r, organisation))) for r in system.entitlements]


def basis_given(standing: StandingApproval) -> Basis:
    """What the standing approval was given on."""
    return Basis(standing.rule, standing.rules_digest)


def basis_now(session: Session, system: InformationSystem, *, policy: Policy, now: datetime) -> Basis:
    """What a standing approval for the system would rest on at this moment."""
    rules = organisation_in_force(session, now=now).post_rights
    return Basis(policy.standing.rule, rules_digest(system.code, rules))


def digest_of(standing: StandingApproval) -> str:
    """The hash of what the rows of the proposal say at this moment."""
    return content_digest(
        StandingContent(
            system_id=standing.system_id, rule=standing.rule, reason=standing.reason,
            rules_digest=standing.rules_digest, proposed_by_id=standing.proposed_by_id,
            rights=frozenset(right.entitlement_id for right in standing.rights),
        )
    )  # fmt: skip


def approvers(standing: StandingApproval) -> frozenset[int]:
    """Those who have approved it so far."""
    return frozenset(person for person in (standing.chief_id, standing.manager_id) if person is not None)


def approver_at(standing: StandingApproval, seat: Role, seats: Seats) -> int | None:
    """Who approved for that seat; None = nobody yet."""
    return standing.chief_id if seat is seats.chief else standing.manager_id


def principal_at(standing: StandingApproval, seat: Role, seats: Seats) -> int | None:
    """In whose place it was approved for that seat (代決); None = in nobody's."""
    return standing.chief_for_id if seat is seats.chief else standing.manager_for_id


def represented_by(standing: StandingApproval) -> frozenset[int]:
    """Those in whose place somebody has approved it so far: they count as approvers (SOD-4)."""
    return frozenset(one for one in (standing.chief_for_id, standing.manager_for_id) if one is not None)


def seat_facts(bench: Bench, standing: StandingApproval, seat: Role, seats: Seats) -> SeatFacts:
    """Who is who for one of the two approvals: the proposer is applicant and concerned, the other approver is out."""
    other = approver_at(standing, seats.manager if seat is seats.chief else seats.chief, seats)
    asked = Asked(seat, standing.system.manager_unit_code, standing.proposed_by_id, standing.proposed_by_id)
    represented = principal_at(standing, seats.manager if seat is seats.chief else seats.chief, seats)
    return bench.facts(asked, frozenset(one for one in (other, represented) if one is not None))


def open_seats(bench: Bench, standing: StandingApproval, seats: Seats) -> dict[Role, tuple[Seated, ...]]:
    """Each seat that nobody has approved for, and who may now; nobody = held."""
    return {
        seat: seated(seat_facts(bench, standing, seat, seats))
        for seat in (seats.chief, seats.manager)
        if approver_at(standing, seat, seats) is None
    }


def still_seated(bench: Bench, standing: StandingApproval, seats: Seats, known: Mapping[int, Human]) -> bool:
    """Whether both approvers would still be seated, under any row of theirs. `known` has the approvers."""
    for seat in (seats.chief, seats.manager):
        approver = approver_at(standing, seat, seats)
        now_seated = frozenset(one.person_id for one in seated(seat_facts(bench, standing, seat, seats)))
        if approver is None or not known[approver].is_one_of(now_seated):
            return False
    return True


def people_apart(session: Session, person_ids: Collection[int], policy: Policy) -> dict[int, set[str]]:
    """Person → "officer" where they sit, sat or may come to sit on the route, "contractor" where ever under contract.

    Any row of the same human counts (SOD-5). Confirmed or not: whoever may come to decide is not waved through.
    """
    known = humans(session, person_ids)
    rows = {row for human in known.values() for row in human.rows}
    seats = {*policy.applications.route, Role.VICE_CISO, Role.CISO}
    officers = set(
        session.scalars(select(Officer.person_id).where(Officer.person_id.in_(rows), Officer.role.in_(seats)))
    )
    contracted = set(
        session.scalars(
            select(Employment.person_id).where(
                Employment.person_id.in_(rows), Employment.kind == EmploymentKind.CONTRACTOR
            )
        )
    )
    found: dict[int, set[str]] = {}
    for person_id, human in known.items():
        kinds = {"officer": human.rows & officers, "contractor": human.rows & contracted}
        found[person_id] = {kind for kind, hits in kinds.items() if hits}
    return found


def makers_of(session: Session, standing: StandingApproval) -> Makers:
    """The three people of the standing approval under every row of theirs, and the rights it names."""
    given_by = approvers(standing)
    known = humans(session, {standing.proposed_by_id, *given_by})
    return Makers(
        proposer=known[standing.proposed_by_id].rows,
        approvers=frozenset[int]().union(*(known[person].rows for person in given_by)),
        rights=frozenset(right.entitlement_id for right in standing.rights),
    )


def line_facts(session: Session, lines: Iterable[RequestLine], *, policy: Policy, now: datetime) -> list[LineFacts]:
    """What the rules look at in each line."""
    lines = list(lines)
    subjects = {line.subject_id for line in lines}
    organisation = organisation_in_force(session, now=now)
    known, apart = humans(session, subjects), people_apart(session, subjects, policy)
    by_post = _rights_by_post(session, lines, organisation)
    return [
        LineFacts(
            entitlement_id=line.entitlement_id, right=right_facts(line.entitlement, organisation),
            subject=known[line.subject_id].rows, officer="officer" in apart[line.subject_id],
            contractor="contractor" in apart[line.subject_id],
            follows_from_post=_named(line) in by_post[line.subject_id, line.valid_from]
            if line.effect is LineEffect.GRANT else _named(line) not in by_post[line.subject_id, line.valid_from],
        )
        for line in lines
    ]  # fmt: skip


def _named(line: RequestLine) -> RightName:
    return RightName(line.entitlement.system.code, line.entitlement.code)


def _rights_by_post(
    session: Session, lines: Collection[RequestLine], organisation: Organisation
) -> dict[tuple[int, date], frozenset[RightName]]:
    """(Person, day) → the rights that the person's posts of that day give."""
    found = {}
    for day in {line.valid_from for line in lines}:
        people = {line.subject_id for line in lines if line.valid_from == day}
        posts = posts_on(session, people, day, organisation)
        for person_id in people:
            found[person_id, day] = rights_by_post(posts.get(person_id, ()), organisation.post_rights)
    return found


def approvers_of_uses(session: Session, request_ids: Collection[int]) -> frozenset[int]:
    """Those whose standing approvals approved any of these applications: for the separation rules they decided."""
    rows = session.execute(
        select(StandingApproval.chief_id, StandingApproval.manager_id)
        .join(StandingUse, StandingUse.standing_id == StandingApproval.id)
        .where(StandingUse.request_id.in_(request_ids))
    )
    return frozenset(person for row in rows for person in row if person is not None)
