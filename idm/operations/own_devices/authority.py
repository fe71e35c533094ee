"""Who may do what with a device that the body did not issue (FK 5-1(1)④; control I4)."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.errors import NotFound, NotPermitted, SeparationOfDuties
from idm.models.own_devices import OwnDevice
from idm.permissions import Action
from idm.policy import Policy
from idm.queries.organisation.officers import contracted, humans
from idm.queries.own_devices.permitting import permits_given, permitters, reaches_unit
from idm.queries.privileged.eligibility import is_employed
from idm.registers.own_device_state import next_permit


def named(actor: Actor) -> int:
    """The person who acts. Raises NotPermitted for a job."""
    if actor.person_id is None:
        raise NotPermitted("端末の手続は、名前のある人だけが行えます。")
    return actor.person_id


def locked(session: Session, device_id: int) -> OwnDevice:
    """The device, held until the transaction ends. Raises NotFound."""
    device = session.get(OwnDevice, device_id, with_for_update=True, populate_existing=True)
    if device is None:
        raise NotFound("端末が見つかりません。")
    return device


def locked_with_renewed(session: Session, device_id: int) -> tuple[OwnDevice, OwnDevice | None]:
    """The device and what it renews, held until the transaction ends: the older one first, as a day's run takes them,
    so that neither waits for the other in a ring. Raises NotFound."""
    renewed_id = session.scalar(select(OwnDevice.replaces_id).where(OwnDevice.id == device_id))
    renewed = locked(session, renewed_id) if renewed_id is not None else None
    return locked(session, device_id), renewed


def require_may_ask(session: Session, person_id: int, *, day: date) -> None:
    """Afterwards the person works here and is no contractor. Raises NotPermitted."""
    if not is_employed(session, person_id, day):
        raise NotPermitted("支給以外の端末の利用を申請できるのは、在籍している人だけです。")
    if contracted(session, humans(session, [person_id])[person_id].rows, day):
        raise NotPermitted("委託事業者の端末は、契約で定めます。ここでは申請できません。")


def require_may_permit(session: Session, device: OwnDevice, person_id: int, *, policy: Policy, day: date) -> None:
    """Afterwards it is this person's turn to answer. Raises NotPermitted, SeparationOfDuties for the holder."""
    if is_holder(session, device, person_id):
        raise SeparationOfDuties("自分の端末の利用を、自分で許可することはできません。（SOD-1）", code="SOD-1")
    if person_id in permitters(session, device, policy=policy, day=day):
        return
    role = next_permit(permits_given(session, device.id), policy.own_devices)
    whose = f"いま許可を待っているのは、{policy.title_of(role)}です。" if role is not None else ""
    raise NotPermitted(f"この端末の利用の可否を決めることはできません。{whose}")


def is_holder(session: Session, device: OwnDevice, person_id: int) -> bool:
    """Whether the device is this human's own."""
    return humans(session, [person_id])[person_id].is_one_of(frozenset({device.holder_id}))


def may_keep(session: Session, device: OwnDevice, person_id: int, *, day: date) -> bool:
    """Whether the person looks after the devices of the holder's section; nobody does of their own."""
    reached = reaches_unit(session, person_id, Action.KEEP_OWN_DEVICES, device.unit_code, day)
    return reached and not is_holder(session, device, person_id)


def require_may_keep(session: Session, device: OwnDevice, person_id: int, *, day: date) -> None:
    """Afterwards the person looks after the device. Raises NotPermitted, SeparationOfDuties for the holder."""
    if is_holder(session, device, person_id):
        raise SeparationOfDuties("自分の端末の手続を、自分で確認することはできません。（SOD-1）", code="SOD-1")
    if not may_keep(session, device, person_id, day=day):
        raise NotPermitted("この手続は、所属の管理者と、端末の台帳を管理する職の人だけが行えます。")


def require_holder_or_keeper(session: Session, device: OwnDevice, person_id: int, *, day: date) -> bool:
    """Whether the person is its holder; else they look after it. Raises NotPermitted."""
    if is_holder(session, device, person_id):
        return True
    require_may_keep(session, device, person_id, day=day)
    return False
