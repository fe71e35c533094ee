"""Accounts and the outbox: a decision about an account makes it a generation older and leaves a task behind."""

from datetime import date, datetime
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.account_names import LoginNameRule, login_name
from idm.errors import InvalidInput
from idm.models.people import Employment
from idm.models.systems import Account
from idm.models.work import OutboxTask, TaskState
from idm.vocabulary import AccountKind


def personal_account(
    session: Session, *, system_id: int, person_id: int, prefix: str, day: date, now: datetime
) -> Account:
    """The person's personal account in the system, made if there was none. Its name is never anyone else's again.

    Raises InvalidInput when the person has no employment, or their name in the system is taken.
    """
    found = session.scalar(
        select(Account).where(
            Account.system_id == system_id, Account.person_id == person_id, Account.kind == AccountKind.PERSONAL
        )
    )
    if found is not None:
        return found
    name = login_name(_staff_number(session, person_id, day), LoginNameRule(prefix))
    if session.scalar(select(Account.id).where(Account.system_id == system_id, Account.login_name == name)) is not None:
        raise InvalidInput(f"利用者名「{name}」はこのシステムですでに使われたことがあるため、作成できません。")
    account = Account(
        uuid=uuid4(),
        system_id=system_id,
        person_id=person_id,
        kind=AccountKind.PERSONAL,
        login_name=name,
        created_at=now,
    )
    session.add(account)
    session.flush()
    return account


def _staff_number(session: Session, person_id: int, day: date) -> str:
    """The number of the employment that holds on the day, else of the next, else of the last."""
    numbers = list(
        session.scalars(
            select(Employment).where(Employment.person_id == person_id).order_by(Employment.valid_from, Employment.id)
        )
    )
    if not numbers:
        raise InvalidInput("任用のない人には利用者IDを作れません。")
    not_over = [e for e in numbers if e.valid_until is None or e.valid_until > day]
    return (not_over[0] if not_over else numbers[-1]).staff_number


def schedule(session: Session, account: Account, *, now: datetime) -> None:
    """Afterwards a worker will look at this account as of this decision; every older task about it is out of date."""
    account.generation += 1
    session.add(
        OutboxTask(
            system_id=account.system_id,
            account_id=account.id,
            generation=account.generation,
            state=TaskState.WAITING,
            due_at=now,
            created_at=now,
        )
    )
