"""What is done about a finding: put right by the worker, or answered for by somebody until a day (controls A9, D9).

Putting right is nothing but looking at the account once more, as of what is approved now. Answering for a finding
approves nothing: it keeps the finding, says who answers for it, and ends by itself.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.drift import REPAIRABLE, puts_right_by_looking
from idm.errors import IllegalTransition, InvalidInput, NotFound, SeparationOfDuties
from idm.models.going_live import FoundAccount, Justification
from idm.models.systems import Account, InformationSystem
from idm.models.work import Finding
from idm.operations.accounts import schedule
from idm.operations.finding_history import note
from idm.operations.findings import ANSWERABLE, SweepResult, open_findings
from idm.operations.inventory import too_many
from idm.operations.system_scope import require_for_system
from idm.permissions import Action
from idm.policy import Policy
from idm.queries.officers import humans
from idm.step_up import require_fresh_factor, require_fresh_factor_for
from idm.vocabulary import FindingEventKind, Stage
from idm.written_text import written

WINDOW = timedelta(hours=24)
"""What was put right by itself within this time counts together: ten small runs never do what a big one may not."""


def repair(session: Session, finding_id: int, *, actor: Actor, policy: Policy, now: datetime) -> Finding:
    """Afterwards a worker will bring the account to what is approved now. Raises NotPermitted, NotFound,
    IllegalTransition for what no worker can put right, FreshFactorNeeded."""
    finding = _open(session, finding_id)
    system = _system(finding)
    require_for_system(session, system, Action.REPAIR_FINDING, person_id=actor.person_id or 0, day=day_of(now))
    if system.stage is Stage.OBSERVE:
        raise IllegalTransition("観察の段階のシステムには書き込めないため、是正できません。")
    if finding.account is None or not puts_right_by_looking(finding.kind, finding.details):
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
    wrong = [one for one in open_findings(session, system.id) if _is_due(one, now=now)]
    justified = in_force(session, [one.id for one in wrong], day=day_of(now))
    due = [one for one in wrong if one.account is not None and not is_answered(one, justified.get(one.id))]
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


def _is_due(finding: Finding, *, now: datetime) -> bool:
    """Whether it gives more than was approved, now, and a worker can put it right."""
    return finding.kind in REPAIRABLE and bool(finding.details.get("more")) and finding.last_seen_at >= now


def _queue(
    session: Session, finding: Finding, account: Account, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    schedule(session, account, now=now)
    finding.repair_asked_at, finding.repair_asked_by_id = now, actor.person_id
    session.flush()
    note(session, FindingEventKind.REPAIR_ASKED, [finding.id], person_id=actor.person_id, now=now)
    _record(session, "finding.repair_asked", finding, {"repair": finding.details.get("repair")}, actor, policy, now)


def justify(
    session: Session, finding_id: int, *, reason: str, until: date, actor: Actor, policy: Policy, now: datetime
) -> Justification:
    """Afterwards this person answers for the finding up to and without the day `until`; then it is open again.

    Raises NotPermitted, NotFound, SeparationOfDuties for the holder's own, IllegalTransition, InvalidInput,
    FreshFactorNeeded: whoever answers for what nobody approved stands in for an approval.
    """
    finding = _open(session, finding_id)
    person_id, day = actor.person_id or 0, day_of(now)
    require_for_system(session, _system(finding), Action.JUSTIFY_FINDING, person_id=person_id, day=day)
    if finding.kind not in ANSWERABLE:
        raise IllegalTransition("この種類の点検結果は正当化できません。")
    holder = _holder(session, finding)
    if holder is not None and humans(session, [person_id])[person_id].is_one_of(frozenset({holder})):
        raise SeparationOfDuties("自分のIDについての点検結果を、自分で正当化することはできません。", code="SOD-2")
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
    session.flush()
    note(session, FindingEventKind.JUSTIFIED, [finding.id], person_id=person_id, now=now, said=made.reason)
    said: dict[str, object] = {"reason": made.reason, "until": until.isoformat()}
    _record(session, "finding.justified", finding, said, actor, policy, now)
    return made


def _holder(session: Session, finding: Finding) -> int | None:
    """Whose account it is about: a member of a group is known by the target's id alone, ours or waiting to be so."""
    if finding.account is not None:
        return finding.account.person_id
    member = finding.subject_key.rpartition(":")[2]
    for kind in (Account, FoundAccount):
        query = select(kind.person_id).where(kind.system_id == finding.system_id, kind.external_id == member)
        if (person_id := session.scalar(query.where(kind.person_id.is_not(None)).limit(1))) is not None:
            return person_id
    return None


def in_force(session: Session, finding_ids: Collection[int], *, day: date) -> dict[int, Justification]:
    """Finding → the newest answer that holds on the day, whether or not it is still about what is found."""
    query = (
        select(Justification)
        .where(Justification.finding_id.in_(finding_ids), Justification.valid_until > day)
        .order_by(Justification.id)
    )
    return {one.finding_id: one for one in session.scalars(query)}


def is_answered(finding: Finding, justification: Justification | None) -> bool:
    """Whether somebody answers for exactly what the finding says now."""
    return justification is not None and justification.fingerprint == finding.fingerprint


def _system(finding: Finding) -> InformationSystem:
    """The system that the finding is of. Raises IllegalTransition for one of none."""
    if finding.system is None:
        raise IllegalTransition("情報システムについての点検結果ではないため、この操作はできません。")
    return finding.system


def _open(session: Session, finding_id: int) -> Finding:
    finding = session.get(Finding, finding_id, with_for_update=True, populate_existing=True)
    if finding is None:
        raise NotFound("この点検結果は見つかりません。")
    if finding.resolved_at is not None:
        raise IllegalTransition("この点検結果はすでに解決しています。")
    return finding


def _record(
    session: Session, action: str, finding: Finding, said: dict[str, object], actor: Actor, policy: Policy,
    now: datetime,
) -> None:  # fmt: skip
    audit.record(
        session, action=action, actor=actor, obj=("finding", str(finding.id)), now=now, policy_digest=policy.digest,
        payload={
            "kind": finding.kind.value, "system": finding.system_id, "label": finding.label,
            "account": finding.account_id, "found": finding.details.get("reason"), **said,
        },
    )  # fmt: skip
