"""Whose account has to be able to give a second factor at the target itself (FK 3(1)②ア, 6-2(3), 6-5(1)⑧; B2, I5)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.database import in_chunks
from idm.models.systems import Account
from idm.ports import ExternalId
from idm.queries.factors.factor_gate import accounts_at_the_gate, live_grants
from idm.vocabulary import AccountKind


@dataclass(frozen=True)
class Demanded:
    """One such account."""

    account_id: int
    login_name: str


def second_factor_demand(session: Session, system_id: int, *, now: datetime) -> dict[ExternalId, Demanded]:
    """The target's id → every account with a right in effect that stands behind the gate, or that is privileged."""
    privileged = frozenset(
        session.scalars(
            select(Account.id).where(Account.system_id == system_id, Account.kind == AccountKind.PRIVILEGED)
        )
    )
    asked = sorted(privileged.union(accounts_at_the_gate(session, system_id=system_id)))
    demanded = {
        one.account_id
        for one in live_grants(session, asked, now=now)
        if one.in_effect and (one.gated or one.account_id in privileged)
    }
    return {
        external_id: Demanded(account_id, login_name)
        for some in in_chunks(sorted(demanded))
        for account_id, external_id, login_name in session.execute(
            select(Account.id, Account.external_id, Account.login_name).where(Account.id.in_(some))
        )
        if external_id is not None
    }
