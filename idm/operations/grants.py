"""What an approved line does: grants begin and end, and the outbox learns of it in the same transaction."""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.grant_state import EndReason, GrantEvent, GrantState, after
from idm.models.requests import Grant, RequestLine
from idm.models.systems import Account
from idm.operations.accounts import personal_account, schedule
from idm.policy import Policy
from idm.queries.configuration import organisation_in_force
from idm.vocabulary import EntitlementKind, LineEffect


def take_effect(session: Session, line: RequestLine, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards what the line asked for is decided; the directory follows through the outbox."""
    if line.effect is LineEffect.GRANT:
        _give(session, line, actor=actor, policy=policy, now=now)
    else:
        _take(session, line, actor=actor, policy=policy, now=now)


def _give(session: Session, line: RequestLine, *, actor: Actor, policy: Policy, now: datetime) -> None:
    today = day_of(now)
    account = personal_account(
        session, system_id=line.system_id, person_id=line.subject_id, day=max(today, line.valid_from), now=now,
        prefix=organisation_in_force(session, now=now).login_names.prefix,
    )  # fmt: skip
    grant = Grant(
        account_id=account.id, entitlement_id=line.entitlement_id, line_id=line.id, valid_from=line.valid_from,
        valid_until=line.valid_until, state=GrantState.PLANNED,
    )  # fmt: skip
    grant.account, grant.entitlement = account, line.entitlement
    session.add(grant)
    if line.valid_from <= today:
        grant.state = after(grant.state, GrantEvent.BEGIN)
    session.flush()
    schedule(session, account, now=now)
    record_grant(session, "grant.decided", grant, actor=actor, policy=policy, now=now)


def _take(session: Session, line: RequestLine, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Ends the subject's live grant; taking the account itself away takes every group of the system with it."""
    for grant in live_grants(session, person_id=line.subject_id, system_id=line.system_id):
        if line.entitlement.kind is EntitlementKind.ACCOUNT or grant.entitlement_id == line.entitlement_id:
            _end_on(session, grant, line, actor=actor, policy=policy, now=now)


def _end_on(session: Session, grant: Grant, line: RequestLine, *, actor: Actor, policy: Policy, now: datetime) -> None:
    grant.ended_by_line_id = line.id
    if line.valid_from > day_of(now):
        grant.valid_until = max(line.valid_from, grant.valid_from)
        schedule(session, grant.account, now=now)
        record_grant(session, "grant.end_decided", grant, actor=actor, policy=policy, now=now)
    else:
        end(session, grant, EndReason.REQUESTED, actor=actor, policy=policy, now=now)


def end(session: Session, grant: Grant, reason: EndReason, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards the grant is history and a worker will take the right away. Raises IllegalTransition."""
    grant.state = after(grant.state, GrantEvent.END)
    grant.ended_at, grant.end_reason = now, reason
    schedule(session, grant.account, now=now)
    record_grant(session, "grant.ended", grant, actor=actor, policy=policy, now=now)


def begin(session: Session, grant: Grant, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards a planned grant is in force and a worker will give the right. Raises IllegalTransition."""
    grant.state = after(grant.state, GrantEvent.BEGIN)
    schedule(session, grant.account, now=now)
    record_grant(session, "grant.begun", grant, actor=actor, policy=policy, now=now)


def live_grants(session: Session, *, person_id: int, system_id: int | None = None) -> list[Grant]:
    """The person's grants that have not ended, in one system or in all."""
    query = select(Grant).join(Account, Grant.account_id == Account.id)
    query = query.where(Account.person_id == person_id, Grant.state != GrantState.ENDED)
    if system_id is not None:
        query = query.where(Account.system_id == system_id)
    return list(session.scalars(query.order_by(Grant.id)))


def record_grant(session: Session, action: str, grant: Grant, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards the audit says what happened to the grant."""
    audit.record(
        session, action=action, actor=actor, obj=("grant", str(grant.id)), now=now, policy_digest=policy.digest,
        payload={
            "account": grant.account.login_name, "person": grant.account.person_id,
            "right": grant.entitlement.code, "system": grant.account.system_id, "line": grant.line_id,
            "from": grant.valid_from.isoformat(), "until": _iso(grant.valid_until), "state": grant.state.value,
            "end_reason": grant.end_reason.value if grant.end_reason else None,
        },
    )  # fmt: skip


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None
