"""The accounts of a system that are still settled: they need a second look only if their seal is broken."""

from datetime import date

from sqlalchemy import Row, or_, select
from sqlalchemy.orm import Session

from idm.models.going_live import SettledAccount
from idm.models.systems import Account

StillSettled = Row[bytes, int, str | None, str]
"""The seal, the account's id and the target's, and the groups it was in, a line each; a row as it came, for speed."""


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
    return {row[0]: row for row in rows}
