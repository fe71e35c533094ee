"""What a day does about devices that the body did not issue: ends, reminders, findings (control I4)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.models.own_devices import OwnDevice, OwnDeviceCheck
from idm.models.work import Finding
from idm.operations.own_devices.device_notices import move, record, tell
from idm.operations.own_devices.endings import carry_out_end
from idm.operations.sweep.findings import Found, record_everywhere
from idm.policy import Policy
from idm.queries.own_devices.why_over import why_over
from idm.registers.own_device_state import WATCHED, DeviceEvent, DeviceFacts, check_due, faults
from idm.vocabulary import OWN_DEVICE_END_TITLES, FindingKind, OwnDeviceEnd, OwnDeviceState
from idm.wareki import format_wareki

KINDS = (FindingKind.OWN_DEVICE_UNCARED, FindingKind.OWN_DEVICE_LOST)


def follow(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards what is over has ended, whose end is near has been told, and what is not looked after is a finding.

    Returns how many uses were ended. Running it again on the same day does nothing more.
    """
    day = day_of(now)
    looked_at = session.scalars(
        select(OwnDevice).where(OwnDevice.state.in_(WATCHED | {OwnDeviceState.ASKED}))
        .order_by(OwnDevice.id).with_for_update()
    ).all()  # fmt: skip
    for device in looked_at:
        why = why_over(session, device, day) if device.state is OwnDeviceState.ASKED else None
        if why is not None:
            _lapse(session, device, why, actor=actor, policy=policy, now=now)
    over = [
        (device, reason)
        for device in looked_at
        if device.state is OwnDeviceState.PERMITTED and (reason := why_over(session, device, day)) is not None
    ]
    for device, reason in over:
        carry_out_end(session, device, reason, actor=actor, policy=policy, now=now)
    for device in looked_at:
        _remind(session, device, policy=policy, now=now)
    _find(session, looked_at, actor=actor, policy=policy, now=now)
    return len(over)


def _lapse(
    session: Session, device: OwnDevice, why: OwnDeviceEnd, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    move(device, DeviceEvent.LAPSE, now=now)
    record(session, "own_device.lapsed", device, actor=actor, policy=policy, now=now, reason=why.value)
    body = f"決定のないまま、申請は失効しました（{OWN_DEVICE_END_TITLES[why]}）。必要なら、あらためて申請してください。"
    tell(session, {device.holder_id}, device, "申請の失効", body, now=now, asks=False)


def _remind(session: Session, device: OwnDevice, *, policy: Policy, now: datetime) -> None:
    near = device.ends_on - timedelta(days=policy.own_devices.remind_days) <= day_of(now)
    if device.state is not OwnDeviceState.PERMITTED or device.reminded_at is not None or not near:
        return
    device.reminded_at = now
    last = format_wareki(device.ends_on - timedelta(days=1))
    tell(session, {device.holder_id}, device, "利用期間の終わり",
         f"端末を使えるのは{last}までです。続けて使うときは、更新を申請してください。使わないときは、情報を消して報告してください。",
         now=now)  # fmt: skip


def _find(
    session: Session, devices: Sequence[OwnDevice], *, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    day, checked, found = day_of(now), _last_checks(session), []
    for device in devices:
        since = checked.get(device.id) or device.since
        facts = DeviceFacts(device.state, day_of(device.since), check_due(day_of(since), policy.own_devices))
        wrong = faults(facts, day, policy.own_devices)
        if wrong:
            label = f"第{device.id}号（{device.maker} {device.model}）：{''.join(wrong)}"
            details: dict[str, object] = {"device": device.id, "faults": list(wrong)}
            found.append(Found(FindingKind.OWN_DEVICE_UNCARED, str(device.id), label, details=details))
        if device.state is OwnDeviceState.LOST:
            label = f"第{device.id}号（{device.maker} {device.model}）：紛失・盗難の後の対応が終わっていません。"
            found.append(Found(FindingKind.OWN_DEVICE_LOST, str(device.id), label, details={"device": device.id}))
    known = select(func.count()).where(Finding.kind.in_(KINDS), Finding.resolved_at.is_(None))
    if found or session.scalar(known):
        record_everywhere(session, KINDS, found, actor=actor, policy=policy, now=now)


def _last_checks(session: Session) -> dict[int, datetime]:
    query = select(OwnDeviceCheck.device_id, func.max(OwnDeviceCheck.checked_at)).group_by(OwnDeviceCheck.device_id)
    return dict(row for row in session.execute(query))
