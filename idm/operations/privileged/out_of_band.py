"""What follows when somebody is in a privileged group, or guarded like an administrator, and nobody said so (D9).

CISO, chief officer and the system's manager are told in the transaction that records it, once for each finding. Where
the profile removes, and the system is enforced, whoever stands in a group that is ours to change is taken out in the
same run: an account of ours by being looked at again, so that a use opened this moment is not hurt, anybody else by
name. So many at once that rather a setting is wrong are only told of, and so is what is a person's to do.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.models.systems import InformationSystem
from idm.models.work import Finding
from idm.operations.information_systems.inventory import too_many
from idm.operations.notification.notices import notify
from idm.operations.rights.accounts import schedule
from idm.operations.sweep.finding_answers import WINDOW
from idm.operations.sweep.finding_history import note
from idm.operations.sweep.findings import SweepResult, open_findings
from idm.policy import Policy
from idm.ports import ExternalId
from idm.queries.organisation.officers import holders
from idm.vocabulary import FINDING_TITLES, FindingEventKind, FindingKind, Role, Stage

TOLD = (FindingKind.OUT_OF_BAND, FindingKind.UNREGISTERED_PRIVILEGE)
SUBJECT = "【至急・特権】承認のない特権が見つかりました"
NOT_REMOVED = "【至急・特権】承認のない特権の所属を外せませんでした"
SHOWN = 20


@dataclass(frozen=True)
class Removal:
    """One member to be taken out of one group, and the finding that says so; `ours`: by looking at it again."""

    finding_id: int
    group: ExternalId
    member: ExternalId
    ours: bool


def follow(
    session: Session, result: SweepResult, *, actor: Actor, policy: Policy, now: datetime
) -> tuple[SweepResult, tuple[Removal, ...]]:
    """Afterwards whoever has to know does, and the removals returned are on record as asked for.

    To be called in the transaction that records the findings, at the same `now`.
    """
    if result.failure is not None:
        return result, ()
    system = session.get_one(InformationSystem, result.system_id)
    session.flush()
    seen = [one for one in open_findings(session, system.id, TOLD) if one.last_seen_at == now]
    due = [one for one in seen if _is_due(one, system, policy)]
    held_back = None
    if due and too_many(len(due) + _lately(session, system.id, due, now), result.compared, policy.reconciliation):
        held_back = (
            f"安全のための上限を超えるため、特権のグループから自動で外していません（今回 {len(due)} 件）。"
            "内容を確かめ、手作業で外してください。"
        )
        due = []
    _tell(session, system, [one for one in seen if one.first_seen_at == now], due, now=now)
    removals = tuple(_ask(session, one, actor=actor, policy=policy, now=now) for one in due)
    said = "".join(one for one in (result.held_back, held_back) if one)
    return replace(result, held_back=said or None), removals


def _is_due(finding: Finding, system: InformationSystem, policy: Policy) -> bool:
    by_profile = policy.privileged.out_of_band == "remove" and system.stage is Stage.ENFORCE
    return by_profile and finding.kind is FindingKind.OUT_OF_BAND and bool(finding.details.get("removable"))


def _lately(session: Session, system_id: int, due: Collection[Finding], now: datetime) -> int:
    """Ten small runs never do what a big one may not; whoever is put back again and again counts once."""
    query = select(Finding.subject_key).where(
        Finding.system_id == system_id, Finding.kind == FindingKind.OUT_OF_BAND, Finding.repair_asked_at > now - WINDOW,
        Finding.repair_asked_by_id.is_(None),
    )  # fmt: skip
    return len(set(session.scalars(query)) - {one.subject_key for one in due})


def _ask(session: Session, finding: Finding, *, actor: Actor, policy: Policy, now: datetime) -> Removal:
    if finding.account is not None:
        schedule(session, finding.account, now=now)
    finding.repair_asked_at, finding.repair_asked_by_id = now, None
    note(session, FindingEventKind.REPAIR_ASKED, [finding.id], person_id=None, now=now)
    _record(session, "privileged.removal_asked", finding, actor=actor, policy=policy, now=now)
    return Removal(
        finding.id, str(finding.details["group"]), str(finding.details["member"]), finding.account_id is not None
    )  # fmt: skip


def removed(
    session: Session, gone: Collection[Removal], left: Collection[Removal], *, actor: Actor, policy: Policy,
    now: datetime,
) -> None:  # fmt: skip
    """Afterwards the findings of those who were read back as gone are resolved, and of the others is told that."""
    for removal in gone:
        finding = session.get_one(Finding, removal.finding_id)
        if finding.resolved_at is None:
            finding.resolved_at = now
            note(session, FindingEventKind.REPAIRED, [finding.id], person_id=None, now=now)
            _record(session, "privileged.member_removed", finding, actor=actor, policy=policy, now=now)
    still = [session.get_one(Finding, removal.finding_id) for removal in left]
    for finding in still:
        _record(session, "privileged.member_not_removed", finding, actor=actor, policy=policy, now=now)
    if still:
        body = "自動で外そうとしましたが、外れたことを確かめられませんでした。手作業で外してください。"
        system = session.get_one(InformationSystem, still[0].system_id)
        _send(session, system, NOT_REMOVED, body, still, now=now)


def _tell(
    session: Session, system: InformationSystem, new: Sequence[Finding], due: Collection[Finding], *, now: datetime
) -> None:
    if not new or system.stage is Stage.OBSERVE:
        return
    taken = sum(one in due for one in new)
    body = f"新しく {len(new)} 件見つかりました。"
    body += f"うち {taken} 件は自動で外します。" if taken else ""
    body += f"{len(new) - taken} 件は自動では外しません。至急、内容を確かめてください。" if taken < len(new) else ""
    _send(session, system, SUBJECT, body, new, now=now)


def _send(
    session: Session, system: InformationSystem, subject: str, body: str, findings: Sequence[Finding], *, now: datetime
) -> None:
    day = day_of(now)
    people = {
        *holders(session, Role.CISO, None, day), *holders(session, Role.CHIEF, None, day),
        *holders(session, Role.SYSTEM, system.manager_unit_code, day),
    }  # fmt: skip
    lines = [f"情報システム「{system.name}」", body]
    lines += [f"・{FINDING_TITLES[one.kind]}：{one.details.get('group_name', '')}" for one in findings[:SHOWN]]
    if (rest := len(findings) - SHOWN) > 0:
        lines.append(f"・ほか {rest} 件")
    notify(
        session, people, subject=subject, body="\n".join(lines), link=f"/findings?system={system.id}", now=now,
        urgent=True,
    )  # fmt: skip


def _record(
    session: Session, action: str, finding: Finding, *, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    audit.record(
        session, action=action, actor=actor, obj=("finding", str(finding.id)), now=now, policy_digest=policy.digest,
        payload={
            "system": finding.system_id, "label": finding.label, "account": finding.account_id,
            "group": finding.details.get("group"), "member": finding.details.get("member"),
        },
    )  # fmt: skip
