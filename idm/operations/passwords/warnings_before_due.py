"""Tells people that the password of an ID of theirs falls due: once some days before, once on the day (control E5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.models.password_rules import PasswordWarning
from idm.models.people import Person
from idm.models.systems import Account, InformationSystem
from idm.operations.notification.notices import Notice, notify_each
from idm.passwords.password_due import WARNED_BEFORE_DAYS
from idm.queries.outsiders.told_for import told_for
from idm.wareki import format_wareki

AHEAD_SUBJECT = "パスワードを変更してください"
DUE_SUBJECT = "【期限】パスワードの変更の期限です"


@dataclass(frozen=True)
class PasswordDue:
    """An account of somebody's, when its password was changed last, and the last day on which it may stay so."""

    account_id: int
    changed_on: date
    due_on: date


def warn(session: Session, dues: Sequence[PasswordDue], *, now: datetime) -> int:
    """Afterwards whoever has to know and was not told yet has a notice waiting. Returns how many were told.

    A few hundred at once; many are given in pieces, each in a transaction of its own.
    """
    day = day_of(now)
    near = [due for due in dues if day >= due.due_on - timedelta(days=WARNED_BEFORE_DAYS)]
    rows = _rows(session, near)
    ahead, due_today = [], []
    for due in near:
        row = rows[due.account_id]
        if day >= due.due_on and row.due_told_at is None:
            row.due_told_at = now
            due_today.append(due)
        elif day < due.due_on and row.warned_at is None:
            row.warned_at = now
            ahead.append(due)
    return _tell(session, ahead, AHEAD_SUBJECT, now) + _tell(session, due_today, DUE_SUBJECT, now)


def _rows(session: Session, dues: Sequence[PasswordDue]) -> dict[int, PasswordWarning]:
    """What was said of the passwords they have now; of earlier ones nothing counts."""
    query = select(PasswordWarning).where(PasswordWarning.account_id.in_([due.account_id for due in dues]))
    rows = {row.account_id: row for row in session.scalars(query)}
    for due in dues:
        row = rows.get(due.account_id)
        if row is None:
            row = rows[due.account_id] = PasswordWarning(account_id=due.account_id, changed_on=due.changed_on)
            session.add(row)
        if row.changed_on != due.changed_on:
            row.changed_on, row.warned_at, row.due_told_at = due.changed_on, None, None
    return rows


def _tell(session: Session, dues: Sequence[PasswordDue], subject: str, now: datetime) -> int:
    owners = _owners(session, dues)
    readers = told_for(session, {person_id for person_id, *_ in owners.values()}, day_of(now))
    told = []
    for due in dues:
        if (owner := owners.get(due.account_id)) is None:
            continue
        person_id, name, system = owner
        own = person_id in readers[person_id]
        whose = "" if own else f"{name} さんはメールを使わないため、あなたに知らせます。本人に伝えてください。"
        body = (
            f"{whose}情報システム「{system}」のパスワードは、団体の規程により {format_wareki(due.due_on)}までに変更が"
            "必要です。端末のパスワード変更の画面で変更してください。このメールからパスワードを入力することはありません。"
        )
        urgent = subject == DUE_SUBJECT
        told += [Notice(reader, subject, body, "/", urgent=urgent) for reader in sorted(readers[person_id])]
    return notify_each(session, told, now=now)


def _owners(session: Session, dues: Sequence[PasswordDue]) -> dict[int, tuple[int, str, str]]:
    """Account → its owner, their name and its system's name, read at once for all of them."""
    query = (
        select(Account.id, Person.id, Person.name, InformationSystem.name)
        .join(Person, Account.person_id == Person.id)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .where(Account.id.in_([due.account_id for due in dues]))
    )
    kept = session.execute(query).all() if dues else []
    return {account_id: (person_id, name, system) for account_id, person_id, name, system in kept}
