"""The list of those who use a shared ID (control A13, FK 5-4(2)): a right like any other, given by application.

The right is made when the ID is accepted into the register, and asked for, decided, prolonged and ended as every right
is. It gives nothing in the directory: it says who may ask for a use, and who knows a password that we do not keep.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.grant_state import EndReason, GrantState
from idm.models.privileged import RegisteredId
from idm.models.requests import Grant
from idm.models.systems import Entitlement
from idm.operations.rights import grants
from idm.policy import Policy
from idm.vocabulary import AccountKind, EntitlementKind


def offer(session: Session, registered: RegisteredId) -> None:
    """Afterwards people may apply to use the shared ID; other kinds are used by office alone.

    Registered anew, the same ID has the same right: what ended before is its history.
    """
    if registered.kind is not AccountKind.SHARED or registered.account_id is None:
        return
    right = _right(session, registered.account_id) or Entitlement(
        system_id=registered.system_id, kind=EntitlementKind.SHARED_ID, shared_account_id=registered.account_id,
        # No organisation file can name it: a code there has no colon.
        code=f"shared:{registered.account_id}", privileged=False, by_name_only=True,
    )  # fmt: skip
    right.name = f"共用ID {registered.found.login_name} の利用"
    session.add(right)
    session.flush()


def withdraw(session: Session, registered: RegisteredId, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards nobody has the right to use the shared ID; returns from how many it was taken."""
    right = _right(session, registered.account_id) if registered.account_id is not None else None
    if right is None:
        return 0
    query = select(Grant).where(Grant.entitlement_id == right.id, Grant.state != GrantState.ENDED)
    held: Collection[Grant] = session.scalars(query.order_by(Grant.account_id, Grant.id).with_for_update()).all()
    for grant in held:
        grants.end(session, grant, EndReason.ID_GONE, actor=actor, policy=policy, now=now)
    return len(held)


def _right(session: Session, account_id: int) -> Entitlement | None:
    return session.scalars(select(Entitlement).where(Entitlement.shared_account_id == account_id)).one_or_none()
