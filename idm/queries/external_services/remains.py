"""What is left of an external service whose end was planned, and who works with it (control I3)."""

from datetime import date

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from idm.errors import NotFound
from idm.grant_state import GrantState
from idm.models.external_services import ExternalService, ProviderAccount
from idm.models.privileged import RegisteredId
from idm.models.requests import Grant
from idm.models.systems import Account
from idm.models.work import Finding, SweepRun
from idm.registers.external_service_state import Remains


def remains_of(session: Session, service: ExternalService) -> Remains:
    """As it stands now. The service has an end planned."""
    system = service.system_id
    accounts = provider_accounts(session, service.id)
    here, nothing = Account.system_id == system, Finding.resolved_at.is_(None)
    read = select(func.max(SweepRun.finished_at)).where(SweepRun.system_id == system, SweepRun.failure.is_(None))
    registered = select(func.count()).where(RegisteredId.system_id == system, RegisteredId.ended_at.is_(None))
    return Remains(
        end_on=service.end_on or date.max,
        rights=_number(session, select(func.count(Grant.id)).join(Account, Grant.account_id == Account.id).where(
            here, Grant.state != GrantState.ENDED)),
        accounts=_number(session, select(func.count(Account.id)).where(here, Account.seen_present.is_(True))),
        strangers=_number(session, select(func.count(Finding.id)).where(Finding.system_id == system, nothing)),
        registered=_number(session, registered),
        has_target=system is not None,
        read_at=session.scalar(read),
        unfinished=sum(one.confirmed_at is None for one in accounts),
        named=sum(one.administers for one in accounts),
    )  # fmt: skip


def provider_accounts(session: Session, service_id: int) -> list[ProviderAccount]:
    """The accounts at the provider that were named, in the order in which they were."""
    query = select(ProviderAccount).where(ProviderAccount.service_id == service_id).order_by(ProviderAccount.id)
    return list(session.scalars(query))


def service_of_account(session: Session, provider_account_id: int) -> int:
    """The service that the account at a provider belongs to. Raises NotFound."""
    found = session.get(ProviderAccount, provider_account_id)
    if found is None:
        raise NotFound("アカウントが見つかりません。")
    return found.service_id


def people_working_with(session: Session, service: ExternalService) -> frozenset[int]:
    """Whoever has, or is to have, a right there."""
    query = (
        select(Account.person_id).join(Grant, Grant.account_id == Account.id)
        .where(Account.system_id == service.system_id, Grant.state != GrantState.ENDED)
    )  # fmt: skip
    return frozenset(one for one in session.scalars(query) if one is not None)


def _number(session: Session, query: Select[int]) -> int:
    return session.scalar(query) or 0
