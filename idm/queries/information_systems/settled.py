"""The accounts of a system that are still settled: they need a second look only if their seal is broken."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session

from idm.database import in_chunks
from idm.models.going_live import SettledAccount
from idm.models.systems import Account
from idm.ports import ExternalId


def _stands(day: date) -> ColumnElement[bool]:
    """Whether nothing was decided about the account since, and its day has not come."""
    return and_(
        SettledAccount.account_id == Account.id,
        SettledAccount.generation == Account.generation,
        or_(SettledAccount.until.is_(None), SettledAccount.until > day),
    )


def is_settled(day: date) -> ColumnElement[bool]:
    """The condition that the account (Account) was found right, and nothing was decided about it since."""
    return exists().where(_stands(day))


def still_settled(session: Session, system_id: int, day: date) -> dict[bytes, int]:
    """Seal → account, for those whose generation is the one that was compared and whose day has not come."""
    query = select(SettledAccount.seal, Account.id).join(Account, _stands(day)).where(Account.system_id == system_id)
    return dict(session.connection().execute(query).all())


def settled_members(session: Session, system_id: int, day: date) -> dict[ExternalId, dict[ExternalId, int]]:
    """Group → the settled accounts that were in it, by the target's ids."""
    rows = session.execute(
        select(Account.id, Account.external_id, SettledAccount.groups)
        .join(Account, _stands(day))
        .where(Account.system_id == system_id, SettledAccount.groups != "")
    )
    members: dict[ExternalId, dict[ExternalId, int]] = defaultdict(dict)
    for account_id, external_id, groups in rows:
        if external_id is not None:
            for group in groups.splitlines():
                members[group][external_id] = account_id
    return members


def accounts_by_external_id(
    session: Session, system_id: int, external_ids: Iterable[ExternalId]
) -> dict[ExternalId, int]:  # fmt: skip
    """The target's id → the account, for those of the system."""
    found: dict[ExternalId, int] = {}
    for some in in_chunks(external_ids):
        rows = session.execute(
            select(Account.external_id, Account.id).where(Account.system_id == system_id, Account.external_id.in_(some))
        )
        found.update((external_id, account_id) for external_id, account_id in rows if external_id is not None)
    return found
