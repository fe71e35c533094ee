"""Who is invited to enrol by one officer alone, and who is not (FK 1-2(7)①, 6-2(9)).

Whoever holds an enrolment link can sign in as the person it is for. For somebody who decides, one officer who makes the
link could so decide in their place: their links follow from the first record, or need a second officer.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import SeparationOfDuties
from idm.models.officers import Deputy
from idm.models.periods import holding_on
from idm.operations.enrolment import issue_enrolment_link
from idm.policy import Policy
from idm.queries.officers import humans, roles_of
from idm.vocabulary import Role

DECIDING_ROLES = frozenset({Role.CISO, Role.VICE_CISO, Role.CHIEF, Role.SECURITY, Role.SYSTEM, Role.HR, Role.HANDOVER})
INVITED_BY_TWO = "INVITE-TWO-OFFICERS"


def invite(session: Session, *, person_id: int, actor: Actor, policy: Policy, now: datetime) -> str:
    """Afterwards this person can enrol once with the returned token; for everybody who decides nothing.

    Raises SeparationOfDuties for somebody who holds or deputises a deciding role, and what `issue_enrolment_link`
    raises.
    """
    if decides(session, person_id, now=now):
        raise SeparationOfDuties(
            "この人は承認などの決定をする職に就いているため、一人の担当者だけではサインイン登録の案内を発行できません。"
            "最初の記録に基づく登録か、別の責任者の立会いによる登録が必要です。情報セキュリティ責任者に相談してください。",
            code=INVITED_BY_TWO,
        )
    return issue_enrolment_link(session, person_id=person_id, actor=actor, policy=policy, now=now)


def decides(session: Session, person_id: int, *, now: datetime) -> bool:
    """Whether the person, under any of their rows, holds a deciding role today or deputises one."""
    day = day_of(now)
    rows = humans(session, [person_id])[person_id].rows
    if any(roles_of(session, row, day) & DECIDING_ROLES for row in rows):
        return True
    deputises = select(Deputy.id).where(
        Deputy.deputy_id.in_(rows), Deputy.accepted_at.is_not(None), holding_on(Deputy, day)
    )
    return session.scalar(deputises.limit(1)) is not None
