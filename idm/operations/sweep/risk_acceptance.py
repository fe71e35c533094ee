"""The CISO accepts the risk of a finding, for a reason and until a day; then it is open again by itself (FK 7-2(1)).

Accepted is what was found that day and nothing else; where the standard leaves no choice, nothing is accepted.
"""

from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput
from idm.models.work import Finding
from idm.operations.sweep.finding_following import reopen
from idm.operations.sweep.one_finding import happened, locked, refuse_holder, require_possible, require_reach
from idm.oversight.finding_state import NEVER_ANSWERED
from idm.permissions import Action
from idm.policy import Policy
from idm.step_up import require_fresh_factor
from idm.vocabulary import FindingEventKind
from idm.written_text import written


def accept(
    session: Session, finding_id: int, *, reason: str, until: date, actor: Actor, policy: Policy, now: datetime
) -> Finding:
    """Afterwards the risk is accepted up to and without the day `until`.

    Raises NotFound, NotPermitted, IllegalTransition where the standard forbids it, SeparationOfDuties for the holder's
    own, InvalidInput, FreshFactorNeeded.
    """
    finding, day, person_id = locked(session, finding_id), day_of(now), actor.person_id or 0
    require_reach(session, finding, Action.ACCEPT_RISK, person_id=person_id, day=day)
    require_possible(session, finding, FindingEventKind.ACCEPTED, day=day)
    if (why_never := NEVER_ANSWERED.get(finding.kind)) is not None:
        raise IllegalTransition(f"この種類の点検結果のリスクは受容できません。{why_never}")
    refuse_holder(session, finding, person_id=person_id, what="受容")
    latest = day + timedelta(days=policy.findings.accept_longest_days)
    if not day < until <= latest:
        problem = f"期限は今日から{policy.findings.accept_longest_days}日以内にしてください。"
        raise InvalidInput(problem, fields={"accept_until": problem})
    why = written(reason, field="accept_reason", empty="リスクを受容する理由を書いてください。")
    require_fresh_factor(actor, policy=policy, now=now)
    finding.accepted_by_id, finding.accepted_until, finding.accepted_reason = person_id, until, why
    finding.accepted_fingerprint, finding.answered_at = finding.fingerprint or "", now
    said: dict[str, object] = {"reason": why, "until": until.isoformat()}
    happened(session, finding, FindingEventKind.ACCEPTED, said, actor=actor, policy=policy, now=now, words=why)
    return finding


def take_back(
    session: Session, finding_id: int, *, reason: str, actor: Actor, policy: Policy, now: datetime
) -> Finding:
    """Afterwards the risk is accepted no longer: the finding is open, with a new last day, unless something else
    answers for it. Raises NotFound, NotPermitted, IllegalTransition, InvalidInput."""
    finding, day = locked(session, finding_id), day_of(now)
    require_reach(session, finding, Action.ACCEPT_RISK, person_id=actor.person_id or 0, day=day)
    require_possible(session, finding, FindingEventKind.ANSWER_ENDED, day=day)
    if finding.accepted_until is None:
        raise IllegalTransition("この点検結果のリスクは受容されていません。")
    why = written(reason, field="back_reason", empty="受容をやめる理由を書いてください。")
    reopen(session, finding, policy=policy, now=now)
    happened(
        session, finding, FindingEventKind.ANSWER_ENDED, {"reason": why}, actor=actor, policy=policy, now=now,
        words=why,
    )  # fmt: skip
    return finding
