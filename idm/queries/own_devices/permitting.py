"""Whose permit a device waits for, and who looks after it (FK 5-1(1)④ア; control I4)."""

from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idm.models.own_devices import OwnDevice, OwnDevicePermit
from idm.own_device_state import next_permit
from idm.permissions import Action
from idm.policy import Policy
from idm.queries.organisation.officers import holders, humans, never_deciding
from idm.queries.organisation.reach import units_reached
from idm.queries.rights.leaving import SectionManagers
from idm.vocabulary import OwnDeviceState, Role


def permits_given(session: Session, device_id: int) -> int:
    """How many offices have answered."""
    query = select(func.count(OwnDevicePermit.id)).where(OwnDevicePermit.device_id == device_id)
    return session.scalar(query) or 0


def permitters(session: Session, device: OwnDevice, *, policy: Policy, day: date) -> frozenset[int]:
    """Who may give the permit that the device waits for; never its holder, an auditor or a contractor, nor anybody
    who gave one of them before. Where nobody but the holder manages the section, the chief officer does."""
    role = next_permit(permits_given(session, device.id), policy.own_devices)
    if device.state is not OwnDeviceState.ASKED or role is None:
        return frozenset()
    own = humans(session, [device.holder_id])[device.holder_id].rows
    found = _holding(session, role, device.unit_code, own, day)
    known = humans(session, found)
    gave = frozenset(session.scalars(select(OwnDevicePermit.by_id).where(OwnDevicePermit.device_id == device.id)))
    return found - never_deciding(session, known.values(), day) - {
        person_id for person_id in found if known[person_id].is_one_of(gave)
    }  # fmt: skip


def _holding(session: Session, role: Role, unit_code: str, own: frozenset[int], day: date) -> frozenset[int]:
    if role is not Role.SECTION:
        return frozenset(holders(session, role, None, day)) - own
    managing = SectionManagers.on(session, day).of(unit_code, without=own)
    return managing or frozenset(holders(session, Role.CHIEF, None, day)) - own


def reaches_unit(session: Session, person_id: int, action: Action, unit_code: str, day: date) -> bool:
    """Whether the person may do the action for people of the unit."""
    units = units_reached(session, person_id, action, day)
    return units is None or unit_code in units


def keepers(session: Session, device: OwnDevice, *, day: date) -> frozenset[int]:
    """Whoever manages the holder's section, and the security officers: who are told what becomes of a device."""
    own = humans(session, [device.holder_id])[device.holder_id].rows
    managing = SectionManagers.on(session, day).of(device.unit_code, without=own)
    return managing | (frozenset(holders(session, Role.SECURITY, None, day)) - own)
