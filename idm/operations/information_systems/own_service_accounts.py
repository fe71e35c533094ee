"""What a directory says of the account by which the product signs in to it is remembered (control D10)."""

from datetime import datetime

from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.models.systems import InformationSystem
from idm.policy import Policy
from idm.ports import ExternalId


def recognise(
    session: Session, asked: InformationSystem, external_id: ExternalId, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    """Afterwards our own account of the system is known by that id, whatever name goes with it.

    `asked`: the system as it was when its directory was asked; of other settings that says nothing.
    """
    system = session.get_one(InformationSystem, asked.id, with_for_update=True, populate_existing=True)
    same = (system.connector, system.connector_settings) == (asked.connector, asked.connector_settings)
    if not same or system.service_account_id == external_id:
        return
    system.service_account_id = external_id
    audit.record(
        session, action="system.own_account", actor=actor, obj=("system", system.code), now=now,
        policy_digest=policy.digest, payload={"external_id": external_id},
    )  # fmt: skip


def forget(system: InformationSystem) -> None:
    """Afterwards its directory has to say again which account is ours: we may sign in by another one."""
    system.service_account_id = None
