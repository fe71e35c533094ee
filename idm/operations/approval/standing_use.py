"""Using a standing approval: drafts of a personnel file that it covers line by line are approved at once (A1, A4, A7).

Such an application is numbered, hashed and audited like every other, in the name of the HR officer who proposed the
standing approval, and has no steps: its decision is the standing approval's. Whatever is not covered stays a draft.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import Refusal
from idm.models.people import Person
from idm.models.requests import Request, RequestLine
from idm.models.standing import StandingApproval, StandingUse
from idm.operations.approval import requests
from idm.operations.approval.admissibility import (
    is_overtaken,
    require_action_fits,
    require_admissible,
    require_may_apply,
    require_still_possible,
)
from idm.operations.approval.judgement import Judgement
from idm.operations.approval.standing_lapse import follow
from idm.operations.approval.standing_notices import record_use, tell_used
from idm.operations.rights.taking_effect import take_effect
from idm.permissions import Action, may
from idm.policy import Policy
from idm.queries.approval.admission import admission
from idm.queries.approval.standing_facts import approvers, line_facts, makers_of
from idm.queries.organisation.officers import roles_of
from idm.request_state import Event, RequestState, after
from idm.separation_of_duties import Decision, violations
from idm.standing_rules import line_bar


def use(
    session: Session, drafts: Sequence[Request], *, actor: Actor, policy: Policy, now: datetime
) -> tuple[Request, ...]:
    """Afterwards every draft that a standing approval covers is an approved application; returns those, in order.

    What has lapsed by now is ended first (`follow`). A draft that is not covered is left as it is; nothing is refused.
    """
    follow(session, actor=actor, policy=policy, now=now)
    in_force = {
        standing.system_id: standing
        for standing in session.scalars(
            select(StandingApproval).where(
                StandingApproval.ended_at.is_(None), StandingApproval.in_force_at.is_not(None)
            )
        )
    }
    used = []
    for draft in drafts:
        standing = in_force.get(draft.system_id)
        if standing is not None and _covered(session, draft, standing, policy=policy, now=now):
            _use(session, draft, standing, actor=actor, policy=policy, now=now)
            used.append(draft)
    return tuple(used)


def _covered(session: Session, draft: Request, standing: StandingApproval, *, policy: Policy, now: datetime) -> bool:
    """Whether every line is covered, by every rule that an application of people would be judged by."""
    session.flush()
    requests.find(session, draft.id, lock=True)
    untouched = draft.state is RequestState.DRAFT and draft.applicant_id is None and draft.cites_id is None
    if not untouched or draft.feed_run_id is None or not _may_still_apply(session, standing, now):
        return False
    told = (joinedload(RequestLine.subject), joinedload(RequestLine.entitlement))
    lines = session.scalars(select(RequestLine).where(RequestLine.request_id == draft.id).options(*told)).all()
    makers = makers_of(session, standing)
    if any(line_bar(facts, makers) for facts in line_facts(session, lines, policy=policy, now=now)):
        return False
    return _admissible(session, draft, standing, policy=policy, now=now) and not _forbidden(
        session, draft, standing, now=now
    )


def _may_still_apply(session: Session, standing: StandingApproval, now: datetime) -> bool:
    """Whether the one in whose name it is used is employed and HR."""
    proposer, day = session.get_one(Person, standing.proposed_by_id), day_of(now)
    return proposer.employed_on(day) and may(roles_of(session, proposer.id, day), Action.PROPOSE_STANDING)


def _admissible(session: Session, draft: Request, standing: StandingApproval, *, policy: Policy, now: datetime) -> bool:
    day, facts = day_of(now), admission(session, {line.subject_id for line in draft.lines}, day=day_of(now))
    try:
        requests.require_complete(draft)
        require_action_fits(draft)
        require_may_apply(session, draft, applicant_id=standing.proposed_by_id, policy=policy, day=day)
        for line in draft.lines:
            require_admissible(line, facts, policy=policy, day=day)
            require_still_possible(line, facts, policy=policy, day=day)
    except Refusal:
        return False
    return not any(is_overtaken(line, facts) for line in draft.lines)


def _forbidden(session: Session, draft: Request, standing: StandingApproval, *, now: datetime) -> bool:
    """Whether a separation rule would keep either approver from approving any of the lines."""
    given_by = approvers(standing)
    for person_id in sorted(given_by):
        judgement = Judgement.of(session, draft, person_id=person_id, now=now)
        for line in draft.lines:
            decision = Decision(
                decider=judgement.human,
                applicant=standing.proposed_by_id,
                subject=line.subject_id,
                other_deciders=given_by - {person_id},
                confirmers=judgement.confirmers_of(line),
                decider_audits=judgement.audits,
                decider_is_contractor=judgement.contractor,
                conflicting_entitlements=tuple(judgement.conflicting(line)),
            )
            if violations(decision):
                return True
            judgement.note_given(line)
    return False


def _use(
    session: Session, draft: Request, standing: StandingApproval, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    following = after(draft.state, Event.USE_STANDING)
    requests.enter(session, draft, following, applicant_id=standing.proposed_by_id, policy=policy, now=now)
    for line in draft.lines:
        line.state = after(line.state, Event.USE_STANDING)
    draft.last_decision_at = now
    standing.uses += 1
    session.add(StandingUse(standing_id=standing.id, number=standing.uses, request_id=draft.id, used_at=now))
    session.flush()
    take_effect(session, draft.lines, actor=actor, policy=policy, now=now)
    record_use(session, standing, draft, actor=actor, policy=policy, now=now)
    tell_used(session, standing, draft, now=now)
    session.flush()
