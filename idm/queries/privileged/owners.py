"""Who answers for a registered ID, and whether they still can (A13): there, staff, and in the unit they answer for."""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

from idm.database import in_chunks
from idm.models.going_live import FoundAccount
from idm.models.people import Assignment, Employment, OrganisationUnit
from idm.models.periods import holding_on
from idm.models.privileged import OwnerChange, RegisteredId
from idm.ports import ExternalId
from idm.queries.organisation.officers import under_contract


def live_registrations() -> ColumnElement[bool]:
    """Whether a registration was accepted and nobody has ended it, past its last day or not."""
    return and_(RegisteredId.accepted_at.is_not(None), RegisteredId.ended_at.is_(None))


def owner_is_there(day: date) -> ColumnElement[bool]:
    """Whether the owner of a registration is employed on the day, no contractor, and still in their unit."""
    employed = exists().where(Employment.person_id == RegisteredId.owner_id, holding_on(Employment, day))
    in_unit = exists().where(
        Employment.person_id == RegisteredId.owner_id, Assignment.employment_id == Employment.id,
        Assignment.unit_id == OrganisationUnit.id, OrganisationUnit.code == RegisteredId.owner_unit,
        holding_on(Assignment, day), holding_on(Employment, day),
    )  # fmt: skip
    in_place = or_(RegisteredId.owner_unit.is_(None), in_unit)
    return and_(employed, in_place, ~under_contract(RegisteredId.owner_id, day))


def owners_there(session: Session, day: date) -> dict[int, int]:
    """Registration → its owner, of those whose owner can answer for it on the day."""
    rows = session.execute(
        select(RegisteredId.id, RegisteredId.owner_id).where(live_registrations(), owner_is_there(day))
    )
    return dict(rows.all())


def without_owner(session: Session, day: date, *, system_id: int | None = None) -> list[RegisteredId]:
    """The registrations that nobody answers for on the day, oldest first; of one system, or of all."""
    query = select(RegisteredId).where(live_registrations(), ~owner_is_there(day)).order_by(RegisteredId.id)
    if system_id is not None:
        query = query.where(RegisteredId.system_id == system_id)
    return list(session.scalars(query.options(joinedload(RegisteredId.found), joinedload(RegisteredId.owner))))


def waiting_owner_change(session: Session, registered_id: int) -> OwnerChange | None:
    """The change of owner that waits for somebody to decide it."""
    open_one = select(OwnerChange).where(OwnerChange.registered_id == registered_id, OwnerChange.decided_at.is_(None))
    return session.scalars(open_one).one_or_none()


def registrations_over(
    session: Session, system_id: int, external_ids: Iterable[ExternalId], day: date
) -> frozenset[ExternalId]:  # fmt: skip
    """Those of these accounts that stood in the register and do so no longer: it was ended, or its last day is past."""
    over = set[ExternalId]()
    holds = and_(
        RegisteredId.ended_at.is_(None), or_(RegisteredId.valid_until.is_(None), RegisteredId.valid_until > day)
    )
    for some in in_chunks(external_ids):
        rows = session.execute(
            select(FoundAccount.external_id, func.max(case((holds, 1), else_=0)))
            .join(RegisteredId, RegisteredId.found_id == FoundAccount.id)
            .where(
                FoundAccount.system_id == system_id, FoundAccount.external_id.in_(some),
                RegisteredId.accepted_at.is_not(None),
            )
            .group_by(FoundAccount.external_id)
        )  # fmt: skip
        over.update(external_id for external_id, held in rows if not held)
    return frozenset(over)


def waiting_for_hand_change(session: Session, system_id: int) -> list[RegisteredId]:
    """The registrations of the system whose password, which we do not keep, somebody has to change by hand: also those
    that ended meanwhile, for whoever knew it can still sign in."""
    query = select(RegisteredId).where(
        RegisteredId.system_id == system_id, RegisteredId.change_due_since.is_not(None)
    )  # fmt: skip
    return list(session.scalars(query.options(joinedload(RegisteredId.found)).order_by(RegisteredId.id)))
