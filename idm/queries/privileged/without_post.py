"""Privileged rights that rest on nobody's post: no loss of a post could ever end them (KT 第66, control D7)."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, joinedload

from idm.grant_state import GrantState
from idm.models.requests import Grant
from idm.models.systems import Account, Entitlement
from idm.publication import Reader
from idm.queries.organisation.person_cards import PersonCard, person_cards
from idm.vocabulary import EntitlementKind

BEGUN = (GrantState.IN_FORCE, GrantState.SUSPENDED)


@dataclass(frozen=True)
class WithoutPost:
    """One such right. It ends with its period alone, when its holder leaves, or by an application."""

    grant_id: int
    system_id: int
    system_name: str
    login_name: str
    right_name: str
    person: PersonCard
    valid_until: date | None


def rights_without_post() -> Select[Grant]:
    """People's rights bound to a post (`Entitlement.bound_to_post`) that have begun, not ended, and rest on none."""
    return (
        select(Grant)
        .join(Grant.entitlement)
        .join(Grant.account)
        .where(
            or_(Entitlement.privileged, Entitlement.kind == EntitlementKind.SHARED_ID),
            Account.person_id.is_not(None), Grant.state.in_(BEGUN),
            Grant.rests_on_post.is_(None),
        )
        .order_by(Grant.account_id, Grant.id)
    )  # fmt: skip


def without_post(session: Session, *, day: date, reader: Reader) -> list[WithoutPost]:
    """Each of them, by system and ID, with its holder as the reader may see them on the day."""
    query = rights_without_post().options(
        joinedload(Grant.entitlement), joinedload(Grant.account).joinedload(Account.system)
    )
    found = session.scalars(query).all()
    cards = person_cards(session, {grant.account.person_id or 0 for grant in found}, day=day, reader=reader)
    rows = [
        WithoutPost(
            grant.id, grant.account.system_id, grant.account.system.name, grant.account.login_name,
            grant.entitlement.name, cards[grant.account.person_id or 0], grant.valid_until,
        )
        for grant in found
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (row.system_name, row.login_name, row.grant_id))
