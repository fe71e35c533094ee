"""A device is used no longer: what is on it goes, and another person confirms that it has gone (MC 5.1; control I4)."""

from datetime import datetime

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import SeparationOfDuties
from idm.models.own_devices import OwnDevice
from idm.operations.own_devices.authority import locked, named, require_holder_or_keeper, require_may_keep
from idm.operations.own_devices.device_notices import move, record, tell
from idm.policy import Policy
from idm.queries.organisation.officers import humans
from idm.queries.own_devices.permitting import keepers
from idm.registers.own_device_state import DeviceEvent
from idm.vocabulary import OWN_DEVICE_END_TITLES, OwnDeviceEnd
from idm.written_text import written


def end(
    session: Session, device_id: int, *, note: str = "", actor: Actor, policy: Policy, now: datetime
) -> OwnDevice:  # fmt: skip
    """Afterwards the device is not used any more, because its holder needs it no longer, or because the permit is taken
    back for the reason in `note`; a holder needs none.

    Raises NotFound, NotPermitted, InvalidInput, IllegalTransition.
    """
    device = locked(session, device_id)
    own = require_holder_or_keeper(session, device, named(actor), day=day_of(now))
    if own:
        carry_out_end(session, device, OwnDeviceEnd.NOT_NEEDED, actor=actor, policy=policy, now=now)
    else:
        take_back(session, device, note, field="end_note", actor=actor, policy=policy, now=now)
    return device


def take_back(
    session: Session, device: OwnDevice, note: str, *, field: str, actor: Actor, policy: Policy, now: datetime
) -> None:
    """Afterwards the permit is taken back, and the holder knows why. Raises InvalidInput, IllegalTransition."""
    device.end_note = written(note, field=field, empty="許可を取り消す理由を書いてください。")
    carry_out_end(session, device, OwnDeviceEnd.TAKEN_BACK, actor=actor, policy=policy, now=now)


def carry_out_end(
    session: Session, device: OwnDevice, reason: OwnDeviceEnd, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    """Afterwards the holder knows that the information on it has to go, and who looks after it knows too."""
    move(device, DeviceEvent.END, now=now)
    device.end_reason = reason
    record(session, "own_device.ended", device, actor=actor, policy=policy, now=now, reason=reason.value,
           note=device.end_note)  # fmt: skip
    body = (
        f"端末の利用は終わりました（{OWN_DEVICE_END_TITLES[reason]}）。業務の情報とアプリを端末から消し、"
        "消した方法を報告してください。別の人が確認します。"
    ) + (f"\n・理由: {device.end_note}" if device.end_note is not None else "")
    tell(session, {device.holder_id}, device, "利用の終了と情報の削除", body, now=now)
    tell(session, keepers(session, device, day=day_of(now)), device, "利用の終了", body, now=now, asks=False)


def report_cleared(
    session: Session, device_id: int, *, how: str, actor: Actor, policy: Policy, now: datetime
) -> OwnDevice:
    """Afterwards it is on record how the information was removed; another person has been asked to confirm.

    The holder reports; of somebody who has left, whoever looks after it. Raises NotFound, NotPermitted, InvalidInput,
    IllegalTransition.
    """
    device, person_id, day = locked(session, device_id), named(actor), day_of(now)
    require_holder_or_keeper(session, device, person_id, day=day)
    said = written(how, field="cleared_how", empty="どのように消し、消えたことをどう確かめたかを書いてください。")
    move(device, DeviceEvent.REPORT_CLEARED, now=now)
    device.cleared_how, device.cleared_by_id = said, person_id
    record(session, "own_device.cleared", device, actor=actor, policy=policy, now=now, how=said)
    tell(session, keepers(session, device, without={person_id}, day=day), device, "情報の削除の確認",
         "業務の情報を消したことが報告されました。確認してください。", now=now)  # fmt: skip
    return device


def confirm(
    session: Session, device_id: int, *, note: str, gone: bool, actor: Actor, policy: Policy, now: datetime
) -> OwnDevice:
    """Afterwards the entry is closed, or (not `gone`) the device has to be cleared again; who reported it knows.

    Raises NotFound, NotPermitted, SeparationOfDuties for the holder and for who reported it, InvalidInput,
    IllegalTransition.
    """
    device, person_id = locked(session, device_id), named(actor)
    require_may_keep(session, device, person_id, day=day_of(now))
    if humans(session, [person_id])[person_id].is_one_of(frozenset({device.cleared_by_id or 0})):
        raise SeparationOfDuties("自分が報告した削除を、自分で確認することはできません。（SOD-1）", code="SOD-1")
    said = written(note, field="confirm_note", empty="何を見て確かめたか（差し戻すときはその理由）を書いてください。")
    if gone:
        move(device, DeviceEvent.CONFIRM, now=now)
        device.closed_by_id, device.closing_note = person_id, said
        record(session, "own_device.closed", device, actor=actor, policy=policy, now=now, note=said)
        return device
    move(device, DeviceEvent.SEND_BACK, now=now)
    reported_by = device.cleared_by_id or device.holder_id
    device.cleared_how = device.cleared_by_id = None
    record(session, "own_device.sent_back", device, actor=actor, policy=policy, now=now, note=said)
    tell(session, {device.holder_id, reported_by}, device, "情報の削除のやり直し",
         f"情報の削除を確認できませんでした。もう一度消して、報告してください。\n・理由: {said}", now=now)  # fmt: skip
    return device
