"""Who used a registered ID at any moment, and who might have (A13, FK 5-4(2)): above all of shared IDs.

One person at a time uses an ID, so that there is one answer: the use that had begun by the moment, until its end was
read back, and the password that was given out for it had been replaced. Of a password that we do not keep nobody can
say more than who was among those who might know it.
"""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.models.privileged import PrivilegedUse, RegisteredIdHolder
from idm.models.requests import Grant, Request, RequestLine
from idm.models.systems import Account, Entitlement
from idm.publication import Reader
from idm.queries.organisation.person_cards import PersonCard, person_cards
from idm.vocabulary import UseEnd


@dataclass(frozen=True)
class UseThen:
    """One use that had the ID at the moment. `over`: it had ended, and what was given out was still to be replaced."""

    use_id: int
    person: PersonCard
    named_by: PersonCard | None
    attended_by: PersonCard | None
    purpose: str
    opens_at: datetime
    ended_at: datetime | None
    end_reason: UseEnd | None
    closed_at: datetime | None
    shown_at: datetime | None
    over: bool


@dataclass(frozen=True)
class ByRight:
    """The application by which somebody was on the list, and the period that it gave."""

    request_id: int
    number: str
    valid_from: date
    valid_until: date | None


@dataclass(frozen=True)
class UserThen:
    """Somebody who might use the ID then, as our books had it. `by_right` None = by office, deputyship or as owner."""

    person: PersonCard
    since: datetime
    until: datetime | None
    by_right: ByRight | None


@dataclass(frozen=True)
class Then:
    """One registered ID at one moment: who used it, and who might have."""

    uses: tuple[UseThen, ...]
    users: tuple[UserThen, ...]


def at_moment(session: Session, account_id: int, at: datetime, *, reader: Reader) -> Then:
    """Who used the ID at the moment, and who might have used it."""
    rows = session.scalars(
        select(PrivilegedUse)
        .where(
            PrivilegedUse.account_id == account_id, PrivilegedUse.opens_at <= at,
            PrivilegedUse.closed_at.is_(None) | (PrivilegedUse.closed_at > at),
        )
        .order_by(PrivilegedUse.opens_at, PrivilegedUse.id)
    ).all()  # fmt: skip
    holders = session.scalars(
        select(RegisteredIdHolder)
        .where(
            RegisteredIdHolder.account_id == account_id, RegisteredIdHolder.since <= at,
            RegisteredIdHolder.ended_at.is_(None) | (RegisteredIdHolder.ended_at > at),
        )
        .order_by(RegisteredIdHolder.since, RegisteredIdHolder.id)
    ).all()  # fmt: skip
    known = {id_ for use in rows for id_ in (use.person_id, use.named_by_id, use.attended_by_id) if id_ is not None}
    known |= {holder.person_id for holder in holders}
    cards = person_cards(session, known, day=day_of(at), reader=reader)
    rights = _rights(session, account_id, at)
    users = tuple(UserThen(cards[one.person_id], one.since, one.ended_at, rights.get(one.person_id)) for one in holders)
    return Then(tuple(_use(use, cards, at) for use in rows), users)


def _use(use: PrivilegedUse, cards: dict[int, PersonCard], at: datetime) -> UseThen:
    return UseThen(
        use.id, cards[use.person_id], cards.get(use.named_by_id or 0), cards.get(use.attended_by_id or 0), use.purpose,
        use.opens_at or at, use.ended_at, use.end_reason, use.closed_at, use.shown_at,
        over=use.ended_at is not None and use.ended_at <= at,
    )  # fmt: skip


def _rights(session: Session, account_id: int, at: datetime) -> dict[int, ByRight]:
    """Person → the right to the shared ID that they had at the moment."""
    rows = session.execute(
        select(Account.person_id, Request.id, Request.number, Grant.valid_from, Grant.valid_until)
        .select_from(Grant)
        .join(Entitlement, Grant.entitlement_id == Entitlement.id)
        .join(Account, Grant.account_id == Account.id)
        .join(RequestLine, Grant.line_id == RequestLine.id)
        .join(Request, RequestLine.request_id == Request.id)
        .where(
            Entitlement.shared_account_id == account_id, Grant.valid_from <= day_of(at),
            Grant.ended_at.is_(None) | (Grant.ended_at > at),
        )
        .order_by(Grant.id)
    )  # fmt: skip
    return {
        person_id or 0: ByRight(request_id, number or "", begins, until)
        for person_id, request_id, number, begins, until in rows
    }
