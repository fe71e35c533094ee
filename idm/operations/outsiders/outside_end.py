"""Ends of people outside HR: shortened, never lengthened; what has not begun is called off (FK 6-3(2)⑪).

The directories learn of it through the outbox at once; the nightly run then ends the rights themselves.
"""

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of, iso
from idm.grant_state import GrantState
from idm.models.leaving import LeavingChecklist
from idm.models.outside import Sponsorship
from idm.models.people import Assignment, Employment
from idm.models.requests import Grant
from idm.models.systems import Account, RetiredName
from idm.operations.privileged import holder_changes
from idm.operations.rights.accounts import schedule
from idm.personnel.outside_rules import end_of_shortened
from idm.policy import Policy


def shorten(
    session: Session, employment: Employment, end: date, *, why: str, actor: Actor, policy: Policy, now: datetime
) -> bool:
    """Afterwards the employment holds no longer than to `end`, or was called off. Returns whether that is new.

    One that has begun keeps its first day. `why` is a word for the audit record.
    """
    until = end_of_shortened((employment.valid_from, employment.valid_until), end, day=day_of(now))
    if until is None:
        call_off(session, employment, why=why, actor=actor, policy=policy, now=now)
        return True
    if until == employment.valid_until:
        return False
    employment.valid_until = until
    session.flush()
    tell_directories(session, employment.person_id, now=now)
    if until <= day_of(now):
        holder_changes.follow_offices(session, actor=actor, policy=policy, now=now)
    record(session, "outside.end_decided", employment, {"why": why}, actor=actor, policy=policy, now=now)
    return True


def call_off(
    session: Session, employment: Employment, *, why: str, actor: Actor, policy: Policy, now: datetime
) -> None:
    """Afterwards an employment that had not begun leaves no row but its number, which is never given again."""
    person_id = employment.person_id
    record(session, "outside.called_off", employment, {"why": why}, actor=actor, policy=policy, now=now)
    session.add(
        RetiredName(system_id=None, login_name=employment.staff_number, note="外部者の登録の取りやめ", recorded_at=now)
    )
    for table in (Sponsorship, LeavingChecklist, Assignment):
        for row in session.scalars(select(table).where(table.employment_id == employment.id)):
            session.delete(row)
        session.flush()
    session.expire(employment, ["assignments"])
    session.delete(employment)
    session.flush()
    tell_directories(session, person_id, now=now)


def tell_directories(session: Session, person_id: int, *, now: datetime) -> None:
    """Afterwards the person's new end is on its way to every directory where they have a right."""
    live = select(Grant.account_id).where(Grant.state != GrantState.ENDED)
    accounts = select(Account).where(Account.person_id == person_id, Account.id.in_(live)).order_by(Account.id)
    for account in session.scalars(accounts):
        schedule(session, account, now=now)


def record(
    session: Session, action: str, employment: Employment, more: Mapping[str, object], *, actor: Actor, policy: Policy,
    now: datetime,
) -> None:  # fmt: skip
    """Afterwards the audit says what happened to the entry. Names are not in it: the record outlives the row."""
    audit.record(
        session, action=action, actor=actor, obj=("employment", str(employment.id)), now=now,
        policy_digest=policy.digest,
        payload={
            "number": employment.staff_number, "person": employment.person_id, "kind": employment.kind.value,
            "from": employment.valid_from.isoformat(),
            "until": iso(employment.valid_until),
            "contract": employment.contract_id, **more,
        },
    )  # fmt: skip
