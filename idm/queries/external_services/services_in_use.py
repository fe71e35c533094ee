"""In which systems of external services rights are given, and whose accounts go with a service (controls I2 and I3)."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.database import in_chunks
from idm.models.external_services import ExternalService
from idm.models.systems import Account
from idm.vocabulary import ExternalServiceState


def services_in_use(session: Session) -> frozenset[int]:
    """The systems whose external service is approved, and is to go on."""
    query = select(ExternalService.system_id).where(ExternalService.state == ExternalServiceState.APPROVED)
    return frozenset(one for one in session.scalars(query) if one is not None)


def gone_with_service(session: Session, account_ids: Collection[int], day: date) -> dict[int, date]:
    """Account → the day from which its service is not used any more, where that has come."""
    found: dict[int, date] = {}
    over = ExternalService.state.in_((ExternalServiceState.ENDING, ExternalServiceState.CLOSED))
    for some in in_chunks(account_ids):
        rows = session.execute(
            select(Account.id, ExternalService.end_on)
            .join(ExternalService, ExternalService.system_id == Account.system_id)
            .where(Account.id.in_(some), over, ExternalService.end_on <= day)
        )
        found |= {account_id: end_on for account_id, end_on in rows if end_on is not None}
    return found
