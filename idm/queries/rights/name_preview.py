"""Which account names an application, or one person, would get: `login_names` asked before it is made."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.errors import NotFound
from idm.models.requests import Request, RequestLine
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.names.account_names import Limit, limit_of
from idm.organisation import LoginNames
from idm.queries.governance.configuration import organisation_in_force
from idm.queries.information_systems.found_accounts import recognised
from idm.queries.organisation.person_cards import PersonCard, person_cards
from idm.queries.rights.login_names import Proposal, privileged_proposals, proposals
from idm.vocabulary import AccountKind, LineEffect


@dataclass(frozen=True)
class NameRow:
    """One person in one system: the name they have there, else what they would get.

    `privileged`: it is of their privileged ID, not of their daily one (control D8).
    """

    person: PersonCard
    existing: str | None
    proposal: Proposal | None
    privileged: bool = False


@dataclass(frozen=True)
class NamePreview:
    """The people of one application, or one person, in one system, under the rule in force."""

    system_id: int
    system_code: str
    system_name: str
    rule: LoginNames
    limit: Limit
    rows: tuple[NameRow, ...]


def names_of_request(session: Session, request_id: int, *, now: datetime) -> NamePreview:
    """What the accounts of those whom the application gives something would be called. Raises NotFound."""
    request = session.get(Request, request_id)
    if request is None:
        raise NotFound("申請が見つかりません。")
    days: dict[bool, dict[int, date]] = {False: {}, True: {}}
    lines = session.execute(
        select(RequestLine.subject_id, RequestLine.valid_from, Entitlement.privileged)
        .join(Entitlement, RequestLine.entitlement_id == Entitlement.id)
        .where(RequestLine.request_id == request_id, RequestLine.effect == LineEffect.GRANT)
        .order_by(RequestLine.id)
    )
    for subject_id, valid_from, privileged in lines:
        days[privileged][subject_id] = max(day_of(now), valid_from)
    daily = _preview(session, request.system, days[False], now=now)
    return replace(daily, rows=(*daily.rows, *_privileged_rows(session, request.system, days[True], daily.rule, now)))


def _privileged_rows(
    session: Session, system: InformationSystem, days: dict[int, date], rule: LoginNames, now: datetime
) -> Iterator[NameRow]:
    if not days:
        return
    existing = _existing(session, system.id, days, AccountKind.PRIVILEGED)
    missing = {person_id: day for person_id, day in days.items() if person_id not in existing}
    made = privileged_proposals(session, system, missing, rule) if missing else {}
    cards = person_cards(session, days, day=day_of(now))
    for person_id in days:
        yield NameRow(cards[person_id], existing.get(person_id), made.get(person_id), privileged=True)


def names_of_person(session: Session, person_id: int, *, now: datetime) -> list[NamePreview]:
    """What the person's accounts are called, or would be if they were made today, in every system."""
    systems = session.scalars(select(InformationSystem).order_by(InformationSystem.code)).all()
    return [_preview(session, system, {person_id: day_of(now)}, now=now) for system in systems]


def _preview(session: Session, system: InformationSystem, days: dict[int, date], *, now: datetime) -> NamePreview:
    rule = organisation_in_force(session, now=now).login_names
    existing = _existing(session, system.id, days)
    missing = {person_id: day for person_id, day in days.items() if person_id not in existing}
    made = proposals(session, system, missing, rule)
    cards = person_cards(session, days, day=day_of(now))
    rows = tuple(NameRow(cards[person_id], existing.get(person_id), made.get(person_id)) for person_id in days)
    return NamePreview(system.id, system.code, system.name, rule, limit_of(system.connector), rows)


def _existing(
    session: Session, system_id: int, person_ids: dict[int, date], kind: AccountKind = AccountKind.PERSONAL
) -> dict[int, str]:
    """Person → the name they have; one that was there before us and is theirs is taken over under its own (A18)."""
    found = {person: one.login_name for person, one in recognised(session, system_id, person_ids, kind).items()}
    rows = session.execute(
        select(Account.person_id, Account.login_name).where(
            Account.system_id == system_id, Account.person_id.in_(person_ids), Account.kind == kind
        )
    )
    return found | {person_id: name for person_id, name in rows if person_id is not None}
