"""What a directory was seen to demand of accounts, kept with its date (control B2). Lists of products are read in
`idm.operations.factors.enrolment_lists`.

Only accounts with a right behind the gate are kept account of. What was read earlier never replaces what was read
later, so a comparison that began before a worker wrote undoes nothing.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from idm.database import in_chunks
from idm.factors.factor_gate import demand_shown
from idm.models.authenticators import FactorReading
from idm.models.systems import Account, InformationSystem
from idm.ports import TargetAccount
from idm.queries.factors.factor_gate import SET_BY_US, live_grants
from idm.vocabulary import VerifiedBy


def record(session: Session, system_id: int, seen: Mapping[int, TargetAccount], *, now: datetime) -> None:
    """Afterwards it is known of each account what the directory demanded of it at `now`. `seen`: account → as read.

    Nothing is recorded in a system where a product verifies factors: its list says so, and nothing else.
    """
    system = session.get_one(InformationSystem, system_id)
    by = VerifiedBy(str(system.verification["by"])) if system.verification else None
    if by not in SET_BY_US or by is None:
        return
    behind = {one.account_id for one in live_grants(session, list(seen), now=now) if one.gated}
    shown = {one: demand_shown(by, system.factor_group_id, seen[one]) for one in sorted(behind)}
    _keep(session, {one: required for one, required in shown.items() if required is not None}, read_at=now)


def _keep(session: Session, required: Mapping[int, bool], *, read_at: datetime) -> None:
    for some in in_chunks(required):
        known = set(session.scalars(select(FactorReading.account_id).where(FactorReading.account_id.in_(some))))
        for answer in (True, False):
            said = [one for one in some if required[one] is answer and one in known]
            session.execute(
                update(FactorReading)
                .where(FactorReading.account_id.in_(said), FactorReading.read_at <= read_at)
                .values(required=answer, kinds=None, read_at=read_at, list_import_id=None)
            )
        new = [_row(one, required[one], read_at) for one in some if one not in known]
        if new:
            session.execute(insert(FactorReading), new)


def _row(account_id: int, required: bool, read_at: datetime) -> dict[str, object]:
    return {"account_id": account_id, "required": required, "kinds": None, "read_at": read_at, "list_import_id": None}


def still_so(session: Session, account_ids: Collection[int], *, now: datetime) -> None:
    """Afterwards what was read of these accounts counts as read at `now`: the directory vouched that nothing changed.

    What stood in a list is as old as its list.
    """
    for some in in_chunks(account_ids):
        session.execute(
            update(FactorReading)
            .where(
                FactorReading.account_id.in_(some), FactorReading.list_import_id.is_(None),
                FactorReading.read_at < now,
            )
            .values(read_at=now)
        )  # fmt: skip


def forget_without_rights(session: Session, account_ids: Collection[int], *, now: datetime) -> None:
    """Afterwards nothing is known of those of the accounts that have no right behind the gate any more: nobody keeps
    account of them from now on, and a right that comes later is shown anew."""
    for some in in_chunks(account_ids):
        known = set(session.scalars(select(FactorReading.account_id).where(FactorReading.account_id.in_(some))))
        gated = {one.account_id for one in live_grants(session, known, now=now) if one.gated}
        if known > gated:
            session.execute(delete(FactorReading).where(FactorReading.account_id.in_(known - gated)))


def read_accounts(session: Session, *, system_id: int | None = None) -> list[int]:
    """The accounts of which something is known; of one system if named."""
    query = select(FactorReading.account_id).join(Account, FactorReading.account_id == Account.id)
    if system_id is not None:
        query = query.where(Account.system_id == system_id)
    return sorted(session.scalars(query))


def forget(session: Session, system_id: int) -> None:
    """Afterwards nothing is known of what is demanded in the system: something else demands it, or it is elsewhere."""
    accounts = select(Account.id).where(Account.system_id == system_id)
    session.execute(delete(FactorReading).where(FactorReading.account_id.in_(accounts)))
    session.get_one(InformationSystem, system_id).factor_group_id = None
