"""A device is lost or stolen: told at once, and open until somebody has dealt with it (control I4)."""

from datetime import datetime

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.models.own_devices import OwnDevice
from idm.operations.own_devices.authority import locked, named, require_holder_or_keeper, require_may_keep
from idm.operations.own_devices.device_notices import move, record, tell
from idm.operations.stops.stop_notices import people_told
from idm.policy import Policy
from idm.queries.own_devices.permitting import keepers
from idm.registers.own_device_state import DeviceEvent
from idm.vocabulary import OwnDeviceEnd
from idm.written_text import written


def report_lost(
    session: Session, device_id: int, *, what: str, actor: Actor, policy: Policy, now: datetime
) -> OwnDevice:
    """Afterwards everybody whom the profile names knows that the device is lost or stolen.

    The holder, or whoever looks after it, says so. Raises NotFound, NotPermitted, InvalidInput, IllegalTransition.
    """
    device, person_id, day = locked(session, device_id), named(actor), day_of(now)
    require_holder_or_keeper(session, device, person_id, day=day)
    said = written(what, field="lost_what", empty="いつ・どこで失くし、端末に何が入っていたかを書いてください。")
    move(device, DeviceEvent.LOSE, now=now)
    device.lost_what, device.lost_told_by_id, device.lost_at = said, person_id, now
    device.cleared_how = device.cleared_by_id = None
    record(session, "own_device.lost", device, actor=actor, policy=policy, now=now, what=said)
    told = people_told(session, device.holder_id, policy.own_devices.told_of_loss, now=now)
    tell(session, told | keepers(session, device, day=day), device, "紛失・盗難の届出",
         "端末の紛失・盗難が届けられました。必要なら、本人の利用を緊急停止し、遠隔で情報を消してください。"
         f"\n・状況: {said}", now=now, urgent=True)  # fmt: skip
    return device


def found_again(session: Session, device_id: int, *, actor: Actor, policy: Policy, now: datetime) -> OwnDevice:
    """Afterwards a lost device is back; it is cleared before anything else. Raises NotFound, NotPermitted,
    IllegalTransition."""
    device = locked(session, device_id)
    require_holder_or_keeper(session, device, named(actor), day=day_of(now))
    move(device, DeviceEvent.FIND_AGAIN, now=now)
    device.end_reason, device.end_note = OwnDeviceEnd.FOUND_AGAIN, None
    record(session, "own_device.found_again", device, actor=actor, policy=policy, now=now)
    body = "紛失した端末が見つかりました。業務の情報を消し、消した方法を報告してください。"
    tell(session, {device.holder_id} | keepers(session, device, day=day_of(now)), device, "紛失した端末の発見", body,
         now=now)  # fmt: skip
    return device


def settle_loss(
    session: Session, device_id: int, *, note: str, actor: Actor, policy: Policy, now: datetime
) -> OwnDevice:
    """Afterwards a loss is dealt with, as the note says, and the entry is closed.

    Raises NotFound, NotPermitted, SeparationOfDuties for the holder, InvalidInput, IllegalTransition.
    """
    device, person_id = locked(session, device_id), named(actor)
    require_may_keep(session, device, person_id, day=day_of(now))
    said = written(note, field="settle_note", empty="行った対応（遠隔消去、パスワードの変更など）を書いてください。")
    move(device, DeviceEvent.SETTLE, now=now)
    device.closed_by_id, device.closing_note = person_id, said
    record(session, "own_device.closed", device, actor=actor, policy=policy, now=now, note=said)
    return device
