"""What an examination of a connection found is kept, and decides whether anything is written through it (D10)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.models.system_tests import SystemTest
from idm.models.systems import InformationSystem
from idm.operations.outbox import retry_refused
from idm.policy import Policy
from idm.ports import Check, CheckVerdict

GOOD_FOR = timedelta(days=1)
"""How long an examination says something about its connection; then the worker makes another by itself."""

_BADNESS = (CheckVerdict.FINE, CheckVerdict.WARNING, CheckVerdict.FAILED)


def record_test(
    session: Session, system: InformationSystem, checks: Sequence[Check], *, reached: bool, actor: Actor,
    policy: Policy, now: datetime,
) -> SystemTest:  # fmt: skip
    """Afterwards the examination stands on record, and what it forbade before is tried again once nothing stands
    against writing any more."""
    before = newest_test(session, system.id)
    test = SystemTest(
        system_id=system.id, at=now, verdict=worst(checks), reached=reached, stops_writing=_sentence(checks),
        checks=[
            {"subject": c.subject, "verdict": c.verdict.value, "found": c.found, "remedy": c.remedy} for c in checks
        ],
    )  # fmt: skip
    session.add(test)
    if reached and test.stops_writing is None and before is not None and before.stops_writing is not None:
        retry_refused(session, system.id, now=now)
    session.flush()
    audit.record(
        session, action="system.tested", actor=actor, obj=("system", system.code), now=now,
        policy_digest=policy.digest,
        payload={
            "verdict": test.verdict.value, "reached": reached, "stops_writing": test.stops_writing,
            "not_fine": [check.subject for check in checks if check.verdict is not CheckVerdict.FINE],
        },
    )  # fmt: skip
    return test


def newest_test(session: Session, system_id: int) -> SystemTest | None:
    """The newest examination during which the target answered."""
    return session.scalars(
        select(SystemTest)
        .where(SystemTest.system_id == system_id, SystemTest.reached)
        .order_by(SystemTest.at.desc(), SystemTest.id.desc())
        .limit(1)
    ).one_or_none()


def is_due(test: SystemTest | None, *, now: datetime) -> bool:
    """Whether the connection has to be looked over again before anything is written through it."""
    return test is None or now - test.at >= GOOD_FOR


def worst(checks: Sequence[Check]) -> CheckVerdict:
    """The verdict on all of them together."""
    return max((check.verdict for check in checks), key=_BADNESS.index, default=CheckVerdict.FINE)


def _sentence(checks: Sequence[Check]) -> str | None:
    """Why nothing may be written; None = nothing stands against it."""
    reasons = [f"{check.subject}: {check.found}" for check in checks if check.stops_writing]
    if not reasons:
        return None
    return (
        f"接続アカウントに必要以上の権限があるため、書き込みません（{'、'.join(reasons)}）。"
        "権限を減らしてから idm system test をやり直してください。"
    )
