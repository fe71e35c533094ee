"""Accounts and the outbox: a decision about an account makes it a generation older and leaves a task behind."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.errors import InvalidInput
from idm.models.systems import Account, InformationSystem
from idm.models.work import OutboxTask, TaskState
from idm.organisation import LoginNames
from idm.queries.login_names import Proposal, proposals
from idm.vocabulary import AccountKind


def personal_accounts(
    session: Session, *, system_id: int, days: Mapping[int, date], rule: LoginNames, now: datetime
) -> dict[int, Account]:
    """Person → their personal account in the system, made where there was none. No name is ever anyone else's again.

    An account that exists keeps its name, whatever the person's name, number or the rule have become. `days` says for
    each person from when on it is wanted. Raises InvalidInput when somebody has no employment, or no name is left them.
    """
    accounts = _known(session, system_id, days)
    if len(accounts) < len(days):
        lock_names(session, system_id, rule)
        accounts = _known(session, system_id, days)
    missing = {person: day for person, day in days.items() if person not in accounts}
    for person_id, proposal in _proposals(session, system_id, missing, rule).items():
        if proposal.name is None:
            raise proposal.refusal or InvalidInput("利用者IDを作れません。")
        accounts[person_id] = Account(
            uuid=uuid4(), system_id=system_id, person_id=person_id, kind=AccountKind.PERSONAL,
            login_name=proposal.name, created_at=now, generation=0,
        )  # fmt: skip
    session.add_all(accounts.values())
    session.flush()
    return accounts


def lock_names(session: Session, system_id: int, rule: LoginNames) -> None:
    """Afterwards nobody else gives a name that this transaction might give, until it ends.

    Whoever makes accounts of a system waits for whoever is making some, and then sees them. Where a name must be free
    in every system, all are locked, always in the same order. The lock is that of an ordinary update: rows that refer
    to these may be inserted meanwhile.
    """
    systems = select(InformationSystem.id).order_by(InformationSystem.id).with_for_update(key_share=True)
    session.execute(systems if rule.rule == "romaji" else systems.where(InformationSystem.id == system_id))


def _proposals(session: Session, system_id: int, days: Mapping[int, date], rule: LoginNames) -> dict[int, Proposal]:
    return proposals(session, session.get_one(InformationSystem, system_id), days, rule) if days else {}


def _known(session: Session, system_id: int, person_ids: Collection[int]) -> dict[int, Account]:
    """As they are now, and until this transaction ends: two decisions about one account follow one another."""
    query = select(Account).where(
        Account.system_id == system_id, Account.person_id.in_(person_ids), Account.kind == AccountKind.PERSONAL
    )
    locked = query.order_by(Account.id).with_for_update(key_share=True).execution_options(populate_existing=True)
    return {account.person_id or 0: account for account in session.scalars(locked)}


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
