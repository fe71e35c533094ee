"""A collector that has not taken the audit record for hours is a finding, until it takes it again (FK 6-1(6); G4)."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.models.audit import AuditSeal
from idm.models.log_checks import ExportPosition
from idm.models.work import Finding
from idm.operations.sweep.findings import Found, record_everywhere
from idm.policy import Policy
from idm.queries.logs.log_facts import sealed_until
from idm.vocabulary import FindingKind

KINDS = frozenset({FindingKind.EXPORT_LATE})


def late(session: Session, collector: str, *, policy: Policy, now: datetime) -> list[Found]:
    """What stands out of that collector now; "" = there is none. A long record that is being sent is not late."""
    position = session.scalars(select(ExportPosition).where(ExportPosition.name == collector)).one_or_none()
    if position is None or position.last_error is None:
        return []
    waiting = session.scalar(select(AuditSeal.sealed_at).where(AuditSeal.sequence == position.sequence + 1))
    hours = policy.log_check.most_export_hours
    if waiting is None or waiting > now - timedelta(hours=hours):
        return []
    behind = sealed_until(session) - 1 - position.sequence
    reason = f"送信先が{hours}時間以上、監査記録を受け取っていません（未送信 {behind} 件）。{position.last_error}"
    repair = "送信先、証明書、通信経路を確かめる。受け取れるようになれば、idm は残りをすべて順に送る"
    return [Found(FindingKind.EXPORT_LATE, collector, collector, details={"reason": reason, "repair": repair})]


def has_changed(session: Session, collector: str, *, policy: Policy, now: datetime) -> bool:
    """Whether the open findings say anything else than what is so now."""
    known = session.scalars(select(Finding.subject_key).where(Finding.kind.in_(KINDS), Finding.resolved_at.is_(None)))
    return set(known) != {one.subject_key for one in late(session, collector, policy=policy, now=now)}


def record(session: Session, collector: str, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards the open findings say that this collector is late if it is, and nothing of any other."""
    found = late(session, collector, policy=policy, now=now)
    record_everywhere(session, KINDS, found, actor=actor, policy=policy, now=now)
