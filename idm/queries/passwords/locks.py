"""Whether directories keep accounts locked, as the help desk's page shows it: what was asked, and what was answered."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.errors import NotFound
from idm.models.help_desk import UnlockRequest
from idm.models.people import Person
from idm.models.systems import Account, InformationSystem
from idm.publication import Reader
from idm.queries.organisation.publication import hidden_requests, known, only_by

SHOWN = 10


@dataclass(frozen=True)
class LockedAccount:
    """The account that is asked about."""

    id: int
    system_name: str
    login_name: str
    person_id: int
    person: str


@dataclass(frozen=True)
class LockAnswer:
    """One question and its answer. `answered_at` None = a worker has not answered yet; `locked` None = no answer."""

    unlock: bool
    officer: str
    asked_at: datetime
    answered_at: datetime | None
    was_locked: bool | None
    locked: bool | None
    locked_until: datetime | None
    failure: str | None


def locked_account(session: Session, account_id: int, *, reader: Reader) -> LockedAccount:
    """The account, if it is a person's of whom the reader knows. Raises NotFound."""
    row = session.execute(
        select(Account.id, InformationSystem.name, Account.login_name, Person.id, Person.name)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .join(Person, Account.person_id == Person.id)
        .where(Account.id == account_id, known(reader), ~only_by(hidden_requests(session, reader)))
    ).one_or_none()
    if row is None:
        raise NotFound("利用者IDが見つかりません。")
    return LockedAccount(*row)


def lock_answers(session: Session, account_id: int) -> list[LockAnswer]:
    """The newest questions about the account and what came of them, newest first."""
    asked = UnlockRequest
    rows = session.execute(
        select(
            asked.unlock, Person.name, asked.asked_at, asked.answered_at, asked.was_locked, asked.locked,
            asked.locked_until, asked.failure,
        )
        .join(Person, asked.officer_id == Person.id)
        .where(asked.account_id == account_id)
        .order_by(asked.id.desc())
        .limit(SHOWN)
    )  # fmt: skip
    return [LockAnswer(*row) for row in rows]
