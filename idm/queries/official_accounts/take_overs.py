"""Take-overs of official accounts of which nobody has confirmed that they are over (FK 6-1(22)④; control I6)."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.models.official_accounts import TakeOver


def open_take_over(session: Session, official_account_id: int) -> TakeOver | None:
    """The account's one that is not over."""
    mine = TakeOver.official_account_id == official_account_id
    return session.scalars(select(TakeOver).where(mine, TakeOver.confirmed_at.is_(None))).one_or_none()


def accounts_with_open_take_over(session: Session) -> frozenset[int]:
    """The accounts that have one."""
    return frozenset(session.scalars(select(TakeOver.official_account_id).where(TakeOver.confirmed_at.is_(None))))
