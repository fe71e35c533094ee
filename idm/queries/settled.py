"""The accounts of a system that are still settled: they need a second look only if their seal is broken."""

from datetime import date
from typing import NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from idm.models.going_live import SettledAccount
from idm.models.systems import Account
from idm.ports import ExternalId


class StillSettled(NamedTuple):
    """One account nothing was decided about since, with the groups it was in."""

    account_id: int
    external_id: ExternalId
    groups: tuple[ExternalId, ...]


def still_settled(session: Session, system_id: int, day: date) -> dict[bytes, StillSettled]:
    """Seal → account, for those whose generation is the one that was compared and whose day has not come."""
    rows = session.execute(
        select(SettledAccount.seal, Account.id, Account.external_id, SettledAccount.groups)
        .join(Account, SettledAccount.account_id == Account.id)
        .where(
            Account.system_id == system_id,
            Account.generation == SettledAccount.generation,
            or_(SettledAccount.until.is_(None), SettledAccount.until > day),
        )
    )
    return {seal: StillSettled(account_id, known_as, tuple(groups)) for seal, account_id, known_as, groups in rows}
