"""Whether an account is one that the product itself speaks to some system as (control D10)."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.models.systems import InformationSystem
from idm.own_service_account import is_own


def is_own_anywhere(session: Session, login_name: str) -> bool:
    """Whether the product signs in to any of its systems by that name: two systems may be one directory."""
    said = select(InformationSystem.service_account, InformationSystem.connector_settings)
    return any(is_own(login_name, account, settings) for account, settings in session.execute(said))
