"""Whether a directory has shown a use begun, or over, and whether its password is nobody's any more (D4, D6)."""

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from idm.models.privileged import PrivilegedUse, PrivilegedUseRight, Rotation
from idm.models.requests import Grant
from idm.models.systems import Entitlement
from idm.ports import ExternalId
from idm.vocabulary import RotationState

SETTLED = (RotationState.CONFIRMED, RotationState.CANCELLED)


def shown_open(session: Session, use: PrivilegedUse) -> bool:
    """Whether the directory has shown the ID enabled, in the groups of the use; of one that is nobody's own, always.

    What is changed by hand only is not waited for.
    """
    account = use.account
    if account.person_id is None:
        return True
    read = account.seen_at is not None and use.opens_at is not None and account.seen_at >= use.opens_at
    return (
        read and bool(account.seen_enabled) and _groups(session, use, by_hand=False) <= {*(account.seen_groups or ())}
    )


def shown_closed(session: Session, use: PrivilegedUse) -> bool:
    """Whether the directory has shown the ID disabled and in no group of the use since it ended, or not at all."""
    account = use.account
    if account.person_id is None:
        return True
    if account.seen_at is None or use.ended_at is None or account.seen_at < use.ended_at:
        return False
    if not account.seen_present:
        return True
    return not account.seen_enabled and _groups(session, use).isdisjoint(account.seen_groups or ())


def rotation_open(session: Session, account_id: int) -> bool:
    """Whether a change of the ID's kept password is under way."""
    under_way = exists().where(Rotation.account_id == account_id, Rotation.state.not_in(SETTLED))
    return bool(session.scalar(select(under_way)))


def _groups(session: Session, use: PrivilegedUse, *, by_hand: bool | None = None) -> frozenset[ExternalId]:
    query = (
        select(Entitlement.external_id)
        .join(Grant, Grant.entitlement_id == Entitlement.id)
        .join(PrivilegedUseRight, PrivilegedUseRight.grant_id == Grant.id)
        .where(PrivilegedUseRight.use_id == use.id, Entitlement.external_id.is_not(None))
    )
    if by_hand is not None:
        query = query.where(Entitlement.by_hand == by_hand)
    return frozenset(group for group in session.scalars(query) if group is not None)
