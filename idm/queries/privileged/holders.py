"""Who may use which registered ID on a day, and who knows its password (MT 7-2(1)ウ(カ), controls D4, D7)."""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from idm.models.officers import Officer
from idm.models.people import Employment
from idm.models.periods import holding_on
from idm.models.privileged import PrivilegedUse, RegisteredId, VaultSecret
from idm.models.systems import InformationSystem
from idm.permissions import SCOPES, Action, Scope
from idm.queries.organisation.officers import tenures_on
from idm.queries.privileged.deputies import counting_in
from idm.queries.privileged.owners import owners_there
from idm.queries.privileged.shared_ids import users_on

Holder = tuple[int, int]
"""An account and a person."""


def holders_on(session: Session, day: date, *, now: datetime) -> frozenset[Holder]:
    """Who may use which accepted registered ID on the day: by office, as a deputy, as its owner, or by right (A13).

    Nobody who has left is among them, nor an owner who has left the unit for which they answer. Posts are judged by the
    organisation file in force at `now`.
    """
    rows = session.execute(
        select(
            RegisteredId.account_id, RegisteredId.id, InformationSystem.id, InformationSystem.manager_unit_code
        )
        .join(InformationSystem, RegisteredId.system_id == InformationSystem.id)
        .where(
            RegisteredId.accepted_at.is_not(None), RegisteredId.ended_at.is_(None),
            RegisteredId.account_id.is_not(None),
        )
    ).all()  # fmt: skip
    everywhere, of_unit = _officers(session, day)
    deputies: dict[int, set[int]] = defaultdict(set)
    for one in counting_in(session, {system_id for *_, system_id, _ in rows}, day):
        deputies[one.system_id].add(one.deputy_id)
    users = users_on(session, day, {account_id for account_id, *_ in rows if account_id is not None}, now=now)
    owners = owners_there(session, day)
    here = set(session.scalars(select(Employment.person_id).where(holding_on(Employment, day))))
    by_office = {system_id: everywhere | of_unit[unit] | deputies[system_id] for *_, system_id, unit in rows}
    return frozenset(
        (account_id, person)
        for account_id, registered_id, system_id, _ in rows
        if account_id is not None
        for person in by_office[system_id] | users[account_id] | {owners.get(registered_id)}
        if person is not None and person in here
    )


def _officers(session: Session, day: date) -> tuple[set[int], dict[str | None, set[int]]]:
    """Those who may use registered IDs of every system by their office, and of a unit's systems."""
    scopes = SCOPES[Action.USE_REGISTERED_ID]
    everywhere: set[int] = set()
    of_unit: dict[str | None, set[int]] = defaultdict(set)
    columns = (Officer.role, Officer.unit_code, Officer.person_id)
    for role, unit, person in session.execute(tenures_on(day).with_only_columns(*columns)):
        if scopes.get(role) is Scope.EVERYTHING:
            everywhere.add(person)
        elif scopes.get(role) is Scope.OWN_SYSTEM:
            of_unit[unit].add(person)
    return everywhere, of_unit


def known_to(session: Session, person_ids: Collection[int]) -> frozenset[int]:
    """The accounts whose password, as it is now, one of these people was shown."""
    return _shown(session, PrivilegedUse.person_id.in_(person_ids))


def known_to_those_gone(session: Session, day: date) -> frozenset[int]:
    """The accounts whose password, as it is now, was shown to somebody neither employed nor under contract today."""
    here = select(Employment.person_id).where(holding_on(Employment, day))
    return _shown(session, PrivilegedUse.person_id.not_in(here))


def _shown(session: Session, condition: ColumnElement[bool]) -> frozenset[int]:
    query = (
        select(PrivilegedUse.account_id)
        .join(VaultSecret, VaultSecret.account_id == PrivilegedUse.account_id)
        .where(PrivilegedUse.shown_at >= VaultSecret.confirmed_at, condition)
    )
    return frozenset(session.scalars(query))
