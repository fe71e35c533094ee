"""Access held back and given again: a grant is suspended for as long as one reason is open (FK 6-2(2)①, control A7).

A planned grant has nothing to hold back yet: the reason is written beside it, and it comes into force suspended if the
reason is still open on its day (`come_into_force`).
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.grant_state import GrantEvent, GrantState, SuspensionReason, after
from idm.models.requests import Grant, GrantSuspension
from idm.operations import grants
from idm.operations.accounts import schedule
from idm.policy import Policy


def suspend(
    session: Session, grant: Grant, reason: SuspensionReason, *, actor: Actor, policy: Policy, now: datetime
) -> bool:
    """Afterwards the reason is open and the right, once begun, is suspended. Returns whether the reason is new.

    Raises IllegalTransition when the grant has ended.
    """
    open_reasons = _open(session, grant)
    following = grant.state if grant.state is GrantState.PLANNED else after(grant.state, GrantEvent.SUSPEND)
    if any(one.reason is reason for one in open_reasons):
        return False
    session.add(GrantSuspension(grant_id=grant.id, reason=reason, since=now, until=None))
    if following is not grant.state:
        grant.state = following
        schedule(session, grant.account, now=now)
    _record(session, "grant.suspended", grant, reason, actor=actor, policy=policy, now=now)
    return True


def resume(
    session: Session, grant: Grant, reason: SuspensionReason, *, actor: Actor, policy: Policy, now: datetime
) -> bool:
    """Afterwards the reason is closed; the right is in force again when it was the last. Returns whether it was open.

    Raises IllegalTransition when the grant has ended.
    """
    open_reasons = _open(session, grant)
    if grant.state is GrantState.ENDED:
        after(grant.state, GrantEvent.RESUME)
    closing = [one for one in open_reasons if one.reason is reason]
    if not closing:
        return False
    for one in closing:
        one.until = now
    if len(closing) == len(open_reasons) and grant.state is GrantState.SUSPENDED:
        grant.state = after(grant.state, GrantEvent.RESUME)
        schedule(session, grant.account, now=now)
    _record(session, "grant.resumed", grant, reason, actor=actor, policy=policy, now=now)
    return True


def come_into_force(session: Session, grant: Grant, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards a planned grant has begun: in force, or suspended if a reason is open. Raises IllegalTransition."""
    open_reasons = _open(session, grant)
    grants.begin(session, grant, actor=actor, policy=policy, now=now)
    if open_reasons:
        grant.state = after(grant.state, GrantEvent.SUSPEND)
        for reason in sorted({one.reason for one in open_reasons}):
            _record(session, "grant.suspended", grant, reason, actor=actor, policy=policy, now=now)


def _open(session: Session, grant: Grant) -> list[GrantSuspension]:
    """The open reasons. Whoever adds or closes one waits for the other, so that the last one closed is seen as last."""
    session.scalars(
        select(Grant).where(Grant.id == grant.id).with_for_update().execution_options(populate_existing=True)
    ).one()
    query = select(GrantSuspension).where(GrantSuspension.grant_id == grant.id, GrantSuspension.until.is_(None))
    return list(session.scalars(query.order_by(GrantSuspension.id).execution_options(populate_existing=True)))


def _record(
    session: Session, action: str, grant: Grant, reason: SuspensionReason, *, actor: Actor, policy: Policy,
    now: datetime,
) -> None:  # fmt: skip
    audit.record(
        session, action=action, actor=actor, obj=("grant", str(grant.id)), now=now, policy_digest=policy.digest,
        payload={
            "account": grant.account.login_name, "person": grant.account.person_id, "right": grant.entitlement.code,
            "system": grant.account.system_id, "reason": reason.value, "state": grant.state.value,
        },
    )  # fmt: skip
