"""Exceptions that a regular check found no longer needed: proposed for their end until somebody ends them (FK 8(3)).

The check tells those who answer for it. What they leave is brought to their mind again, and then told to the next in
line, up to the CISO, who may end it for them. A later check that finds it needed after all makes an end of that.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.models.exceptions import RegisteredException
from idm.notice_times import levels_due
from idm.operations.exceptions.authority import answering_for
from idm.operations.exceptions.exception_notices import record, tell
from idm.policy import Policy
from idm.queries.exceptions.coverage import unneeded
from idm.queries.organisation.officers import holders
from idm.working_days import working_days


def follow(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards of what nobody needs and nobody has ended each level that has to know does, once. Returns of how many
    somebody was told."""
    day, told = day_of(now), 0
    days = working_days(policy.calendar)
    for exception, check in unneeded(session):
        level = levels_due(day_of(check.checked_at), day, policy.notices, days)
        if level > exception.escalated_level:
            _tell(session, exception, level, actor=actor, policy=policy, now=now)
            told += 1
    session.flush()
    return told


def _tell(
    session: Session, exception: RegisteredException, level: int, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    before, exception.escalated_level = exception.escalated_level, level
    record(session, "registered_exception.unneeded", exception, actor=actor, policy=policy, now=now, level=level)
    people = set(answering_for(session, exception, policy=policy, day=day_of(now))) if before == 0 else set[int]()
    for role in policy.notices.escalate_to[max(before - 1, 0) : level - 1]:
        people.update(holders(session, role, None, day_of(now)))
    tell(
        session, people, exception, "必要のないまま残っています",
        "定期確認で必要がないとされましたが、まだ終わっていません。終えるか、必要なら定期確認をやり直してもらってください。",
        now=now,
    )  # fmt: skip
