"""Accounts that showed exactly what was approved, kept with their seals: the next comparison need not read them.

A seal vouches for the directory's side only. Ours is vouched for by the generation (every decision raises it) and by
the day on which something else is wanted though nobody decides anything.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from idm.database import in_chunks
from idm.models.going_live import SettledAccount
from idm.models.systems import Account

ROWS_AT_ONCE = 1000


@dataclass(frozen=True)
class Settled:
    """One account that was compared and found as approved. `until`: the first day on which that may have changed."""

    account_id: int
    seal: bytes
    generation: int
    until: date | None
    groups: tuple[str, ...]


def keep_settled(session: Session, system_id: int, settled: Collection[Settled], *, looked_at: Collection[int]) -> None:
    """Afterwards of the accounts looked at exactly these are settled; those not looked at are as they were."""
    known = {one.account_id: one for one in _known(session, system_id)}
    found = {one.account_id: one for one in settled}
    stale = [one for one in looked_at if one in known and known[one] != found.get(one)]
    fresh = [one for one in found.values() if known.get(one.account_id) != one]
    for some in in_chunks(stale, ROWS_AT_ONCE):
        session.execute(delete(SettledAccount).where(SettledAccount.account_id.in_(some)))
    if fresh:
        session.execute(
            insert(SettledAccount),
            [
                {"account_id": one.account_id, "seal": one.seal, "generation": one.generation, "until": one.until,
                 "groups": "\n".join(one.groups)} for one in fresh
            ],
        )  # fmt: skip


def _known(session: Session, system_id: int) -> Iterator[Settled]:
    query = select(SettledAccount).join(Account, SettledAccount.account_id == Account.id)
    rows = session.scalars(query.where(Account.system_id == system_id).execution_options(yield_per=ROWS_AT_ONCE))
    return (Settled(one.account_id, one.seal, one.generation, one.until, tuple(one.groups.split())) for one in rows)
