"""How many IDs of each kind had a holder on a day, kept day by day: the trend of privilege (control D1)."""

from datetime import datetime

from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.models.privileged import HolderCount
from idm.policy import Policy
from idm.queries.privileged.caps import caps_of


def count_holders(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards today's numbers of every system and kind are on record; counted again, the last count stands.

    Returns how many IDs have a holder altogether.
    """
    day, total = day_of(now), 0
    for system_id, caps in caps_of(session).items():
        for kind, cap in caps.items():
            session.merge(HolderCount(day=day, system_id=system_id, kind=kind, holders=cap.holders, most=cap.most))
            total += cap.holders
    session.flush()
    audit.record(
        session, action="holders.counted", actor=actor, obj=("day", day.isoformat()), now=now,
        policy_digest=policy.digest, payload={"holders": total},
    )  # fmt: skip
    return total
