"""Writing to the audit record, and letting what was written expire."""

import os
import re
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import CursorResult, exists, select, update
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.audit.payload import SALT_BYTES, PayloadInvalid, canonical_payload, payload_hash, storable
from idm.models.audit import AuditOutcome, AuditRecord, AuditSeal

_ACTION = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


def record(
    session: Session,
    *,
    action: str,
    actor: Actor,
    obj: tuple[str, str | int],
    now: datetime,
    payload: Mapping[str, object] | None = None,
    policy_digest: str | None = None,
    code: str | None = None,
) -> AuditRecord:
    """The session's transaction carries one more audit record; with `code`, it says that the act was refused.

    `action` is a dotted verb ('request.submitted'), `obj` the kind and id of what was acted on. The payload holds plain
    JSON values and nothing secret. If the record cannot be written, the transaction cannot commit (FK 6-1(6)).
    Raises PayloadInvalid when action or payload is not of that form.
    """
    if not _ACTION.fullmatch(action):
        raise PayloadInvalid(f"action: {action!r} は「対象.動作」の形ではありません。")
    text, salt = canonical_payload(payload or {}), os.urandom(SALT_BYTES)
    written = AuditRecord(
        at=now,
        action=action,
        actor_id=actor.person_id,
        actor=storable(actor.label),
        object_kind=storable(obj[0]),
        object_id=storable(str(obj[1])),
        outcome=AuditOutcome.DONE if code is None else AuditOutcome.REFUSED,
        code=code,
        policy_digest=policy_digest,
        payload=text,
        salt=salt,
        payload_hash=payload_hash(salt, text),
    )
    session.add(written)
    return written


def expire_payloads(
    session: Session, *, before: datetime, actor: Actor, now: datetime, policy_digest: str | None = None,
    limit: int = 5_000,
) -> int:  # fmt: skip
    """Up to `limit` sealed records older than `before` have lost payload and salt, and the record says so.

    Returns how many: call again, in a transaction of its own, until it is none.

    What happened, to what, by whom and when stays, and the chain still verifies (FK 6-1(6): records have a period).
    """
    sealed = exists().where(AuditSeal.record_id == AuditRecord.id)
    some = select(AuditRecord.id).where(AuditRecord.at < before, AuditRecord.payload.is_not(None), sealed)
    expiring = update(AuditRecord).where(AuditRecord.id.in_(some.order_by(AuditRecord.id).limit(limit)))
    result = session.execute(expiring.values(payload=None, salt=None), execution_options={"synchronize_session": False})
    expired = result.rowcount if isinstance(result, CursorResult) else 0
    if expired:
        details = {"before": before.isoformat(), "count": expired}
        record(
            session,
            action="audit.payloads_expired",
            actor=actor,
            obj=("audit", "payloads"),
            now=now,
            payload=details,
            policy_digest=policy_digest,
        )
    return expired
