"""The register of exceptions (例外措置) read: what is covered on a day (FK 8)."""

from collections.abc import Sequence
from datetime import date
from typing import TypedDict

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idm.models.exceptions import ExceptionCheck, RegisteredException
from idm.oversight.exception_state import Covered, Covering, in_force
from idm.personnel.unit_tree import with_those_below
from idm.queries.organisation.officers import humans
from idm.queries.organisation.units import parents
from idm.vocabulary import ExceptionScope, ExceptionState, FindingKind

__all__ = ["Covered", "Covering", "covering"]


def covering(session: Session, day: date) -> Covered:
    """What the permitted exceptions cover on the day; a few queries, however many findings are then asked about."""
    found = session.scalars(
        select(RegisteredException).where(
            RegisteredException.state == ExceptionState.PERMITTED, RegisteredException.finding_kind.is_not(None)
        )
    )  # fmt: skip
    holding = [one for one in found if in_force(one.state, one.valid_from, one.valid_until, day)]
    return Covered(as_coverings(session, holding))


def as_coverings(session: Session, found: Sequence[RegisteredException]) -> list[Covering]:
    """What these exceptions cover, whether or not they hold: of those that cover a kind of finding."""
    people = humans(session, {one.person_id for one in found if one.person_id is not None})
    tree = parents(session) if any(one.unit_code is not None for one in found) else {}
    return [
        Covering(
            exception_id=one.id, kind=one.finding_kind, scope=one.scope, valid_until=one.valid_until,
            system_id=one.system_id, account_id=one.account_id,
            people=people[one.person_id].rows if one.person_id is not None else frozenset(),
            units=with_those_below(frozenset({one.unit_code}), tree) if one.unit_code is not None else frozenset(),
        )
        for one in found if one.finding_kind is not None
    ]  # fmt: skip


def last_checks(session: Session) -> dict[int, ExceptionCheck]:
    """Exception → the last regular check of it."""
    newest = select(func.max(ExceptionCheck.id)).group_by(ExceptionCheck.exception_id)
    rows = session.scalars(select(ExceptionCheck).where(ExceptionCheck.id.in_(newest)))
    return {one.exception_id: one for one in rows}


def unneeded(session: Session) -> list[tuple[RegisteredException, ExceptionCheck]]:
    """Those that hold though the last regular check of each found it no longer needed, with that check."""
    newest = select(func.max(ExceptionCheck.id)).group_by(ExceptionCheck.exception_id)
    rows = session.execute(
        select(RegisteredException, ExceptionCheck)
        .join(ExceptionCheck, ExceptionCheck.exception_id == RegisteredException.id)
        .where(ExceptionCheck.id.in_(newest), ExceptionCheck.still_needed.is_(False))
        .where(RegisteredException.state == ExceptionState.PERMITTED)
        .order_by(RegisteredException.id)
    )
    return [(exception, check) for exception, check in rows]


class Target(TypedDict):
    """What an exception is about; a renewal is about the same."""

    finding_kind: FindingKind | None
    scope: ExceptionScope
    system_id: int | None
    account_id: int | None
    person_id: int | None
    unit_code: str | None


def target_of(session: Session, exception_id: int) -> Target:
    """What the exception is about."""
    one = session.get_one(RegisteredException, exception_id)
    return Target(
        finding_kind=one.finding_kind, scope=one.scope, system_id=one.system_id, account_id=one.account_id,
        person_id=one.person_id, unit_code=one.unit_code,
    )  # fmt: skip
