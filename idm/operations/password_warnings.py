"""Tells people that the password of an ID of theirs falls due: once some days before, once on the day (control E5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.models.password_rules import PasswordWarning
from idm.models.systems import Account
from idm.operations.notices import notify
from idm.password_due import WARNED_BEFORE_DAYS
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
    """Afterwards whoever has to know and was not told yet has a notice waiting. Returns how many were told."""
    day, told = day_of(now), 0
    for due in dues:
        if day < due.due_on - timedelta(days=WARNED_BEFORE_DAYS):
            continue
        row = _row(session, due)
        if day >= due.due_on and row.due_told_at is None:
            row.due_told_at = now
            told += _tell(session, due, DUE_SUBJECT, now)
        elif day < due.due_on and row.warned_at is None:
            row.warned_at = now
            told += _tell(session, due, AHEAD_SUBJECT, now)
    return told


def _row(session: Session, due: PasswordDue) -> PasswordWarning:
    """What was said of the password they have now; of an earlier one nothing counts."""
    row = session.get(PasswordWarning, due.account_id)
    if row is None:
        row = PasswordWarning(account_id=due.account_id, changed_on=due.changed_on)
        session.add(row)
    if row.changed_on != due.changed_on:
        row.changed_on, row.warned_at, row.due_told_at = due.changed_on, None, None
    return row


def _tell(session: Session, due: PasswordDue, subject: str, now: datetime) -> int:
    account = session.get_one(Account, due.account_id)
    if account.person_id is None:
        return 0
    body = (
        f"情報システム「{account.system.name}」のパスワードは、団体の規程により {format_wareki(due.due_on)}までに変更が"
        "必要です。端末のパスワード変更の画面で変更してください。このメールからパスワードを入力することはありません。"
    )
    return len(notify(session, [account.person_id], subject=subject, body=body, link="/", now=now))
