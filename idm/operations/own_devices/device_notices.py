"""What an act on a device leaves behind: its new state, an audit record, and notices (control I4)."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.models.own_devices import OwnDevice
from idm.operations.notification.notices import notify
from idm.policy import Policy
from idm.registers.own_device_state import DeviceEvent, after

PAGE = "/own-devices"


def move(device: OwnDevice, event: DeviceEvent, *, now: datetime) -> None:
    """Afterwards the device is in the state that follows, since now. Raises IllegalTransition."""
    device.state, device.since = after(device.state, event), now


def record(
    session: Session, action: str, device: OwnDevice, *, actor: Actor, policy: Policy, now: datetime, **more: object
) -> None:
    """Afterwards the audit says what happened to the device."""
    session.flush()
    audit.record(
        session, action=action, actor=actor, obj=("own_device", str(device.id)), now=now, policy_digest=policy.digest,
        payload={
            "holder": device.holder_id, "unit": device.unit_code, "maker": device.maker, "model": device.model,
            "state": device.state.value, "confidentiality": device.confidentiality,
            "begins_on": device.begins_on.isoformat(), "ends_on": device.ends_on.isoformat(),
            "replaces": device.replaces_id, **more,
        },
    )  # fmt: skip


def tell(
    session: Session, people: Iterable[int], device: OwnDevice, subject: str, body: str, *, now: datetime,
    asks: bool = True, urgent: bool = False,
) -> None:  # fmt: skip
    """Afterwards each of the people has a notice with a link to the device. `urgent`: it waits for no digest."""
    notify(
        session, people, now=now, link=f"{PAGE}/{device.id}", asks=asks, urgent=urgent,
        subject=f"【支給以外の端末】{subject}",
        body=f"{body}\n・端末: {device.maker} {device.model}（第{device.id}号）\n・利用の目的: {device.purpose}",
    )  # fmt: skip
