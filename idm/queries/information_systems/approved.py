"""The accounts of a system as they have to look where they show exactly what was approved (controls A9, D9).

A hundred thousand accounts are few kinds of account: what decides about one (its rights, the periods of its owner's
employment, whether it was handed over, where it is kept) is the same for many, and is judged once for all of them. What
differs from account to account, who it is and what is said of its owner, is compared by a digest. So nothing here
judges: `comparable_accounts` does, for one account of each kind.

What is rare is left apart, to be compared one by one: privileged IDs and nobody's, accounts with rights behind the gate
or privileged ones, stopped ones, those still to be taken over, and those that a worker or a person is about to change.
"""

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, select, type_coerce
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.types import NullType

from idm.calendar_days import day_of
from idm.directory.drift import likeness
from idm.models.base import UuidDigits
from idm.models.going_live import FoundAccount
from idm.models.people import Assignment, Employment, OrganisationUnit, Person
from idm.models.periods import holding_on
from idm.models.requests import Grant
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.queries.factors.factor_gate import is_gated
from idm.queries.information_systems.comparable import Comparable, comparable_accounts, under_way
from idm.queries.information_systems.settled import is_settled
from idm.queries.organisation.units import unit_names_on
from idm.queries.rights.account_facts import said_of, staff_number
from idm.queries.stops.holding import stopped_accounts
from idm.queries.sweep.unused_ids import given_up
from idm.vocabulary import AccountKind

ACCOUNTS_AT_ONCE = 5_000

NO_CAREER: tuple[tuple[object, ...], list[tuple[str, bool]]] = ((), [])
Kind = tuple[object, ...]
"""Everything that decides about an account, as it came from the database: equal ones mean the same."""


@dataclass
class Approved:
    """What of a system is to be recognised; packed, because it is held while a whole directory is read.

    `apart`: accounts to be compared one by one. `example` of a kind: one account of it, judged.
    """

    examples: list[Comparable] = field(default_factory=list)
    apart: list[int] = field(default_factory=list)
    _places: dict[bytes, int] = field(default_factory=dict)
    _accounts: "array[int]" = field(default_factory=lambda: array("q"))
    _generations: "array[int]" = field(default_factory=lambda: array("q"))
    _kinds: "array[int]" = field(default_factory=lambda: array("q"))

    def add(self, like: bytes, account_id: int, generation: int, kind: int) -> None:
        """Afterwards an account that looks so is known."""
        self._places[like] = len(self._accounts)
        self._accounts.append(account_id)
        self._generations.append(generation)
        self._kinds.append(kind)

    def take(self, like: bytes) -> tuple[int, int, int] | None:
        """The account that looks so, with its generation and its kind; None = there is none, or it was taken."""
        place = self._places.pop(like, None)
        return None if place is None else (self._accounts[place], self._generations[place], self._kinds[place])

    def left(self) -> Iterator[tuple[int, Comparable]]:
        """Those that nobody took, with the example of their kind."""
        for place in self._places.values():
            yield self._accounts[place], self.examples[self._kinds[place]]


def approved_accounts(
    session: Session, system: InformationSystem, *, trusting_seals: bool, now: datetime, delete_after_days: int
) -> Approved:
    """Every account of the system; with `trusting_seals` only those that are not settled any more."""
    books = _Books.of(session, system, now)
    found, kinds = Approved(), dict[Kind, int]()
    for account_ids, those in _blocks(session, system.id, day_of(now), trusting_seals=trusting_seals):
        examples: list[int] = []
        told = set()
        for account_id, generation, like, kind in books.read(session, those):
            number = kinds.get(kind)
            if number is None:
                number = kinds[kind] = len(kinds)
                examples.append(account_id)
            found.add(like, account_id, generation, number)
            told.add(account_id)
        found.apart.extend(one for one in account_ids if one not in told)
        found.examples.extend(_in_order(session, examples, now=now, delete_after_days=delete_after_days))
    return found


def _in_order(
    session: Session, account_ids: Sequence[int], *, now: datetime, delete_after_days: int
) -> Iterator[Comparable]:
    if not account_ids:
        return
    rows = comparable_accounts(session, account_ids, now=now, delete_after_days=delete_after_days)
    by_id = {row.account_id: row for row in rows}
    yield from (by_id[one] for one in account_ids)


def _blocks(
    session: Session, system_id: int, day: date, *, trusting_seals: bool
) -> Iterator[tuple[list[int], ColumnElement[bool]]]:
    """The accounts to be read, in the order of their ids; each block with the condition that is true of them alone."""
    last = 0
    while True:
        query = select(Account.id).where(Account.system_id == system_id, Account.id > last).order_by(Account.id)
        if trusting_seals:
            query = query.where(~is_settled(day))
        ids = list(session.scalars(query.limit(ACCOUNTS_AT_ONCE)))
        if not ids:
            return
        last = ids[-1]
        # Where none is left out a range says the same as their list, which would be taken apart one by one.
        whole = and_(Account.system_id == system_id, Account.id.between(ids[0], last))
        yield ids, Account.id.in_(ids) if trusting_seals else whole


@dataclass(frozen=True)
class _Books:
    """What is known of a system before its accounts are read."""

    day: date
    apart: Collection[int]
    apart_by_right: Collection[int]
    unit_names: Mapping[str, str]
    by_unit: bool
    """Whether it matters where somebody works: accounts are kept in places of units."""
    mails: Mapping[int, str]

    @classmethod
    def of(cls, session: Session, system: InformationSystem, now: datetime) -> "_Books":
        ours = select(Account.id).where(Account.system_id == system.id)
        apart = stopped_accounts(session, ours) | given_up(session, ours).keys() | under_way(session, ours)
        rights = session.execute(
            select(Entitlement.id, Entitlement.external_access, Entitlement.privileged).where(
                Entitlement.system_id == system.id
            )
        )
        rare = frozenset(
            right_id for right_id, external, privileged in rights
            if privileged or any(is_gated(system.zone, external, False, contractor=one) for one in (True, False))
        )  # fmt: skip
        mails = session.execute(
            select(FoundAccount.account_id, FoundAccount.mail).where(
                FoundAccount.system_id == system.id,
                FoundAccount.account_id.is_not(None),
                FoundAccount.mail.is_not(None),
            )
        )
        return cls(
            day_of(now), apart, rare, unit_names_on(session, day_of(now)), bool(system.containers),
            {account_id: mail for account_id, mail in mails if account_id is not None and mail},
        )  # fmt: skip

    def read(self, session: Session, those: ColumnElement[bool]) -> Iterator[tuple[int, int, bytes, Kind]]:
        """Account, generation, likeness and kind of those that are not left apart."""
        rights, careers = self._rights(session, those), _employments(session, those, self.day)
        units, rows = _units(session, those, self.day), _people(session, those)
        for account_id, uuid, login_name, external_id, generation, handed_over, adopted_at, unseen, *who in rows:
            held, to_adopt = rights.get(account_id, ()), adopted_at is not None and unseen
            if held is None or external_id is None or to_adopt or account_id in self.apart:
                continue
            name, work_name, mail = who
            unit, adopted_on = units.get(account_id), None
            periods, numbers = careers.get(account_id, NO_CAREER)
            if adopted_at is not None:
                adopted_on, mail = day_of(adopted_at), mail or self.mails.get(account_id)
            said = said_of(
                login_name, name, work_name, number=staff_number(numbers), mail=mail,
                unit=self.unit_names[unit] if unit is not None else None,
            )  # fmt: skip
            kind = (handed_over, adopted_on, held, periods, unit if self.by_unit else None)
            yield account_id, generation, likeness(external_id, uuid, said), kind

    def _rights(self, session: Session, those: ColumnElement[bool]) -> dict[int, tuple[object, ...] | None]:
        """Account → its rights, past and to come; None = it has one that is rare."""
        rows = session.connection().execute(
            select(
                Grant.account_id, Grant.ended_at, Grant.entitlement_id, _raw(Grant.state), _raw(Grant.valid_from),
                _raw(Grant.valid_until),
            )
            .join(Account, Grant.account_id == Account.id)
            .where(those)
            .order_by(Grant.account_id, Grant.id)
        )  # fmt: skip
        found: dict[int, tuple[object, ...] | None] = {}
        for account_id, ended_at, *right in rows:
            before = found.get(account_id, ())
            if before is None or right[0] in self.apart_by_right:
                found[account_id] = None
            else:
                found[account_id] = (*before, None if ended_at is None else day_of(ended_at), *right)
        return found


def _people(session: Session, those: ColumnElement[bool]) -> Iterable[Any]:
    return session.connection().execute(
        select(
            Account.id, type_coerce(Account.uuid, UuidDigits), Account.login_name, Account.external_id,
            Account.generation, Account.handed_over_at.is_not(None), Account.adopted_at, Account.seen_at.is_(None),
            Person.name, Person.work_name, Person.mail,
        )
        .join(Person, Account.person_id == Person.id)
        .where(those, Account.kind == AccountKind.PERSONAL)
    )  # fmt: skip


def _employments(
    session: Session, those: ColumnElement[bool], day: date
) -> dict[int, tuple[tuple[object, ...], list[tuple[str, bool]]]]:
    """Account → the periods of its owner's employments, and their numbers with whether begun, oldest first."""
    rows = session.connection().execute(
        select(
            Account.id, Employment.staff_number, Employment.valid_from <= day, _raw(Employment.valid_from),
            _raw(Employment.valid_until),
        )
        .join(Employment, Account.person_id == Employment.person_id)
        .where(those)
        .order_by(Account.id, Employment.valid_from)
    )  # fmt: skip
    found: dict[int, tuple[tuple[object, ...], list[tuple[str, bool]]]] = {}
    for account_id, number, begun, *period in rows:
        before, numbers = found.get(account_id, ((), []))
        found[account_id] = (*before, *period), [*numbers, (number, bool(begun))]
    return found


def _units(session: Session, those: ColumnElement[bool], day: date) -> dict[int, str]:
    """Account → the unit of its owner's primary post on the day."""
    rows = session.connection().execute(
        select(Account.id, OrganisationUnit.code)
        .join(Employment, Account.person_id == Employment.person_id)
        .join(Assignment, Assignment.employment_id == Employment.id)
        .join(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .where(those, holding_on(Employment, day), Assignment.primary, holding_on(Assignment, day))
        .order_by(Account.id, Employment.valid_from, Assignment.valid_from)
    )
    return dict(rows.all())


def _raw(column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """The column as the driver gives it: it is compared, not read."""
    return type_coerce(column, NullType())
