"""A permitted device is looked into regularly, and that is on record (control I4)."""

from datetime import datetime

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition
from idm.models.own_devices import OwnDeviceCheck
from idm.operations.own_devices.authority import locked, named, require_may_keep
from idm.operations.own_devices.device_notices import record
from idm.operations.own_devices.endings import take_back
from idm.policy import Policy
from idm.vocabulary import OwnDeviceState
from idm.written_text import written


def check(
    session: Session, device_id: int, *, still_needed: bool, comment: str, actor: Actor, policy: Policy, now: datetime
) -> OwnDeviceCheck:
    """Afterwards somebody who looks after the device has put their name to having looked; one not needed is ended.

    Raises NotFound, NotPermitted, SeparationOfDuties for its holder, InvalidInput, IllegalTransition.
    """
    device, person_id = locked(session, device_id), named(actor)
    require_may_keep(session, device, person_id, day=day_of(now))
    if device.state is not OwnDeviceState.PERMITTED:
        raise IllegalTransition("定期確認をするのは、許可されている端末です。")
    said = written(comment, field="comment", empty="何を確かめたかを書いてください。")
    row = OwnDeviceCheck(
        device_id=device.id, checked_by_id=person_id, checked_at=now, still_needed=still_needed, comment=said
    )
    session.add(row)
    record(session, "own_device.checked", device, actor=actor, policy=policy, now=now, needed=still_needed)
    if not still_needed:
        take_back(session, device, said, field="comment", actor=actor, policy=policy, now=now)
    return row
