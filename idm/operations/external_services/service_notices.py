"""What an act on the register of external services leaves behind: an audit record, and notices (controls I2 and I3)."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import iso
from idm.models.external_services import ExternalService
from idm.operations.notification.notices import notify
from idm.policy import Policy

PAGE = "/external-services"


def record(
    session: Session, action: str, service: ExternalService, *, actor: Actor, policy: Policy, now: datetime,
    **more: object,
) -> None:  # fmt: skip
    """Afterwards the audit says what happened to the service."""
    audit.record(
        session, action=action, actor=actor, obj=("external_service", str(service.id)), now=now,
        policy_digest=policy.digest,
        payload={
            "name": service.name, "provider": service.provider, "state": service.state.value,
            "confidential": service.confidential, "system": service.system_id,
            "administrator": service.administrator_id, "replaces": service.replaces_id,
            "end_on": service.end_on.isoformat() if service.end_on is not None else None,
            "carried_out_at": iso(service.carried_out_at), **more,
        },
    )  # fmt: skip


def tell(
    session: Session, people: Iterable[int], service: ExternalService, subject: str, body: str, *, now: datetime,
    asks: bool = True,
) -> None:  # fmt: skip
    """Afterwards each of the people has a notice with a link to the service."""
    notify(
        session, people, now=now, link=f"{PAGE}/{service.id}", asks=asks,
        subject=f"【外部サービス】{subject}：{service.name}",
        body=f"{body}\n・外部サービス: {service.name}（{service.provider}）\n・利用の目的: {service.purpose}",
    )  # fmt: skip
