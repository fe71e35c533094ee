"""Why a device is not used any more, or not yet: what its permit rested on has gone (FK 5-1(1)④ア; control I4)."""

from datetime import date

from sqlalchemy.orm import Session

from idm.models.own_devices import OwnDevice
from idm.queries.outsiders.outside_scope import units_of_person
from idm.queries.privileged.eligibility import is_employed
from idm.vocabulary import OwnDeviceEnd


def why_over(session: Session, device: OwnDevice, day: date) -> OwnDeviceEnd | None:
    """What keeps the device from being used on the day; None = nothing does.

    A permit is the section manager's, so it does not move with its holder.
    """
    if not is_employed(session, device.holder_id, day):
        return OwnDeviceEnd.LEFT
    if device.ends_on <= day:
        return OwnDeviceEnd.PERIOD_OVER
    return None if device.unit_code in units_of_person(session, device.holder_id, day) else OwnDeviceEnd.MOVED
