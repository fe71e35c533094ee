"""What is done about a finding: put right by the worker, or answered for by somebody until a day (controls A9, D9).

Putting right is nothing but looking at the account once more, as of what is approved now. Answering for a finding
approves nothing: it keeps the finding, says who answers for it, and ends by itself.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.directory.drift import REPAIRABLE, puts_right_by_looking
from idm.errors import IllegalTransition, InvalidInput
from idm.models.going_live import Justification
from idm.models.systems import Account, InformationSystem
from idm.models.work import Finding
from idm.operations.information_systems.inventory import too_many
from idm.operations.rights.accounts import schedule
from idm.operations.sweep.findings import ANSWERABLE, SweepResult
from idm.operations.sweep.one_finding import happened, locked, refuse_holder, require_possible, require_reach
from idm.permissions import Action
from idm.policy import Policy
from idm.queries.sweep.finding_states import stands
from idm.step_up import require_fresh_factor, require_fresh_factor_for
from idm.vocabulary import FindingEventKind, FindingState, Stage
from idm.written_text import written

WINDOW = timedelta(hours=24)
"""What was put right by itself within this time counts together: ten small runs never do what a big one may not."""


def repair(session: Session, finding_id: int, *, actor: Actor, policy: Policy, now: datetime) -> Finding:
    """Afterwards a worker will bring the account to what is approved now. Raises NotPermitted, NotFound,
    IllegalTransition for what no worker can put right, FreshFactorNeeded."""
    finding = locked(session, finding_id)
    require_reach(session, finding, Action.REPAIR_FINDING, person_id=actor.person_id or 0, day=day_of(now))
    require_possible(session, finding, FindingEventKind.REPAIR_ASKED, day=day_of(now))
    system = finding.system
    if system is not None and system.stage is Stage.OBSERVE:
        raise IllegalTransition("観察の段階のシステムには書き込めないため、是正できません。")
    if system is None or finding.account is None or not puts_right_by_looking(finding.kind, finding.details):
        raise IllegalTransition(
            "この点検結果は、この画面からは是正できません。次のとおり手作業で行ってください："
            f"{finding.details.get('repair', '')}"
        )
    require_fresh_factor_for(system.zone, actor, policy=policy, now=now)
    _queue(session, finding, finding.account, actor=actor, policy=policy, now=now)
    return finding


def repair_by_profile(
    session: Session, system: InformationSystem, *, compared: int, actor: Actor, policy: Policy, now: datetime
) -> str | None:
    """Afterwards every account that has more than was approved is put right, where the profile says so.

    Nobody answers for it, and it is not too many: then none is, and the sentence says so. `compared` is of how many.
    """
    if policy.reconciliation.repair != "repair" or system.stage is Stage.OBSERVE:
        return None
    due = _due_by_itself(session, system.id, now=now)
    lately = session.scalar(
        select(func.count()).select_from(Finding).where(
            Finding.system_id == system.id, Finding.repair_asked_at > now - WINDOW,
            Finding.repair_asked_by_id.is_(None),
        )
    ) or 0  # fmt: skip
    if due and too_many(len(due) + lately, compared, policy.reconciliation):
        return (
            "安全のための上限を超えるため、自動の是正を行っていません"
            f"（今回 {len(due)} 件、直前の24時間に {lately} 件）。内容を確かめ、一件ずつ「是正する」を押してください。"
        )
    for finding in due:
        if finding.account is not None:
            _queue(session, finding, finding.account, actor=actor, policy=policy, now=now)
    return None


def put_right(session: Session, result: SweepResult, *, actor: Actor, policy: Policy, now: datetime) -> SweepResult:
    """Afterwards what the profile has put right by itself is under way; the result says why it was not, if so."""
    if result.failure is not None:
        return result
    system = session.get_one(InformationSystem, result.system_id)
    held_back = repair_by_profile(
        session, system, compared=result.compared, actor=actor, policy=policy, now=now
    )  # fmt: skip
    return replace(result, held_back=held_back)


def _due_by_itself(session: Session, system_id: int, *, now: datetime) -> list[Finding]:
    """What gives more than was approved, now, nobody answers for, and a worker can put right."""
    seen = session.scalars(
        select(Finding).where(
            Finding.system_id == system_id, Finding.kind.in_(REPAIRABLE), Finding.last_seen_at >= now,
            stands(FindingState.OPEN, day_of(now)),
        )
    )  # fmt: skip
    return [one for one in seen if one.account is not None and one.details.get("more")]


def _queue(
    session: Session, finding: Finding, account: Account, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    schedule(session, account, now=now)
    finding.repair_asked_at, finding.repair_asked_by_id = now, actor.person_id
    said = {"repair": finding.details.get("repair")}
    happened(session, finding, FindingEventKind.REPAIR_ASKED, said, actor=actor, policy=policy, now=now)


def justify(
    session: Session, finding_id: int, *, reason: str, until: date, actor: Actor, policy: Policy, now: datetime
) -> Justification:
    """Afterwards this person answers for the finding up to and without the day `until`; then it is open again.

    Raises NotPermitted, NotFound, SeparationOfDuties for the holder's own, IllegalTransition, InvalidInput,
    FreshFactorNeeded: whoever answers for what nobody approved stands in for an approval.
    """
    finding = locked(session, finding_id)
    person_id, day = actor.person_id or 0, day_of(now)
    require_reach(session, finding, Action.JUSTIFY_FINDING, person_id=person_id, day=day)
    require_possible(session, finding, FindingEventKind.JUSTIFIED, day=day)
    if finding.kind not in ANSWERABLE:
        raise IllegalTransition("この種類の点検結果は正当化できません。")
    holder = refuse_holder(session, finding, person_id=person_id, what="正当化")
    latest = day + timedelta(days=policy.reconciliation.justify_days)
    if not day < until <= latest:
        problem = f"期限は明日から{policy.reconciliation.justify_days}日以内にしてください。"
        raise InvalidInput(problem, fields={"until": problem})
    require_fresh_factor(actor, policy=policy, now=now)
    made = Justification(
        finding_id=finding.id, holder_id=holder, fingerprint=finding.fingerprint or "", justified_by_id=person_id,
        justified_at=now, valid_until=until,
        reason=written(reason, field="reason", empty="正当である理由を書いてください。"),
    )  # fmt: skip
    session.add(made)
    finding.answered_at = now
    said: dict[str, object] = {"reason": made.reason, "until": until.isoformat()}
    happened(session, finding, FindingEventKind.JUSTIFIED, said, actor=actor, policy=policy, now=now, words=made.reason)
    return made
