"""Temporary passwords on their way: which the target has to be asked about, and which were not changed in time (E2)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Exists, Select, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from idm.calendar_days import day_of
from idm.grant_state import GrantState
from idm.models.people import Person
from idm.models.requests import Grant
from idm.models.systems import Account, Entitlement, Handover, InformationSystem
from idm.ports import ExternalId
from idm.queries.factors.authenticators import works_in
from idm.vocabulary import BY_HAND, EntitlementKind, Stage, Zone


@dataclass(frozen=True)
class Watched:
    """A temporary password that a target took, and of which nobody has seen yet that it was changed."""

    handover_id: int
    account_id: int
    external_id: ExternalId
    change_by: datetime
    set_time: datetime | None
    """The target's own time of that change, where it stated one."""


@dataclass(frozen=True)
class OverdueRow:
    """A temporary password that was not changed in time, and has not been handed over anew."""

    handover_id: int
    account_id: int
    system_id: int
    system_name: str
    login_name: str
    person_id: int
    name: str
    kana: str
    change_by: datetime
    shown_at: datetime | None
    overdue_at: datetime | None
    replaced_at: datetime | None


def watched_by_system(session: Session, zones: Collection[Zone]) -> dict[int, list[Watched]]:
    """System → the temporary passwords to ask its target about; none of a system that is only observed (A18)."""
    rows = session.execute(
        select(Handover, Account.external_id)
        .join(Account, Handover.account_id == Account.id)
        .join(InformationSystem, Handover.system_id == InformationSystem.id)
        .where(
            _unsettled(), Handover.overdue_at.is_(None), Account.external_id.is_not(None),
            Account.seen_present.is_(True), InformationSystem.zone.in_(zones),
            InformationSystem.stage != Stage.OBSERVE, InformationSystem.connector != BY_HAND,
        )
        .order_by(Handover.id)
    )  # fmt: skip
    found: dict[int, list[Watched]] = {}
    for handover, external_id in rows:
        if handover.change_by is not None and external_id is not None:
            found.setdefault(handover.system_id, []).append(
                Watched(handover.id, handover.account_id, external_id, handover.change_by, handover.set_time)
            )
    return found


def unsettled_handovers(session: Session, account_ids: Collection[int]) -> list[Handover]:
    """The temporary passwords of these accounts that may still be in force: neither changed nor replaced."""
    query = select(Handover).where(Handover.account_id.in_(account_ids), _unsettled()).order_by(Handover.id)
    return list(session.scalars(query.options(joinedload(Handover.account))))


def overdue_temporaries(
    session: Session, *, now: datetime, system_id: int | None = None, units: frozenset[str] | None = None
) -> list[OverdueRow]:
    """The temporary passwords not changed in time and not handed over anew, by our books, oldest first.

    Of an ID that nobody has a right to any more nothing is said: it is switched off for that. `units`: only of the
    people of these; None = of everybody.
    """
    in_use = exists().where(
        Grant.account_id == Account.id, Grant.entitlement_id == Entitlement.id,
        Entitlement.kind == EntitlementKind.ACCOUNT, Grant.state != GrantState.ENDED,
    )  # fmt: skip
    locked = Handover.overdue_at.is_not(None)
    due = and_(Handover.change_by <= now, Handover.replaced_at.is_(None))
    query: Select[Handover, str, str, str, str] = (
        select(Handover, InformationSystem.name, Account.login_name, Person.name, Person.kana)
        .join(Account, Handover.account_id == Account.id)
        .join(InformationSystem, Handover.system_id == InformationSystem.id)
        .join(Person, Handover.subject_id == Person.id)
        .where(Handover.sealed_at.is_not(None), Handover.changed_at.is_(None), ~_handed_over_anew(),
               in_use, or_(locked, due), works_in(units, day_of(now)))
        .order_by(Handover.change_by, Handover.id)
    )  # fmt: skip
    if system_id is not None:
        query = query.where(Handover.system_id == system_id)
    return [
        OverdueRow(
            handover_id=one.id, account_id=one.account_id, system_id=one.system_id, system_name=system,
            login_name=login_name, person_id=one.subject_id, name=name, kana=kana, change_by=one.change_by or now,
            shown_at=one.shown_at, overdue_at=one.overdue_at, replaced_at=one.replaced_at,
        )
        for one, system, login_name, name, kana in session.execute(query)
    ]  # fmt: skip


def _unsettled() -> ColumnElement[bool]:
    """Whether it may still be the account's password: neither changed nor replaced, nor handed over anew."""
    return and_(
        Handover.sealed_at.is_not(None), Handover.changed_at.is_(None), Handover.replaced_at.is_(None),
        ~_handed_over_anew(),
    )  # fmt: skip


def _handed_over_anew() -> Exists:
    """Whether the target took another temporary password since: of the one before nothing is left."""
    newer = aliased(Handover)
    return exists().where(newer.account_id == Handover.account_id, newer.id > Handover.id, newer.sealed_at.is_not(None))
