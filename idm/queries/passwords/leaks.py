"""Passwords that may have leaked: which of somebody's IDs have one, and how far each report is (control E6)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import Session, aliased

from idm.errors import NotFound
from idm.models.people import Person
from idm.models.privileged import LeakReport
from idm.models.systems import Account, InformationSystem
from idm.publication import Reader
from idm.queries.factors.authenticators import works_in
from idm.queries.organisation.officers import humans
from idm.queries.organisation.publication import known
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.queries.signing_in.sign_in_accounts import sign_in_of
from idm.stopping import Stopping, stopping
from idm.vocabulary import AccountKind, SignInWay


@dataclass(frozen=True)
class LeakableId:
    """One ID of a person that has a password to replace. `reported`: a report of it is open already."""

    account_id: int
    system_id: int
    system_name: str
    login_name: str
    kind: AccountKind
    by: Stopping
    reported: bool


@dataclass(frozen=True)
class Leakable:
    """What somebody may report as leaked: their IDs, and whether they have a password of the product's own."""

    person_id: int
    name: str
    kana: str
    ids: tuple[LeakableId, ...]
    own_password: bool


@dataclass(frozen=True)
class LeakRow:
    """One report about one ID. `replaced_at` None: the password that may have leaked may still be the ID's."""

    id: int
    person_id: int
    person: str
    kana: str
    system_name: str
    login_name: str
    kind: AccountKind
    by: Stopping
    reported_by: str
    reported_at: datetime
    note: str
    replaced_at: datetime | None

    @property
    def took(self) -> timedelta | None:
        """How long it took until nobody knew the password any more."""
        return self.replaced_at - self.reported_at if self.replaced_at is not None else None


def leakable(session: Session, person_id: int, *, reader: Reader | None = None) -> Leakable:
    """What may be reported of the person, under any of their rows. Raises NotFound, also for the unpublished."""
    seen = known(reader) if reader is not None and reader.person_id != person_id else true()
    person = session.scalars(select(Person).where(Person.id == person_id, seen)).one_or_none()
    if person is None:
        raise NotFound("この人は見つかりません。")
    rows = humans(session, [person_id])[person_id].rows
    open_ones = set(session.scalars(select(LeakReport.account_id).where(LeakReport.replaced_at.is_(None))))
    accounts = session.execute(
        select(Account, InformationSystem)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .where(Account.person_id.in_(rows), Account.seen_present.is_(True))
        .order_by(InformationSystem.code, Account.kind, Account.id)
    )
    ways = [sign_in.way for sign_in in (sign_in_of(session, row) for row in sorted(rows)) if sign_in is not None]
    return Leakable(
        person_id, person.name, person.kana,
        tuple(
            LeakableId(account.id, system.id, system.name, account.login_name, account.kind,
                       stopping(system.stage, system.connector), account.id in open_ones)
            for account, system in accounts
        ),
        own_password=SignInWay.PASSWORD in ways,
    )  # fmt: skip


def leak_page(
    session: Session, *, reader: Reader, units: frozenset[str] | None = None, asked: int = 1
) -> Page[LeakRow]:
    """One page of all reports, those still to be replaced first, then the newest; `units`: only of their people."""
    conditions: list[ColumnElement[bool]] = [known(reader), works_in(units, reader.day)]
    counted = select(func.count()).select_from(LeakReport).join(Person, LeakReport.person_id == Person.id)
    total = session.scalar(counted.where(*conditions)) or 0
    number = nearest_page(asked, total)
    reporter = aliased(Person)
    query = (
        select(LeakReport, Account, InformationSystem, Person.name, Person.kana, reporter.name)
        .join(Account, LeakReport.account_id == Account.id)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .join(Person, LeakReport.person_id == Person.id)
        .join(reporter, LeakReport.reported_by_id == reporter.id)
        .where(*conditions)
        .order_by(LeakReport.replaced_at.is_not(None), LeakReport.id.desc())
        .limit(ROWS_A_PAGE)
        .offset(offset_of(number))
    )
    rows = tuple(
        LeakRow(
            id=report.id, person_id=report.person_id, person=name, kana=kana, system_name=system.name,
            login_name=account.login_name, kind=account.kind, by=stopping(system.stage, system.connector),
            reported_by=reported_by, reported_at=report.reported_at, note=report.note, replaced_at=report.replaced_at,
        )
        for report, account, system, name, kana, reported_by in session.execute(query)
    )  # fmt: skip
    return Page(rows, number, total)


def open_reports(session: Session, account_ids: Collection[int]) -> dict[int, LeakReport]:
    """Account → its report whose password was not replaced yet."""
    query = select(LeakReport).where(LeakReport.account_id.in_(account_ids), LeakReport.replaced_at.is_(None))
    return {report.account_id: report for report in session.scalars(query)}
