"""Rights that come to their end soon: whose they are, and which of them are to go on already (A8)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.orm import Session, aliased

from idm.ending_rights import renewable_until
from idm.grant_state import GrantState
from idm.models.people import Employment, Person
from idm.models.requests import Grant, Request, RequestLine
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.policy import Policy
from idm.publication import Reader
from idm.queries.approval.choices import Scope, within
from idm.queries.organisation.publication import hidden_requests, known
from idm.request_state import LineState, RequestState
from idm.vocabulary import LineEffect


@dataclass(frozen=True)
class EndingRight:
    """One right of somebody's that ends soon and has not been asked to go on."""

    grant_id: int
    person_id: int
    person: str
    kana: str
    system_id: int
    system_name: str
    entitlement_id: int
    right_name: str
    valid_until: date


def ending_grants(session: Session, day: date, within_days: int) -> Sequence[Grant]:
    """The rights that hold and have at most so many days left, of people who are still employed when they end.

    What an application has decided to end, or what ends with its holder's employment, is not among them: it is no
    accident that it ends. Locked until this transaction ends.
    """
    return session.scalars(
        _ending(day, day + timedelta(days=within_days + 1)).with_for_update(of=Grant)
    ).all()  # fmt: skip


def asked_or_renewed(session: Session, grant_ids: Collection[int]) -> frozenset[int]:
    """Those of them that an undecided or approved line goes on with."""
    if not grant_ids:
        return frozenset()
    return frozenset(session.scalars(select(Grant.id).where(Grant.id.in_(grant_ids), _going_on())))


def renewable_rights(
    session: Session, scope: Scope, *, policy: Policy, reader: Reader, grant_ids: Collection[int] | None = None
) -> list[EndingRight]:
    """What somebody may ask to go on for the people of their scope, the earliest end first, by system."""
    until = renewable_until(reader.day, policy.giving_back)
    query = (
        _ending(reader.day, until)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .join(Person, Account.person_id == Person.id)
        .join(RequestLine, Grant.line_id == RequestLine.id)
        .where(
            ~_going_on(), within(scope, reader.day), known(reader),
            RequestLine.request_id.not_in(hidden_requests(session, reader)),
        )
        .order_by(None)
        .order_by(InformationSystem.name, Grant.valid_until, Person.kana, Grant.id)
        .with_only_columns(Grant, Account, Entitlement, InformationSystem, Person)
    )  # fmt: skip
    if grant_ids is not None:
        query = query.where(Grant.id.in_(grant_ids))
    return [
        EndingRight(
            grant.id, person.id, person.name, person.kana, system.id, system.name, right.id, right.name,
            grant.valid_until,
        )
        for grant, _account, right, system, person in session.execute(query) if grant.valid_until is not None
    ]  # fmt: skip


def _ending(day: date, until: date) -> Select[Grant]:
    stays = (
        exists()
        .where(
            Employment.person_id == Account.person_id, Employment.valid_from <= Grant.valid_until,
            or_(Employment.valid_until.is_(None), Employment.valid_until > Grant.valid_until),
        )
        .correlate(Account, Grant)
    )  # fmt: skip
    return (
        select(Grant)
        .join(Account, Grant.account_id == Account.id)
        .join(Entitlement, Grant.entitlement_id == Entitlement.id)
        .where(
            Grant.state.in_((GrantState.IN_FORCE, GrantState.SUSPENDED)), Grant.ended_by_line_id.is_(None),
            Grant.valid_until > day, Grant.valid_until <= until, Account.person_id.is_not(None), stays,
        )
        .order_by(Grant.id)
    )  # fmt: skip


def _going_on() -> ColumnElement[bool]:
    line, request, account = aliased(RequestLine), aliased(Request), aliased(Account)
    open_or_approved = (LineState.PENDING, LineState.APPROVED)
    return (
        exists()
        .where(
            account.id == Grant.account_id, line.subject_id == account.person_id,
            line.entitlement_id == Grant.entitlement_id, line.effect == LineEffect.GRANT,
            line.valid_from == Grant.valid_until, line.state.in_(open_or_approved), request.id == line.request_id,
            request.state != RequestState.DRAFT,
        )
        .correlate(Grant)
    )  # fmt: skip
