"""The accounts by which the product itself signs in to its systems (control D10)."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.directory.own_service_account import ServiceAccount
from idm.models.systems import InformationSystem


def own_service_accounts(session: Session) -> list[ServiceAccount]:
    """One for each system."""
    system = InformationSystem
    rows = session.execute(
        select(system.connector, system.service_account_id, system.service_account, system.connector_settings)
    )
    return [ServiceAccount(connector, known, name, settings) for connector, known, name, settings in rows]
