"""Who gets in from outside, or out to the internet, why, until when and by which permission (FK 6-2(4), control I1)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy
from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.factors.factor_gate import Verdict
from idm.grant_state import GrantState
from idm.models.requests import Grant, Request, RequestLine
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.policy import Policy
from idm.publication import Reader
from idm.queries.factors.factor_gate import contractors_among, verdicts
from idm.queries.organisation.person_cards import PersonCard, person_cards
from idm.queries.organisation.publication import hidden_requests
from idm.vocabulary import Zone


@dataclass(frozen=True)
class ExternalRight:
    """One right that has not ended, and the application behind it. `cloud`: a contractor's cloud administration.

    `verdict` is what the gate of factors says of the account.
    """

    grant_id: int
    person: PersonCard
    login_name: str
    system_id: int
    system_name: str
    right_name: str
    cloud: bool
    state: GrantState
    valid_from: date
    valid_until: date | None
    request_id: int
    request_number: str
    reason: str
    verdict: Verdict

    @property
    def endless(self) -> bool:
        """Whether it has no end, as a right that was given before it was declared to be one of these."""
        return self.valid_until is None


def external_rights(
    session: Session, *, policy: Policy, now: datetime, reader: Reader, system_id: int | None = None
) -> list[ExternalRight]:
    """Every such right that has not ended: those without an end on top, for somebody has to settle them, then the one
    that ends first; nothing the reader may not know yet.

    Beside rights to external access it has what contractors administrate in the cloud (FK 6-5(1)⑦): the same is asked.
    """
    day, hidden = day_of(now), hidden_requests(session, reader)
    rows = _needing_factors(session, session.execute(_of_system(system_id, hidden)).all(), day)
    cards = person_cards(session, {account.person_id or 0 for _, account, *_ in rows}, day=day, reader=reader)
    said = verdicts(session, {account.id for _, account, *_ in rows}, policy=policy, now=now)
    unseen = _lines_of(session, hidden)
    return [_right(row, cards[row[1].person_id or 0], said[row[1].id], unseen) for row in rows]


Row = tuple[Grant, Account, Entitlement, str, Request, date | None]


def _of_system(system_id: int | None, hidden: Collection[int]) -> Select[*Row]:
    cloud = and_(Entitlement.privileged, InformationSystem.zone == Zone.INTERNET)
    query = (
        select(Grant, Account, Entitlement, InformationSystem.name, Request, RequestLine.valid_until)
        .join(Account, Grant.account_id == Account.id)
        .join(Entitlement, Grant.entitlement_id == Entitlement.id)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .join(RequestLine, Grant.line_id == RequestLine.id)
        .join(Request, RequestLine.request_id == Request.id)
        .where(
            Grant.state != GrantState.ENDED, or_(Entitlement.external_access, cloud),
            Request.id.not_in(hidden),
        )
        .order_by(Grant.valid_until.is_not(None), Grant.valid_until, Grant.id)
    )  # fmt: skip
    return query.where(Account.system_id == system_id) if system_id is not None else query


def _right(row: sqlalchemy.Row[*Row], person: PersonCard, verdict: Verdict, unseen: Collection[int]) -> ExternalRight:
    """`unseen`: lines the reader does not know of; an end that one of them set is not shown."""
    grant, account, right, system_name, request, first_until = row
    return ExternalRight(
        grant_id=grant.id,
        person=person,
        login_name=account.login_name,
        system_id=account.system_id,
        system_name=system_name,
        right_name=right.name,
        cloud=not right.external_access,
        state=grant.state,
        valid_from=grant.valid_from,
        valid_until=first_until if grant.ended_by_line_id in unseen else grant.valid_until,
        request_id=request.id,
        request_number=request.number or "",
        reason=request.reason,
        verdict=verdict,
    )


def _needing_factors(session: Session, rows: Sequence[sqlalchemy.Row[*Row]], day: date) -> list[sqlalchemy.Row[*Row]]:
    """The rows without what people of our own administrate in the cloud."""
    cloud = {account.person_id for _, account, right, *_ in rows if not right.external_access}
    contractors = contractors_among(session, cloud, day)
    return [row for row in rows if row[2].external_access or row[1].person_id in contractors]


def _lines_of(session: Session, requests: Collection[int]) -> frozenset[int]:
    """The lines by which something unpublished ends a right: the reader does not see that end."""
    return frozenset(session.scalars(select(RequestLine.id).where(RequestLine.request_id.in_(requests))))
