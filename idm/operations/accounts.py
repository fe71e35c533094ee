"""Accounts and the outbox: a decision about an account makes it a generation older and leaves a task behind."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.account_names import LoginNameRule, login_name
from idm.errors import InvalidInput
from idm.models.people import Employment
from idm.models.systems import Account, InformationSystem
from idm.models.work import OutboxTask, TaskState
from idm.vocabulary import AccountKind


def personal_accounts(
    session: Session, *, system_id: int, days: Mapping[int, date], prefix: str, now: datetime
) -> dict[int, Account]:
    """Person → their personal account in the system, made where there was none. No name is ever anyone else's again.

    `days` says for each person from when on it is wanted. Raises InvalidInput when somebody has no employment, or their
    name in the system is taken.
    """
    accounts = _known(session, system_id, days)
    if len(accounts) < len(days):
        # Whoever makes accounts of a system waits for whoever is making some, and then sees them. The lock is that of
        # an ordinary update: rows that refer to this one may be inserted meanwhile.
        session.execute(
            select(InformationSystem.id).where(InformationSystem.id == system_id).with_for_update(key_share=True)
        )
        accounts = _known(session, system_id, days)
    numbers = _staff_numbers(session, {person: day for person, day in days.items() if person not in accounts})
    names = {person: login_name(number, LoginNameRule(prefix)) for person, number in numbers.items()}
    taken = session.scalars(
        select(Account.login_name).where(Account.system_id == system_id, Account.login_name.in_(names.values()))
    ).first()
    if taken is not None:
        raise InvalidInput(f"利用者名「{taken}」はこのシステムですでに使われたことがあるため、作成できません。")
    for person_id, name in names.items():
        accounts[person_id] = Account(
            uuid=uuid4(), system_id=system_id, person_id=person_id, kind=AccountKind.PERSONAL, login_name=name,
            created_at=now, generation=0,
        )  # fmt: skip
    session.add_all(accounts.values())
    session.flush()
    return accounts


def _known(session: Session, system_id: int, person_ids: Collection[int]) -> dict[int, Account]:
    """As they are now, and until this transaction ends: two decisions about one account follow one another."""
    query = select(Account).where(
        Account.system_id == system_id, Account.person_id.in_(person_ids), Account.kind == AccountKind.PERSONAL
    )
    locked = query.order_by(Account.id).with_for_update(key_share=True).execution_options(populate_existing=True)
    return {account.person_id or 0: account for account in session.scalars(locked)}


def _staff_numbers(session: Session, days: Mapping[int, date]) -> dict[int, str]:
    """Person → the number of the employment that holds on their day, else of the next, else of the last."""
    employments: dict[int, list[Employment]] = {person_id: [] for person_id in days}
    query = select(Employment).where(Employment.person_id.in_(days)).order_by(Employment.valid_from, Employment.id)
    for employment in session.scalars(query):
        employments[employment.person_id].append(employment)
    if not all(employments.values()):
        raise InvalidInput("任用のない人には利用者IDを作れません。")
    return {person_id: _number_on(held, days[person_id]) for person_id, held in employments.items()}


def _number_on(held: list[Employment], day: date) -> str:
    not_over = [e for e in held if e.valid_until is None or e.valid_until > day]
    return (not_over[0] if not_over else held[-1]).staff_number


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
