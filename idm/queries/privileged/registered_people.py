"""The people behind one registered ID, as its page shows them: owner, users, and what waits to be done (A13)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.models.privileged import RegisteredId
from idm.models.systems import Entitlement
from idm.publication import Reader
from idm.queries.organisation.person_cards import PersonCard, person_cards
from idm.queries.privileged.id_history import UserThen, at_moment
from idm.queries.privileged.owners import owners_there, waiting_owner_change
from idm.vocabulary import AccountKind


@dataclass(frozen=True)
class WaitingOwner:
    """Somebody who is proposed to answer for the ID."""

    person: PersonCard
    proposed_by: PersonCard
    proposed_at: datetime
    reason: str


@dataclass(frozen=True)
class RegisteredPeople:
    """`right_id`: what people apply for who are to use it, None where there is no such list.

    `change_due_since`: since when somebody has to change by hand a password that we do not keep.
    """

    owner_there: bool
    waiting_owner: WaitingOwner | None
    right_id: int | None
    users: tuple[UserThen, ...]
    others: tuple[UserThen, ...]
    change_due_since: datetime | None
    changed_at: datetime | None
    changed_by: PersonCard | None


def registered_people(session: Session, registered_id: int, *, reader: Reader, now: datetime) -> RegisteredPeople:
    """Who answers for the ID, who is on its list, and who may use it otherwise."""
    registered = session.get_one(RegisteredId, registered_id)
    day, account_id = day_of(now), registered.account_id or 0
    change = waiting_owner_change(session, registered_id)
    named = {registered.changed_by_id} | ({change.owner_id, change.proposed_by_id} if change is not None else set())
    cards = person_cards(session, {one for one in named if one is not None}, day=day, reader=reader)
    waiting = None
    if change is not None:
        waiting = WaitingOwner(
            cards[change.owner_id], cards[change.proposed_by_id], change.proposed_at, change.reason
        )  # fmt: skip
    listed = at_moment(session, account_id, now, reader=reader).users
    return RegisteredPeople(
        owner_there=registered_id in owners_there(session, day), waiting_owner=waiting,
        right_id=_right(session, registered),
        users=tuple(one for one in listed if one.by_right is not None),
        others=tuple(one for one in listed if one.by_right is None),
        change_due_since=registered.change_due_since, changed_at=registered.changed_at,
        changed_by=cards.get(registered.changed_by_id or 0),
    )  # fmt: skip


def _right(session: Session, registered: RegisteredId) -> int | None:
    live = registered.kind is AccountKind.SHARED and registered.accepted_at is not None and registered.ended_at is None
    if not live:
        return None
    return session.scalar(select(Entitlement.id).where(Entitlement.shared_account_id == registered.account_id))
