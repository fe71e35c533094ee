"""Which tables are logs, by which moment a row of theirs is old, and which rows stay all the same (control G3).

Whatever is not in this list is a record, and nothing here erases it. The runs of a night are records too: they are the
result that is signed off (C1, C2). The newest row about a system stays: it says how things stand. What these logs tell
of people and systems stands in the audit record as well, which loses no entry.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from idm.models.base import Base
from idm.models.log_checks import LegalHold
from idm.models.people import Person
from idm.models.sign_in import SignInAttempts, SignInChallenge, WebSession
from idm.models.system_tests import SystemTest
from idm.models.work import MailMessage, MailState, SweepRun


@dataclass(frozen=True)
class LogTable:
    """One kind of log. `clock`: when a row came about; `over`: only such rows may go."""

    title: str
    model: type[Base]
    key: ColumnElement[Any]
    clock: ColumnElement[datetime]
    over: ColumnElement[bool]

    @property
    def name(self) -> str:
        """The table's name, by which the audit record names it."""
        return str(self.model.__tablename__)


def log_tables(now: datetime) -> tuple[LogTable, ...]:
    """Every kind of log, with what is over at that moment."""
    digested, newer_run, newer_test = aliased(MailMessage), aliased(SweepRun), aliased(SystemTest)
    return (
        LogTable(
            "通知メール", MailMessage, MailMessage.id.expression, MailMessage.created_at.expression,
            MailMessage.state.not_in((MailState.WAITING, MailState.HELD))
            & ~exists().where(digested.digest_id == MailMessage.id),
        ),
        LogTable(
            "サインインの状態（ブラウザーごと）", WebSession, WebSession.id.expression,
            WebSession.last_seen_at.expression,
            or_(WebSession.ended_at.is_not(None), WebSession.expires_at <= now),
        ),
        LogTable(
            "サインインの失敗の回数", SignInAttempts, SignInAttempts.name_hash.expression,
            SignInAttempts.last_at.expression,
            or_(SignInAttempts.locked_until.is_(None), SignInAttempts.locked_until <= now)
            & (SignInAttempts.during_lock == 0),
        ),
        LogTable(
            "サインインの途中の確認", SignInChallenge, SignInChallenge.id.expression,
            SignInChallenge.created_at.expression, SignInChallenge.expires_at <= now,
        ),
        LogTable(
            "夜間でない点検の実行", SweepRun, SweepRun.id.expression, SweepRun.finished_at.expression,
            SweepRun.night_id.is_(None)
            & exists().where(newer_run.system_id == SweepRun.system_id, newer_run.id > SweepRun.id),
        ),
        LogTable(
            "接続の点検", SystemTest, SystemTest.id.expression, SystemTest.at.expression,
            exists().where(newer_test.system_id == SystemTest.system_id, newer_test.id > SystemTest.id),
        ),
    )  # fmt: skip


@dataclass(frozen=True)
class LogFigures:
    """How much of one kind of log there is, and from when on."""

    title: str
    rows: int
    oldest: datetime | None


def figures(session: Session, now: datetime) -> tuple[LogFigures, ...]:
    """Every kind of log with what there is of it."""
    found = []
    for table in log_tables(now):
        rows, oldest = session.execute(select(func.count(), func.min(table.clock)).select_from(table.model)).one()
        found.append(LogFigures(table.title, rows, oldest))
    return tuple(found)


def open_holds(session: Session) -> Sequence[LegalHold]:
    """The holds that are not lifted, the oldest first."""
    return session.scalars(select(LegalHold).where(LegalHold.lifted_at.is_(None)).order_by(LegalHold.id)).all()


@dataclass(frozen=True)
class HoldRow:
    """One hold as the page shows it."""

    id: int
    reason: str
    ordered_at: datetime
    ordered_by: str
    from_day: date | None
    lift_asked_by_id: int | None
    lift_asked_at: datetime | None
    lift_asked_by: str | None
    lifted_at: datetime | None
    lifted_by: str | None


def holds(session: Session) -> tuple[HoldRow, ...]:
    """Every hold there was, the newest first."""
    orderer, asker, lifter = aliased(Person), aliased(Person), aliased(Person)
    rows = session.execute(
        select(
            LegalHold.id, LegalHold.reason, LegalHold.ordered_at, orderer.name, LegalHold.from_day,
            LegalHold.lift_asked_by_id, LegalHold.lift_asked_at, asker.name, LegalHold.lifted_at, lifter.name,
        )
        .join(orderer, LegalHold.ordered_by_id == orderer.id)
        .outerjoin(asker, LegalHold.lift_asked_by_id == asker.id)
        .outerjoin(lifter, LegalHold.lifted_by_id == lifter.id)
        .order_by(LegalHold.id.desc())
    )  # fmt: skip
    return tuple(HoldRow(*values) for values in map(tuple, rows))
