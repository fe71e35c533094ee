"""A service in use is looked into regularly, and that is on record (FK 11-2(6)③, MC 8.2; control I2)."""

from datetime import datetime

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition
from idm.models.external_services import ExternalServiceCheck
from idm.operations.external_services.authority import locked, named, require_may_keep
from idm.operations.external_services.service_notices import record, tell
from idm.policy import Policy
from idm.queries.organisation.officers import holders
from idm.vocabulary import ExternalServiceState
from idm.written_text import written


def check(
    session: Session, service_id: int, *, still_needed: bool, comment: str, actor: Actor, policy: Policy, now: datetime
) -> ExternalServiceCheck:
    """Afterwards somebody who looks after the service has put their name to having looked.

    Where it is not needed any more, whoever can plan its end knows. Raises NotFound, NotPermitted, InvalidInput,
    IllegalTransition.
    """
    service, person_id = locked(session, service_id), named(actor)
    require_may_keep(session, service, person_id, day=day_of(now))
    if service.state is not ExternalServiceState.APPROVED:
        raise IllegalTransition("定期確認をするのは、利用中の外部サービスです。")
    said = written(comment, field="comment", empty="何を確かめたかを書いてください。")
    row = ExternalServiceCheck(
        service_id=service.id, checked_by_id=person_id, checked_at=now, still_needed=still_needed, comment=said
    )
    session.add(row)
    session.flush()
    record(session, "external_service.checked", service, actor=actor, policy=policy, now=now, needed=still_needed)
    if not still_needed:
        asking = {
            one for role in policy.external_services.asked_by for one in holders(session, role, None, day_of(now))
        }
        tell(session, asking | {service.administrator_id or service.asked_by_id}, service, "利用を終える手続",
             "定期確認で、必要なくなったとされました。利用を終える手続をしてください。", now=now)  # fmt: skip
    return row
