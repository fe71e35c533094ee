"""Whose passwords are in our keeping (預かり; control D4): people's own privileged IDs, and registered IDs that say so.

Where a card alone lets anybody in there is no password to keep; where there is no connector nobody could change one.
A registered ID stays in our keeping after its registration has ended until what somebody knows, or may know, of its
password is worth nothing: that one change is still ours, and nothing after it.
"""

from collections.abc import Collection

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from idm.database import in_chunks
from idm.grant_state import GrantState
from idm.models.privileged import RegisteredId, Rotation, VaultSecret
from idm.models.requests import Grant
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.passwords.rotation_rules import OVER, TAKEN_FROM_SOMEBODY
from idm.vocabulary import BY_HAND, AccountKind, VerifiedBy, Zone


def kept_accounts(session: Session, account_ids: Collection[int] | None = None) -> frozenset[int]:
    """The accounts whose password we keep, of these or of all."""
    cards = _systems_with_cards(session)
    query = (
        select(Account.id)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .where(InformationSystem.connector != BY_HAND, or_(_own_privileged(cards), _registered()))
    )
    if account_ids is None:
        return frozenset(session.scalars(query))
    chunks = in_chunks(account_ids)
    return frozenset(found for chunk in chunks for found in session.scalars(query.where(Account.id.in_(chunk))))


def _own_privileged(cards: Collection[int]) -> ColumnElement[bool]:
    by_card = Account.system_id.in_(cards) & or_(InformationSystem.zone == Zone.MYNUMBER, _lets_in_from_outside())
    return (Account.kind == AccountKind.PRIVILEGED) & Account.person_id.is_not(None) & ~by_card


def _lets_in_from_outside() -> ColumnElement[bool]:
    """Whether a right of the account is behind the gate wherever the system is (B2), so that a card is demanded."""
    return exists().where(
        Grant.account_id == Account.id, Grant.state != GrantState.ENDED, Grant.entitlement_id == Entitlement.id,
        Entitlement.external_access,
    )  # fmt: skip


def _registered() -> ColumnElement[bool]:
    return exists().where(
        RegisteredId.account_id == Account.id, RegisteredId.kept, RegisteredId.accepted_at.is_not(None),
        or_(RegisteredId.ended_at.is_(None), _may_be_known()),
    )  # fmt: skip


def _may_be_known() -> ColumnElement[bool]:
    """Whether somebody knows the password that we set, or it is being taken from them."""
    seen = VaultSecret.known_since.is_not(None)
    taken = exists().where(
        Rotation.account_id == Account.id, Rotation.state.not_in(OVER), Rotation.reason.in_(TAKEN_FROM_SOMEBODY)
    )
    return exists().where(VaultSecret.account_id == Account.id, or_(seen, taken))


def _systems_with_cards(session: Session) -> list[int]:
    rows = session.execute(select(InformationSystem.id, InformationSystem.verification))
    return [system_id for system_id, by in rows if (by or {}).get("by") == VerifiedBy.SMART_CARD]
