"""Accounts that showed exactly what was approved, kept with their seals: the next comparison need not read them.

A seal vouches for the directory's side only. Ours is vouched for by the generation (every decision raises it) and by
the day on which something else is wanted though nobody decides anything.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, insert, select
from sqlalchemy.orm import Session

from idm.database import in_chunks
from idm.models.base import Base
from idm.models.going_live import SettledAccount

ROWS_AT_ONCE = 5_000
FEW = 500
"""So many accounts are asked for by their list; of more, the range that they lie in is read."""


class Settled(NamedTuple):
    """One account that was compared and found as approved. `until`: the first day on which that may have changed.

    `groups`: those of rights that it is in, a line each.
    """

    account_id: int
    seal: bytes
    generation: int
    until: date | None
    groups: str


_Row = tuple[int, str, int, int | None, str]


@dataclass
class SettledAccounts:
    """Those of one comparison, packed: a hundred thousand are held until they are recorded."""

    _open: list[_Row] = field(default_factory=list)
    _packed: list[str] = field(default_factory=list)

    def add(self, one: Settled) -> None:
        """Afterwards it is among them."""
        until = None if one.until is None else one.until.toordinal()
        self._open.append((one.account_id, one.seal.hex(), one.generation, until, one.groups))
        if len(self._open) == ROWS_AT_ONCE:
            self._packed.append(json.dumps(self._open))
            self._open = []

    def drop(self, account_ids: Collection[int]) -> None:
        """Afterwards none of the accounts is among them, until it is added again."""
        if account_ids:
            self._open = [row for row in self._open if row[0] not in account_ids]
            self._packed = [
                json.dumps([row for row in json.loads(some) if row[0] not in account_ids]) for some in self._packed
            ]

    def blocks(self) -> Iterator[list[Settled]]:
        """All of them, some thousand at a time, in the order of the accounts within each."""
        for rows in (*map(json.loads, self._packed), self._open):
            yield sorted(
                Settled(
                    number, bytes.fromhex(seal), generation, None if until is None else date.fromordinal(until), groups
                )
                for number, seal, generation, until, groups in rows
            )


def keep_settled(session: Session, settled: SettledAccounts, *, looked_at: Collection[int]) -> None:
    """Afterwards these are settled, and of the accounts looked at no other; those not looked at are as they were."""
    for some in in_chunks(looked_at):
        session.execute(delete(SettledAccount).where(SettledAccount.account_id.in_(some)))
    session.flush()
    for block in settled.blocks():
        known = _known(session, block)
        fresh = [one for one in block if known.get(one.account_id) != one]
        stale = [one.account_id for one in fresh if one.account_id in known]
        for some in in_chunks(stale):
            session.execute(delete(SettledAccount).where(SettledAccount.account_id.in_(some)))
        if fresh:
            _insert(session, fresh)


def _known(session: Session, block: Sequence[Settled]) -> dict[int, Settled]:
    columns = (SettledAccount.account_id, SettledAccount.seal, SettledAccount.generation, SettledAccount.until)
    rows = session.execute(select(*columns, SettledAccount.groups).where(_among(block))) if block else ()
    return {row[0]: Settled(*row) for row in rows}


def _among(block: Sequence[Settled]) -> ColumnElement[bool]:
    account_ids = [one.account_id for one in block]
    if len(account_ids) <= FEW:
        return SettledAccount.account_id.in_(account_ids)
    return SettledAccount.account_id.between(account_ids[0], account_ids[-1])


def _insert(session: Session, rows: Sequence[Settled]) -> None:
    # The table itself, and no mapped class: what that costs for each row is seen in a first night.
    table = Base.metadata.tables[SettledAccount.__tablename__]
    session.connection().execute(insert(table), [one._asdict() for one in rows])
