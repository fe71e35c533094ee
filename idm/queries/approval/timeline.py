"""What happened to one application, oldest first, as the audit record tells it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idm.models.audit import AuditOutcome, AuditRecord

TITLES = {
    "request.submitted": "提出しました",
    "request.withdrawn": "取り下げました",
    "request.lapsed": "期限までに決裁されず、失効しました",
    "request.line_dropped": "提出前に行を除きました",
    "step.approved": "承認しました",
    "step.returned": "差し戻しました",
    "step.rejected": "却下しました",
    "standing.used": "包括承認により承認しました",
    "exception.permitted": "例外措置を許可しました",
}


@dataclass(frozen=True)
class TimelineEntry:
    """One act on the application; `count` is how many lines it decided in one go."""

    at: datetime
    actor: str
    title: str
    action: str
    count: int


def timeline(session: Session, request_id: int) -> list[TimelineEntry]:
    """What was done to the application. Refused attempts are in the audit record, not here."""
    rows = session.execute(
        select(AuditRecord.at, AuditRecord.actor, AuditRecord.action, func.count())
        .where(
            AuditRecord.object_kind == "request",
            AuditRecord.object_id == str(request_id),
            AuditRecord.outcome == AuditOutcome.DONE,
            AuditRecord.action.in_(TITLES),
        )
        .group_by(AuditRecord.at, AuditRecord.actor, AuditRecord.action)
        .order_by(func.min(AuditRecord.id))
    )
    return [TimelineEntry(at, actor, TITLES[action], action, count) for at, actor, action, count in rows]
