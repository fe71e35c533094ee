"""Whose permit a device waits for, and who looks after it (FK 5-1(1)④ア; control I4)."""

from collections.abc import Collection, Mapping
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idm.models.own_devices import OwnDevice, OwnDevicePermit
from idm.permissions import Action
from idm.policy import Policy
from idm.queries.organisation.officers import holders, humans, never_deciding
from idm.queries.organisation.reach import units_reached
from idm.queries.rights.leaving import SectionManagers
from idm.registers.own_device_state import next_permit
from idm.vocabulary import OwnDeviceState, Role


def permits_given(session: Session, device_id: int) -> int:
    """How many offices have answered."""
    query = select(func.count(OwnDevicePermit.id)).where(OwnDevicePermit.device_id == device_id)
    return session.scalar(query) or 0


INSTEAD: Mapping[Role, Role] = {
    Role.CISO: Role.VICE_CISO, Role.SECTION: Role.CHIEF, Role.SECURITY: Role.CHIEF, Role.CHIEF: Role.VICE_CISO,
}  # fmt: skip
"""Which office answers where nobody of the one that is asked can: it is empty, or its holder's own device is meant."""


def permitters(session: Session, device: OwnDevice, *, policy: Policy, day: date) -> frozenset[int]:
    """Who may give the permit that the device waits for; never its holder, an auditor or a contractor, nor anybody
    who gave one of them before, under whatever row. Where nobody of the office is left, the next one answers."""
    role = next_permit(permits_given(session, device.id), policy.own_devices)
    if device.state is not OwnDeviceState.ASKED:
        return frozenset()
    found = frozenset[int]()
    while role is not None and not found:
        found = _seated(session, role, device, day)
        role = INSTEAD.get(role)
    return found


def _seated(session: Session, role: Role, device: OwnDevice, day: date) -> frozenset[int]:
    if role is not Role.SECTION:
        return _able(session, holders(session, role, None, day), device, day)
    managers = SectionManagers.on(session, day)
    everybody = frozenset[int]().union(*managers.by_unit.values())
    return managers.of(device.unit_code, without=everybody - _able(session, everybody, device, day))


def _able(session: Session, person_ids: Collection[int], device: OwnDevice, day: date) -> frozenset[int]:
    known = humans(session, person_ids)
    gave = session.scalars(select(OwnDevicePermit.by_id).where(OwnDevicePermit.device_id == device.id))
    barred = never_deciding(session, known.values(), day) | {device.holder_id, *gave}
    return frozenset(person_id for person_id, human in known.items() if not human.is_one_of(barred))


def reaches_unit(session: Session, person_id: int, action: Action, unit_code: str, day: date) -> bool:
    """Whether the person may do the action for people of the unit."""
    units = units_reached(session, person_id, action, day)
    return units is None or unit_code in units


def keepers(
    session: Session, device: OwnDevice, *, without: Collection[int] = (), day: date
) -> frozenset[int]:  # fmt: skip
    """Whoever manages the holder's section, and the security officers: who are told what becomes of a device. Where
    nobody is left of them but the holder and those left out, the chief officers."""
    barred = frozenset[int]().union(*(one.rows for one in humans(session, {device.holder_id, *without}).values()))
    managing = SectionManagers.on(session, day).of(device.unit_code, without=barred)
    found = managing | (frozenset(holders(session, Role.SECURITY, None, day)) - barred)
    return found or frozenset(holders(session, Role.CHIEF, None, day)) - barred
