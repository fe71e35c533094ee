"""Accounts that showed exactly what was approved, kept with their seals: the next comparison need not read them.

A seal vouches for the directory's side only. Ours is vouched for by the generation (every decision raises it) and by
the day on which something else is wanted though nobody decides anything.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from idm.database import in_chunks
from idm.models.going_live import SettledAccount

ROWS_AT_ONCE = 1000


@dataclass(frozen=True)
class Settled:
    """One account that was compared and found as approved. `until`: the first day on which that may have changed."""

    account_id: int
    seal: bytes
    generation: int
    until: date | None
    groups: tuple[str, ...]


def keep_settled(session: Session, settled: Collection[Settled], *, looked_at: Collection[int]) -> None:
    """Afterwards of the accounts looked at exactly these are settled; those not looked at are as they were."""
    found = {one.account_id: one for one in settled}
    for some in in_chunks(looked_at, ROWS_AT_ONCE):
        known = _known(session, some)
        stale = [one for one in known if known[one] != found.get(one)]
        session.execute(delete(SettledAccount).where(SettledAccount.account_id.in_(stale)))
        fresh = [found[one] for one in some if one in found and known.get(one) != found[one]]
        if fresh:
            session.execute(insert(SettledAccount), [_row(one) for one in fresh])


def _known(session: Session, account_ids: Collection[int]) -> dict[int, Settled]:
    columns = (SettledAccount.account_id, SettledAccount.seal, SettledAccount.generation, SettledAccount.until)
    rows = session.execute(
        select(*columns, SettledAccount.groups).where(SettledAccount.account_id.in_(account_ids))
    ).all()
    return {
        account_id: Settled(account_id, seal, generation, until, tuple(groups.splitlines()))
        for account_id, seal, generation, until, groups in rows
    }


def _row(one: Settled) -> dict[str, object]:
    return {
        "account_id": one.account_id, "seal": one.seal, "generation": one.generation, "until": one.until,
        "groups": "\n".join(one.groups),
    }  # fmt: skip
