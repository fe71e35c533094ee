"""Who may be in a privileged group at this moment, by our rows: what a sweep compares members with (control D9)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.database import in_chunks
from idm.directory.out_of_band import Registered
from idm.models.going_live import FoundAccount
from idm.models.privileged import RegisteredId
from idm.models.systems import Account
from idm.ports import ExternalId
from idm.queries.information_systems.comparable import comparable_accounts


def registered_ids(session: Session, system_id: int, *, now: datetime) -> Mapping[ExternalId, Registered]:
    """The IDs that two people have put into the register and nobody has ended, by the target's id."""
    rows = session.execute(
        select(FoundAccount.external_id, RegisteredId.kind, RegisteredId.valid_until)
        .join(RegisteredId, RegisteredId.found_id == FoundAccount.id)
        .where(
            RegisteredId.system_id == system_id,
            RegisteredId.accepted_at.is_not(None),
            RegisteredId.ended_at.is_(None),
        )
    )
    today = day_of(now)
    return {
        external_id: Registered(kind, over=valid_until is not None and valid_until <= today)
        for external_id, kind, valid_until in rows
    }


@dataclass(frozen=True)
class MembersNow:
    """What our rows say at one moment: who may be where, and who is just being written and is not judged."""

    allowed: frozenset[tuple[ExternalId, ExternalId]]
    """(group, member)."""
    under_way: frozenset[ExternalId]
    accounts: Mapping[ExternalId, int]
    """Member → the account of ours that it is."""


def members_now(
    session: Session, system_id: int, members: Collection[ExternalId], *, now: datetime, delete_after_days: int
) -> MembersNow:
    """What holds now of these members of groups: a use may have been opened, or ended, a moment ago."""
    ours = select(Account.id).where(Account.system_id == system_id, Account.person_id.is_not(None))
    rows = [
        row
        for some in in_chunks(members)
        for row in comparable_accounts(
            session, session.scalars(ours.where(Account.external_id.in_(some))).all(), now=now,
            delete_after_days=delete_after_days,
        )
    ]  # fmt: skip
    known = [(row, external_id) for row in rows if (external_id := row.external_id) is not None]
    return MembersNow(
        frozenset((group, external_id) for row, external_id in known for group in row.wanted.member_of),
        frozenset(external_id for row, external_id in known if row.under_way),
        {external_id: row.account_id for row, external_id in known},
    )
