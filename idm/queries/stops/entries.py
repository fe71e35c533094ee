"""Accounts of directories that are nobody's own in our books: what is known of them, and which let nobody in (H5)."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Subquery, and_, exists, func, null, or_, select, union_all
from sqlalchemy.orm import Session

from idm.database import in_chunks
from idm.directory.own_service_account import Named, ServiceAccount, is_own
from idm.models.going_live import FoundAccount
from idm.models.stops import EntryStop
from idm.models.systems import Account, InformationSystem
from idm.models.work import Finding
from idm.ports import ExternalId
from idm.queries.information_systems.own_service_accounts import own_service_accounts
from idm.vocabulary import AccountKind, FindingKind

STRAYS = (FindingKind.ORPHAN, FindingKind.UNADOPTED)
"""What the sweep found that is in none of our books."""


@dataclass(frozen=True)
class Entry:
    """One such account. `account_id`: it stands in the register of IDs under this number."""

    system_id: int
    system: str
    connector: str
    external_id: ExternalId
    login_name: str
    account_id: int | None

    def is_ours(self, ours: Collection[ServiceAccount]) -> bool:
        """Whether the product itself signs in by it."""
        return is_own(Named(self.connector, self.external_id, self.login_name), ours)


def entries_called(session: Session, names: Collection[str]) -> dict[str, list[Entry]]:
    """Name or directory id, both in small letters → the accounts that are called so and are nobody's own."""
    known, found = _known(), defaultdict[str, list[Entry]](list)
    for some in in_chunks(sorted(names)):
        wanted = set(some)
        called = or_(func.lower(known.c.login_name).in_(some), func.lower(known.c.external_id).in_(some))
        for entry in _entries(session, known, called):
            for name in {entry.login_name.lower(), entry.external_id.lower()} & wanted:
                found[name].append(entry)
    return dict(found)


def entries_in(session: Session, system_id: int, *, without: int | None = None) -> list[Entry]:
    """Every one in a system; `without`: but for those that this order names already."""
    known = _known()
    conditions: list[ColumnElement[bool]] = [known.c.system_id == system_id]
    if without is not None:
        named = select(EntryStop.external_id).where(EntryStop.stop_id == without, EntryStop.system_id == system_id)
        conditions.append(known.c.external_id.not_in(named))
    return _entries(session, known, *conditions)


def stoppable_entries(
    session: Session, system_id: int, *, without: int | None = None
) -> tuple[list[Entry], list[Entry]]:  # fmt: skip
    """What a stop of the whole system stops, and what it leaves: the accounts by which the product itself signs in."""
    ours, entries = own_service_accounts(session), entries_in(session, system_id, without=without)
    own = [one for one in entries if one.is_ours(ours)]
    return [one for one in entries if one not in own], own


def stopped_entries() -> ColumnElement[bool]:
    """The condition that an account of ours is, in its directory, one that an order in force names as nobody's."""
    return exists().where(
        EntryStop.system_id == Account.system_id,
        EntryStop.external_id == Account.external_id,
        EntryStop.until.is_(None),
    )


def unfinished() -> ColumnElement[bool]:
    """The condition that a stop of an entry is not where it should be: not stopped, or after its end not restored."""
    return or_(
        and_(EntryStop.until.is_(None), EntryStop.stopped_at.is_(None)),
        and_(EntryStop.until.is_not(None), EntryStop.restored_at.is_(None)),
    )


@dataclass(frozen=True)
class LateEntries:
    """Entries of one order in one system that no stop has reached: how many, since when, and why."""

    entries: int
    since: datetime
    error: str | None


def late_entries(session: Session, *, before: datetime) -> Mapping[tuple[int, int], LateEntries]:
    """(system, order) → what was placed before that moment and has not been seen to arrive."""
    told = (func.count(), func.min(EntryStop.since), func.max(EntryStop.error))
    rows = session.execute(
        select(EntryStop.system_id, EntryStop.stop_id, *told)
        .where(EntryStop.until.is_(None), EntryStop.stopped_at.is_(None), EntryStop.since <= before)
        .group_by(EntryStop.system_id, EntryStop.stop_id)
    )
    return {(system, stop): LateEntries(many, since, error) for system, stop, many, since, error in rows}


def _known() -> Subquery:
    """Registered IDs, what an inventory found and nobody took over, and what the sweep found besides, each once."""
    ours = exists().where(Account.system_id == FoundAccount.system_id, Account.external_id == FoundAccount.external_id)
    registered = select(
        Account.system_id, Account.external_id, Account.login_name, Account.id.label("account_id")
    ).where(Account.person_id.is_(None), Account.kind != AccountKind.PERSONAL, Account.external_id.is_not(None))
    inventoried = select(FoundAccount.system_id, FoundAccount.external_id, FoundAccount.login_name, null()).where(
        FoundAccount.gone_at.is_(None), ~ours
    )
    known = exists().where(
        FoundAccount.system_id == Finding.system_id, FoundAccount.external_id == Finding.subject_key,
        FoundAccount.gone_at.is_(None),
    )  # fmt: skip
    taken = exists().where(Account.system_id == Finding.system_id, Account.external_id == Finding.subject_key)
    strays = select(Finding.system_id, Finding.subject_key, Finding.label, null()).where(
        Finding.kind.in_(STRAYS), Finding.resolved_at.is_(None), Finding.system_id.is_not(None), ~known, ~taken
    )
    return union_all(registered, inventoried, strays).subquery()


def _entries(session: Session, known: Subquery, *conditions: ColumnElement[bool]) -> list[Entry]:
    columns = known.c
    rows = session.execute(
        select(
            columns.system_id, InformationSystem.code, InformationSystem.connector, columns.external_id,
            columns.login_name, columns.account_id,
        )
        .join(InformationSystem, InformationSystem.id == columns.system_id)
        .where(*conditions)
        .order_by(columns.system_id, columns.external_id)
        .distinct()
    )  # fmt: skip
    return [Entry(*row) for row in rows]
