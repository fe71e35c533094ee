"""Who exercises privilege in an officer's place (代行者, FK 6-2(3)②) on a day, and for which system (control D2).

A deputyship counts for its period, once the CISO has accepted it, and only as long as both ends of it hold: the office
in whose place it stands, and the deputy's own employment; and the deputy is, under no
row of theirs, a contractor or an auditor. Losing any of these ends it at once, whatever is written. Another thing than
deciding in an officer's place (代決, `idm.queries.organisation.officers.deputations_on`).
"""

from collections.abc import Collection
from datetime import date
from functools import lru_cache

from sqlalchemy import Select, exists, or_, select
from sqlalchemy.orm import Session

from idm.models.officers import Officer
from idm.models.people import Employment
from idm.models.periods import holding_on
from idm.models.privileged import PrivilegeDeputy
from idm.models.systems import InformationSystem
from idm.queries.organisation.officers import DAYS_AT_HAND, auditor_under_any_row, tenures_on, under_contract
from idm.vocabulary import Role


@lru_cache(DAYS_AT_HAND)
def standing_on(day: date) -> Select[PrivilegeDeputy]:
    """The deputyships, accepted or not, that stand on the day: the principal holds the office, and the deputy is
    employed and, under every row of theirs, neither a contractor nor an auditor (SOD-5 to SOD-7)."""
    office = (
        tenures_on(day)
        .where(
            Officer.person_id == PrivilegeDeputy.principal_id,
            Officer.role == PrivilegeDeputy.role,
            or_(PrivilegeDeputy.role != Role.SYSTEM, Officer.unit_code == InformationSystem.manager_unit_code),
        )
        .exists()
        .correlate(PrivilegeDeputy, InformationSystem)
    )
    employed = exists().where(Employment.person_id == PrivilegeDeputy.deputy_id, holding_on(Employment, day))
    return (
        select(PrivilegeDeputy)
        .join(InformationSystem, PrivilegeDeputy.system_id == InformationSystem.id)
        .where(
            PrivilegeDeputy.ended_at.is_(None), PrivilegeDeputy.valid_until > day, office, employed,
            ~under_contract(PrivilegeDeputy.deputy_id, day), ~auditor_under_any_row(PrivilegeDeputy.deputy_id, day),
        )
        .order_by(PrivilegeDeputy.id)
    )  # fmt: skip


def systems_deputised(session: Session, person_id: int, day: date) -> dict[int, int]:
    """System → the deputyship by which the person may use its registered IDs on the day."""
    found = session.scalars(_counting_on(day).where(PrivilegeDeputy.deputy_id == person_id)).all()
    return {one.system_id: one.id for one in reversed(found)}


def counting_in(session: Session, system_ids: Collection[int], day: date) -> list[PrivilegeDeputy]:
    """The deputyships that count for these systems on the day."""
    return list(session.scalars(_counting_on(day).where(PrivilegeDeputy.system_id.in_(system_ids))))


def _counting_on(day: date) -> Select[PrivilegeDeputy]:
    """Those that stand, accepted and within their period."""
    return standing_on(day).where(PrivilegeDeputy.accepted_at.is_not(None), holding_on(PrivilegeDeputy, day))
