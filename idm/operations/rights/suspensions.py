"""Access held back and given again: a grant is suspended for as long as one reason is open (FK 6-2(2)①, control A7).

A planned grant has nothing to hold back yet: the reason is written beside it, and it comes into force suspended if the
reason is still open on its day (`come_into_force`).

Every way into force leads through here, and here stands the gate (`idm.factors.factor_gate`): what has just been
approved (`hold_back_new`), what begins on its day (`come_into_force`) and what returns (`resume`) stays held back while
the gate does not let it in, whoever asked for it.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from idm import audit
from idm.actor import Actor
from idm.grant_state import GrantEvent, GrantState, SuspensionReason, after
from idm.models.requests import Grant, GrantSuspension
from idm.operations.rights import grants
from idm.operations.rights.accounts import schedule
from idm.policy import Policy
from idm.queries.factors.factor_gate import to_be_held


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

    A right that the gate does not let in goes on being held back, by missing factors; a reason that says just that
    stays open. Raises IllegalTransition when the grant has ended.
    """
    return resume_all(session, [grant], reason, actor=actor, policy=policy, now=now) == 1


def resume_all(
    session: Session, held: Collection[Grant], reason: SuspensionReason, *, actor: Actor, policy: Policy, now: datetime
) -> int:
    """Afterwards the same is true of each of these rights; all are judged at once. Returns of how many it was open.

    Raises IllegalTransition when one has ended.
    """
    if not held:
        return 0
    open_reasons = _all_open(session, held)
    for grant in held:
        if grant.state is GrantState.ENDED:
            after(grant.state, GrantEvent.RESUME)
    closing = [grant for grant in held if any(one.reason is reason for one in open_reasons[grant.id])]
    kept_out = _all_kept_out(session, closing, policy=policy, now=now)
    if reason is SuspensionReason.MISSING_FACTOR:
        closing = [grant for grant in closing if grant.id not in kept_out]
    for grant in closing:
        _close(
            session, grant, reason, open_reasons[grant.id], grant.id in kept_out, actor=actor, policy=policy, now=now
        )
    return len(closing)


def _close(
    session: Session, grant: Grant, reason: SuspensionReason, open_reasons: Collection[GrantSuspension],
    kept_out: bool, *, actor: Actor, policy: Policy, now: datetime,
) -> None:  # fmt: skip
    """Afterwards the reason is closed; `kept_out`: the gate does not let the right in."""
    closing = [one for one in open_reasons if one.reason is reason]
    for one in closing:
        one.until = now
    last = len(closing) == len(open_reasons)
    if last and kept_out:
        session.add(_missing_factor(grant, now))
    if last and grant.state is GrantState.SUSPENDED:
        grant.state = grant.state if kept_out else after(grant.state, GrantEvent.RESUME)
        # Even one that stays held back is looked at: what is read back may be all that the gate waits for.
        schedule(session, grant.account, now=now)
    _record(session, "grant.resumed", grant, reason, actor=actor, policy=policy, now=now)
    if last and kept_out:
        _record_missing_factor(session, grant, actor=actor, policy=policy, now=now)


def come_into_force(session: Session, grant: Grant, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards a planned grant has begun: in force, or suspended if a reason is open or the gate does not let it in.

    Raises IllegalTransition.
    """
    reasons = {one.reason for one in _open(session, grant)}
    if SuspensionReason.MISSING_FACTOR not in reasons and _kept_out(session, grant, policy=policy, now=now):
        session.add(_missing_factor(grant, now))
        reasons.add(SuspensionReason.MISSING_FACTOR)
    grants.begin(session, grant, actor=actor, policy=policy, now=now)
    if reasons:
        grant.state = after(grant.state, GrantEvent.SUSPEND)
        for reason in sorted(reasons):
            _record(session, "grant.suspended", grant, reason, actor=actor, policy=policy, now=now)


def hold_back_new(
    session: Session, given: Collection[Grant], *, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    """Afterwards those of the rights just decided that the gate does not let in are held back before anybody has them.

    What begins on a later day has the reason beside it already.
    """
    session.flush()
    by_id = {grant.id: grant for grant in given}
    accounts = {grant.account_id for grant in given}
    for one, held in to_be_held(session, accounts, policy=policy, now=now, new=by_id).items():
        if held and one.grant_id in by_id:
            grant, reason = by_id[one.grant_id], SuspensionReason.MISSING_FACTOR
            suspend(session, grant, reason, actor=actor, policy=policy, now=now)


def _kept_out(session: Session, grant: Grant, *, policy: Policy, now: datetime) -> bool:
    """Whether the gate does not let the right in, which is not in effect at this moment."""
    return grant.id in _all_kept_out(session, [grant], policy=policy, now=now)


def _all_kept_out(session: Session, rights: Collection[Grant], *, policy: Policy, now: datetime) -> frozenset[int]:
    """The ids of those of the rights, none of them in effect at this moment, that the gate does not let in."""
    if not rights:
        return frozenset()
    session.flush()
    ids = {grant.id for grant in rights}
    judged = to_be_held(session, {grant.account_id for grant in rights}, policy=policy, now=now, new=ids)
    return frozenset(one.grant_id for one, held in judged.items() if held and one.grant_id in ids)


def _missing_factor(grant: Grant, now: datetime) -> GrantSuspension:
    return GrantSuspension(grant_id=grant.id, reason=SuspensionReason.MISSING_FACTOR, since=now, until=None)


def _record_missing_factor(session: Session, grant: Grant, *, actor: Actor, policy: Policy, now: datetime) -> None:
    _record(session, "grant.suspended", grant, SuspensionReason.MISSING_FACTOR, actor=actor, policy=policy, now=now)


def _open(session: Session, grant: Grant) -> list[GrantSuspension]:
    """The open reasons. Whoever adds or closes one waits for the other, so that the last one closed is seen as last."""
    return _all_open(session, [grant])[grant.id]


def _all_open(session: Session, held: Collection[Grant]) -> dict[int, list[GrantSuspension]]:
    """Grant id → the same of each."""
    found: dict[int, list[GrantSuspension]] = {grant.id: [] for grant in held}
    loaded = (joinedload(Grant.account), joinedload(Grant.entitlement))
    locked = select(Grant).where(Grant.id.in_(found)).options(*loaded).order_by(Grant.id).with_for_update(of=Grant)
    session.scalars(locked.execution_options(populate_existing=True)).all()
    query = select(GrantSuspension).where(GrantSuspension.grant_id.in_(found), GrantSuspension.until.is_(None))
    ordered = query.order_by(GrantSuspension.id).execution_options(populate_existing=True)
    for one in session.scalars(ordered):
        found[one.grant_id].append(one)
    return found


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
